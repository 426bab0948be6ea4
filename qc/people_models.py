"""What is known about reviewers and their answers: gold items, counts for each question, stored agreement reports."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Question, Revision


class GoldItem(models.Model):
    """An approved revision whose answer is taken for known, shown to reviewers among their work to measure them."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="gold_items")
    promoted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    promoted_at = models.DateTimeField(default=timezone.now)
    retired_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["revision"], condition=Q(retired_at__isnull=True), name="one_gold_item_of_a_revision_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True, retired_by__isnull=True)
                | Q(retired_at__isnull=False, retired_by__isnull=False),
                name="gold_item_is_retired_by_somebody",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="gold_items_only_retire", exclude=["retired_by", "retired_at"]),
            pgtrigger.Trigger(
                name="gold_items_are_unanimous",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM annotator_revision r JOIN annotator_question q ON q.id = r.question_id
                        WHERE r.id = NEW.revision_id AND q.state = 'approved' AND q.revision_number = r.number
                          AND NEW.promoted_by_id NOT IN (q.author_id, r.author_id)
                          AND EXISTS (SELECT 1 FROM qc_review v WHERE v.revision_id = r.id AND v.undone_at IS NULL
                                      AND v.gold_id IS NULL)
                          AND NOT EXISTS (SELECT 1 FROM qc_review v WHERE v.revision_id = r.id AND v.undone_at IS NULL
                                          AND v.gold_id IS NULL AND v.verdict <> 'approve')
                          AND NOT EXISTS (SELECT 1 FROM qc_blindanswer b WHERE b.revision_id = r.id
                                          AND b.gold_id IS NULL AND b.answer <> 'correct')
                          AND NOT EXISTS (SELECT 1 FROM qc_adjudication a WHERE a.revision_id = r.id)) THEN
                        RAISE EXCEPTION 'Only what everybody answered right and approved becomes a gold item.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    @property
    def active(self):
        return self.retired_at is None

    def __str__(self):
        return f"gold item {self.pk}"


class ItemStats(models.Model):
    """Blind answers to the present wording of a question, counted so that lists can be narrowed by what they say."""

    question = models.OneToOneField(Question, primary_key=True, on_delete=models.CASCADE, related_name="item_stats")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="+", help_text="Whose wording is meant.")
    answers = models.PositiveIntegerField(default=0)
    correct = models.PositiveIntegerField(default=0)
    distractor_1 = models.PositiveIntegerField(default=0)
    distractor_2 = models.PositiveIntegerField(default=0)
    distractor_3 = models.PositiveIntegerField(default=0)
    two_fit = models.PositiveIntegerField(default=0)
    none_fits = models.PositiveIntegerField(default=0)
    cannot_tell = models.PositiveIntegerField(default=0)
    key_suspect = models.BooleanField(default=False)
    two_fit_alarm = models.BooleanField(default=False)
    dead_distractor = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    answers=models.F("correct")
                    + models.F("distractor_1")
                    + models.F("distractor_2")
                    + models.F("distractor_3")
                    + models.F("two_fit")
                    + models.F("none_fits")
                    + models.F("cannot_tell")
                ),
                name="item_counts_add_up",
            ),
        ]
        indexes = [
            models.Index(fields=["-question"], condition=Q(**{name: True}), name=f"item_{name}")
            for name in ("key_suspect", "two_fit_alarm", "dead_distractor")
        ]


class AgreementReport(models.Model):
    """Agreement over one span of time as it was computed once; the newest of its kind is shown."""

    class Basis(models.TextChoices):
        VERDICTS = "verdicts", _("Verdicts")
        BLIND = "blind", _("Blind answers")
        GOLD = "gold", _("Verdicts on gold items")

    basis = models.CharField(max_length=8, choices=Basis.choices)
    span = models.CharField(max_length=24, help_text="30, 90, 365, all, or first_last day.")
    figures = models.JSONField(help_text="qc/agreement/report.py says what it holds.")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["basis", "span", "-id"], name="agreement_newest")]
