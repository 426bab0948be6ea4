"""Releases and the ledger of splits. What is sealed never changes: PostgreSQL refuses, whoever asks.

A release is written in one transaction, so a killed one leaves nothing. Takedowns are marks beside a release, not changes
of it. Clips and questions are named without a foreign key of the database: they may go, what was sealed stays.
"""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio.sentences import SentenceField


class _HexSha256(Func):
    """Lower-case SHA-256 of a text in UTF-8, as PostgreSQL works it out."""

    template = "encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"
    output_field = models.CharField()


def _frozen(name):
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


def _only_while_building(name):
    """Trigger: nothing is added to a sealed release."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func="""
            IF NOT EXISTS (SELECT 1 FROM modelzoo_release r WHERE r.id = NEW.release_id AND r.state = 'building') THEN
                RAISE EXCEPTION 'A sealed release takes no more rows.' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


class ReleaseQuerySet(models.QuerySet):
    def for_lists(self):
        """Without what only a release's own page shows."""
        return self.select_related("sealed_by").defer("card", "facts", "filters")


class Release(models.Model):
    """A sealed set. `number` counts the releases of its kind; `sha256` is that of its list of row ids and row hashes."""

    class Kind(models.TextChoices):
        BENCHMARK = "benchmark", _("Benchmark")
        INSTRUCT = "instruct", _("PhysInstruct")
        PREFERENCE = "preference", _("PhysDPO")

    class Split(models.TextChoices):
        TRAIN = "train", _("Train")
        VAL = "val", _("Validation")
        TEST = "test", _("Test")

    class State(models.TextChoices):
        BUILDING = "building", _("Being sealed")
        SEALED = "sealed", _("Sealed")

    name = models.CharField(_("name"), max_length=60, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    number = models.PositiveIntegerField(_("number"))
    split = models.CharField(_("split"), max_length=5, choices=Split.choices)
    state = models.CharField(max_length=8, choices=State.choices, default=State.BUILDING)
    filters = models.JSONField(default=dict, help_text="What was asked for: modelzoo.releases.content.Filters.")
    previous = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    sealed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    sealed_at = models.DateTimeField(default=timezone.now)

    rows_count = models.PositiveIntegerField(default=0)
    clips_count = models.PositiveIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    facts = models.JSONField(default=dict, help_text="Figures of its page and card.")
    card = models.TextField(blank=True, help_text="README.md of its exports, without the list of files.")
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "number"], name="release_numbers_differ"),
            models.CheckConstraint(
                condition=Q(kind="benchmark", split__in=["val", "test"])
                | ~Q(kind="benchmark") & Q(split__in=["train", "val"]),
                name="releases_have_a_split_of_their_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="building") | Q(rows_count__gt=0) & ~Q(sha256=""), name="sealed_release_has_rows_and_hash"
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="sealed_releases_never_change",
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__state="sealed"),
            ),
            pgtrigger.Trigger(
                name="releases_are_stored_sealed",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                func="""
                    IF EXISTS (SELECT 1 FROM modelzoo_release r WHERE r.id = NEW.id AND r.state <> 'sealed') THEN
                        RAISE EXCEPTION 'A release is stored whole or not at all.' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    @property
    def purpose(self):
        return "benchmark" if self.kind == self.Kind.BENCHMARK else "training"

    def get_absolute_url(self):
        return reverse("release", args=[self.pk])

    def __str__(self):
        return self.name


class SplitClaim(models.Model):
    """The ledger: `key` is a clip ("sha256:...") or a clip family ("family:..."), in one split of one purpose for ever."""

    key = models.CharField(max_length=80, unique=True)
    purpose = models.CharField(max_length=10)
    split = models.CharField(max_length=5, choices=Release.Split.choices)
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="claims", help_text="The first one.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose="benchmark", split__in=["val", "test"])
                | Q(purpose="training", split__in=["train", "val"]),
                name="claims_have_a_split_of_their_purpose",
            )
        ]
        triggers = [_frozen("claims_never_change")]


class ReleaseClip(models.Model):
    """A clip as it was when the release was sealed; `file` is what exports copy."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="clips")
    clip = models.ForeignKey("annotator.Clip", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    sha256 = models.CharField(max_length=64, help_text="Of the file as it came.")
    family = models.CharField(max_length=60, blank=True)
    file = models.CharField(max_length=120, help_text="Name in the storage.")
    file_sha256 = models.CharField(max_length=64)
    file_bytes = models.BigIntegerField()
    length_s = models.FloatField()
    source = models.CharField(max_length=12)
    source_id = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=500, blank=True)
    author = models.CharField(max_length=200, blank=True)
    permalink = models.CharField(max_length=1000, blank=True)
    licence = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "clip"], name="one_row_per_clip_of_a_release"),
        ]
        triggers = [
            _frozen("released_clips_never_change"),
            _only_while_building("sealed_releases_take_no_clip"),
            pgtrigger.Trigger(
                name="released_clips_are_claimed",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (
                        SELECT 1 FROM modelzoo_release r
                        CROSS JOIN unnest(CASE WHEN NEW.family = '' THEN ARRAY['sha256:' || NEW.sha256]
                                          ELSE ARRAY['sha256:' || NEW.sha256, 'family:' || NEW.family] END) wanted
                        LEFT JOIN modelzoo_splitclaim c ON c.key = wanted AND c.split = r.split
                             AND c.purpose = CASE r.kind WHEN 'benchmark' THEN 'benchmark' ELSE 'training' END
                        WHERE r.id = NEW.release_id AND c.id IS NULL
                    ) THEN
                        RAISE EXCEPTION 'A clip and its family are in one split of one purpose.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
        indexes = [models.Index(fields=["sha256"], name="released_clip_by_hash")]


class ReleaseRowQuerySet(models.QuerySet):
    def made_of(self, question_id):
        """Rows that are this question, or were made of it alone or with others."""
        return self.filter(Q(question=question_id) | Q(questions__contains=[question_id]))


class ReleaseRow(models.Model):
    """One record of a release as canonical JSON with its SHA-256. `row_id` stays with a question or pair for good."""

    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="rows")
    number = models.PositiveIntegerField(help_text="Its place, from 0.")
    row_id = models.CharField(max_length=200)
    released_clip = models.ForeignKey(ReleaseClip, on_delete=models.PROTECT, related_name="rows", db_index=False)
    question = models.ForeignKey(
        "annotator.Question", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    revision_number = models.PositiveSmallIntegerField(null=True)
    questions = ArrayField(
        models.BigIntegerField(), default=list, help_text="Those it was made of, where there are several; `question` is one."
    )
    category = models.CharField(max_length=30, blank=True)
    record = models.TextField()
    sha256 = models.CharField(max_length=64)

    objects = ReleaseRowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "row_id"], name="row_ids_of_a_release_differ"),
            models.UniqueConstraint(fields=["release", "number"], name="one_row_at_each_place_of_a_release"),
            models.CheckConstraint(condition=Q(sha256=_HexSha256(F("record"))), name="row_hash_is_of_its_record"),
        ]
        indexes = [GinIndex(fields=["questions"], name="released_row_questions")]
        triggers = [_frozen("released_rows_never_change"), _only_while_building("sealed_releases_take_no_row")]


class Takedown(models.Model):
    """A mark: this clip may not be passed on any more. Exports leave its rows out; runs that used it show the mark."""

    clip_sha256 = models.CharField(max_length=64, unique=True)
    reason = SentenceField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = [_frozen("takedowns_never_change")]


class ForeignBenchmark(models.Model):
    """A benchmark of others that training data must not touch."""

    name = models.CharField(max_length=80, unique=True)
    folder = models.CharField(max_length=1000)
    added_at = models.DateTimeField(default=timezone.now)


class ForeignClip(models.Model):
    """A video of a foreign benchmark, known by its hash and, where it can be decoded, by what it looks like."""

    benchmark = models.ForeignKey(ForeignBenchmark, on_delete=models.CASCADE, related_name="clips")
    path = models.CharField(max_length=1000)
    sha256 = models.CharField(max_length=64)
    version = models.PositiveSmallIntegerField(default=0, help_text="Of its print, as of annotator.Fingerprint; 0: none.")
    hashes = models.BinaryField(default=bytes)
    quality = models.BinaryField(default=bytes)
    keys = models.BinaryField(default=bytes)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["benchmark", "path"], name="one_row_per_foreign_video")]
        indexes = [models.Index(fields=["sha256"], name="foreign_clip_by_hash")]


class RunRelease(models.Model):
    """A run was trained on a release; `sha256` is what the run itself says it froze."""

    run = models.ForeignKey("modelzoo.TrainingRun", on_delete=models.CASCADE, related_name="trained_on")
    release = models.ForeignKey(Release, on_delete=models.PROTECT, related_name="used_by")
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "release"], name="one_line_per_run_and_release")]
