"""How reviews and the reviewer's pieces of work look over the API."""

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator.api_serializers import MediaSerializer, SpansField
from annotator.models import OPTION_KEYS, Clip, Remark
from qc.models import BlindAnswer, Review
from qc.services import COMMENT_MAX_CHARS, REASON_COMMENT_MAX_CHARS
from studio.api import MAX_ID
from studio.api_views import PersonSerializer

POSITIONS = ("1", "2", "3", "4")
OTHER_ANSWERS = tuple(answer.value for answer in BlindAnswer.Answer if answer.value not in OPTION_KEYS)
MAX_S = 1_000_000.0


class ReasonSerializer(serializers.Serializer):
    field = serializers.ChoiceField(choices=[name for name, _label in Remark.FIELD_CHOICES], allow_blank=True)
    code = serializers.ChoiceField(choices=Remark.Code.choices)
    comment = serializers.CharField(max_length=REASON_COMMENT_MAX_CHARS, required=False, allow_blank=True)


class ReviewSerializer(serializers.ModelSerializer):
    question = serializers.IntegerField(source="revision.question_id", read_only=True)
    number = serializers.IntegerField(source="revision.number", read_only=True, help_text="Which revision of the question.")
    question_state = serializers.CharField(source="told_state", read_only=True)
    reviewer = PersonSerializer(read_only=True)
    blind_answer = serializers.ChoiceField(source="blind_answer.answer", choices=BlindAnswer.Answer.choices, read_only=True)
    reasons = ReasonSerializer(many=True, read_only=True)

    class Meta:
        model = Review
        fields = (
            "id revision question number question_state reviewer blind_answer verdict reasons comment ruled_at undone_at"
        ).split()


# ---- Reviewing


class NextReviewSerializer(serializers.Serializer):
    put_back = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, help_text="A revision to give back first."
    )


class WatchedSerializer(serializers.Serializer):
    watched_s = serializers.FloatField(min_value=0, max_value=MAX_S, help_text="Different seconds of the clip played.")


class BlindAnswerSerializer(WatchedSerializer):
    answer = serializers.ChoiceField(choices=[*POSITIONS, *OTHER_ANSWERS])
    seconds = serializers.FloatField(
        min_value=0, max_value=MAX_S, required=False, default=0, help_text="From seeing the options to answering."
    )


class RulingSerializer(serializers.Serializer):
    verdict = serializers.ChoiceField(choices=Review.Verdict.choices)
    reasons = serializers.ListField(child=ReasonSerializer(), max_length=40, required=False, default=list)
    comment = serializers.CharField(max_length=COMMENT_MAX_CHARS, required=False, default="", allow_blank=True)
    client_key = serializers.UUIDField(help_text="Made up by you, once for each verdict you mean.")


class BlindClipSerializer(serializers.ModelSerializer):
    """What a reader needs to play the clip; its title could give the glitch away."""

    duration_s = serializers.FloatField(read_only=True)
    media = serializers.SerializerMethodField()

    class Meta:
        model = Clip
        fields = "id fps_num fps_den frame_count duration_s width height has_audio media".split()

    @extend_schema_field(MediaSerializer)
    def get_media(self, clip):
        return {kind: reverse("api_clip_media", args=[clip.pk, kind]) for kind in MediaSerializer._declared_fields}


class BlindWorkSerializer(serializers.Serializer):
    """A revision as its reviewer sees it before answering."""

    revision = serializers.IntegerField(source="revision.pk")
    number = serializers.IntegerField(source="revision.number")
    stem = serializers.CharField(source="revision.stem")
    clip = BlindClipSerializer(source="revision.question.clip")
    watch_s = serializers.FloatField(help_text="Seconds of the clip to play before the options are shown.")
    answered = serializers.BooleanField(help_text="Whether you answered it blind already.")


class NextBlindWorkSerializer(serializers.Serializer):
    work = BlindWorkSerializer(allow_null=True)


class OptionSerializer(serializers.Serializer):
    position = serializers.ChoiceField(choices=POSITIONS)
    text = serializers.CharField()


class OptionsSerializer(serializers.Serializer):
    options = OptionSerializer(many=True)


class KeyedOptionSerializer(OptionSerializer):
    is_key = serializers.BooleanField()
    field = serializers.ChoiceField(choices=OPTION_KEYS, help_text="What a reason about this option names.")


class VerdictWorkSerializer(BlindWorkSerializer):
    """A revision after the blind answer: key, category and spans are shown."""

    options = KeyedOptionSerializer(many=True)
    answer = serializers.ChoiceField(choices=[*POSITIONS, *OTHER_ANSWERS], help_text="What you answered.")
    right = serializers.BooleanField()
    category = serializers.CharField(source="revision.category")
    sub_label = serializers.CharField(source="revision.sub_label")
    spans = SpansField(source="revision.spans")
    note = serializers.CharField(source="revision.note")
