"""All addresses. Each room keeps its own list; rules about who may call them stand at the views."""

from django.urls import include, path, register_converter

from studio.api_views import Id

register_converter(Id, "id")  # before the rooms' own lists are read

urlpatterns = [
    path("", include("studio.room_urls")),
    path("", include("annotator.urls")),
    path("", include("qc.urls")),
    path("", include("modelzoo.urls")),
    path("api/v1/", include("studio.api_urls")),
]

handler400 = "studio.error_views.bad_request"
handler403 = "studio.error_views.forbidden"
handler404 = "studio.error_views.not_found"
handler500 = "studio.error_views.server_error"
