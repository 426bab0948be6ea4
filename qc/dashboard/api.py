"""The figures of the quality page for scripts."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.models import Question
from annotator.taxonomy import CATEGORY_CHOICES
from qc.dashboard import counting, figures
from qc.dashboard.asking import MOST_TARGET, PURPOSES, SPANS, STEPS, Asked
from qc.dashboard.models import CountState, QuestionFacts
from qc.leak_verdicts import STANDINGS
from studio.api_views import PersonSerializer
from studio.roles import Role


class AskedSerializer(serializers.Serializer):
    purpose = serializers.ChoiceField(choices=list(PURPOSES), default=Asked.purpose, help_text="Of which clips.")
    by = serializers.ChoiceField(choices=list(STEPS), default=Asked.by)
    span = serializers.ChoiceField(choices=list(SPANS), default=Asked.span, help_text="Days, today included.")
    target = serializers.IntegerField(
        min_value=1, max_value=MOST_TARGET, default=Asked.target, help_text="Questions to have in the end."
    )


class CountsSerializer(serializers.Serializer):
    """How true the counts are."""

    waiting = serializers.IntegerField(help_text="Changes that are not counted yet; 0 almost always.")
    recounted_at = serializers.DateTimeField()
    drift = serializers.IntegerField(help_text="Kept counts that were wrong when everything was last counted anew.")


class ShareSerializer(serializers.Serializer):
    right = serializers.IntegerField(help_text="What the share counts: leaky, right, agreeing.")
    n = serializers.IntegerField()
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="95 % Wilson interval.")
    high = serializers.FloatField(allow_null=True)


class SumsSerializer(serializers.Serializer):
    """What was done in a time. Seconds are active time."""

    submissions = serializers.IntegerField()
    reviews = serializers.IntegerField(help_text="Verdicts that stand.")
    write_s = serializers.IntegerField()
    review_s = serializers.IntegerField()
    blind = serializers.IntegerField()
    blind_right = serializers.IntegerField()
    both_approve = serializers.IntegerField(help_text="Pairs of verdicts on one revision.")
    both_doubt = serializers.IntegerField()
    differ = serializers.IntegerField()
    leak_clear = serializers.IntegerField()
    leak_unsure = serializers.IntegerField()
    leak_leaky = serializers.IntegerField()
    leak_rate = ShareSerializer()
    blind_accuracy = ShareSerializer()
    agreement = ShareSerializer()
    ac1 = serializers.FloatField(allow_null=True, help_text="Gwet's AC1 of approve or not.")
    submissions_an_hour = serializers.FloatField(allow_null=True, help_text="Of active time.")
    reviews_an_hour = serializers.FloatField(allow_null=True)
    active_h = serializers.FloatField()


class StepSerializer(serializers.Serializer):
    first_day = serializers.DateField()
    sums = SumsSerializer()


class PersonSumsSerializer(serializers.Serializer):
    person = PersonSerializer()
    sums = SumsSerializer()


class StandingSerializer(serializers.Serializer):
    """So many questions have all this in common."""

    state = serializers.ChoiceField(choices=Question.State.choices)
    category = serializers.ChoiceField(choices=CATEGORY_CHOICES, allow_blank=True)
    leak_check = serializers.ChoiceField(choices=list(STANDINGS), allow_blank=True)
    gate = serializers.ChoiceField(
        choices=QuestionFacts.Gate.choices,
        allow_blank=True,
        help_text="Of approved ones: exportable, or what holds them back.",
    )
    questions = serializers.IntegerField()


class CoverSerializer(serializers.Serializer):
    category = serializers.ChoiceField(choices=CATEGORY_CHOICES)
    share = serializers.FloatField(help_text="In the public PhysGame.")
    target = serializers.IntegerField()
    approved = serializers.IntegerField()
    exportable = serializers.IntegerField()
    under_way = serializers.IntegerField(help_text="Submitted, in adjudication or returned.")
    drafts = serializers.IntegerField()
    missing = serializers.IntegerField(help_text="Even if all that is under way were approved.")
    places = serializers.IntegerField(help_text="For writers on clips that wait, counted no further than what is missing.")
    to_source = serializers.IntegerField(help_text="Clips to bring.")


class WaySerializer(serializers.Serializer):
    written = serializers.IntegerField()
    submitted = serializers.IntegerField(help_text="At least once.")
    approved = serializers.IntegerField()
    accepted = serializers.IntegerField(help_text="Approved, on an accepted clip.")
    exportable = serializers.IntegerField()


class QualitySerializer(serializers.Serializer):
    asked = AskedSerializer()
    counts = CountsSerializer()
    way = WaySerializer()
    standing = StandingSerializer(many=True)
    coverage = CoverSerializer(many=True)
    total = SumsSerializer()
    time = StepSerializer(many=True)
    people = PersonSumsSerializer(many=True)


class QualityView(APIView):
    access = {"GET": {Role.LEAD, Role.ADMIN}}

    @extend_schema(
        operation_id="quality",
        summary="Where questions stand, coverage, and figures over time",
        parameters=[AskedSerializer],
        responses=QualitySerializer,
        tags=["quality"],
    )
    def get(self, request):
        form = AskedSerializer(data=request.query_params)
        form.is_valid(raise_exception=True)
        asked = Asked(**form.validated_data)
        left = counting.catch_up()
        state = CountState.objects.first()
        standing = figures.Standing(asked.purposes)
        series = figures.over_time(asked)
        found = {
            "asked": asked.changed(),
            "counts": {"waiting": left, "recounted_at": state.recounted_at, "drift": state.drift},
            "way": dict(figures.way(standing)),
            "standing": _standing(standing),
            "coverage": figures.coverage(standing, asked.target, purposes=asked.purposes),
            "total": figures.total(series).as_json(),
            "time": [{"first_day": step, "sums": sums.as_json()} for step, sums in series],
            "people": [{"person": person, "sums": sums.as_json()} for person, sums in figures.by_person(asked)],
        }
        return Response(QualitySerializer(found).data)


def _standing(standing):
    sums = {}
    for state, category, leak, gate, n in standing.rows:
        key = (state, category, leak, gate)
        sums[key] = sums.get(key, 0) + n
    names = ("state", "category", "leak_check", "gate", "questions")
    return [dict(zip(names, (*key, n), strict=True)) for key, n in sorted(sums.items())]
