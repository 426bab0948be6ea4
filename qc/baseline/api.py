"""Runs of the text-only baseline over the API."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response

from qc.baseline import runs
from qc.baseline.models import BaselineRun
from studio.api_views import JobSerializer, ReadOnly
from studio.roles import Role


class BaselineRunSerializer(serializers.ModelSerializer):
    figures = serializers.DictField(read_only=True, help_text="{classifier: {n, right, share, low, high, p, verdict}}.")

    class Meta:
        model = BaselineRun
        fields = "id job made_at questions families learned figures seconds".split()
        read_only_fields = fields


class BaselineRunDetailSerializer(BaselineRunSerializer):
    probes = serializers.DictField(read_only=True)
    groups = serializers.DictField(read_only=True, help_text="{category or author: [{name, classifier: figure}]}.")
    words = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta(BaselineRunSerializer.Meta):
        fields = [*BaselineRunSerializer.Meta.fields, "probes", "groups", "words"]
        read_only_fields = fields


@extend_schema(tags=["baseline"])
@extend_schema_view(list=extend_schema(summary="List runs of the baseline"), retrieve=extend_schema(summary="One run"))
class BaselineViewSet(ReadOnly):
    """How much of the key two local classifiers tell from the text alone."""

    access = dict.fromkeys(["list", "retrieve", "create"], {Role.LEAD})
    queryset = BaselineRun.objects.all()
    serializer_class = BaselineRunDetailSerializer
    filter_backends = []

    def get_serializer_class(self):
        return BaselineRunSerializer if self.action == "list" else BaselineRunDetailSerializer

    @extend_schema(
        summary="Start a run",
        description="In the background; while one waits or runs, the answer is that one's job.",
        request=None,
        responses={202: JobSerializer},
    )
    def create(self, request):
        return Response(JobSerializer(runs.start(by=request.user)).data, status=202)
