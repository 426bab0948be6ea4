from django.urls import path

from modelzoo.api import ExportViewSet
from studio.api_views import endpoint

urlpatterns = [
    path("exports/", endpoint(ExportViewSet, {"get": "list", "post": "create"}), name="api_exports"),
    path("exports/<id:pk>/", endpoint(ExportViewSet, {"get": "retrieve", "delete": "destroy"}), name="api_export"),
    path("exports/<id:pk>/download/", endpoint(ExportViewSet, {"get": "file"}), name="api_export_download"),
]
