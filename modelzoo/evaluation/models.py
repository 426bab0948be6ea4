"""Evaluations of models on frozen question sets (set_models.py), and every single prediction.

An evaluation is complete only when the database itself has counted one prediction for each question
and rotation; after that neither it nor its predictions change. Whether a prediction is right, the database works out.
"""

from datetime import timedelta

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from modelzoo.evaluation.set_models import QuestionSet, SetQuestion
from studio.models import Job, history
from studio.sentences import SentenceField, say

__all__ = ["Evaluation", "Judgement", "Prediction", "QuestionSet", "SetQuestion"]


def _refuse(name, operation, func):
    return pgtrigger.Trigger(name=name, when=pgtrigger.Before, operation=operation, func=func)


class EvaluationQuerySet(models.QuerySet):
    def for_lists(self):
        return self.select_related("question_set", "owner")

    def shown(self):
        """What a leaderboard may show: complete, and not hidden by a lead."""
        return self.filter(state=Evaluation.State.COMPLETE, hidden=False)

    def lose_silent(self):
        """Say of those that run outside a job, and whose process was not heard from, that they were interrupted.

        Returns how many these were. A process that only was away for a while takes its evaluation back (beating.py).
        """
        silent = timezone.now() - timedelta(seconds=settings.JOB_LOST_AFTER_S)
        running = self.filter(state=Evaluation.State.RUNNING).exclude(model_kind=Evaluation.ModelKind.IMPORTED)
        heard = running.annotate(heard_at=Coalesce("heartbeat_at", "created_at")).filter(heard_at__lt=silent)
        return heard.exclude(Exists(Job.objects.active().filter(pk=OuterRef("job_id")))).update(
            state=Evaluation.State.LOST,
            error=say("Its process ended without a word, as after kill -9 or when memory ran out."),
        )


@history("EvaluationEvent", fields=["name", "state", "hidden", "owner", "error"])
class Evaluation(models.Model):
    """One model on one question set under one protocol. `figures` is worked out once, when it is complete."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")
        LOST = "lost", _("Interrupted")
        COMPLETE = "complete", _("Complete")

    class ModelKind(models.TextChoices):
        CHECKPOINT = "checkpoint", _("Checkpoint")
        HOSTED = "hosted", _("Hosted model")
        IMPORTED = "imported", _("Imported predictions")
        BASELINE = "baseline", _("Baseline")

    class Scoring(models.TextChoices):
        LETTERS = "letters", _("Letters by likelihood")
        OPTIONS = "options", _("Options by likelihood")
        WORDS = "words", _("Words it wrote")

    question_set = models.ForeignKey(QuestionSet, on_delete=models.PROTECT, related_name="evaluations")
    name = models.CharField(_("model"), max_length=160, help_text="What the leaderboard calls the model.")
    model_kind = models.CharField(max_length=10, choices=ModelKind.choices)
    model = models.CharField(max_length=500, help_text="Where it is: run:7:model, a folder, a hosted model's name.")
    model_sha256 = models.CharField(max_length=64, blank=True, help_text="Of a checkpoint's weights, or of a file.")
    run = models.ForeignKey(
        "modelzoo.TrainingRun", null=True, on_delete=models.SET_NULL, related_name="evaluations", verbose_name=_("run")
    )
    protocol = models.CharField(_("protocol"), max_length=30)
    protocol_version = models.PositiveSmallIntegerField(default=1)
    protocol_settings = models.JSONField(default=dict, help_text="modelzoo.evaluation.protocols.Protocol.settings.")
    scoring = models.CharField(max_length=8, choices=Scoring.choices, default=Scoring.LETTERS)
    repeat = models.PositiveSmallIntegerField(default=0, help_text="Tells apart evaluations that are repeated on purpose.")
    rotations = models.PositiveSmallIntegerField(default=1)
    frames = models.JSONField(default=dict, help_text="{count, rule, width, height} of what the model was shown.")
    source = models.JSONField(default=dict, help_text="Where the questions' clips lie: {folders: [...]}.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    hidden = models.BooleanField(_("not on the leaderboard"), default=False)
    error = SentenceField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    job = models.ForeignKey("studio.Job", null=True, on_delete=models.SET_NULL, related_name="evaluations")
    figures = models.JSONField(default=dict)
    host = models.CharField(max_length=255, blank=True, help_text="The machine whose process last worked on it.")
    heartbeat_at = models.DateTimeField(null=True, help_text="When that process was last heard from.")
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True)

    objects = EvaluationQuerySet.as_manager()

    UNFINISHED = (State.QUEUED, State.RUNNING, State.FAILED, State.STOPPED, State.LOST)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=(
                    "question_set model_kind model model_sha256 protocol protocol_version protocol_settings scoring repeat"
                ).split(),
                name="one_evaluation_of_a_model_by_a_protocol",
            ),
            models.CheckConstraint(condition=Q(rotations__in=[1, 2, 4]), name="one_two_or_four_rotations"),
            models.CheckConstraint(
                condition=~Q(state="complete") | Q(completed_at__isnull=False), name="complete_evaluation_has_its_time"
            ),
        ]
        indexes = [models.Index(fields=["state", "-id"], name="evaluation_state")]
        triggers = [
            _refuse(
                "evaluations_are_complete_when_all_is_answered",
                pgtrigger.Insert | pgtrigger.Update,
                """
                    IF TG_OP = 'UPDATE' AND OLD.state = 'complete' AND (NEW.state <> 'complete'
                        OR NEW.question_set_id <> OLD.question_set_id OR NEW.model <> OLD.model
                        OR NEW.model_sha256 <> OLD.model_sha256 OR NEW.scoring <> OLD.scoring
                        OR NEW.protocol <> OLD.protocol OR NEW.protocol_settings <> OLD.protocol_settings
                        OR NEW.rotations <> OLD.rotations) THEN
                        RAISE EXCEPTION 'A complete evaluation does not change.' USING ERRCODE = 'check_violation';
                    END IF;
                    IF NEW.state = 'complete' AND (TG_OP = 'INSERT' OR OLD.state <> 'complete') AND (
                        SELECT count(*) FROM modelzoo_prediction p WHERE p.evaluation_id = NEW.id
                    ) <> NEW.rotations * (
                        SELECT s.questions_count FROM modelzoo_questionset s WHERE s.id = NEW.question_set_id) THEN
                        RAISE EXCEPTION 'An evaluation is complete only when every question has its predictions.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    IF NEW.state = 'complete' AND (TG_OP = 'INSERT' OR OLD.state <> 'complete') AND (
                        SELECT count(*) FROM modelzoo_judgement j JOIN modelzoo_prediction p ON p.id = j.prediction_id
                        WHERE p.evaluation_id = NEW.id
                    ) <> (
                        SELECT coalesce(sum(CASE WHEN q.answer <> '' THEN 0 WHEN q.part = 'generic' THEN 3 ELSE 1 END), 0)
                        FROM modelzoo_setquestion q WHERE q.question_set_id = NEW.question_set_id) THEN
                        RAISE EXCEPTION 'An evaluation is complete only when every open answer was judged.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    @property
    def is_complete(self):
        return self.state == self.State.COMPLETE

    @property
    def is_beating(self):
        """Whether a process outside a job works on it, so that nobody else should."""
        if self.state != self.State.RUNNING or self.heartbeat_at is None or self.job and self.job.is_active:
            return False
        return timezone.now() - self.heartbeat_at < timedelta(seconds=settings.JOB_LOST_AFTER_S)

    @property
    def wanted(self):
        """How many predictions make it complete; open answers must be judged too."""
        return self.rotations * self.question_set.questions_count

    @property
    def judge(self):
        """The language model that scores its open answers, "" for none."""
        return self.protocol_settings.get("judge", "")

    def get_absolute_url(self):
        return reverse("evaluation", args=[self.pk])

    def __str__(self):
        return f"{self.name}, {self.protocol}"


class Prediction(models.Model):
    """One answer. `letter` is as shown in this rotation, `option` the letter of the same text in the set; "" for none.
    An open question is answered by `raw` alone.

    `verdict` is what the protocol's published rule says of a reply in words; where there is none, `right` compares options.
    """

    evaluation = models.ForeignKey(Evaluation, on_delete=models.CASCADE, related_name="predictions", db_index=False)
    question = models.ForeignKey(SetQuestion, on_delete=models.PROTECT, related_name="predictions")
    rotation = models.PositiveSmallIntegerField(default=0)
    order = models.CharField(max_length=4, blank=True, help_text="Letters of the set in the order they were shown: BCDA.")
    letter = models.CharField(max_length=1, blank=True)
    option = models.CharField(max_length=1, blank=True)
    no_answer = models.CharField(max_length=20, blank=True, help_text="Why there is no answer; studio/replies.py.")
    verdict = models.BooleanField(null=True)
    right = models.BooleanField(default=False)
    probabilities = ArrayField(models.FloatField(), null=True, help_text="Of the letters as shown; they sum to 1.")
    mass = models.FloatField(null=True, help_text="Probability of the letters among all tokens.")
    raw = models.TextField(blank=True, help_text="The reply as it came.")
    second_raw = models.TextField(blank=True, help_text="The reply to the second wording of an open question.")
    frame_numbers = ArrayField(models.IntegerField(), null=True, help_text="Frames of the clip's file that were shown.")
    call = models.ForeignKey("studio.LLMCall", null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["evaluation", "question", "rotation"], name="one_prediction_per_question"),
            models.CheckConstraint(
                condition=Q(letter="", option="") & ~Q(no_answer="")
                | ~Q(letter="") & ~Q(option="") & Q(no_answer="")
                | Q(letter="", option="", no_answer="") & ~Q(raw=""),
                name="prediction_is_an_answer_or_says_why_not",
            ),
        ]
        triggers = [
            _refuse(
                "predictions_are_of_running_evaluations",
                pgtrigger.Insert,
                """
                    SELECT coalesce(NEW.verdict, NEW.option <> '' AND NEW.option = q.answer) INTO NEW.right
                    FROM modelzoo_evaluation e JOIN modelzoo_setquestion q ON q.question_set_id = e.question_set_id
                    WHERE e.id = NEW.evaluation_id AND q.id = NEW.question_id AND e.state <> 'complete'
                        AND NEW.rotation < e.rotations
                        AND (q.answer = '' OR NEW.option <> '' OR NEW.no_answer <> '');
                    IF NOT FOUND THEN
                        RAISE EXCEPTION 'A prediction answers a question of its evaluation''s set, before that is complete.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.ReadOnly(name="predictions_never_change", exclude=["call"]),
            _refuse(
                "complete_evaluations_keep_their_predictions",
                pgtrigger.Delete,
                """
                    IF EXISTS (
                        SELECT 1 FROM modelzoo_evaluation e WHERE e.id = OLD.evaluation_id AND e.state = 'complete') THEN
                        RAISE EXCEPTION 'A complete evaluation keeps its predictions.' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN OLD;
                """,
            ),
        ]


class Judgement(models.Model):
    """The score that a language model as judge gave one open answer in one aspect, or none: it never named one.

    An answer that is missing has the score 0 without being asked about.
    """

    class Aspect(models.TextChoices):
        CORRECTNESS = "CI", _("Correctness of information")
        DETAIL = "DO", _("Detail orientation")
        CONTEXT = "CU", _("Contextual understanding")
        TEMPORAL = "TU", _("Temporal understanding")
        CONSISTENCY = "CO", _("Consistency")

    MOST = 5

    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="judgements", db_index=False)
    aspect = models.CharField(max_length=2, choices=Aspect.choices)
    score = models.PositiveSmallIntegerField(null=True)
    reply = models.TextField(blank=True, help_text="The judge's last reply as it came.")
    call = models.ForeignKey("studio.LLMCall", null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["prediction", "aspect"], name="an_answer_is_judged_once_in_each_aspect"),
            models.CheckConstraint(condition=Q(score=None) | Q(score__lte=5), name="a_judge_scores_from_0_to_5"),
        ]
        triggers = [
            _refuse(
                "judgements_are_of_open_answers",
                pgtrigger.Insert,
                """
                    IF NOT EXISTS (
                        SELECT 1 FROM modelzoo_prediction p JOIN modelzoo_evaluation e ON e.id = p.evaluation_id
                        JOIN modelzoo_setquestion q ON q.id = p.question_id
                        WHERE p.id = NEW.prediction_id AND e.state <> 'complete' AND q.answer = '' AND CASE q.part
                            WHEN 'generic' THEN NEW.aspect IN ('CI', 'DO', 'CU')
                            WHEN 'temporal' THEN NEW.aspect = 'TU' ELSE NEW.aspect = 'CO' END) THEN
                        RAISE EXCEPTION 'A judge scores open answers, in the aspects of their part, before all is complete.'
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.ReadOnly(name="judgements_never_change", exclude=["call"]),
            _refuse(
                "complete_evaluations_keep_their_judgements",
                pgtrigger.Delete,
                """
                    IF EXISTS (
                        SELECT 1 FROM modelzoo_evaluation e JOIN modelzoo_prediction p ON p.evaluation_id = e.id
                        WHERE p.id = OLD.prediction_id AND e.state = 'complete') THEN
                        RAISE EXCEPTION 'A complete evaluation keeps its judgements.' USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN OLD;
                """,
            ),
        ]
