"""Pairs of clips that look alike, verdicts on them, and clip families over the API. For leads; the rules of the page."""

import django_filters
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, Exists, OuterRef, Q
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response

from annotator.models import Clip, ClipFamily
from qc.duplicates import grouping
from qc.duplicates.models import DuplicatePair
from studio.api_views import IdFilter, PersonSerializer, ReadOnly
from studio.roles import Role


class ClipPairSerializer(serializers.ModelSerializer):
    decided_by = PersonSerializer(read_only=True, allow_null=True)
    suggestion = serializers.CharField(read_only=True, help_text="What the evidence speaks for: a state, or nothing.")
    differs = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField()), read_only=True,
        help_text="Where the pictures differ: [[first_s, last_s], ...] of the first clip.",
    )  # fmt: skip
    picture = serializers.ListField(
        child=serializers.FloatField(), read_only=True, allow_null=True,
        help_text="[sx, tx, sy, ty]: x of the second is sx * x + tx, in shares of the picture.",
    )  # fmt: skip

    class Meta:
        model = DuplicatePair
        fields = (
            "id first second state together suggestion decided_by decided_at found_at cover_first cover_second cover_most"
            " frames mirror speed offset_s picture differs looked_s"
        ).split()
        read_only_fields = fields


class ClipPairVerdictSerializer(serializers.Serializer):
    verdict = serializers.ChoiceField(choices=DuplicatePair.State.choices, help_text="“open” takes a verdict back.")
    seen = serializers.ChoiceField(choices=DuplicatePair.State.choices, help_text="The state you ruled on.")


class PairFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=DuplicatePair.State.choices)
    together = django_filters.BooleanFilter(label="Whether it holds its clips in one family")
    clip = IdFilter(method="of_clip", label="Either clip")
    decided_by = IdFilter(field_name="decided_by_id")

    class Meta:
        model = DuplicatePair
        fields = []

    @extend_schema_field(int)
    def of_clip(self, pairs, name, value):
        return pairs.filter(Q(first=value) | Q(second=value))


@extend_schema(tags=["near-duplicates"])
@extend_schema_view(
    list=extend_schema(summary="List pairs of clips that look alike"), retrieve=extend_schema(summary="One pair")
)
class PairViewSet(ReadOnly):
    """Pairs that were found, what was measured and what was decided."""

    access = dict.fromkeys(["list", "retrieve", "rule"], {Role.LEAD})
    queryset = DuplicatePair.objects.select_related("decided_by")
    serializer_class = ClipPairSerializer
    filterset_class = PairFilter

    @extend_schema(
        summary="Rule on a pair",
        description="Same, same scene with another glitch, or different; families follow. 409 and nothing changed if"
        " somebody ruled in between, or if it contradicts what people said of other pairs. The same verdict again changes"
        " nothing.",
        request=ClipPairVerdictSerializer,
        responses=ClipPairSerializer,
    )
    def rule(self, request, pk):
        form = ClipPairVerdictSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        pair = get_object_or_404(DuplicatePair.objects.only("pk"), pk=pk)
        return Response(ClipPairSerializer(grouping.rule(user=request.user, pair_id=pair.pk, **form.validated_data)).data)


class ClipFamilySerializer(serializers.ModelSerializer):
    size = serializers.IntegerField(read_only=True)
    clips = serializers.ListField(
        source="member_ids", child=serializers.IntegerField(), read_only=True, help_text="Ids, the oldest first."
    )

    class Meta:
        model = ClipFamily
        fields = ["id", "made_at", "size", "clips"]
        read_only_fields = fields


class FamilyFilter(django_filters.FilterSet):
    clip = IdFilter(field_name="clips__id", label="The family of this clip")
    purpose = django_filters.ChoiceFilter(choices=Clip.Purpose.choices, method="of_purpose", label="With a clip for this")

    class Meta:
        model = ClipFamily
        fields = []

    def of_purpose(self, families, name, value):
        return families.filter(Exists(Clip.objects.filter(family=OuterRef("pk"), purpose=value)))


@extend_schema(tags=["near-duplicates"])
@extend_schema_view(list=extend_schema(summary="List clip families"), retrieve=extend_schema(summary="One clip family"))
class FamilyViewSet(ReadOnly):
    """Clips that show the same; they stay in one split and on one side of benchmark and training."""

    access = dict.fromkeys(["list", "retrieve"], {Role.LEAD})
    queryset = ClipFamily.objects.all()
    serializer_class = ClipFamilySerializer
    filterset_class = FamilyFilter

    def get_queryset(self):
        members = Clip.objects.filter(family=OuterRef("pk")).order_by().values("family")
        size = members.annotate(size=Count("pk")).values("size")
        clips = members.annotate(clips=ArrayAgg("pk", order_by="pk")).values("clips")
        return super().get_queryset().annotate(size=size, member_ids=clips)
