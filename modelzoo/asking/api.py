"""Asking over the API: one's own asks, a new one, its answer and the figures of its heat map."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from annotator.models import Clip
from modelzoo.asking import services, serving
from modelzoo.asking.forms import MOST_CHARS
from modelzoo.asking.models import LETTERS, Ask
from studio.api_views import ReadOnly
from studio.errors import Conflict
from studio.roles import Role

ROLES = {Role.LEAD, Role.ADMIN}


class AskSerializer(serializers.ModelSerializer):
    clip = serializers.IntegerField(source="clip_id", read_only=True, allow_null=True)
    job = serializers.IntegerField(source="job_id", read_only=True, allow_null=True)
    state = serializers.ChoiceField(choices=Ask.State.choices, read_only=True)
    why = serializers.CharField(read_only=True, help_text="Why there is no answer.")
    options = serializers.ListField(child=serializers.CharField(), read_only=True)
    frames = serializers.DictField(read_only=True, help_text="Numbers and seconds of the frames that the model saw.")
    heat = serializers.DictField(
        read_only=True,
        help_text="Weights of the pooling: lowest, highest, and the highest of each frame; 1 is an even share.",
    )

    class Meta:
        model = Ask
        fields = (
            "id clip video_name model model_name weights text options state phase answer finish_reason probabilities mass"
            " frames heat why job created_at begun_at answered_at"
        ).split()

    def to_representation(self, instance):
        found = super().to_representation(instance)
        if instance.is_live or instance.answered_at:
            found["why"] = ""
        return found


class NewAskSerializer(serializers.Serializer):
    clip = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    model = serializers.CharField(max_length=200, help_text="One of those that `asks/models/` lists.")
    text = serializers.CharField(max_length=MOST_CHARS)
    options = serializers.ListField(
        child=serializers.CharField(max_length=1000), max_length=len(LETTERS), required=False, default=list
    )


@extend_schema(tags=["asks"])
@extend_schema_view(list=extend_schema(summary="Your asks"), retrieve=extend_schema(summary="One ask with its answer"))
class AskViewSet(ReadOnly):
    """One's own questions to models, for leads and admins."""

    access = dict.fromkeys(["list", "retrieve", "create", "stop"], ROLES)
    queryset = Ask.objects.none()
    serializer_class = AskSerializer

    def get_queryset(self):
        return Ask.objects.of(self.request.user).select_related("job")

    @extend_schema(summary="Ask", request=NewAskSerializer, responses={202: AskSerializer})
    def create(self, request):
        form = NewAskSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = form.validated_data
        clip = Clip.objects.filter(pk=wanted.pop("clip")).first()
        try:
            found = services.begin(by=request.user, clip=clip, **wanted)
        except services.WrongAsk as refusal:
            raise serializers.ValidationError({refusal.field: [str(refusal)]}) from refusal
        return Response(AskSerializer(found).data, status=202)

    @extend_schema(summary="Stop one", request=None, responses={202: AskSerializer})
    def stop(self, request, pk):
        found = self.get_object()
        if not services.stop(found):
            raise Conflict("It had ended already.")
        return Response(AskSerializer(self.get_queryset().get(pk=found.pk)).data, status=202)


class AskModelSerializer(serializers.Serializer):
    id = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=["served", "checkpoint"])


class AskModelsView(APIView):
    access = {"GET": ROLES}

    @extend_schema(
        operation_id="ask_models", summary="Models that can be asked", responses=AskModelSerializer(many=True), tags=["asks"]
    )
    def get(self, request):
        kinds = zip(("served", "checkpoint"), serving.models(), strict=True)
        return Response([{"id": pk, "name": name, "kind": kind} for kind, rows in kinds for pk, name in rows])
