"""Agreement, accuracy of reviewers, blind answers and gold items over the API. For leads."""

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.models import Question
from annotator.panels import hidden_keys
from qc import accuracy, gold
from qc.agreement import report
from qc.items import item_of
from qc.models import AgreementReport, GoldItem
from studio.api_views import JobSerializer, PersonSerializer
from studio.roles import Role

LEADS = {Role.LEAD}


class AskedReportSerializer(serializers.Serializer):
    basis = serializers.ChoiceField(choices=AgreementReport.Basis.choices, default="verdicts")
    span = serializers.CharField(max_length=24, default="90", help_text="30, 90, 365, all, or 2026-01-01_2026-03-31.")


class FiguresSerializer(serializers.Serializer):
    items = serializers.IntegerField(help_text="Revisions that several people judged.")
    ratings = serializers.IntegerField()
    negative = serializers.IntegerField(help_text="Verdicts that do not approve, or answers that miss the key.")
    draws = serializers.IntegerField(help_text="Of the bootstrap over whole revisions.")
    seed = serializers.IntegerField()
    percent = serializers.ListField(child=serializers.FloatField(allow_null=True), help_text="Value, low, high; 95 %.")
    ac1 = serializers.ListField(child=serializers.FloatField(allow_null=True))
    alpha = serializers.ListField(child=serializers.FloatField(allow_null=True))
    on_class = serializers.ListField(
        child=serializers.FloatField(allow_null=True), help_text="On rejections, or on missing the key; null: too few."
    )


class PairSerializer(FiguresSerializer):
    one = serializers.IntegerField()
    other = serializers.IntegerField()


class WholeFiguresSerializer(FiguresSerializer):
    pairs = PairSerializer(many=True)
    looks = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="Of verdicts on revisions that need two approvals: first ones, rejecting ones of these, second ones,"
        " rejecting ones of these. Agreement on rejections follows from them.",
    )


class AgreementSerializer(serializers.ModelSerializer):
    figures = WholeFiguresSerializer()

    class Meta:
        model = AgreementReport
        fields = ["id", "basis", "span", "made_at", "figures"]


class AgreementView(APIView):
    access = {"GET": LEADS, "POST": LEADS}

    @extend_schema(
        operation_id="agreement",
        tags=["calibration"],
        summary="Agreement between reviewers, as it was last computed",
        parameters=[AskedReportSerializer],
        responses={
            200: AgreementSerializer,
            404: OpenApiResponse({"$ref": "#/components/schemas/Error"}, "Not computed yet."),
        },
    )
    def get(self, request):
        asked = self._asked(request.query_params)
        found = report.newest(asked["basis"], asked["span"])
        if found is None:
            raise exceptions.NotFound(_("This has not been computed yet. POST the same to let a worker do it."))
        return Response(AgreementSerializer(found).data)

    @extend_schema(
        operation_id="agreement_compute",
        tags=["calibration"],
        summary="Let a worker compute it",
        request=AskedReportSerializer,
        responses={202: JobSerializer},
    )
    def post(self, request):
        asked = self._asked(request.data)
        job = report.start(asked["basis"], asked["span"], by=request.user)
        return Response(JobSerializer(job).data, status=202)

    @staticmethod
    def _asked(data):
        form = AskedReportSerializer(data=data)
        form.is_valid(raise_exception=True)
        report.bounds(form.validated_data["span"])
        return form.validated_data


class AccuracySerializer(serializers.Serializer):
    person = PersonSerializer()
    answers = serializers.IntegerField(help_text="Gold items answered blind.")
    right = serializers.IntegerField()
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True, help_text="Wilson interval, 95 %.")
    high = serializers.FloatField(allow_null=True)
    verdicts = serializers.IntegerField(help_text="Verdicts on gold items.")
    approved = serializers.IntegerField()
    practice_answers = serializers.IntegerField()
    practice_right = serializers.IntegerField()


class AccuracyView(APIView):
    access = {"GET": LEADS}

    @extend_schema(
        operation_id="reviewer_accuracy",
        tags=["calibration"],
        summary="How well reviewers answer gold items",
        parameters=[OpenApiParameter("days", int, enum=accuracy.DAYS)],
        responses=AccuracySerializer(many=True),
    )
    def get(self, request):
        days = request.query_params.get("days", "90")
        if days not in {str(known) for known in accuracy.DAYS}:
            raise exceptions.ValidationError({"days": [_("Choose 30, 90 or 365.")]})
        return Response(AccuracySerializer([_flat(row) for row in accuracy.by_person(int(days))], many=True).data)


def _flat(row):
    right, answers = row["practice"]
    return row | {"practice_right": right, "practice_answers": answers}


class AnswersSerializer(serializers.Serializer):
    question = serializers.IntegerField()
    answers = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="{answer: how many gave it}")
    share = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    suspects = serializers.ListField(child=serializers.CharField(), help_text="Wrong options that several people took.")
    dead = serializers.ListField(child=serializers.CharField(), help_text="Distractors nearly nobody takes.")
    two_fit_alarm = serializers.BooleanField()


class QuestionAnswersView(APIView):
    access = {"GET": LEADS}

    @extend_schema(
        operation_id="question_answers", tags=["calibration"], summary="Blind answers to a question",
        responses=AnswersSerializer,
    )  # fmt: skip
    def get(self, request, pk):
        question = _question(request, pk)
        item = item_of(question, without_gold=question.author_id == request.user.pk)
        low, high = item.interval or (None, None)
        return Response(
            AnswersSerializer(
                {
                    "question": question.pk, "answers": item.answers, "counts": item.counts, "share": item.share,
                    "low": low, "high": high, "suspects": item.suspects, "dead": item.dead,
                    "two_fit_alarm": item.two_fit_alarm,
                }
            ).data
        )  # fmt: skip


def _question(request, pk):
    question = get_object_or_404(Question, pk=pk)
    unsettled = question.state in (Question.State.SUBMITTED, Question.State.DISPUTED)
    if hidden_keys(request.user, [question]) or unsettled and question.author_id == request.user.pk:
        raise Http404
    return question


class GoldSerializer(serializers.ModelSerializer):
    question = serializers.IntegerField(source="revision.question_id", read_only=True)
    promoted_by = PersonSerializer(read_only=True)

    class Meta:
        model = GoldItem
        fields = ["id", "question", "revision", "promoted_by", "promoted_at", "retired_at"]


class GoldView(APIView):
    access = {"POST": LEADS, "DELETE": LEADS}

    @extend_schema(
        operation_id="gold_promote", tags=["calibration"], summary="Make an approved question a gold item",
        request=None, responses={201: GoldSerializer},
    )  # fmt: skip
    def post(self, request, pk):
        return Response(GoldSerializer(gold.promote(user=request.user, question=_question(request, pk))).data, status=201)

    @extend_schema(
        operation_id="gold_retire", tags=["calibration"], summary="Retire a gold item", request=None, responses={204: None}
    )
    def delete(self, request, pk):
        gold.retire(user=request.user, question=_question(request, pk))
        return Response(status=204)
