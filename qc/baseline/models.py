"""What the baseline found: one row a run, and of the newest run one row a question."""

import pgtrigger
from django.db import models
from django.utils import timezone

from annotator.models import Revision


class BaselineRun(models.Model):
    """One run over all questions. Never changed; its figures are the history."""

    job = models.OneToOneField("studio.Job", null=True, on_delete=models.SET_NULL, related_name="baseline_run")
    made_at = models.DateTimeField(default=timezone.now)
    questions = models.PositiveIntegerField()
    families = models.PositiveIntegerField(help_text="Clip families; questions about one family are judged together.")
    learned = models.PositiveIntegerField(help_text="Questions the classifiers learned from; 0: too few to learn.")
    newest_revision = models.BigIntegerField(default=0)
    figures = models.JSONField(help_text="{classifier: figure}, and {classifier}_surest for the tenth it is surest about.")
    probes = models.JSONField(help_text="{probe: figure}; letters: {counts, p}.")
    groups = models.JSONField(help_text="{category or author: [{name, classifier: figure, ...}]}.")
    words = models.JSONField(help_text="[{word, n, right, expected, z, weight}] by how far they are from chance.")
    seconds = models.FloatField()

    class Meta:
        ordering = ["-id"]
        triggers = [pgtrigger.ReadOnly(name="baseline_runs_never_change", exclude=["job"])]

    def __str__(self):
        return f"baseline run {self.pk}"


class BaselineScore(models.Model):
    """How sure the classifiers are of the key of one revision; places count from 1, the surest first."""

    run = models.ForeignKey(BaselineRun, on_delete=models.CASCADE, related_name="scores")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="baseline_scores")
    options_chance = models.FloatField()
    question_chance = models.FloatField()
    options_place = models.PositiveIntegerField()
    question_place = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "options_place"], name="one_baseline_place_by_options"),
            models.UniqueConstraint(fields=["run", "question_place"], name="one_baseline_place_by_question"),
        ]
