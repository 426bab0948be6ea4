"""Exports over the API."""

import django_filters
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response

from modelzoo import export_jobs, exporting
from modelzoo.views import download
from studio.api_views import ELSEWHERE, PersonSerializer, ReadOnly
from studio.models import Job
from studio.roles import Role


class ExportOptionsSerializer(serializers.Serializer):
    purpose = serializers.ChoiceField(choices=exporting.PURPOSES, default="benchmark", help_text="Of which clips.")
    videos = serializers.ChoiceField(
        choices=[*exporting.VIDEO_FILES, "none"],
        default="original",
        help_text="The original where it is an MP4, or the proxy.",
    )
    allow_unchecked = serializers.BooleanField(
        default=False, help_text="Also questions whose leak check is neither clear nor waived; the dataset card says so."
    )


class ExportSerializer(serializers.ModelSerializer):
    owner = PersonSerializer(read_only=True, allow_null=True)
    purpose = serializers.SerializerMethodField()
    videos = serializers.SerializerMethodField()
    questions = serializers.SerializerMethodField()
    clips = serializers.SerializerMethodField()
    bytes = serializers.SerializerMethodField()
    changed_ids = serializers.SerializerMethodField(help_text="How many question ids could not be names of files.")
    download = serializers.SerializerMethodField(
        help_text="Where the zip is; null until it is made, and once it is deleted."
    )

    class Meta:
        model = Job
        fields = (
            "id state purpose videos done total unit error questions clips bytes changed_ids download owner created_at"
            " finished_at"
        ).split()

    def get_purpose(self, job) -> str:
        return job.arguments.get("purpose", "")

    def get_videos(self, job) -> str:
        return "none" if job.arguments.get("videos") == "none" else job.arguments.get("video_file", "")

    def get_questions(self, job) -> int | None:
        return job.result.get("questions")

    def get_clips(self, job) -> int | None:
        return job.result.get("clips")

    def get_bytes(self, job) -> int | None:
        return job.result.get("bytes")

    def get_changed_ids(self, job) -> int | None:
        return job.result.get("changed_ids")

    def get_download(self, job) -> str | None:
        return reverse("api_export_download", args=[job.pk]) if export_jobs.file_of(job) else None


class ExportFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Job.State.choices)

    class Meta:
        model = Job
        fields = []


@extend_schema(tags=["exports"])
@extend_schema_view(list=extend_schema(summary="List exports"), retrieve=extend_schema(summary="One export"))
class ExportViewSet(ReadOnly):
    """Exports in the public PhysGame format, made in the background as one zip."""

    access = dict.fromkeys(["list", "retrieve", "create", "destroy", "file"], {Role.LEAD, Role.ADMIN})
    queryset = export_jobs.all_exports()
    serializer_class = ExportSerializer
    filterset_class = ExportFilter

    @extend_schema(
        summary="Start an export",
        description="The same export asked for again while it waits or runs is the same one.",
        request=ExportOptionsSerializer,
        responses={202: ExportSerializer},
    )
    def create(self, request):
        form = ExportOptionsSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        videos = form.validated_data["videos"]
        options = exporting.Options(
            purpose=form.validated_data["purpose"],
            videos="none" if videos == "none" else "copy",
            video_file="original" if videos == "none" else videos,
            allow_unchecked=form.validated_data["allow_unchecked"],
        )
        return Response(ExportSerializer(export_jobs.start(by=request.user, options=options)).data, status=202)

    @extend_schema(summary="Delete the file of an export", request=None, responses={204: None})
    def destroy(self, request, pk):
        export_jobs.remove(self.get_object())
        return Response(status=204)

    @extend_schema(summary="Download an export", responses={(200, "application/zip"): OpenApiTypes.BINARY, 302: ELSEWHERE})
    def file(self, request, pk):
        return download(export_jobs.file_of(self.get_object()))
