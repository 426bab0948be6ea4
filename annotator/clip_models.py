"""Clips: their story, prints and families, and what is known to be true of them."""

from fractions import Fraction

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.search import CLIP_TEXT
from annotator.taxonomy import CATEGORY_CHOICES
from studio.errors import Conflict
from studio.models import history
from studio.sentences import SentenceField


class WrongState(Conflict):
    """Somebody or something came first; the sentence says what happened and what to do."""


class ClipFamily(models.Model):
    """Clips that show the same, wholly or in part. Which ones: `Clip.family`, kept by qc/duplicates from its pairs."""

    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("clip family")
        verbose_name_plural = _("clip families")

    def __str__(self):
        return f"family {self.pk}"


class ClipQuerySet(models.QuerySet):
    def writable(self):
        """Clips a question may be written about."""
        return self.filter(state=Clip.State.READY, content__in=Clip.WRITABLE)

    def for_practice(self):
        """Clips people may practise on: what really happens in them is known, and nobody writes about them."""
        return self.filter(state=Clip.State.READY, purpose=Clip.Purpose.PRACTICE, truth__isnull=False)


@history("ClipEvent", exclude=["open_slots", "proxy", "poster", "filmstrip", "filmstrip_tiles", "filmstrip_columns"])
class Clip(models.Model):
    """A video and its story. Files are named by content, never by what somebody called them."""

    class State(models.TextChoices):
        INGESTING = "ingesting", _("Ingesting")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        TAKEN_DOWN = "taken_down", _("Taken down")

    class Content(models.TextChoices):
        UNCHECKED = "unchecked", _("Not checked yet")
        ACCEPTED = "accepted", _("Accepted")
        NOT_GAMEPLAY = "not_gameplay", _("Not gameplay")
        GIVES_AWAY = "gives_away", _("Face or caption gives it away")
        UNUSABLE = "unusable", _("Unusable")

    # What a question may be about
    WRITABLE = (Content.UNCHECKED, Content.ACCEPTED)

    class Purpose(models.TextChoices):
        BENCHMARK = "benchmark", _("Benchmark")
        TRAINING = "training", _("Training")
        PRACTICE = "practice", _("Practice")

    class Source(models.TextChoices):
        UPLOAD = "upload", _("Upload")
        FOLDER = "folder", _("Folder")
        CSV = "csv", _("CSV")
        PHYSGAME = "physgame", _("PhysGame format")
        GLITCHWORLD = "glitchworld", _("GlitchWorld")
        DEMO = "demo", _("Demo")
        REDDIT = "reddit", _("Reddit")
        YOUTUBE = "youtube", _("YouTube")
        LINK = "link", _("Link")

    # The story
    source = models.CharField(_("source"), max_length=12, choices=Source.choices)
    source_id = models.CharField(_("source id"), max_length=200, blank=True)
    title = models.CharField(_("title"), max_length=500, blank=True)
    text = models.TextField(_("text"), blank=True)
    permalink = models.CharField(_("permalink"), max_length=1000, blank=True)
    author = models.CharField(_("author"), max_length=200, blank=True)
    licence = models.CharField(_("licence"), max_length=200, blank=True)
    retrieved_at = models.DateTimeField(_("retrieved at"), default=timezone.now)
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices, default=Purpose.BENCHMARK)
    expected_category = models.CharField(_("expected category"), max_length=30, choices=CATEGORY_CHOICES, blank=True)
    brought_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    # The file as it came
    original_name = models.CharField(max_length=500, blank=True)
    original = models.CharField(max_length=120, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, unique=True)

    # What ingest made and measured; frames are counted from the proxy, frame n is shown at (n + 0.5) / fps seconds
    state = models.CharField(max_length=10, choices=State.choices, default=State.INGESTING)
    failure = SentenceField(blank=True)
    content = models.CharField(max_length=12, choices=Content.choices, default=Content.UNCHECKED)
    proxy = models.CharField(max_length=120, blank=True)
    poster = models.CharField(max_length=120, blank=True)
    filmstrip = models.CharField(max_length=120, blank=True)
    filmstrip_tiles = models.PositiveSmallIntegerField(default=0)
    filmstrip_columns = models.PositiveSmallIntegerField(default=0)
    fps_num = models.PositiveIntegerField(default=0)
    fps_den = models.PositiveIntegerField(default=1)
    frame_count = models.PositiveIntegerField(default=0)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    has_audio = models.BooleanField(default=False)

    # The first and last frame that are kept of the original, counted on the proxy of the whole of it; none: all are
    cut_first = models.PositiveIntegerField(_("cut: first frame"), null=True)
    cut_last = models.PositiveIntegerField(_("cut: last frame"), null=True)

    family = models.ForeignKey(
        ClipFamily, null=True, on_delete=models.SET_NULL, related_name="clips", verbose_name=_("clip family")
    )

    # Places for writers that are still free; taking one is a guarded UPDATE (annotator/queue.py)
    open_slots = models.SmallIntegerField(default=0)

    objects = ClipQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="ready") | Q(frame_count__gt=0, fps_num__gt=0, fps_den__gt=0) & ~Q(proxy=""),
                name="ready_clip_has_proxy_and_frames",
            ),
            models.CheckConstraint(condition=Q(open_slots__gte=0), name="clip_slots_never_negative"),
            models.CheckConstraint(
                condition=Q(cut_first__isnull=True, cut_last__isnull=True) | Q(cut_first__lte=F("cut_last")),
                name="clip_is_cut_at_both_ends_or_none",
                violation_error_message=_("A cut needs a first frame and a last one, in this order."),
            ),
            models.UniqueConstraint(
                fields=["source", "source_id"], condition=~Q(source_id=""), name="one_clip_per_source_id"
            ),
        ]
        indexes = [
            models.Index(
                fields=["expected_category", "id"],
                condition=Q(open_slots__gt=0, state="ready", content__in=["unchecked", "accepted"]),
                name="clip_to_write",
            ),
            models.Index(
                fields=["id"],
                condition=Q(open_slots__gt=0, state="ready", content__in=["unchecked", "accepted"]),
                name="clip_to_write_oldest",
            ),
            models.Index(fields=["state", "-id"], name="clip_state"),
            models.Index(fields=["content", "-id"], name="clip_content"),
            models.Index(fields=["purpose", "-id"], name="clip_purpose"),
            models.Index(fields=["source", "-id"], name="clip_source"),
            models.Index(fields=["expected_category", "-id"], name="clip_category"),
            GinIndex(CLIP_TEXT, name="clip_text"),
            models.Index(fields=["id"], condition=Q(state="ready", content="unchecked"), name="clip_to_check"),
        ]
        triggers = [
            # Which side a clip is on may not change so that its family lies on both. That a family is found to lie on both
            # already is allowed, and said: exports refuse it (annotator/families.py).
            pgtrigger.Trigger(
                name="families_keep_to_one_side",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("purpose", "content"),
                condition=pgtrigger.Q(new__family__isnull=False)
                & pgtrigger.Q(new__purpose__in=["benchmark", "training"])
                & pgtrigger.Q(new__content__in=["unchecked", "accepted"])
                & (
                    pgtrigger.Q(old__purpose__df=pgtrigger.F("new__purpose"))
                    | pgtrigger.Q(old__content__df=pgtrigger.F("new__content"))
                ),
                func="""
                    PERFORM 1 FROM annotator_clipfamily f WHERE f.id = NEW.family_id FOR UPDATE;
                    IF EXISTS (SELECT 1 FROM annotator_clip c WHERE c.family_id = NEW.family_id AND c.id <> NEW.id
                               AND c.purpose IN ('benchmark', 'training') AND c.purpose <> NEW.purpose
                               AND c.content IN ('unchecked', 'accepted')) THEN
                        RAISE EXCEPTION 'A clip family cannot be for the benchmark and for training.'
                            USING ERRCODE = 'check_violation', CONSTRAINT = 'families_keep_to_one_side';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    @property
    def cut(self):
        """(first, last) frame of the whole source that are kept, or None."""
        return None if self.cut_first is None else (self.cut_first, self.cut_last)

    @property
    def fps(self):
        """Frames a second as an exact Fraction."""
        return Fraction(self.fps_num, self.fps_den)

    @property
    def duration_s(self):
        return float(self.frame_count / self.fps) if self.fps_num else 0.0

    @property
    def name(self):
        """What to call the clip in lists: its title, else its file name."""
        return self.title or self.original_name or gettext("Clip %(id)s") % {"id": self.pk}

    def get_absolute_url(self):
        return reverse("clip", args=[self.pk])

    def __str__(self):
        return f"clip {self.pk}"


class Fingerprint(models.Model):
    """What a clip looks like (annotator/ingest/fingerprint.py). Made anew it gets a new id; ids become visible in order."""

    clip = models.OneToOneField(Clip, on_delete=models.CASCADE, related_name="fingerprint")
    version = models.PositiveSmallIntegerField()
    hashes = models.BinaryField(help_text="64 bytes a frame, four frames a second: the whole frame and its inner part.")
    quality = models.BinaryField(help_text="One byte a frame, 0 to 100.")
    keys = models.BinaryField(help_text="Codes of 16 bytes, which the index searches by.")
    compared_at = models.DateTimeField(null=True, help_text="When it was compared with all others.")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(compared_at=None), name="fingerprint_to_compare")]

    def __str__(self):
        return f"fingerprint of clip {self.clip_id}"


class ClipNote(models.Model):
    """A line in a clip's story that nobody edits: brought again, reported unusable, taken down."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="notes")
    text = SentenceField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]


class Truth(models.Model):
    """What really happens in a clip that GlitchWorld made; never changed. Leads see it, and whoever has practised on it."""

    clip = models.OneToOneField(Clip, primary_key=True, on_delete=models.CASCADE, related_name="truth")
    row = models.JSONField(help_text="A line of truth.jsonl (annotator/glitchworld/truth.py), boxes included.")
    question = models.JSONField(null=True, help_text="GlitchWorld's own question: {stem, options, answer_index}.")
    # Out of `row`, so that lists need not read the boxes of every frame. Empty where nothing is wrong.
    category = models.CharField(max_length=30, choices=CATEGORY_CHOICES, blank=True)
    sub_label = models.CharField(max_length=60, blank=True)
    spans = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-clip_id"]
        triggers = [pgtrigger.Protect(name="truths_never_change", operation=pgtrigger.Update)]

    def __str__(self):
        return f"truth of clip {self.clip_id}"
