"""How clips, questions and pieces of work look over the API."""

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from annotator.importing import TEXT_MAX_CHARS
from annotator.models import OPTION_KEYS, Clip, Question, Remark, Revision
from annotator.panels import hidden_keys
from annotator.taxonomy import CATEGORY_CHOICES, DOMAINS
from annotator.write_views import REASON_MAX_CHARS
from studio.api import MAX_ID
from studio.api_views import PersonSerializer

MAX_VERSION = 2**31 - 1
ASIDE = (Clip.Content.NOT_GAMEPLAY.value, Clip.Content.UNUSABLE.value)


class MediaSerializer(serializers.Serializer):
    """Addresses of a clip's files; null while there is none."""

    proxy = serializers.CharField(allow_null=True)
    poster = serializers.CharField(allow_null=True)
    filmstrip = serializers.CharField(allow_null=True)


def maybe_category():
    """For rows that may have no category yet: the field a model makes by itself forgets the empty text."""
    return serializers.ChoiceField(choices=[*CATEGORY_CHOICES, ("", "")], read_only=True)


class ClipSerializer(serializers.ModelSerializer):
    expected_category = maybe_category()
    duration_s = serializers.FloatField(read_only=True)
    media = serializers.SerializerMethodField()

    class Meta:
        model = Clip
        fields = (
            "id state content purpose source source_id title permalink author licence retrieved_at expected_category"
            " original_name size_bytes sha256 failure fps_num fps_den frame_count duration_s width height has_audio"
            " media created_at"
        ).split()
        read_only_fields = fields

    @extend_schema_field(MediaSerializer)
    def get_media(self, clip):
        return {
            kind: reverse("api_clip_media", args=[clip.pk, kind]) if getattr(clip, kind) else None
            for kind in MediaSerializer._declared_fields
        }


class ClipDetailSerializer(ClipSerializer):
    class Meta(ClipSerializer.Meta):
        fields = [*ClipSerializer.Meta.fields, "text"]
        read_only_fields = fields


class StorySerializer(serializers.Serializer):
    """What people may say about a clip."""

    title = serializers.CharField(max_length=500, required=False, allow_blank=True)
    text = serializers.CharField(max_length=TEXT_MAX_CHARS, required=False, allow_blank=True)
    permalink = serializers.URLField(max_length=1000, required=False, allow_blank=True)
    author = serializers.CharField(max_length=200, required=False, allow_blank=True)
    licence = serializers.CharField(max_length=200, required=False, allow_blank=True)
    purpose = serializers.ChoiceField(choices=Clip.Purpose.choices, required=False)
    expected_category = serializers.ChoiceField(choices=CATEGORY_CHOICES, required=False, allow_blank=True)


class ClipChangeSerializer(StorySerializer):
    content = serializers.ChoiceField(choices=Clip.Content.choices, required=False)


class UploadSerializer(StorySerializer):
    file = serializers.FileField(allow_empty_file=True)


class SpansField(serializers.ListField):
    """[[first frame, last frame], ...]"""

    def __init__(self, **options):
        pair = serializers.ListField(child=serializers.IntegerField(min_value=0), min_length=2, max_length=2)
        super().__init__(child=pair, **{"help_text": "[[first frame, last frame], ...]", **options})


class ContentSerializer(serializers.Serializer):
    """What an annotator writes. Drafts may lack anything; the options differ, and letters are dealt only at export."""

    category = serializers.ChoiceField(choices=CATEGORY_CHOICES, required=False, allow_blank=True)
    sub_label = serializers.CharField(max_length=60, required=False, allow_blank=True)
    stem = serializers.CharField(max_length=settings.STEM_MAX_CHARS, required=False, allow_blank=True)
    correct = serializers.CharField(max_length=settings.OPTION_MAX_CHARS, required=False, allow_blank=True)
    distractor_1 = serializers.CharField(max_length=settings.OPTION_MAX_CHARS, required=False, allow_blank=True)
    distractor_2 = serializers.CharField(max_length=settings.OPTION_MAX_CHARS, required=False, allow_blank=True)
    distractor_3 = serializers.CharField(max_length=settings.OPTION_MAX_CHARS, required=False, allow_blank=True)
    spans = SpansField(required=False)
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True)


@extend_schema_field(ContentSerializer)
class ContentField(serializers.DictField):
    """Checked by `services.clean_draft`, as the page's content is."""


class RemarkSerializer(serializers.ModelSerializer):
    class Meta:
        model = Remark
        fields = ["field", "code", "comment", "at"]


class RevisionSerializer(serializers.ModelSerializer):
    spans = SpansField(read_only=True)
    remarks = RemarkSerializer(many=True, read_only=True)

    class Meta:
        model = Revision
        fields = ["id", "number", "submitted_at", *Revision.CONTENT_FIELDS, "remarks"]


def hidden_key_field():
    return serializers.CharField(read_only=True, allow_null=True)


class HidesKeys(serializers.ListSerializer):
    """A page of questions: one look for all of them whose key this person must not see yet."""

    def to_representation(self, data):
        rows = list(data)
        self.child.hidden = hidden_keys(self.context["request"].user, rows) if "request" in self.context else set()
        return super().to_representation(rows)


class QuestionSerializer(serializers.ModelSerializer):
    """A question. What would tell its key is null for somebody who may still be asked to answer it blind."""

    author = PersonSerializer(read_only=True)
    category = maybe_category()
    domain = serializers.ChoiceField(choices=[*DOMAINS.items(), ("", "")], read_only=True)
    spans = SpansField(read_only=True, allow_null=True)
    correct = hidden_key_field()
    distractor_1 = hidden_key_field()
    distractor_2 = hidden_key_field()
    distractor_3 = hidden_key_field()
    note = hidden_key_field()
    key_hidden = serializers.SerializerMethodField()

    KEY_FIELDS = (*OPTION_KEYS, "spans", "note")
    hidden = None

    class Meta:
        model = Question
        fields = [
            *"id clip author state version revision_number published_id domain key_hidden".split(),
            *Question.CONTENT_FIELDS,
            *"created_at saved_at submitted_at settled_at".split(),
        ]
        read_only_fields = fields
        list_serializer_class = HidesKeys

    def get_key_hidden(self, question) -> bool:
        if self.hidden is None:
            request = self.context.get("request")
            self.hidden = hidden_keys(request.user, [question]) if request else set()
        return question.pk in self.hidden

    def to_representation(self, question):
        shown = super().to_representation(question)
        return shown | dict.fromkeys(self.KEY_FIELDS) if shown["key_hidden"] else shown


class QuestionDetailSerializer(QuestionSerializer):
    revisions = RevisionSerializer(many=True, read_only=True)

    class Meta(QuestionSerializer.Meta):
        fields = [*QuestionSerializer.Meta.fields, "revisions"]
        read_only_fields = fields

    def to_representation(self, question):
        shown = super().to_representation(question)
        return shown | {"revisions": []} if shown["key_hidden"] else shown


# ---- Writing


class NextClipSerializer(serializers.Serializer):
    put_back = serializers.IntegerField(
        min_value=1, max_value=MAX_ID, required=False, help_text="A clip to give back first; it is not offered right away."
    )


class SaveSerializer(serializers.Serializer):
    version = serializers.IntegerField(min_value=0, max_value=MAX_VERSION)
    content = ContentField()


class SubmissionSerializer(SaveSerializer):
    client_key = serializers.UUIDField(help_text="Made up by you, once for each submission you mean.")


class AsideSerializer(serializers.Serializer):
    content = serializers.ChoiceField(choices=ASIDE)
    reason = serializers.CharField(max_length=REASON_MAX_CHARS, required=False, default="", allow_blank=True)

    def validate(self, given):
        if given["content"] == Clip.Content.UNUSABLE and not given["reason"]:
            raise serializers.ValidationError({"reason": _("Write in a few words why nobody can use this clip.")})
        return given


class SavedSerializer(serializers.ModelSerializer):
    question = serializers.IntegerField(source="pk")

    class Meta:
        model = Question
        fields = ["question", "version", "state", "saved_at"]


class SubmittedSerializer(serializers.ModelSerializer):
    revision = serializers.IntegerField(source="pk")

    class Meta:
        model = Revision
        fields = ["question", "revision", "number", "submitted_at"]


class WorkSerializer(serializers.Serializer):
    """One piece of work: the clip, your question about it if there is one, and why it came back if it did."""

    clip = ClipDetailSerializer()
    question = QuestionSerializer(allow_null=True)
    version = serializers.IntegerField(help_text="What the next save has to name.")
    remarks = RemarkSerializer(many=True)
    lease_s = serializers.IntegerField(allow_null=True, help_text="Null for returned work, which nobody else can take.")


class NextWorkSerializer(serializers.Serializer):
    work = WorkSerializer(allow_null=True)


def work_of(clip, question, remarks):
    returned = bool(question and question.state == Question.State.RETURNED)
    return {
        "clip": clip,
        "question": question,
        "version": question.version if question else 0,
        "remarks": remarks,
        "lease_s": None if returned else round(settings.LEASE_MINUTES * 60),
    }
