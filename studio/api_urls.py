from django.urls import include, path

from studio.api_reference import reference
from studio.api_views import JobViewSet, MeView, NothingHere, SchemaView, endpoint

urlpatterns = [
    path("", reference, name="api"),
    path("schema/", endpoint(SchemaView), name="api_schema"),
    path("me/", endpoint(MeView), name="api_me"),
    path("jobs/", endpoint(JobViewSet, {"get": "list"}), name="api_jobs"),
    path("jobs/<id:pk>/", endpoint(JobViewSet, {"get": "retrieve"}), name="api_job"),
    path("jobs/<id:pk>/cancel/", endpoint(JobViewSet, {"post": "cancel"}), name="api_job_cancel"),
    path("jobs/<id:pk>/retry/", endpoint(JobViewSet, {"post": "retry"}), name="api_job_retry"),
    path("", include("annotator.api_urls")),
    path("", include("qc.api_urls")),
    path("", include("modelzoo.api_urls")),
    path("<path:rest>", endpoint(NothingHere)),
]
