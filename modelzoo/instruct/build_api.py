"""Builds of training data over the API: what one would take, and beginning it."""

from fractions import Fraction

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from modelzoo.instruct import build_views, building, opposing
from modelzoo.instruct.api import INSTRUCT, PREFERENCE, ROLES
from modelzoo.instruct.forms import MOST, MOST_FRAMES
from studio.api_views import JobSerializer
from studio.llm import endpoints


class InstructBuildSerializer(serializers.Serializer):
    model = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, help_text="Empty: the first that can be asked."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MOST, required=False, default=200, help_text="Clips at most.")
    frames = serializers.IntegerField(min_value=1, max_value=MOST_FRAMES, required=False, default=building.FRAMES)
    again = serializers.BooleanField(required=False, default=False, help_text="Also clips that were asked about.")
    accept = serializers.BooleanField(
        required=False, default=False, help_text="Accept what passes the rules, without a person."
    )

    def plan(self):
        data = self.validated_data
        return building.plan(
            model=data["model"] or None, wanted=data["frames"], limit=data["limit"], again=data["again"]
        )  # fmt: skip

    def start(self, plan, *, by):
        return building.start(plan, by=by, wanted=self.validated_data["frames"], accept=self.validated_data["accept"])


class PreferenceBuildSerializer(serializers.Serializer):
    model = serializers.CharField(max_length=200, required=False, default="", allow_blank=True, help_text="Who is misled.")
    judge = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, help_text="Empty: the same model."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MOST, required=False, default=200, help_text="Samples at most.")
    ways = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=7, required=False, default=list(opposing.WAYS),
        help_text="Each of meta, temporal, spatial, or several at once joined by +.",
    )  # fmt: skip
    frames = serializers.IntegerField(min_value=1, max_value=MOST_FRAMES, required=False, default=1)
    scale = serializers.CharField(max_length=12, required=False, default="1/16", help_text="Of each side.")

    def validate(self, values):
        try:
            scale = Fraction(values["scale"])
        except (ValueError, ZeroDivisionError):
            raise serializers.ValidationError({"scale": ["This is a fraction such as 1/16."]}) from None
        try:
            self.settings = opposing.Settings.read(ways=values["ways"], frames=values["frames"], scale=scale)
        except ValueError as fault:
            raise serializers.ValidationError(str(fault)) from fault
        return values

    def plan(self):
        data = self.validated_data
        return opposing.plan(
            self.settings, model=data["model"] or None, judge=data["judge"] or None, limit=data["limit"]
        )  # fmt: skip

    def start(self, plan, *, by):
        return opposing.start(plan, self.settings, by=by, judge=self.validated_data["judge"] or None)


class RefusedSerializer(serializers.Serializer):
    why = serializers.CharField()
    clips = serializers.IntegerField()


class EstimateSerializer(serializers.Serializer):
    model = serializers.CharField(allow_null=True, help_text="null: none can be asked.")
    no_model = serializers.CharField(allow_blank=True, help_text="Why none can; then only what needs no model is made.")
    clips = serializers.IntegerField()
    calls = serializers.IntegerField()
    judge_calls = serializers.IntegerField(help_text="At most.")
    tokens_in = serializers.IntegerField(help_text="At most.")
    tokens_out = serializers.IntegerField(help_text="At most.")
    most_usd = serializers.DecimalField(max_digits=14, decimal_places=6, allow_null=True, help_text="null: unknown price.")
    usual_usd = serializers.DecimalField(max_digits=14, decimal_places=6, allow_null=True, help_text="By earlier calls.")
    refused = RefusedSerializer(many=True, help_text="Clips that may not be used for training.")


def estimate(plan):
    return {
        "model": plan.endpoint.name if plan.endpoint else None, "no_model": str(plan.no_model), "clips": len(plan.clips),
        "calls": plan.calls, "judge_calls": plan.judge_calls, "tokens_in": plan.tokens_in, "tokens_out": plan.tokens_out,
        "most_usd": plan.most_usd, "usual_usd": plan.usual_usd,
        "refused": [{"why": why, "clips": count} for why, count in plan.refused.items()],
    }  # fmt: skip


class _Build(APIView):
    def planned(self, request):
        form = self.form(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            return form, form.plan()
        except endpoints.NoModel as refusal:
            raise serializers.ValidationError({"model": [str(refusal)]}) from refusal


class _EstimateView(_Build):
    access = {"POST": ROLES}

    def post(self, request):
        return Response(EstimateSerializer(estimate(self.planned(request)[1])).data)


class _BuildView(_Build):
    access = {"POST": ROLES}

    def post(self, request):
        form, plan = self.planned(request)
        build_views.check(plan, plan.calls)
        return Response(JobSerializer(form.start(plan, by=request.user)).data, status=202)


_ESTIMATED = "Nothing is asked. The build may ask less, never more, unless clips come in before it begins."
_BUILT = "A background job; it can be interrupted and tried again, and no answer is paid twice."


@extend_schema_view(
    post=extend_schema(
        operation_id="instruct_estimate", summary="What a PhysInstruct build would take", description=_ESTIMATED,
        request=InstructBuildSerializer, responses=EstimateSerializer, tags=[INSTRUCT],
    )
)  # fmt: skip
class InstructEstimateView(_EstimateView):
    form = InstructBuildSerializer


@extend_schema_view(
    post=extend_schema(
        operation_id="instruct_build", summary="Begin a PhysInstruct build", description=_BUILT,
        request=InstructBuildSerializer, responses={202: JobSerializer}, tags=[INSTRUCT],
    )
)  # fmt: skip
class InstructBuildView(_BuildView):
    form = InstructBuildSerializer


@extend_schema_view(
    post=extend_schema(
        operation_id="preference_estimate", summary="What a PhysDPO build would take", description=_ESTIMATED,
        request=PreferenceBuildSerializer, responses=EstimateSerializer, tags=[PREFERENCE],
    )
)  # fmt: skip
class PreferenceEstimateView(_EstimateView):
    form = PreferenceBuildSerializer


@extend_schema_view(
    post=extend_schema(
        operation_id="preference_build", summary="Begin a PhysDPO build", description=_BUILT,
        request=PreferenceBuildSerializer, responses={202: JobSerializer}, tags=[PREFERENCE],
    )
)  # fmt: skip
class PreferenceBuildView(_BuildView):
    form = PreferenceBuildSerializer
