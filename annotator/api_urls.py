from django.urls import path

from annotator.api import ClipViewSet, QuestionViewSet, WritingViewSet
from studio.api_views import endpoint

urlpatterns = [
    path("clips/", endpoint(ClipViewSet, {"get": "list", "post": "create"}), name="api_clips"),
    path("clips/<id:pk>/", endpoint(ClipViewSet, {"get": "retrieve", "patch": "partial_update"}), name="api_clip"),
    path("clips/<id:pk>/media/<slug:kind>/", endpoint(ClipViewSet, {"get": "file"}), name="api_clip_media"),
    path("questions/", endpoint(QuestionViewSet, {"get": "list"}), name="api_questions"),
    path("questions/<id:pk>/", endpoint(QuestionViewSet, {"get": "retrieve"}), name="api_question"),
    path("queue/clips/next/", endpoint(WritingViewSet, {"post": "take_next"}), name="api_write_next"),
    path("queue/clips/<id:clip>/take/", endpoint(WritingViewSet, {"post": "take"}), name="api_write_take"),
    path("queue/clips/<id:clip>/draft/", endpoint(WritingViewSet, {"put": "save"}), name="api_write_save"),
    path("queue/clips/<id:clip>/submit/", endpoint(WritingViewSet, {"post": "submit"}), name="api_write_submit"),
    path("queue/clips/<id:clip>/release/", endpoint(WritingViewSet, {"post": "release"}), name="api_write_release"),
    path("queue/clips/<id:clip>/set-aside/", endpoint(WritingViewSet, {"post": "set_aside"}), name="api_write_set_aside"),
]
