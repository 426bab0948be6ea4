from django.urls import path

from modelzoo.asking import views

urlpatterns = [
    path("ask/", views.asks, name="asks"),
    path("ask/clips/", views.ask_clips, name="ask_clips"),
    path("ask/<id:pk>/", views.ask, name="ask"),
    path("ask/<id:pk>/stop/", views.ask_stop, name="ask_stop"),
    path("ask/<id:pk>/again/", views.ask_again, name="ask_again"),
    path("ask/<id:pk>/image/<slug:kind>/", views.ask_image, name="ask_image"),
]
