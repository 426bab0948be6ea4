from django.urls import path

from modelzoo.api import ExportViewSet
from modelzoo.run_api import EstimatesView, RunChoicesView, RunViewSet
from studio.api_views import endpoint

urlpatterns = [
    path("exports/", endpoint(ExportViewSet, {"get": "list", "post": "create"}), name="api_exports"),
    path("exports/<id:pk>/", endpoint(ExportViewSet, {"get": "retrieve", "delete": "destroy"}), name="api_export"),
    path("exports/<id:pk>/download/", endpoint(ExportViewSet, {"get": "file"}), name="api_export_download"),
    path("runs/", endpoint(RunViewSet, {"get": "list", "post": "create"}), name="api_runs"),
    path("runs/choices/", endpoint(RunChoicesView), name="api_run_choices"),
    path("runs/estimates/", endpoint(EstimatesView), name="api_run_estimates"),
    path("runs/<id:pk>/", endpoint(RunViewSet, {"get": "retrieve"}), name="api_run"),
    path("runs/<id:pk>/stop/", endpoint(RunViewSet, {"post": "stop"}), name="api_run_stop"),
    path("runs/<id:pk>/resume/", endpoint(RunViewSet, {"post": "resume"}), name="api_run_resume"),
    path("runs/<id:pk>/series/", endpoint(RunViewSet, {"get": "series"}), name="api_run_series"),
]
