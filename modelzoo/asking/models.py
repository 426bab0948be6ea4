"""One question to one model about one clip, with the answer as it comes. The work on it is a `Job`, and so is its state."""

from datetime import timedelta

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio.models import Job
from studio.sentences import SentenceField

LETTERS = "ABCDEF"


class AskQuerySet(models.QuerySet):
    def of(self, user):
        """One's own: what somebody asks is nobody else's business."""
        return self.filter(owner=user)

    def for_lists(self):
        return self.select_related("clip", "job").defer("heat", "job__log", "job__arguments")

    def open(self):
        return self.filter(answered_at=None, job__state__in=[Job.State.QUEUED, Job.State.RUNNING])


class Ask(models.Model):
    """`model` is a choice of weights (run:7:model, model:NAME) or endpoint:NAME. With options the answer is a letter."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        LOST = "lost", _("Lost")
        DONE = "done", _("Answered")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")

    class Phase(models.TextChoices):
        LOADING = "loading", _("Loading the model")
        READING = "reading", _("Watching the clip")
        ANSWERING = "answering", _("Answering")
        DRAWING = "drawing", _("Drawing the heat map")

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="asks")
    clip = models.ForeignKey("annotator.Clip", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    video = models.CharField(max_length=120, blank=True, help_text="An uploaded file, in the storage; gone after a while.")
    video_name = models.CharField(max_length=200, blank=True)
    question = models.ForeignKey("annotator.Question", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    model = models.CharField(max_length=200)
    model_name = models.CharField(max_length=200)
    text = models.TextField(_("question"))
    options = ArrayField(models.TextField(), default=list, blank=True)
    job = models.ForeignKey("studio.Job", null=True, on_delete=models.SET_NULL, related_name="asks")

    phase = models.CharField(max_length=10, choices=Phase.choices, blank=True)
    answer = models.TextField(blank=True)
    finish_reason = models.CharField(max_length=20, blank=True)
    weights = models.CharField(max_length=64, blank=True, help_text="The hash of the weights that answered.")
    probabilities = ArrayField(models.FloatField(), null=True, help_text="Of the options; they sum to 1.")
    mass = models.FloatField(null=True, help_text="Probability of the letters among all tokens.")
    frames = models.JSONField(default=dict, help_text="{numbers, seconds} of the frames that the model saw.")
    heat = models.JSONField(default=dict, help_text="What the map shows in figures (modelzoo/asking/heat.py).")
    frames_image = models.CharField(max_length=120, blank=True)
    heat_image = models.CharField(max_length=120, blank=True)
    error = SentenceField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    begun_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    objects = AskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(options__len=0) | Q(options__len__gte=2, options__len__lte=len(LETTERS)),
                name="ask_has_no_options_or_two_to_six",
                violation_error_message=_("Give no options, or two to six."),
            ),
            models.CheckConstraint(condition=~Q(text=""), name="ask_has_a_question"),
            models.CheckConstraint(condition=Q(answered_at=None) | ~Q(weights=""), name="answered_ask_names_its_weights"),
        ]
        indexes = [models.Index(fields=["owner", "-id"], name="ask_owner")]
        triggers = [
            pgtrigger.Trigger(
                name="answers_never_change",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.answered_at IS NOT NULL"),
                func="""
                    IF (NEW.text, NEW.options, NEW.model, NEW.answer, NEW.probabilities, NEW.weights, NEW.answered_at)
                        IS DISTINCT FROM
                        (OLD.text, OLD.options, OLD.model, OLD.answer, OLD.probabilities, OLD.weights, OLD.answered_at) THEN
                        RAISE EXCEPTION 'An answer does not change; ask again.' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    @property
    def state(self):
        State = self.State
        if self.answered_at:
            return State.DONE
        if self.job is None:
            return State.FAILED
        if self.job.state == Job.State.RUNNING:
            before = timezone.now() - timedelta(seconds=settings.JOB_LOST_AFTER_S)
            return State.LOST if self.job.heartbeat_at and self.job.heartbeat_at < before else State.RUNNING
        return {"queued": State.QUEUED, "cancelled": State.STOPPED}.get(self.job.state, State.FAILED)

    @property
    def state_label(self):
        return self.State(self.state).label

    @property
    def is_live(self):
        return self.state in (self.State.QUEUED, self.State.RUNNING, self.State.LOST)

    @property
    def why(self):
        """Why there is no answer; a sentence, or the last line of what broke."""
        if self.error or self.job is None:
            return self.error or _("Its job is gone. Ask again.")
        lines = [line for line in str(self.job.error).splitlines() if line.strip()]
        return lines[-1] if lines else ""

    @property
    def about(self):
        """What the clip is called."""
        return self.clip.name if self.clip else self.video_name or _("a clip that is gone")

    @property
    def letters(self):
        return LETTERS[: len(self.options)]

    @property
    def chances(self):
        """[(letter, text, probability or None, whether it is the answer)] of the options."""
        known = self.probabilities or [None] * len(self.options)
        return [
            (letter, text, chance, self.answered_at is not None and letter == self.answer)
            for letter, text, chance in zip(self.letters, self.options, known, strict=True)
        ]

    @property
    def block(self):
        """What the model reads: the question, and its options as training shows them."""
        if not self.options:
            return self.text
        lines = "\n".join(f"({letter}) {text}" for letter, text in zip(self.letters, self.options, strict=True))
        return f"Question: {self.text}\nOptions:\n{lines}"

    def get_absolute_url(self):
        return reverse("ask", args=[self.pk])

    def __str__(self):
        return self.text[:80]
