"""Evaluations over the API: start, watch, read figures and predictions; and the leaderboard."""

import django_filters
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from modelzoo.evaluation import forms, jobs, leaderboard, opening, protocols
from modelzoo.evaluation.models import Evaluation, Prediction, QuestionSet
from modelzoo.models import Release
from studio.api import KeysetPagination
from studio.api_views import JobDetailSerializer, PersonSerializer, ReadOnly
from studio.errors import Conflict
from studio.roles import Role

ROLES = {Role.LEAD, Role.ADMIN}
LOOK = set(Role)


class OfReleaseSerializer(serializers.ModelSerializer):
    sha256 = serializers.CharField(read_only=True, help_text="Of the list of its rows and their hashes.")

    class Meta:
        model = Release
        fields = ["id", "name", "sha256"]
        read_only_fields = fields


class QuestionSetSerializer(serializers.ModelSerializer):
    release = OfReleaseSerializer(read_only=True, allow_null=True, help_text="The release that its questions are of.")

    class Meta:
        model = QuestionSet
        fields = "id name benchmark origin release sha256 questions_count is_whole made_at".split()


class EvaluationSerializer(serializers.ModelSerializer):
    question_set = QuestionSetSerializer(read_only=True)
    owner = PersonSerializer(read_only=True, allow_null=True)
    job = serializers.IntegerField(source="job_id", read_only=True, allow_null=True)
    run = serializers.IntegerField(source="run_id", read_only=True, allow_null=True)
    frames = serializers.DictField(read_only=True, help_text="What the model was shown of a clip.")
    wanted = serializers.IntegerField(read_only=True, help_text="Predictions that make it complete.")

    class Meta:
        model = Evaluation
        fields = (
            "id name question_set model_kind model model_sha256 run protocol protocol_version scoring rotations repeat"
            " frames state hidden error owner job host heartbeat_at wanted created_at completed_at"
        ).split()


class EvaluationDetailSerializer(EvaluationSerializer):
    figures = serializers.DictField(read_only=True, help_text="Accuracies with intervals; empty until it is complete.")
    protocol_settings = serializers.DictField(read_only=True)

    class Meta(EvaluationSerializer.Meta):
        fields = [*EvaluationSerializer.Meta.fields, "figures", "protocol_settings"]


class NewEvaluationSerializer(serializers.Serializer):
    model = serializers.CharField(max_length=500, help_text="run:7:model, model:NAME, baseline:NAME, or a hosted model.")
    questions = serializers.CharField(max_length=500, help_text="release:NAME, set:ID, folder:NAME, vcg:NAME.")
    protocol = serializers.ChoiceField(choices=list(protocols.PROTOCOLS), default="standard")
    scoring = serializers.ChoiceField(choices=Evaluation.Scoring.choices, required=False, default="")
    name = serializers.CharField(max_length=160, required=False, default="", allow_blank=True)
    frames = serializers.IntegerField(
        min_value=0, max_value=protocols.MOST_FRAMES, required=False, default=0, help_text="0: as the protocol says."
    )
    subtitles = serializers.BooleanField(required=False, default=False, help_text="Video-MME only.")
    judge = serializers.CharField(
        max_length=80, required=False, default="", allow_blank=True, help_text="VCG only: the language model that scores."
    )

    def validate(self, values):
        # Only what the page offers: a path of the server's disk is nobody's to name from outside.
        offered = {
            "model": {choice for _group, rows in forms.models() for choice, _label in rows},
            "questions": {choice for _group, rows in forms.question_sets() for choice, _label in rows},
        }
        for field, known in offered.items():
            if values[field] not in known:
                raise serializers.ValidationError({field: [f"{values[field]} is not offered."]})
        try:
            protocols.find(values["protocol"], scoring=values["scoring"])
            self.found = opening.find_model(values["model"], name=values["name"].strip())
            self.question_set, self.source = forms.resolve_set(values["questions"])
            self.chosen = {name: values[name] for name in ("frames", "subtitles", "judge")}
            protocols.settings_of(protocols.PROTOCOLS[values["protocol"]], self.question_set.benchmark, **self.chosen)
        except (protocols.NoProtocol, opening.CannotEvaluate) as refusal:
            raise serializers.ValidationError(str(refusal)) from refusal
        return values


class PredictionSerializer(serializers.ModelSerializer):
    question_id = serializers.CharField(source="question.row_id", read_only=True)
    category = serializers.CharField(source="question.category", read_only=True)
    answer = serializers.CharField(source="question.answer", read_only=True)
    scores = serializers.SerializerMethodField(help_text="{aspect: 0 to 5, or null} of an open answer.")

    def get_scores(self, prediction) -> dict[str, int | None]:
        return {one.aspect: one.score for one in prediction.judgements.all()}

    class Meta:
        model = Prediction
        fields = (
            "id question_id category answer rotation order letter option no_answer right verdict probabilities mass raw"
            " second_raw scores frame_numbers made_at"
        ).split()


class EvaluationFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=Evaluation.State.choices)
    protocol = django_filters.ChoiceFilter(choices=protocols.CHOICES)

    class Meta:
        model = Evaluation
        fields = []


@extend_schema(tags=["evaluations"])
@extend_schema_view(list=extend_schema(summary="List evaluations"), retrieve=extend_schema(summary="One evaluation"))
class EvaluationViewSet(ReadOnly):
    """Evaluations of models, for leads and admins: predictions show the keys of questions."""

    access = dict.fromkeys(["list", "retrieve", "create", "go_on", "predictions"], ROLES)
    queryset = Evaluation.objects.select_related("question_set__release", "owner").defer(
        "question_set__release__card", "question_set__release__facts"
    )
    serializer_class = EvaluationDetailSerializer
    filterset_class = EvaluationFilter

    def get_queryset(self):
        if self.action in ("list", "retrieve", "go_on") and not getattr(self, "swagger_fake_view", False):
            Evaluation.objects.lose_silent()
        return super().get_queryset()

    def get_serializer_class(self):
        return EvaluationSerializer if self.action == "list" else EvaluationDetailSerializer

    @extend_schema(
        summary="Start an evaluation",
        description="The same asked for again is the same evaluation, and goes on where it was.",
        request=NewEvaluationSerializer,
        responses={202: EvaluationDetailSerializer},
    )
    def create(self, request):
        form = NewEvaluationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        try:
            found = opening.open_evaluation(
                form.question_set, form.found, wanted["protocol"], scoring=wanted["scoring"], source=form.source,
                by=request.user, state=Evaluation.State.QUEUED, **form.chosen,
            )  # fmt: skip
        except opening.CannotEvaluate as refusal:
            raise serializers.ValidationError(str(refusal)) from refusal
        if not found.is_complete:
            jobs.start(found, by=request.user)
        return Response(EvaluationDetailSerializer(found).data, status=202)

    @extend_schema(summary="Go on with one that is not complete", request=None, responses={202: JobDetailSerializer})
    def go_on(self, request, pk):
        found = self.get_object()
        if found.is_complete or found.model_kind == Evaluation.ModelKind.IMPORTED:
            raise Conflict("It is complete, or its predictions were brought in; there is nothing to go on with.")
        if found.is_beating:
            raise Conflict(f"A process on {found.host} works on it already.")
        return Response(JobDetailSerializer(jobs.start(found, by=request.user)).data, status=202)

    @extend_schema(summary="Its predictions", responses=PredictionSerializer(many=True), filters=False)
    def predictions(self, request, pk):
        rows = Prediction.objects.filter(evaluation=self.get_object()).select_related("question")
        rows = rows.prefetch_related("judgements")
        pages = KeysetPagination()
        found = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(PredictionSerializer(found, many=True).data)


class BoardRowSerializer(serializers.Serializer):
    model = serializers.CharField()
    source = serializers.CharField(help_text="“published” or “measured”.")
    reference = serializers.CharField()
    question_set = serializers.CharField()
    protocol = serializers.CharField()
    scoring = serializers.CharField()
    judge = serializers.CharField(help_text="Of VCG; scores of different judges cannot be compared.")
    date = serializers.CharField()
    figures = serializers.DictField(child=serializers.FloatField(allow_null=True), help_text="Shares, 0 to 1, or scores.")


class LeaderboardView(APIView):
    access = {"GET": LOOK}

    @extend_schema(
        operation_id="leaderboard",
        summary="The leaderboard: published and measured rows",
        parameters=[
            OpenApiParameter("benchmark", enum=list(leaderboard.BENCHMARKS)),
            OpenApiParameter("protocol", enum=[*protocols.PROTOCOLS, "published"]),
        ],
        responses=BoardRowSerializer(many=True),
        tags=["evaluations"],
    )
    def get(self, request):
        benchmark, protocol = request.query_params.get("benchmark", "physgame"), request.query_params.get("protocol", "")
        if benchmark not in leaderboard.BENCHMARKS:
            raise serializers.ValidationError({"benchmark": [f"One of {', '.join(leaderboard.BENCHMARKS)}."]})
        if protocol and protocol != "published" and protocol not in protocols.PROTOCOLS:
            raise serializers.ValidationError({"protocol": [f"One of {', '.join(protocols.PROTOCOLS)}, or published."]})
        return Response(leaderboard.api_rows(leaderboard.build(benchmark, protocol=protocol), benchmark))
