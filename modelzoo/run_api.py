"""Training runs over the API: estimate, start, watch, stop, resume."""

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from modelzoo.models import Checkpoint, TrainingRun
from modelzoo.physvlm import presets
from modelzoo.runs import actions, charts, choices, planning, series
from studio.api_views import JobDetailSerializer, PersonSerializer, ReadOnly
from studio.models import Job
from studio.roles import Role

ROLES = {Role.LEAD, Role.ADMIN}


class PlanSerializer(serializers.Serializer):
    preset = serializers.CharField(max_length=80, help_text="One of the presets that `choices` lists.")
    data = serializers.ListField(
        child=serializers.CharField(max_length=500), max_length=50, help_text="Ids of data that `choices` lists."
    )
    init = serializers.CharField(
        max_length=500, required=False, default="", allow_blank=True, help_text="Id of the weights to begin with."
    )
    overrides = serializers.ListField(
        child=serializers.CharField(max_length=500),
        max_length=100,
        required=False,
        default=list,
        help_text="KEY=VALUE each.",
    )
    processes = serializers.IntegerField(min_value=1, max_value=planning.MOST_PROCESSES, required=False, default=1)
    name = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)

    def validate(self, values):
        plan = planning.Plan(**values)
        try:
            planning.check(plan)
        except planning.BadPlan as error:
            raise serializers.ValidationError({error.field: [str(error)]}) from error
        self.plan = plan
        return values


class StartSerializer(serializers.Serializer):
    estimate = serializers.IntegerField(min_value=1, max_value=10**18 - 1, help_text="The id of a finished estimate.")

    def validate_estimate(self, pk):
        job = Job.objects.filter(pk=pk, kind=planning.KIND).first()
        if job is None:
            raise serializers.ValidationError("There is no such estimate.")
        return job


class CheckpointSerializer(serializers.ModelSerializer):
    class Meta:
        model = Checkpoint
        fields = "step bytes sha256 committed_at is_kept".split()


class RunSerializer(serializers.ModelSerializer):
    owner = PersonSerializer(read_only=True, allow_null=True)
    latest = serializers.DictField(read_only=True, help_text="The newest line of its metrics.")
    parent = serializers.IntegerField(
        source="parent_id", read_only=True, allow_null=True, help_text="Whose weights it began with."
    )

    class Meta:
        model = TrainingRun
        fields = (
            "id name owner by_hand stage preset state error attempt host phase step steps eta_s latest parent parent_step"
            " created_at started_at finished_at seen_at"
        ).split()


class RunDetailSerializer(RunSerializer):
    plan = serializers.DictField(read_only=True, help_text="What was asked for.")
    estimate = serializers.DictField(read_only=True)
    spec = serializers.DictField(
        read_only=True, help_text="spec.json of the run: settings, hashes of the data, commit, versions."
    )
    checkpoints = CheckpointSerializer(many=True, read_only=True)

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "plan", "estimate", "spec", "log_tail", "checkpoints"]


class RunFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(choices=TrainingRun.State.choices)
    stage = django_filters.ChoiceFilter(choices=[(stage, stage) for stage in presets.STAGES])

    class Meta:
        model = TrainingRun
        fields = []


class SeriesQuerySerializer(serializers.Serializer):
    keys = serializers.CharField(help_text="Names of metrics, joined by commas, such as step,loss.", max_length=1000)
    since = serializers.FloatField(required=False, help_text="From this step on.", min_value=-1e15, max_value=1e15)
    until = serializers.FloatField(required=False, help_text="Up to this step.", min_value=-1e15, max_value=1e15)


class SeriesSerializer(serializers.Serializer):
    level = serializers.IntegerField(help_text="0: every logged line; each level more sums up four points.")
    start = serializers.IntegerField(help_text="The number of the first point.")
    lines = serializers.IntegerField(help_text="Logged lines in all.")
    columns = serializers.DictField(
        child=serializers.DictField(child=serializers.ListField(child=serializers.FloatField(allow_null=True))),
        help_text='{key: {"mean": [...]}}; from level 1 on also "min" and "max".',
    )


class ChoiceSerializer(serializers.Serializer):
    id = serializers.CharField()
    label = serializers.CharField()


class PresetSerializer(serializers.Serializer):
    name = serializers.CharField()
    stage = serializers.CharField()
    title = serializers.CharField()
    settings = serializers.DictField()


class ChoicesSerializer(serializers.Serializer):
    presets = PresetSerializer(many=True)
    data = ChoiceSerializer(many=True)
    weights = ChoiceSerializer(many=True)


class RunChoicesView(APIView):
    access = {"GET": ROLES}

    @extend_schema(
        operation_id="runs_choices", summary="What a run can be given", responses=ChoicesSerializer, tags=["training runs"]
    )
    def get(self, request):
        found = {"presets": presets.PRESETS.values(), "data": choices.data(), "weights": choices.weights()}
        return Response(ChoicesSerializer(found).data)


class EstimatesView(APIView):
    access = {"POST": ROLES}

    @extend_schema(
        operation_id="runs_estimate",
        summary="Estimate a run",
        description="The trainer counts steps, time and memory in a background job; its `result` has `fits`.",
        request=PlanSerializer,
        responses={202: JobDetailSerializer},
        tags=["training runs"],
    )
    def post(self, request):
        form = PlanSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        job = planning.estimate_later(form.plan, by=request.user)
        return Response(JobDetailSerializer(job).data, status=202)


@extend_schema(tags=["training runs"])
@extend_schema_view(list=extend_schema(summary="List runs"), retrieve=extend_schema(summary="One run"))
class RunViewSet(ReadOnly):
    """Training runs of PhysVLM, for leads and admins."""

    access = dict.fromkeys(["list", "retrieve", "create", "stop", "resume", "series"], ROLES)
    queryset = TrainingRun.objects.select_related("owner")
    serializer_class = RunDetailSerializer
    filterset_class = RunFilter

    def get_serializer_class(self):
        return RunSerializer if self.action == "list" else RunDetailSerializer

    def get_queryset(self):
        return TrainingRun.objects.for_lists() if self.action == "list" else super().get_queryset()

    @extend_schema(
        summary="Start a run",
        description="Takes a finished estimate that fits. Started twice it is the same run.",
        request=StartSerializer,
        responses={202: RunDetailSerializer},
    )
    def create(self, request):
        form = StartSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        run = actions.start(by=request.user, job=form.validated_data["estimate"])
        return Response(RunDetailSerializer(run).data, status=202)

    @extend_schema(summary="Stop a run; it saves first", request=None, responses=RunDetailSerializer)
    def stop(self, request, pk):
        return self._after(actions.stop)

    @extend_schema(summary="Let a run go on from its newest checkpoint", request=None, responses=RunDetailSerializer)
    def resume(self, request, pk):
        return self._after(actions.resume)

    def _after(self, action):
        run = self.get_object()
        action(run)
        return Response(RunDetailSerializer(run).data)

    @extend_schema(
        summary="Curves of a run",
        description="About five hundred points at most, however long the run is.",
        parameters=[SeriesQuerySerializer],
        responses=SeriesSerializer,
        filters=False,
    )
    def series(self, request, pk):
        run = self.get_object()
        query = SeriesQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        keys = [key for key in dict.fromkeys(wanted["keys"].split(",")) if key in charts.KEYS]
        return Response(series.read(run, keys=keys, since=wanted.get("since"), until=wanted.get("until")))
