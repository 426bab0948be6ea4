from django.urls import path

from modelzoo import run_urls, views
from modelzoo.asking import urls as asking_urls
from modelzoo.evaluation import urls as evaluation_urls
from modelzoo.instruct.urls import urlpatterns as instruct_urls
from modelzoo.releases import export_views
from modelzoo.releases import views as release_views

urlpatterns = [
    path("exports/", views.exports, name="exports"),
    path("exports/<int:pk>/download/", views.export_download, name="export_download"),
    path("exports/<int:pk>/delete/", views.export_delete, name="export_delete"),
    path("releases/", release_views.releases, name="releases"),
    path("releases/<id:pk>/", release_views.release, name="release"),
    *instruct_urls,
    path("releases/<id:pk>/export/", export_views.release_export, name="release_export"),
    path(
        "releases/<id:pk>/exports/<id:export>/download/",
        export_views.release_export_download,
        name="release_export_download",
    ),
    path("releases/<id:pk>/exports/<id:export>/delete/", export_views.release_export_delete, name="release_export_delete"),
    *run_urls.urlpatterns,
    *evaluation_urls.urlpatterns,
    *asking_urls.urlpatterns,
]
