"""Training runs as the Studio knows them. A run's folder is its trainer's; watchers carry it in here (modelzoo/runs)."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from studio.errors import Conflict
from studio.models import Job, history
from studio.sentences import SentenceField


class WrongState(Conflict):
    """The run is not in a state that allows this; nothing was changed."""


class TrainingRunQuerySet(models.QuerySet):
    def active(self):
        return self.filter(state__in=TrainingRun.ACTIVE)

    def for_lists(self):
        """Without what only a run's own page shows."""
        return self.select_related("owner").defer("spec", "estimate", "log_tail")


@history("TrainingRunEvent", fields=["name", "state", "owner", "attempt", "host", "error"])
class TrainingRun(models.Model):
    """One SFT or DPO run. Leads and admins see, start, stop and resume runs; each move of `state` is one guarded UPDATE."""

    class State(models.TextChoices):
        QUEUED = "queued", gettext_lazy("Queued")
        STARTING = "starting", gettext_lazy("Starting")
        RUNNING = "running", gettext_lazy("Running")
        STOPPING = "stopping", gettext_lazy("Stopping")
        FINISHED = "finished", gettext_lazy("Finished")
        FAILED = "failed", gettext_lazy("Failed")
        STOPPED = "stopped", gettext_lazy("Stopped")
        INTERRUPTED = "interrupted", gettext_lazy("Interrupted")
        LOST = "lost", gettext_lazy("Lost")

    ACTIVE = (State.STARTING, State.RUNNING, State.STOPPING)
    RESUMABLE = (State.FAILED, State.STOPPED, State.INTERRUPTED, State.LOST)
    WORDS = {
        "starting": gettext_lazy("starting"),
        "freezing": gettext_lazy("freezing the data"),
        "frames": gettext_lazy("reading frames"),
        "features": gettext_lazy("encoding clips"),
        "reference": gettext_lazy("asking the reference model"),
        "training": gettext_lazy("training"),
        "saving": gettext_lazy("saving"),
        "sampling": gettext_lazy("answering sample questions"),
        "done": gettext_lazy("done"),
    }

    name = models.CharField(gettext_lazy("name"), max_length=255, unique=True, help_text="Also the name of its folder.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="training_runs",
        verbose_name=gettext_lazy("owner"),
    )
    by_hand = models.BooleanField(default=False, help_text="Its process was started from a command line, not by the Studio.")
    planned = models.OneToOneField(Job, null=True, on_delete=models.SET_NULL, related_name="training_run")
    stage = models.CharField(max_length=8)
    preset = models.CharField(max_length=80)
    plan = models.JSONField(default=dict, help_text="What was asked for on the page: modelzoo.runs.planning.Plan.")
    estimate = models.JSONField(default=dict)
    spec = models.JSONField(default=dict, help_text="spec.json of the run's folder, once the trainer wrote it.")
    parent = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="children")
    parent_step = models.BigIntegerField(null=True)

    state = models.CharField(gettext_lazy("state"), max_length=12, choices=State.choices, default=State.QUEUED)
    error = SentenceField(gettext_lazy("error"), blank=True)
    attempt = models.PositiveIntegerField(gettext_lazy("attempt"), default=0)
    host = models.CharField(gettext_lazy("machine"), max_length=255, blank=True)
    token = models.UUIDField(null=True, help_text="Names the processes of one attempt: it is in their environment.")
    pid = models.BigIntegerField(null=True)
    process_started = models.FloatField(null=True, help_text="Unix seconds; a process id is used again.")
    stop_sent_at = models.DateTimeField(null=True)
    killed = models.BooleanField(default=False, help_text="It did not stop in time, so its processes were ended.")

    phase = models.CharField(max_length=40, blank=True)
    phase_done = models.BigIntegerField(default=0)
    phase_total = models.BigIntegerField(default=0)
    step = models.BigIntegerField(default=0)
    steps = models.BigIntegerField(default=0)
    eta_s = models.FloatField(null=True)
    latest = models.JSONField(default=dict, help_text="The newest line of its metrics.")
    log_tail = models.TextField(blank=True)

    metric_lines = models.BigIntegerField(default=0)
    metrics_offset = models.BigIntegerField(default=0)
    metrics_mark = models.CharField(max_length=128, blank=True, help_text="The bytes before the offset, in hex.")
    samples_offset = models.BigIntegerField(default=0)
    samples_mark = models.CharField(max_length=128, blank=True)
    carried = models.BooleanField(default=False, help_text="Nothing is left in its folder that is not here.")

    created_at = models.DateTimeField(default=timezone.now)
    queued_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True, help_text="When a watcher last found its process alive.")

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["host"],
                condition=Q(state__in=["starting", "running", "stopping"], by_hand=False),
                name="one_started_run_per_machine",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["starting", "running", "stopping"]) | ~Q(host=""), name="active_runs_are_somewhere"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="training_run_state"),
            models.Index(
                fields=["host"],
                condition=Q(carried=False) | Q(state__in=["queued", "starting", "running", "stopping"]),
                name="training_run_watched",
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def is_active(self):
        return self.state in self.ACTIVE

    @property
    def is_live(self):
        """Whether a page about it should look again by itself."""
        if self.state in (self.State.QUEUED, self.State.LOST):
            return self.state == self.State.QUEUED
        return self.is_active or not self.carried

    @property
    def can_stop(self):
        return self.state in (self.State.QUEUED, self.State.STARTING, self.State.RUNNING)

    @property
    def can_resume(self):
        return self.state in self.RESUMABLE

    @property
    def percent(self):
        return min(100, 100 * self.step // self.steps) if self.steps else None

    @property
    def phase_word(self):
        return self.WORDS.get(self.phase, self.phase)

    def move(self, *, to, allowed, **changes):
        """True when the run was in one of the states `allowed` and is now `to`, with `changes`."""
        moved = TrainingRun.objects.filter(pk=self.pk, state__in=allowed).update(state=to, **changes)
        self.refresh_from_db(fields=["state", *changes])
        return bool(moved)

    def must_move(self, *, to, allowed, **changes):
        """`move`, or `WrongState`."""
        if not self.move(to=to, allowed=allowed, **changes):
            state = self.get_state_display().lower()
            raise WrongState(
                _("The run %(name)s is %(state)s now, so this is not possible.") % {"name": self.name, "state": state}
            )


class Checkpoint(models.Model):
    """A committed checkpoint of a run. Those that the trainer removed stay here as part of the lineage."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="checkpoints")
    step = models.BigIntegerField()
    folder = models.CharField(max_length=255, help_text="Name inside the run's folder of checkpoints.")
    bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, help_text="Of its COMMITTED file, which holds the hash of every other file.")
    committed_at = models.DateTimeField()
    is_kept = models.BooleanField(default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="one_checkpoint_per_step")]


class SampleAnswer(models.Model):
    """What a checkpoint said about one fixed clip."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="samples")
    step = models.BigIntegerField()
    clip_id = models.CharField(max_length=500)
    question = models.TextField()
    answer = models.TextField(blank=True)
    expected = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["run", "step"], name="sample_of_run")]


class MetricBlock(models.Model):
    """Part of the curves of a run at one resolution (modelzoo/runs/series.py)."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="blocks")
    level = models.PositiveSmallIntegerField()
    index = models.PositiveIntegerField()
    size = models.PositiveSmallIntegerField(help_text="Points in this block.")
    keys = ArrayField(models.CharField(max_length=60))
    values = models.BinaryField(help_text="float32, all points of the first key, then those of the second ...")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "level", "index"], name="one_block_at_each_place")]


from modelzoo.asking.models import Ask  # noqa: E402, F401 -- belongs to this app
from modelzoo.evaluation.models import (  # noqa: E402, F401 -- belong to this app
    Evaluation,
    Judgement,
    Prediction,
    QuestionSet,
    SetQuestion,
)
from modelzoo.instruct.models import BuildStep, InstructSample, PreferencePair  # noqa: E402, F401 -- belong to this app
from modelzoo.releases.models import (  # noqa: E402, F401 -- belong to this app
    ForeignBenchmark,
    ForeignClip,
    Release,
    ReleaseClip,
    ReleaseRow,
    RunRelease,
    SplitClaim,
    Takedown,
)
