"""What text-only models answered to a revision, what that was judged to mean, and a lead's waiver."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import OPTION_KEYS, Remark, Revision
from studio.sentences import SentenceField

_KEYS = [(key, dict(Remark.FIELD_CHOICES)[key]) for key in OPTION_KEYS]


class LeakCheck(models.Model):
    """One try to answer a revision from its text alone. Several may be made of one revision; the last verdict counts."""

    class State(models.TextChoices):
        CHECKING = "checking", _("Checking")
        CLEAR = "clear", _("Clear")
        LEAKY = "leaky", _("Leaky")
        UNSURE = "unsure", _("Unsure")
        FAILED = "failed", _("Failed")

    VERDICTS = (State.CLEAR, State.LEAKY, State.UNSURE)

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="leak_checks")
    state = models.CharField(max_length=8, choices=State.choices, default=State.CHECKING)
    rule = models.CharField(max_length=20)
    endpoints = ArrayField(models.CharField(max_length=80), help_text="Names of the models it asks.")
    current = models.BooleanField(default=False, help_text="The verdict that counts for its revision.")
    reason = SentenceField(blank=True, help_text="Why this verdict, or why it failed.")
    job = models.ForeignKey("studio.Job", null=True, on_delete=models.SET_NULL, related_name="leak_checks")
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["revision"], condition=Q(state="checking"), name="one_leak_check_of_a_revision_at_a_time"
            ),
            models.UniqueConstraint(
                fields=["revision"], condition=Q(current=True), name="one_leak_verdict_counts_for_a_revision"
            ),
            models.CheckConstraint(
                condition=Q(current=False) | Q(state__in=["clear", "leaky", "unsure"]), name="only_leak_verdicts_count"
            ),
        ]
        indexes = [
            models.Index(fields=["job", "state"], name="leak_check_job"),
            models.Index(fields=["state", "-id"], condition=Q(current=True), name="leak_check_verdicts"),
            models.Index(fields=["finished_at"], condition=Q(finished_at__isnull=False), name="leak_check_of_a_day"),
        ]

    @property
    def is_verdict(self):
        return self.state in self.VERDICTS

    def __str__(self):
        return f"leak check {self.pk} of {self.revision_id}"


class LeakProbe(models.Model):
    """The same question asked once more with one option dropped or one phrase replaced: what gives it away?"""

    class Kind(models.TextChoices):
        DROP = "drop", _("Drop an option")
        REPLACE = "replace", _("Replace a phrase")

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="leak_probes")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    field = models.CharField(max_length=20, choices=[*_KEYS, ("stem", _("question"))])
    phrase = models.CharField(max_length=300, blank=True)
    replacement = models.CharField(max_length=300, blank=True)
    endpoints = ArrayField(models.CharField(max_length=80))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey("studio.Job", null=True, on_delete=models.SET_NULL, related_name="leak_probes")
    error = SentenceField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]


class LeakAnswer(models.Model):
    """What one model said to one arrangement of the options; `option` is content, never a letter, "" for no answer."""

    class Kind(models.TextChoices):
        ROTATION = "rotation", _("rotation")
        OPTIONS_ONLY = "options_only", _("options only")

    check_made = models.ForeignKey(LeakCheck, null=True, on_delete=models.CASCADE, related_name="answers")
    probe = models.ForeignKey(LeakProbe, null=True, on_delete=models.CASCADE, related_name="answers")
    call = models.ForeignKey("studio.LLMCall", on_delete=models.PROTECT, related_name="+")
    endpoint = models.CharField(max_length=80)
    family = models.CharField(max_length=80)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    number = models.PositiveSmallIntegerField(help_text="Which rotation, from 0.")
    order = ArrayField(models.CharField(max_length=12), help_text="Option keys in letter order, as they were asked.")
    option = models.CharField(max_length=12, blank=True, choices=_KEYS)
    no_answer = models.CharField(max_length=20, blank=True, help_text="Why the reply is no answer (studio/replies.py).")

    class Meta:
        ordering = ["endpoint", "kind", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["check_made", "endpoint", "kind", "number"], name="one_leak_answer_for_each_arrangement"
            ),
            models.UniqueConstraint(fields=["probe", "endpoint", "number"], name="one_probe_answer_for_each_arrangement"),
            models.CheckConstraint(
                condition=Q(check_made__isnull=False, probe__isnull=True) | Q(check_made__isnull=True, probe__isnull=False),
                name="leak_answer_belongs_to_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(option="") & ~Q(no_answer="") | ~Q(option="") & Q(no_answer=""),
                name="leak_answer_names_an_option_or_why_none",
            ),
        ]

    @property
    def letter(self):
        return "ABCD"[self.order.index(self.option)] if self.option else ""

    @property
    def is_right(self):
        return self.option == OPTION_KEYS[0]


class LeakWaiver(models.Model):
    """A lead lets a revision pass although its leak check did not, and says why. Immutable."""

    revision = models.OneToOneField(Revision, on_delete=models.CASCADE, related_name="leak_waiver")
    lead = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(max_length=2000)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="leak_waiver_has_a_reason")]
        triggers = [
            pgtrigger.Protect(name="leak_waivers_never_change", operation=pgtrigger.Update),
            pgtrigger.Trigger(
                name="nobody_waives_their_own_question",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF EXISTS (SELECT 1 FROM annotator_revision r
                               WHERE r.id = NEW.revision_id AND r.author_id = NEW.lead_id) THEN
                        RAISE EXCEPTION 'The author of a question cannot waive its leak check.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]
