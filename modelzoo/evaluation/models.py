"""Frozen question sets, evaluations of models on them, and every single prediction.

A set never changes. An evaluation is complete only when the database itself has counted one prediction for each question
and rotation; after that neither it nor its predictions change. Whether a prediction is right, the database works out.
"""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from studio.models import history
from studio.sentences import SentenceField


def _refuse(name, operation, func):
    return pgtrigger.Trigger(name=name, when=pgtrigger.Before, operation=operation, func=func)


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


class EvaluationQuerySet(models.QuerySet):
    def for_lists(self):
        return self.select_related("question_set", "owner")

    def shown(self):
        """What a leaderboard may show: complete, and not hidden by a lead."""
        return self.filter(state=Evaluation.State.COMPLETE, hidden=False)


@history("EvaluationEvent", fields=["name", "state", "hidden", "owner", "error"])
class Evaluation(models.Model):
    """One model on one question set under one protocol. `figures` is worked out once, when it is complete."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")
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
    created_at = models.DateTimeField(default=timezone.now)
    completed_at = models.DateTimeField(null=True)

    objects = EvaluationQuerySet.as_manager()

    UNFINISHED = (State.QUEUED, State.RUNNING, State.FAILED, State.STOPPED)

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
