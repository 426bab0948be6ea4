"""Frozen question sets: the questions as they were when a model was first measured on them. A set never changes."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class QuestionSet(models.Model):
    """Questions as they were when first measured. `sha256` is that of all its records, so the same set is stored once."""

    class Benchmark(models.TextChoices):
        PHYSGAME = "physgame", "PhysGame"
        VIDEO_MME = "video-mme", "Video-MME"
        VCG = "vcg", "VCG"

    class Origin(models.TextChoices):
        RELEASE = "release", _("Release")
        FOLDER = "folder", _("Folder")
        GLITCHWORLD = "glitchworld", _("GlitchWorld")

    name = models.CharField(_("name"), max_length=120, unique=True)
    benchmark = models.CharField(max_length=10, choices=Benchmark.choices, default=Benchmark.PHYSGAME)
    origin = models.CharField(max_length=12, choices=Origin.choices)
    release = models.ForeignKey("modelzoo.Release", null=True, on_delete=models.PROTECT, related_name="question_sets")
    sha256 = models.CharField(max_length=64, unique=True)
    questions_count = models.PositiveIntegerField()
    is_whole = models.BooleanField(default=True, help_text="False where only some questions of its source were taken.")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = [
            pgtrigger.Protect(name="question_sets_never_change", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="question_sets_are_stored_whole",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                func="""
                    IF NEW.questions_count = 0 OR NEW.questions_count <> (
                        SELECT count(*) FROM modelzoo_setquestion q WHERE q.question_set_id = NEW.id) THEN
                        RAISE EXCEPTION 'A question set is stored whole or not at all.' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self):
        return self.name


class SetQuestion(models.Model):
    """One question of a set. Open questions (VCG) have no options but a reference answer, and maybe a second wording."""

    ASPECTS = {"generic": ("CI", "DO", "CU"), "temporal": ("TU",), "consistency": ("CO",)}

    question_set = models.ForeignKey(QuestionSet, on_delete=models.PROTECT, related_name="questions")
    number = models.PositiveIntegerField(help_text="Its place, from 0.")
    row_id = models.CharField(max_length=200, help_text="The question_id of its files.")
    clip_name = models.CharField(max_length=200, help_text="The clip's name in its files.")
    clip_sha256 = models.CharField(max_length=64, blank=True)
    clip = models.ForeignKey(
        "annotator.Clip", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", db_index=False
    )
    question = models.ForeignKey(
        "annotator.Question", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", db_index=False
    )
    family = models.CharField(max_length=80, help_text="Questions of one family are no independent observations.")
    domain = models.CharField(max_length=60)
    category = models.CharField(max_length=60)
    part = models.CharField(max_length=20, blank=True, help_text="Length of the video, or set of VCG.")
    stem = models.TextField()
    options = ArrayField(models.TextField(), default=list, help_text="In the order of their letters.")
    option_categories = ArrayField(
        models.CharField(max_length=60), default=list, help_text="Of what each option claims; empty where it is unknown."
    )
    answer = models.CharField(max_length=1, blank=True)
    second_stem = models.TextField(blank=True)
    reference = models.TextField(blank=True)
    fps = models.FloatField(null=True)
    spans_s = models.JSONField(default=list, help_text="[[from, to], ...] in seconds; empty where nobody marked it.")
    strength = models.FloatField(null=True, help_text="Of a GlitchWorld glitch, 0 subtle to 1 blatant.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["question_set", "number"], name="one_question_at_each_place_of_a_set"),
            models.UniqueConstraint(fields=["question_set", "row_id"], name="question_ids_of_a_set_differ"),
            models.CheckConstraint(
                condition=Q(answer__in=["A", "B", "C", "D"], reference="") | Q(answer="") & ~Q(reference=""),
                name="set_question_has_a_key_or_a_reference",
            ),
            models.CheckConstraint(
                condition=Q(option_categories__len=0) | Q(option_categories__len=4, options__len=4),
                name="categories_of_all_options_or_of_none",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="set_questions_never_change", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    @property
    def by_letter(self):
        return dict(zip("ABCD", self.options, strict=False))

    @property
    def aspects(self):
        """In which aspects a judge scores the answer; () for a question with a key."""
        return () if self.answer else self.ASPECTS.get(self.part, ())

    @property
    def right_text(self):
        return self.by_letter.get(self.answer, self.reference)

    def __str__(self):
        return self.row_id
