"""Clips, questions and the writer's queue over the API: the same services as the pages, the same rules."""

import django_filters
from django.conf import settings
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import parsers, viewsets
from rest_framework.response import Response

from annotator import curating, importing, media, queue, services
from annotator.api_serializers import (
    AsideSerializer,
    ClipChangeSerializer,
    ClipDetailSerializer,
    ClipSerializer,
    NextClipSerializer,
    NextWorkSerializer,
    QuestionDetailSerializer,
    QuestionSerializer,
    SavedSerializer,
    SaveSerializer,
    SubmissionSerializer,
    SubmittedSerializer,
    UploadSerializer,
    WorkSerializer,
    work_of,
)
from annotator.ingest.refusals import Refused
from annotator.ingest.store import TooBig
from annotator.models import Clip, Question, Remark
from annotator.search import CLIP_TEXT, text_query
from annotator.taxonomy import CATEGORY_CHOICES
from annotator.upload_views import IncomingHandler
from studio.api import TooLarge, answers
from studio.api_views import ELSEWHERE, IdFilter, ReadOnly
from studio.roles import Role

_FORM_ALLOWANCE = 1024 * 1024  # the part of an upload that is not the file


@answers(services.Invalid)
def _invalid(exc):
    return 422, "invalid", str(exc), {"fields": {field: str(sentence) for field, sentence in exc.errors.items()}}


@answers(services.StaleSave)
def _stale(exc):
    return 409, "stale_save", str(exc), {"stored": QuestionSerializer(exc.question).data}


@answers(Refused)
def _refused(exc):
    return 422, exc.code, str(exc), {"fields": {"file": str(exc)}}


@answers(TooBig)
def _too_big(exc):
    return 413, "too_large", str(Refused("too_big")), {}


# ---- Clips


class ClipFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Clip.State.choices)
    content = django_filters.ChoiceFilter(choices=Clip.Content.choices)
    purpose = django_filters.ChoiceFilter(choices=Clip.Purpose.choices)
    source = django_filters.ChoiceFilter(choices=Clip.Source.choices)
    expected_category = django_filters.ChoiceFilter(choices=CATEGORY_CHOICES)
    sha256 = django_filters.CharFilter(max_length=64, label="SHA-256 of the original file")
    text = django_filters.CharFilter(method="by_text", max_length=200, label="Words of title, text, source id, file name")

    class Meta:
        model = Clip
        fields = []

    def by_text(self, clips, name, value):
        query = text_query(value)
        return clips if query is None else clips.annotate(words=CLIP_TEXT).filter(words=query)


@extend_schema(tags=["clips"])
@extend_schema_view(list=extend_schema(summary="List clips"), retrieve=extend_schema(summary="One clip"))
class ClipViewSet(ReadOnly):
    """Clips. Everybody with a role sees them; leads judge them; leads and admins bring them in."""

    access = {
        "list": set(Role),
        "retrieve": set(Role),
        "file": set(Role),
        "create": {Role.LEAD, Role.ADMIN},
        "partial_update": {Role.LEAD},
    }
    queryset = Clip.objects.all()
    serializer_class = ClipDetailSerializer
    filterset_class = ClipFilter

    def get_queryset(self):
        return super().get_queryset().defer("text") if self.action == "list" else super().get_queryset()

    def get_serializer_class(self):
        return ClipSerializer if self.action == "list" else ClipDetailSerializer

    def get_parsers(self):
        upload = getattr(self, "action_map", {}).get((self.request.method if self.request else "").lower()) == "create"
        return [parsers.MultiPartParser()] if upload else super().get_parsers()

    def initialize_request(self, request, *args, **kwargs):
        # Before anything reads the body: an upload streams to where it is hashed, never into memory.
        if request.method == "POST" and self.action_map.get("post") == "create":
            self.handler = IncomingHandler(request)
            request.upload_handlers = [self.handler]
        return super().initialize_request(request, *args, **kwargs)

    def finalize_response(self, request, response, *args, **kwargs):
        if hasattr(self, "handler"):
            self.handler.upload_interrupted()
        return super().finalize_response(request, response, *args, **kwargs)

    @extend_schema(
        summary="Bring a clip in",
        description="One video file. It is ingested in the background; the same bytes again give the clip that has them.",
        request={"multipart/form-data": UploadSerializer},
        responses={201: ClipDetailSerializer, 200: OpenApiResponse(ClipDetailSerializer, "The file was here already.")},
    )
    def create(self, request):
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > settings.UPLOAD_MAX_BYTES + _FORM_ALLOWANCE:
            raise TooLarge(str(Refused("too_big")))
        form = UploadSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        story = dict(form.validated_data)
        file = story.pop("file")
        clip, created = importing.bring(file, original_name=file.name, source=Clip.Source.UPLOAD, by=request.user, **story)
        return Response(ClipDetailSerializer(clip).data, status=201 if created else 200)

    @extend_schema(
        summary="Judge a clip, change its purpose or its story", request=ClipChangeSerializer, responses=ClipDetailSerializer
    )
    def partial_update(self, request, pk):
        clip = self.get_object()
        form = ClipChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        changes = dict(form.validated_data)
        content, purpose = changes.pop("content", None), changes.pop("purpose", None)
        with transaction.atomic():  # what is refused leaves nothing behind
            self._judge(clip, content)
            self._give_purpose(clip, purpose)
        clip.refresh_from_db()
        if changes:
            for field, value in changes.items():
                setattr(clip, field, value)
            clip.save(update_fields=list(changes))
        return Response(ClipDetailSerializer(clip).data)

    def _judge(self, clip, content):
        if content and clip.content != content and not curating.judge([clip.pk], content):
            raise services.WrongState(_("Clip %(id)s is not ready, so nobody can judge it yet.") % {"id": clip.pk})

    def _give_purpose(self, clip, purpose):
        if purpose and clip.purpose != purpose and not curating.give_purpose([clip.pk], purpose):
            raise services.WrongState(
                _("Clip %(id)s cannot be for %(purpose)s: its truth is unknown, or somebody has worked or practised on it.")
                % {"id": clip.pk, "purpose": Clip.Purpose(purpose).label.lower()}
            )

    @extend_schema(
        summary="A file of a clip",
        description="Takes byte ranges. The original is for leads and admins.",
        parameters=[OpenApiParameter("kind", enum=media.KINDS, location="path")],
        responses={
            **{(status, kind): OpenApiTypes.BINARY for status in (200, 206) for kind in media.SERVED_AS},
            302: ELSEWHERE,
        },
    )
    def file(self, request, pk, kind):
        return media.clip_media(request._request, pk, kind)


# ---- Questions


class QuestionFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Question.State.choices)
    category = django_filters.ChoiceFilter(choices=CATEGORY_CHOICES)
    clip = IdFilter(field_name="clip_id")
    author = IdFilter(field_name="author_id")

    class Meta:
        model = Question
        fields = []


@extend_schema(tags=["questions"])
@extend_schema_view(
    list=extend_schema(summary="List questions"),
    retrieve=extend_schema(summary="One question with its revisions"),
)
class QuestionViewSet(ReadOnly):
    """Questions: one's own; all of them for leads."""

    access = {"list": {Role.ANNOTATOR, Role.LEAD}, "retrieve": {Role.ANNOTATOR, Role.LEAD}}
    queryset = Question.objects.select_related("author")
    serializer_class = QuestionDetailSerializer
    filterset_class = QuestionFilter

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return Question.objects.none()
        seen = super().get_queryset().visible_to(self.request.user)
        return seen.prefetch_related("revisions__remarks") if self.action == "retrieve" else seen

    def get_serializer_class(self):
        return QuestionSerializer if self.action == "list" else QuestionDetailSerializer


# ---- The writer's queue


@extend_schema(tags=["queue: writing"])
class WritingViewSet(viewsets.GenericViewSet):
    """Take a clip, save a draft, submit it. A clip is leased to one person and every save renews the lease."""

    access = dict.fromkeys(["take_next", "take", "save", "submit", "release", "set_aside"], {Role.ANNOTATOR})
    queryset = Clip.objects.none()
    serializer_class = WorkSerializer
    pagination_class = None
    filter_backends = []
    lookup_url_kwarg = "clip"

    def _input(self, serializer):
        form = serializer(data=self.request.data)
        form.is_valid(raise_exception=True)
        return form.validated_data

    def _work(self, clip_id, question=None):
        question = question or queue.question_of(self.request.user, clip_id)
        clip = question.clip if question else Clip.objects.get(pk=clip_id)
        remarks = []
        if question and question.state == Question.State.RETURNED:
            remarks = Remark.objects.filter(revision__question=question, revision__number=question.revision_number)
        return WorkSerializer(work_of(clip, question, remarks)).data

    @extend_schema(
        summary="Take the next clip",
        description="Returned questions first, then what you hold, then a fresh clip. `work` is null when there is nothing.",
        request=NextClipSerializer,
        responses=NextWorkSerializer,
    )
    def take_next(self, request):
        put_back = self._input(NextClipSerializer).get("put_back")
        if put_back:
            queue.release(request.user, clip_id=put_back)
        clip_id = queue.next_clip(request.user, skip=[put_back] if put_back else [])
        return Response({"work": self._work(clip_id) if clip_id else None})

    @extend_schema(summary="Take this clip, or renew the lease on it", request=None, responses=WorkSerializer)
    def take(self, request, clip):
        get_object_or_404(Clip.objects.only("pk"), pk=clip)
        return Response(self._work(clip, queue.hold(request.user, clip)))

    @extend_schema(
        summary="Save a draft",
        description="`version` is that of the question as you know it (0 before the first save). If it was saved since,"
        " the answer is 409 with code `stale_save`, and `error.stored` is what is stored.",
        request=SaveSerializer,
        responses=SavedSerializer,
    )
    def save(self, request, clip):
        get_object_or_404(Clip.objects.only("pk"), pk=clip)
        given = self._input(SaveSerializer)
        question = services.save_draft(
            user=request.user,
            clip_id=clip,
            base_version=given["version"],
            content=services.clean_draft(given["content"]),
        )
        return Response(SavedSerializer(question).data)

    @extend_schema(
        summary="Submit a question",
        description="Freezes a revision and sends it to review. The same `client_key` again gives the same revision.",
        request=SubmissionSerializer,
        responses=SubmittedSerializer,
    )
    def submit(self, request, clip):
        given = self._input(SubmissionSerializer)
        revision = services.submit(
            user=request.user,
            clip=get_object_or_404(Clip, pk=clip),
            base_version=given["version"],
            content=services.clean_draft(given["content"]),
            client_key=given["client_key"],
        )
        return Response(SubmittedSerializer(revision).data)

    @extend_schema(summary="Put a clip back; the draft stays yours", request=None, responses={204: None})
    def release(self, request, clip):
        queue.release(request.user, clip_id=clip)
        return Response(status=204)

    @extend_schema(summary="Take a clip out of the queue for everybody", request=AsideSerializer, responses={204: None})
    def set_aside(self, request, clip):
        get_object_or_404(Clip.objects.only("pk"), pk=clip)
        given = self._input(AsideSerializer)
        services.set_aside(user=request.user, clip_id=clip, content=given["content"], reason=given["reason"])
        return Response(status=204)
