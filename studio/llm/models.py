"""Requests to language models, what they cost, and how fast they may go."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio.sentences import SentenceField


def _dollars(**options):
    return models.DecimalField(max_digits=14, decimal_places=8, **options)


class LLMBatch(models.Model):
    """Many calls handed to a provider as one file (OpenAI's Batch API). It goes on at the provider whatever dies here."""

    class State(models.TextChoices):
        PREPARING = "preparing", _("Preparing")
        SENT = "sent", _("Sent")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    endpoint = models.CharField(max_length=80)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PREPARING)
    remote_id = models.CharField(max_length=120, blank=True)
    job = models.ForeignKey("studio.Job", null=True, on_delete=models.SET_NULL, related_name="llm_batches")
    error = SentenceField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)


class LLMCall(models.Model):
    """One request to a language model. The same request (by hash and repeat) is answered from here, not bought again.

    A call is `sent`, under the run token of its job, before anything leaves; `lost` counts requests that left and whose
    reply never came: the provider may bill them, so they count against the budget at the most they can cost.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        SENT = "sent", _("Sent")
        ANSWERED = "answered", _("Answered")
        FAILED = "failed", _("Failed")

    purpose = models.CharField(max_length=40)
    endpoint = models.CharField(max_length=80)
    model = models.CharField(max_length=120)
    request_hash = models.CharField(max_length=64)
    repeat = models.PositiveSmallIntegerField(default=0, help_text="Tells apart requests that are repeated on purpose.")
    request = models.JSONField(help_text="{model, messages, parameters...} as sent; never a key.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    job = models.ForeignKey("studio.Job", null=True, on_delete=models.SET_NULL, related_name="llm_calls")
    run_token = models.UUIDField(null=True, help_text="The attempt of the job that sent it.")
    batch = models.ForeignKey(LLMBatch, null=True, on_delete=models.SET_NULL, related_name="calls")
    attempts = models.PositiveSmallIntegerField(default=0)
    lost = models.PositiveSmallIntegerField(default=0)
    error = SentenceField(blank=True)
    reply = models.TextField(blank=True, help_text="The body of the response as it came.")
    text = models.TextField(blank=True, help_text="What the model said.")
    finish_reason = models.CharField(max_length=40, blank=True)
    served_model = models.CharField(max_length=120, blank=True, help_text="The model version the provider names.")
    tokens_in = models.PositiveIntegerField(null=True)
    tokens_out = models.PositiveIntegerField(null=True)
    reserved_usd = _dollars(default=0)
    price_usd = _dollars(null=True, help_text="None: nobody said what this model costs.")
    lost_usd = _dollars(default=0)
    latency_s = models.FloatField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request_hash", "repeat"], name="same_request_is_bought_once"),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(run_token__isnull=False), name="sent_call_belongs_to_a_run"
            ),
            models.CheckConstraint(
                condition=~Q(state="answered") | Q(answered_at__isnull=False), name="answered_call_has_its_time"
            ),
        ]
        indexes = [models.Index(fields=["job", "state"], name="llm_call_job")]

    def __str__(self):
        return f"call {self.pk} to {self.endpoint}"


class LLMBudget(models.Model):
    """What one day or one job has spent and reserved. `scope` is "day 2026-11-22" or "job 17"."""

    scope = models.CharField(max_length=40, primary_key=True)
    spent_usd = _dollars(default=0)
    reserved_usd = _dollars(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(spent_usd__gte=0) & Q(reserved_usd__gte=0), name="budget_never_negative")
        ]

    @property
    def bound_usd(self):
        return self.spent_usd + self.reserved_usd


class LLMPace(models.Model):
    """When the next request to an endpoint may leave (studio/llm/pace.py)."""

    endpoint = models.CharField(max_length=80, primary_key=True)
    requests_at = models.DateTimeField(default=timezone.now)
    tokens_at = models.DateTimeField(default=timezone.now)
    blocked_until = models.DateTimeField(default=timezone.now)
