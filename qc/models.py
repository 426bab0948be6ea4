"""What people say about a revision: the blind answer, the verdict, and a lead's decision where verdicts disagree.

All rows are immutable. The database itself refuses a reviewer who is the author.
"""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import OPTION_KEYS, Question, Remark, Revision
from studio.models import history


def _never_by_the_author(column):
    """Trigger: whoever fills `column` is not the author of the revision."""
    return pgtrigger.Trigger(
        name=f"{column}_is_never_the_author",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            IF EXISTS (SELECT 1 FROM annotator_revision r
                       WHERE r.id = NEW.revision_id AND r.author_id = NEW.{column}_id) THEN
                RAISE EXCEPTION 'The author of a question cannot review it.' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


class BlindAnswer(models.Model):
    """Step 1 of a review: what the reviewer answered before the key was shown."""

    class Answer(models.TextChoices):
        CORRECT = "correct", _("the correct option")
        DISTRACTOR_1 = "distractor_1", _("distractor 1")
        DISTRACTOR_2 = "distractor_2", _("distractor 2")
        DISTRACTOR_3 = "distractor_3", _("distractor 3")
        TWO_FIT = "two_fit", _("two fit")
        NONE_FITS = "none_fits", _("none fits")
        CANNOT_TELL = "cannot_tell", _("cannot tell")

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="blind_answers")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    answer = models.CharField(max_length=12, choices=Answer.choices)
    watched_s = models.FloatField(help_text="Seconds of the clip played before answering.")
    seconds = models.FloatField(default=0, help_text="Seconds from seeing the options to answering.")
    answered_at = models.DateTimeField(default=timezone.now)
    gold = models.ForeignKey("qc.GoldItem", null=True, on_delete=models.PROTECT, related_name="answers")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["revision", "reviewer"], name="one_blind_answer_per_reviewer"),
        ]
        indexes = [
            models.Index(fields=["reviewer", "answered_at"], name="blind_answer_of_a_day"),
            models.Index(fields=["reviewer", "answered_at"], condition=Q(gold__isnull=False), name="blind_answer_gold"),
        ]
        triggers = [
            pgtrigger.Protect(name="blind_answers_never_change", operation=pgtrigger.Update),
            _never_by_the_author("reviewer"),
            pgtrigger.Trigger(
                name="gold_answer_is_about_its_gold_item",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NEW.gold_id IS NOT NULL AND NOT EXISTS (
                        SELECT 1 FROM qc_golditem g WHERE g.id = NEW.gold_id AND g.revision_id = NEW.revision_id) THEN
                        RAISE EXCEPTION 'A gold answer is about the revision of its gold item.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    @property
    def is_right(self):
        return self.answer == self.Answer.CORRECT

    @property
    def names_an_option(self):
        return self.answer in OPTION_KEYS


class RealReviews(models.Manager):
    """Reviews of questions that waited for one. What people said about gold items measures them, not the question."""

    def get_queryset(self):
        return super().get_queryset().filter(gold=None)


@history("ReviewEvent", fields=["revision", "reviewer", "verdict", "undone_at"])
class Review(models.Model):
    """Step 2: the verdict. Immutable but for `undone_at`, which its reviewer may set once while nothing has followed."""

    class Verdict(models.TextChoices):
        APPROVE = "approve", _("Approve")
        RETURN = "return", _("Return")
        REJECT = "reject", _("Reject for good")

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    blind_answer = models.ForeignKey(BlindAnswer, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    reasons = models.JSONField(default=list, help_text="[{field, code}, ...] for a return or rejection.")
    comment = models.TextField(blank=True, max_length=2000)
    client_key = models.UUIDField(unique=True)
    ruled_at = models.DateTimeField(default=timezone.now)
    undone_at = models.DateTimeField(null=True)
    gold = models.ForeignKey("qc.GoldItem", null=True, on_delete=models.PROTECT, related_name="reviews")

    objects = RealReviews()
    with_gold = models.Manager()  # for what a reviewer sees of their own work, where gold items look like all others

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "reviewer"], condition=Q(undone_at__isnull=True), name="one_review_per_reviewer"
            ),
        ]
        indexes = [
            models.Index(fields=["reviewer", "-id"], name="review_mine"),
            models.Index(fields=["reviewer", "ruled_at"], name="review_of_a_day"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="reviews_never_change", exclude=["undone_at"]),
            _never_by_the_author("reviewer"),
            pgtrigger.Trigger(
                name="review_is_gold_as_its_answer_is",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NEW.gold_id IS DISTINCT FROM (
                        SELECT b.gold_id FROM qc_blindanswer b WHERE b.id = NEW.blind_answer_id) THEN
                        RAISE EXCEPTION 'A review is about a gold item exactly if its blind answer is.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    @property
    def told_state(self):
        """The state its reviewer is told the question has; of a gold item, the one their verdict would have led to."""
        if self.gold_id is None:
            return self.revision.question.state
        states = {self.Verdict.APPROVE: Question.State.APPROVED, self.Verdict.RETURN: Question.State.RETURNED}
        return states.get(self.verdict, Question.State.REJECTED)

    @property
    def reasons_in_words(self):
        """[(field, code, comment), ...] as people read them."""
        fields, codes = dict(Remark.FIELD_CHOICES), dict(Remark.Code.choices)
        return [
            (fields.get(reason["field"], ""), codes.get(reason["code"], ""), reason.get("comment", ""))
            for reason in self.reasons
        ]


class Adjudication(models.Model):
    """A lead's decision on a revision whose reviewers disagree."""

    revision = models.OneToOneField(Revision, on_delete=models.CASCADE, related_name="adjudication")
    lead = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    decision = models.CharField(max_length=8, choices=Review.Verdict.choices)
    comment = models.TextField(max_length=2000)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        triggers = [
            pgtrigger.Protect(name="adjudications_never_change", operation=pgtrigger.Update),
            _never_by_the_author("lead"),
            pgtrigger.Trigger(
                name="lead_is_never_the_reviewer",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (SELECT 1 FROM qc_review v WHERE v.revision_id = NEW.revision_id
                               AND v.reviewer_id = NEW.lead_id AND v.undone_at IS NULL) THEN
                        RAISE EXCEPTION 'A reviewer of a question cannot adjudicate it.' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]


from qc.baseline.models import BaselineRun, BaselineScore  # noqa: E402, F401 -- belong to this app
from qc.dashboard.models import CountMark, CountState, PersonDay, QuestionFacts, QuestionTally  # noqa: E402, F401 -- likewise
from qc.duplicates.models import DuplicatePair  # noqa: E402, F401 -- likewise
from qc.leak_models import LeakAnswer, LeakCheck, LeakProbe, LeakWaiver  # noqa: E402, F401 -- belong to this app
from qc.people_models import AgreementReport, GoldItem, ItemStats  # noqa: E402, F401
