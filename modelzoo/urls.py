from django.urls import path

from modelzoo import run_urls, views
from modelzoo.evaluation import urls as evaluation_urls
from modelzoo.instruct.urls import urlpatterns as instruct_urls
from modelzoo.releases import views as release_views

urlpatterns = [
    path("exports/", views.exports, name="exports"),
    path("exports/<int:pk>/download/", views.export_download, name="export_download"),
    path("exports/<int:pk>/delete/", views.export_delete, name="export_delete"),
    path("releases/", release_views.releases, name="releases"),
    path("releases/<id:pk>/", release_views.release, name="release"),
    *instruct_urls,
    *run_urls.urlpatterns,
    *evaluation_urls.urlpatterns,
]
