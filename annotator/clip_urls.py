from django.urls import path

from annotator import check_views, clip_views, media, source_views, upload_views

urlpatterns = [
    path("clips/", clip_views.clip_list, name="clips"),
    path("clips/upload/", upload_views.clips_upload, name="clips_upload"),
    path("clips/upload/state/", upload_views.clips_upload_state, name="clips_upload_state"),
    path("clips/bulk/", clip_views.clips_bulk, name="clips_bulk"),
    path("clips/check/", check_views.content_check, name="content_check"),
    path("clips/<id:pk>/judge/", check_views.content_judge, name="content_judge"),
    path("clips/<id:pk>/cut/", check_views.content_cut, name="content_cut"),
    path("clips/<int:pk>/", clip_views.clip_page, name="clip"),
    path("clips/<int:pk>/edit/", clip_views.clip_edit, name="clip_edit"),
    path("clips/<int:pk>/retry/", clip_views.clip_retry, name="clip_retry"),
    path("clips/<int:pk>/takedown/", clip_views.clip_takedown, name="clip_takedown"),
    path("sources/", source_views.sources, name="sources"),
    path("sources/start/", source_views.sources_start, name="sources_start"),
    path("sources/retry/", source_views.sources_retry, name="sources_retry"),
    path("media/<int:pk>/<str:kind>", media.clip_media, name="clip_media"),
]
