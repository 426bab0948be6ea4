"""PhysInstruct samples and PhysDPO pairs over the API: read, rule, count. Builds: build_api.py."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from modelzoo.instruct import figures, reasons, rulings, scores
from modelzoo.instruct.models import TEXT_MAX_CHARS, InstructSample, Origin, PreferencePair, State
from studio.api_views import IdFilter, PersonSerializer, ReadOnly
from studio.roles import Role

ROLES = {Role.LEAD, Role.ADMIN}
INSTRUCT, PREFERENCE = "PhysInstruct", "PhysDPO"


# ---- Rows


class InstructSampleSerializer(serializers.ModelSerializer):
    clip = serializers.IntegerField(source="clip_id", read_only=True)
    job = serializers.IntegerField(source="job_id", read_only=True, allow_null=True, help_text="The build it came of.")
    decided_by = PersonSerializer(read_only=True, allow_null=True)
    made = serializers.DictField(
        read_only=True, allow_null=True, help_text="question and answer as they were made, where a person edited them."
    )
    seen = serializers.DictField(read_only=True, help_text="What the model was shown: frames, width, height, title.")

    class Meta:
        model = InstructSample
        fields = (
            "id clip origin kind place instruction question answer made state reason version decided_by decided_at job"
            " recipe seen created_at"
        ).split()


class PreferencePairSerializer(serializers.ModelSerializer):
    clip = serializers.IntegerField(source="clip_id", read_only=True)
    sample = serializers.IntegerField(source="sample_id", read_only=True)
    job = serializers.IntegerField(source="job_id", read_only=True, allow_null=True, help_text="The build it came of.")
    decided_by = PersonSerializer(read_only=True, allow_null=True)
    conditions = serializers.DictField(
        read_only=True,
        help_text="What misled: meta, temporal, spatial, frames, scale, width, height, title, title_clip; or {}.",
    )
    chosen_means = serializers.SerializerMethodField(help_text="The chosen score in words.")
    rejected_means = serializers.SerializerMethodField(help_text="The rejected score in words.")

    class Meta:
        model = PreferencePair
        fields = (
            "id sample clip origin kind prompt chosen rejected chosen_score chosen_means rejected_score rejected_means"
            " conditions verdict verdict_why longer overlap state reason version decided_by decided_at job recipe created_at"
        ).split()

    def get_chosen_means(self, pair) -> str:
        return str(scores.meaning(pair.chosen_score))

    def get_rejected_means(self, pair) -> str:
        return str(scores.meaning_of_rejected(pair))


class SampleFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=State.choices)
    kind = django_filters.ChoiceFilter(choices=InstructSample.Kind.choices)
    origin = django_filters.ChoiceFilter(choices=Origin.choices)
    reason = django_filters.ChoiceFilter(choices=reasons.SAMPLE_REASONS)
    clip = IdFilter(field_name="clip_id")

    class Meta:
        model = InstructSample
        fields = []


class PairFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=State.choices)
    kind = django_filters.ChoiceFilter(choices=PreferencePair.Kind.choices)
    origin = django_filters.ChoiceFilter(choices=Origin.choices)
    reason = django_filters.ChoiceFilter(choices=reasons.PAIR_REASONS)
    verdict = django_filters.ChoiceFilter(choices=PreferencePair.Verdict.choices)
    clip = IdFilter(field_name="clip_id")
    sample = IdFilter(field_name="sample_id")

    class Meta:
        model = PreferencePair
        fields = []


# ---- Decisions


class SeenSerializer(serializers.Serializer):
    version = serializers.IntegerField(
        min_value=0, max_value=2**31 - 1, help_text="The version that was seen; another one is answered with 409."
    )


class EditSerializer(SeenSerializer):
    question = serializers.CharField(max_length=TEXT_MAX_CHARS)
    answer = serializers.CharField(max_length=TEXT_MAX_CHARS)


class RejectSampleSerializer(SeenSerializer):
    reason = serializers.ChoiceField(choices=list(rulings.SAMPLE_REASONS.items()))


class RejectPairSerializer(SeenSerializer):
    reason = serializers.ChoiceField(choices=list(rulings.PAIR_REASONS.items()))


class _Rulings(ReadOnly):
    """Lists, single rows, and decisions about them."""

    def decided(self, request, serializer, ruling, name):
        """Make a decision with what was sent; the row as it is then."""
        row = self.get_object()
        form = serializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            row = ruling(user=request.user, **{name: row.pk}, **form.validated_data)
        except rulings.BadText as error:
            raise serializers.ValidationError({error.field: [str(error)]}) from error
        return Response(self.get_serializer(row).data)


@extend_schema(tags=[INSTRUCT])
@extend_schema_view(list=extend_schema(summary="List samples"), retrieve=extend_schema(summary="One sample"))
class SampleViewSet(_Rulings):
    """PhysInstruct: questions about training clips and their answers."""

    access = dict.fromkeys(["list", "retrieve", "accept", "edit", "reject", "reopen"], ROLES)
    queryset = InstructSample.objects.select_related("decided_by")
    serializer_class = InstructSampleSerializer
    filterset_class = SampleFilter

    @extend_schema(summary="Accept a sample", request=SeenSerializer, responses=InstructSampleSerializer)
    def accept(self, request, pk):
        return self.decided(request, SeenSerializer, rulings.accept, "sample_id")

    @extend_schema(
        summary="Accept a sample in other words",
        description="What was made first is kept. PhysDPO pairs against the old words are dropped.",
        request=EditSerializer,
        responses=InstructSampleSerializer,
    )
    def edit(self, request, pk):
        return self.decided(request, EditSerializer, rulings.edit, "sample_id")

    @extend_schema(summary="Reject a sample", request=RejectSampleSerializer, responses=InstructSampleSerializer)
    def reject(self, request, pk):
        return self.decided(request, RejectSampleSerializer, rulings.reject, "sample_id")

    @extend_schema(
        summary="Take a decision back",
        description="The sample waits for a person again, in the words it was made with.",
        request=SeenSerializer,
        responses=InstructSampleSerializer,
    )
    def reopen(self, request, pk):
        return self.decided(request, SeenSerializer, rulings.reopen, "sample_id")


@extend_schema(tags=[PREFERENCE])
@extend_schema_view(list=extend_schema(summary="List pairs"), retrieve=extend_schema(summary="One pair"))
class PairViewSet(_Rulings):
    """PhysDPO: an accepted answer and a worse one to the same question.

    Its texts are a record: the chosen answer is changed by editing its sample, the rejected one not at all.
    """

    access = dict.fromkeys(["list", "retrieve", "accept", "reject"], ROLES)
    queryset = PreferencePair.objects.select_related("decided_by")
    serializer_class = PreferencePairSerializer
    filterset_class = PairFilter

    @extend_schema(summary="Accept a pair", request=SeenSerializer, responses=PreferencePairSerializer)
    def accept(self, request, pk):
        return self.decided(request, SeenSerializer, rulings.accept_pair, "pair_id")

    @extend_schema(summary="Reject a pair", request=RejectPairSerializer, responses=PreferencePairSerializer)
    def reject(self, request, pk):
        return self.decided(request, RejectPairSerializer, rulings.reject_pair, "pair_id")


class NextSampleSerializer(serializers.Serializer):
    sample = InstructSampleSerializer(allow_null=True, help_text="null where none waits.")


class NextQuerySerializer(serializers.Serializer):
    after = serializers.IntegerField(
        required=False, min_value=1, max_value=10**18 - 1, help_text="The id of a sample to pass over."
    )


class NextSampleView(APIView):
    access = {"GET": ROLES}

    @extend_schema(
        operation_id="instruct_next",
        summary="A random sample that waits for a person",
        parameters=[NextQuerySerializer],
        responses=NextSampleSerializer,
        tags=[INSTRUCT],
    )
    def get(self, request):
        query = NextQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = rulings.next_sample(request.user, after=query.validated_data.get("after"))
        return Response(NextSampleSerializer({"sample": found}).data)


# ---- Figures


class RateSerializer(serializers.Serializer):
    hits = serializers.IntegerField()
    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Of the 95 % interval (Wilson).")
    high = serializers.FloatField(allow_null=True)


class CountSerializer(serializers.Serializer):
    origin = serializers.ChoiceField(choices=Origin.choices)
    state = serializers.ChoiceField(choices=State.choices)
    kind = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    count = serializers.IntegerField()


class AcceptanceSerializer(serializers.Serializer):
    kind = serializers.CharField(help_text="Empty: all kinds.", allow_blank=True)
    as_written = serializers.IntegerField()
    edited = serializers.IntegerField()
    rejected = serializers.IntegerField()
    accepted = RateSerializer(source="share", help_text="As written or edited, of what people ruled on.")


class SampleFiguresSerializer(serializers.Serializer):
    counts = CountSerializer(many=True)
    acceptance = AcceptanceSerializer(many=True, help_text="Of what a model wrote and a person ruled on.")


class KindFiguresSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=PreferencePair.Kind.choices)
    n = serializers.IntegerField(help_text="Pairs; those with an empty answer are left out.")
    accepted = serializers.IntegerField()
    longer = serializers.FloatField(help_text="Words of the rejected answer less those of the chosen one, mean.")
    longer_sd = serializers.FloatField()
    overlap = serializers.FloatField(help_text="ROUGE-L F1 of both answers, mean.")
    overlap_sd = serializers.FloatField()
    wrong = RateSerializer(help_text="The judge says: wrong.")
    right = RateSerializer(help_text="The judge says: right after all.")
    people = RateSerializer(help_text="People ruled as the judge had said.")


class PairFiguresSerializer(serializers.Serializer):
    counts = CountSerializer(many=True)
    kinds = KindFiguresSerializer(many=True)


def _counts(model):
    return [dict(zip(("origin", "state", "kind", "reason", "count"), cell, strict=True)) for cell in figures.cells(model)]


class SampleFiguresView(APIView):
    access = {"GET": ROLES}

    @extend_schema(
        operation_id="instruct_figures",
        summary="Samples counted, and the acceptance rate",
        responses=SampleFiguresSerializer,
        tags=[INSTRUCT],
    )
    def get(self, request):
        everything, by_kind = figures.acceptance()
        rows = [("", everything), *((kind, one) for kind, _label, one in by_kind)]
        acceptance = [
            {"kind": kind, "as_written": a.as_written, "edited": a.edited, "rejected": a.rejected, "share": a.share}
            for kind, a in rows
        ]
        return Response(SampleFiguresSerializer({"counts": _counts(InstructSample), "acceptance": acceptance}).data)


class PairFiguresView(APIView):
    access = {"GET": ROLES}

    @extend_schema(
        operation_id="preference_figures",
        summary="Pairs counted, and statistics of each kind",
        responses=PairFiguresSerializer,
        tags=[PREFERENCE],
    )
    def get(self, request):
        return Response(PairFiguresSerializer({"counts": _counts(PreferencePair), "kinds": figures.of_pairs()}).data)
