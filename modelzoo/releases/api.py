"""Releases over the API: seal, look, read rows, compare, export."""

import json

import django_filters
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response

from annotator.taxonomy import CATEGORIES
from modelzoo import export_jobs, formats
from modelzoo.models import Release, ReleaseRow
from modelzoo.releases import changes, content, jobs, lineage, sealing, writing
from modelzoo.releases import export_jobs as release_exports
from modelzoo.views import download
from studio.api_views import ELSEWHERE, JobSerializer, PersonSerializer, ReadOnly
from studio.models import Job
from studio.roles import Role

ROLES = {Role.LEAD, Role.ADMIN}
CHANGES = 200


class SealSerializer(serializers.Serializer):
    name = serializers.CharField(max_length=60)
    kind = serializers.ChoiceField(choices=Release.Kind.choices)
    split = serializers.ChoiceField(
        choices=Release.Split.choices, required=False, help_text="By default test for benchmarks, train for the others."
    )
    categories = serializers.ListField(
        child=serializers.ChoiceField(choices=list(CATEGORIES)), required=False, default=list, max_length=12
    )
    sources = serializers.ListField(child=serializers.CharField(max_length=20), required=False, default=list, max_length=20)
    licences = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, default=list, max_length=50
    )
    kinds = serializers.ListField(
        child=serializers.CharField(max_length=20),
        required=False,
        default=list,
        max_length=20,
        help_text="Of PhysInstruct samples or PhysDPO pairs.",
    )
    allow_unchecked = serializers.BooleanField(default=False)
    leave_out_conflicts = serializers.BooleanField(
        default=False, help_text="Leave out clips that the split firewall refuses; else they stop the sealing."
    )

    def validate(self, values):
        values["split"] = values.get("split") or sealing.default_split(values["kind"])
        try:
            sealing.check_name(values["name"], values["kind"], values["split"])
        except sealing.CannotSeal as refusal:
            raise serializers.ValidationError({"name": [str(refusal)]}) from refusal
        names = "categories sources licences kinds allow_unchecked leave_out_conflicts".split()
        filters = content.Filters.of({name: values[name] for name in names})
        try:
            content.of(values["kind"], filters)
        except ValueError as refusal:
            raise serializers.ValidationError(str(refusal)) from refusal
        self.filters = filters
        return values


class ReleaseSerializer(serializers.ModelSerializer):
    sealed_by = PersonSerializer(read_only=True, allow_null=True)
    rows = serializers.IntegerField(source="rows_count", read_only=True)
    clips = serializers.IntegerField(source="clips_count", read_only=True)
    previous = serializers.IntegerField(source="previous_id", read_only=True, allow_null=True)

    class Meta:
        model = Release
        fields = "id name kind number split sha256 rows clips added changed removed previous sealed_by sealed_at".split()
        read_only_fields = fields


class ReleaseDetailSerializer(ReleaseSerializer):
    filters = serializers.DictField(read_only=True, help_text="What was asked for.")
    facts = serializers.DictField(read_only=True, help_text="The figures of its page and card.")
    card = serializers.CharField(read_only=True, help_text="The dataset card, in Markdown.")
    formats = serializers.SerializerMethodField(help_text="What it can be exported as.")
    runs = serializers.SerializerMethodField(help_text="Training runs that learned from it.")
    evaluations = serializers.SerializerMethodField(help_text="Evaluations on it, the newest first; of benchmarks only.")
    taken_down_clips = serializers.SerializerMethodField(help_text="Clips that exports leave out, for they were taken down.")

    class Meta(ReleaseSerializer.Meta):
        more = "filters facts card formats runs evaluations taken_down_clips".split()
        fields = [*ReleaseSerializer.Meta.fields, *more]
        read_only_fields = fields

    def get_formats(self, release) -> list[str]:
        return formats.for_kind(release.kind)

    def get_runs(self, release) -> list[int]:
        return list(release.used_by.order_by("-run_id").values_list("run_id", flat=True)[:CHANGES])

    def get_evaluations(self, release) -> list[int]:
        return [one.pk for one in lineage.evaluations(release)] if release.kind == Release.Kind.BENCHMARK else []

    def get_taken_down_clips(self, release) -> int:
        return len(writing.gone_clips(release))


class RowSerializer(serializers.ModelSerializer):
    clip = serializers.IntegerField(source="released_clip.clip_id", read_only=True)
    question = serializers.IntegerField(source="question_id", read_only=True, allow_null=True)
    record = serializers.SerializerMethodField(help_text="The row as it is exported; its SHA-256 is that of its text.")

    class Meta:
        model = ReleaseRow
        fields = "id number row_id sha256 category clip question record".split()
        read_only_fields = fields

    def get_record(self, row) -> dict:
        return json.loads(row.record)


class ChangeSerializer(serializers.Serializer):
    row_id = serializers.CharField()
    what = serializers.ChoiceField(choices=list(changes.WORDS))


class DiffSerializer(serializers.Serializer):
    since = serializers.IntegerField(allow_null=True, help_text="The release it is compared with.")
    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    removed = serializers.IntegerField()
    rows = ChangeSerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Give it as `after` for the rows that follow.")


class DiffQuerySerializer(serializers.Serializer):
    since = serializers.IntegerField(
        required=False, min_value=1, max_value=10**18 - 1, help_text="A release of the same kind; by default the one before."
    )
    after = serializers.CharField(
        required=False, default="", max_length=200, allow_blank=True, help_text="Taken from `next`."
    )


class ReleaseExportOptionsSerializer(serializers.Serializer):
    formats = serializers.ListField(
        child=serializers.ChoiceField(choices=list(formats.FORMATS)), min_length=1, max_length=len(formats.FORMATS)
    )
    videos = serializers.ChoiceField(choices=release_exports.VIDEOS, default="copy")


class ReleaseExportSerializer(serializers.ModelSerializer):
    owner = PersonSerializer(read_only=True, allow_null=True)
    formats = serializers.ListField(source="arguments.wanted", child=serializers.CharField(), read_only=True)
    videos = serializers.CharField(source="arguments.videos", read_only=True)
    rows = serializers.SerializerMethodField()
    bytes = serializers.SerializerMethodField()
    download = serializers.SerializerMethodField(
        help_text="Where the zip is; null until it is made, once it is deleted, and when clips were taken down since."
    )

    class Meta:
        model = Job
        fields = ("id state formats videos done total unit error rows bytes download owner created_at finished_at").split()
        read_only_fields = fields

    def get_rows(self, job) -> int | None:
        return job.result.get("rows")

    def get_bytes(self, job) -> int | None:
        return job.result.get("bytes")

    def get_download(self, job) -> str | None:
        release = self.context["release"]
        if not release_exports.file_of(job, self.context["gone"]):
            return None
        return reverse("api_release_export_download", args=[release.pk, job.pk])


class ReleaseFilter(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(choices=Release.Kind.choices)
    split = django_filters.ChoiceFilter(choices=Release.Split.choices)
    name = django_filters.CharFilter(max_length=60, help_text="Exactly this name.")

    class Meta:
        model = Release
        fields = []


@extend_schema(tags=["releases"])
@extend_schema_view(list=extend_schema(summary="List releases"), retrieve=extend_schema(summary="One release"))
class ReleaseViewSet(ReadOnly):
    """Sealed releases; what is in them never changes."""

    access = dict.fromkeys(["list", "retrieve", "create", "rows", "diff"], ROLES)
    queryset = Release.objects.filter(state=Release.State.SEALED).select_related("sealed_by")
    serializer_class = ReleaseDetailSerializer
    filterset_class = ReleaseFilter

    def get_serializer_class(self):
        return ReleaseSerializer if self.action == "list" else ReleaseDetailSerializer

    def get_queryset(self):
        return super().get_queryset().defer("card", "facts", "filters") if self.action == "list" else super().get_queryset()

    @extend_schema(
        summary="Seal a release",
        description="In the background; the answer is the job, whose `result` has the release's id.",
        request=SealSerializer,
        responses={202: JobSerializer},
    )
    def create(self, request):
        form = SealSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        job = jobs.start(by=request.user, name=data["name"], kind=data["kind"], split=data["split"], filters=form.filters)
        return Response(JobSerializer(job).data, status=202)

    @extend_schema(summary="Rows of a release", responses=RowSerializer(many=True), filters=False)
    def rows(self, request, pk):
        release = self.get_object()
        found = release.rows.exclude(released_clip__in=writing.gone_clips(release)).select_related("released_clip")
        page = self.paginate_queryset(found)
        return self.get_paginated_response(RowSerializer(page, many=True).data)

    @extend_schema(
        summary="What changed between two releases",
        parameters=[DiffQuerySerializer],
        responses=DiffSerializer,
        filters=False,
    )
    def diff(self, request, pk):
        release = self.get_object()
        query = DiffQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        since = release.previous
        if "since" in query.validated_data:
            since = Release.objects.filter(pk=query.validated_data["since"], kind=release.kind).first()
            if since is None:
                raise serializers.ValidationError({"since": ["There is no such release of this kind."]})
        counts = changes.count(release, since=since)
        rows = changes.of(release, since=since, after=query.validated_data["after"], most=CHANGES + 1)
        told = {
            "since": since and since.pk,
            **counts,
            "rows": [{"row_id": row_id, "what": what} for row_id, what in rows[:CHANGES]],
            "next": rows[CHANGES - 1][0] if len(rows) > CHANGES else None,
        }
        return Response(DiffSerializer(told).data)


_PLACE = [
    OpenApiParameter("id", OpenApiTypes.INT, OpenApiParameter.PATH, description="The release."),
    OpenApiParameter("export", OpenApiTypes.INT, OpenApiParameter.PATH, description="The export."),
]


@extend_schema(tags=["releases"])
@extend_schema_view(
    list=extend_schema(summary="Exports of a release", parameters=_PLACE[:1]),
    retrieve=extend_schema(summary="One export of a release", parameters=_PLACE),
)
class ReleaseExportViewSet(ReadOnly):
    """Exports of a sealed release, made in the background as one zip."""

    access = dict.fromkeys(["list", "retrieve", "create", "destroy", "file"], ROLES)
    queryset = Job.objects.filter(kind=release_exports.KIND)
    serializer_class = ReleaseExportSerializer
    filter_backends = []
    lookup_url_kwarg = "export"

    @property
    def release(self):
        if not hasattr(self, "_release"):
            self._release = get_object_or_404(Release, pk=self.kwargs["pk"], state=Release.State.SEALED)
        return self._release

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset().none()
        return release_exports.of(self.release)

    def get_serializer_context(self):
        context = super().get_serializer_context()
        if getattr(self, "swagger_fake_view", False):
            return context
        return context | {"release": self.release, "gone": len(writing.gone_clips(self.release))}

    @extend_schema(
        summary="Export a release",
        description="The same export asked for again while it waits or runs is the same one.",
        parameters=_PLACE[:1],
        request=ReleaseExportOptionsSerializer,
        responses={202: ReleaseExportSerializer},
    )
    def create(self, request, pk):
        form = ReleaseExportOptionsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        data = form.validated_data
        try:
            job = release_exports.start(self.release, by=request.user, wanted=data["formats"], videos=data["videos"])
        except writing.CannotExport as refusal:
            raise serializers.ValidationError({"formats": [str(refusal)]}) from refusal
        return Response(ReleaseExportSerializer(job, context=self.get_serializer_context()).data, status=202)

    @extend_schema(summary="Delete the file of an export", parameters=_PLACE, request=None, responses={204: None})
    def destroy(self, request, pk, export):
        export_jobs.remove(self.get_object())
        return Response(status=204)

    @extend_schema(
        summary="Download an export",
        parameters=_PLACE,
        responses={(200, "application/zip"): OpenApiTypes.BINARY, 302: ELSEWHERE},
    )
    def file(self, request, pk, export):
        name = release_exports.file_of(self.get_object(), len(writing.gone_clips(self.release)))
        if not name:
            raise Http404
        return download(name)
