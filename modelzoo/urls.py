from django.urls import path

from modelzoo import run_urls, views

urlpatterns = [
    path("exports/", views.exports, name="exports"),
    path("exports/<int:pk>/download/", views.export_download, name="export_download"),
    path("exports/<int:pk>/delete/", views.export_delete, name="export_delete"),
    *run_urls.urlpatterns,
]
