"""Counts that are kept, so that no page counts: what is known of each question, sums of it, and each person's days.

Database triggers (qc/migrations) put a `CountMark` beside every change that could move a count. Marks are only ever added
by those who work, so nobody waits for anybody; `counting.catch_up` takes them away and counts anew what they name.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotator.models import Question


class CountMark(models.Model):
    """Something changed: count this question anew, or this person's day. Added by triggers, never by code."""

    question_id = models.BigIntegerField(null=True)
    person_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(null=True, help_text="A moment in the person's day.")


class FactsColumns(models.Model):
    """What the funnel and the lists ask about a question."""

    class Gate(models.TextChoices):
        """Whether an approved question would be exported, and what keeps it out; empty while it is not approved."""

        IN = "in", _("Exportable")
        LEAK = "leak", _("Held back: leak check")
        CLIP = "clip", _("Held back: clip not accepted")

    state = models.CharField(max_length=10, choices=Question.State.choices)
    category = models.CharField(max_length=30, blank=True)
    purpose = models.CharField(max_length=10)
    leak = models.CharField(max_length=10, blank=True, help_text="Standing of the last revision; empty before the first.")
    gate = models.CharField(max_length=10, choices=Gate.choices, blank=True)

    COLUMNS = ("state", "category", "purpose", "leak", "gate")

    class Meta:
        abstract = True


class QuestionFacts(FactsColumns):
    """One question, as it was when it was last counted."""

    question = models.OneToOneField(
        Question, primary_key=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="facts"
    )

    class Meta:
        indexes = [
            models.Index(fields=["leak", "-question"], name="facts_leak"),
            models.Index(fields=["state", "leak", "-question"], name="facts_state_leak"),
            models.Index(fields=["gate", "-question"], condition=~models.Q(gate=""), name="facts_gate"),
            models.Index(fields=["purpose", "state", "-question"], name="facts_purpose"),
        ]


class QuestionTally(FactsColumns):
    """How many questions have these facts in common."""

    n = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=FactsColumns.COLUMNS, name="one_tally_for_the_same_facts"),
        ]


class PersonDay(models.Model):
    """What one person did on one day in the Studio's time zone, and what was found that day about what they wrote."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, db_constraint=False, related_name="days"
    )
    day = models.DateField()
    submissions = models.IntegerField(default=0)
    reviews = models.IntegerField(default=0, help_text="Verdicts that stand.")
    write_s = models.IntegerField(default=0, help_text="Active seconds before submissions.")
    review_s = models.IntegerField(default=0, help_text="Active seconds before blind answers and verdicts.")
    blind = models.IntegerField(default=0)
    blind_right = models.IntegerField(default=0)
    # Of two standing verdicts on one revision; counted for the later reviewer
    both_approve = models.IntegerField(default=0)
    both_doubt = models.IntegerField(default=0)
    differ = models.IntegerField(default=0)
    # Verdicts of leak checks on revisions this person wrote
    leak_clear = models.IntegerField(default=0)
    leak_unsure = models.IntegerField(default=0)
    leak_leaky = models.IntegerField(default=0)

    COUNTS = (
        *("submissions", "reviews", "write_s", "review_s", "blind", "blind_right"),
        *("both_approve", "both_doubt", "differ", "leak_clear", "leak_unsure", "leak_leaky"),
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "person"], name="one_row_for_a_persons_day")]


class CountState(models.Model):
    """The last time everything was counted from the rows themselves, and how far the kept counts were off. One row."""

    recounted_at = models.DateTimeField()
    drift = models.IntegerField(help_text="Kept counts that were wrong.")
    seconds = models.FloatField()
    zone = models.CharField(max_length=64, help_text="Time zone of the days; after a change all is counted anew.")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_state_of_counting")]
