"""PhysInstruct samples and PhysDPO pairs with the calls that made them, and what a build still has to ask.

InstructSample.objects.public_rows()     # accepted rows in the public shape, one record for each clip
PreferencePair.objects.public_rows()     # ... one for each pair
"""

from dataclasses import dataclass
from itertools import groupby

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from annotator.models import Clip, Revision
from modelzoo.instruct import reasons
from modelzoo.instruct.words import rouge_l, words
from modelzoo.physgame import safe_id
from studio.llm.models import LLMCall
from studio.models import Job, history
from studio.sentences import SentenceField

TEXT_MAX_CHARS = 4000
BATCH = 2000


class State(models.TextChoices):
    GENERATED = "generated", _("Waits for a person")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")


class Origin(models.TextChoices):
    MODEL = "model", _("A language model")
    QUESTION = "question", _("An approved question")
    GLITCHWORLD = "glitchworld", _("GlitchWorld")


@dataclass(frozen=True)
class PublicRow:
    """One record of a public file. `key` names it for good; `ids` are the rows of ours that it holds."""

    key: str
    clip_id: int
    record: dict
    ids: tuple


def video_stem(clip_id, source_id):
    """What the video of a training clip is called in public files, without .mp4. Never the name of another clip's."""
    return f"{safe_id(source_id)[:100].rstrip(' .')}-{clip_id}" if source_id else f"clip-{clip_id}"


def _training_clips_only(name):
    """Trigger: rows are about clips of purpose training."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func="""
            IF EXISTS (SELECT 1 FROM annotator_clip c WHERE c.id = NEW.clip_id AND c.purpose <> 'training') THEN
                RAISE EXCEPTION 'Training data is made of training clips only.' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def _decided(name):
    """Constraints that hold for samples and pairs alike."""
    return [
        models.CheckConstraint(
            condition=Q(state="rejected") & ~Q(reason="") | ~Q(state="rejected") & Q(reason=""),
            name=f"rejected_{name}_has_its_reason",
        ),
        models.CheckConstraint(
            condition=Q(state="generated", decided_at=None, decided_by=None)
            | ~Q(state="generated") & Q(decided_at__isnull=False),
            name=f"decided_{name}_has_its_time",
        ),
    ]


class InstructSampleQuerySet(models.QuerySet):
    def waiting(self):
        """What a person should rule on: it passed the rules, and its clip can still be shown and trained on."""
        return self.filter(state=State.GENERATED, clip__state=Clip.State.READY, clip__purpose=Clip.Purpose.TRAINING)

    def accepted(self):
        """What may be trained on: accepted, and the clip still is a ready training clip."""
        return self.filter(state=State.ACCEPTED, clip__state=Clip.State.READY, clip__purpose=Clip.Purpose.TRAINING)

    def public_rows(self):
        """A `PublicRow` for each clip with accepted samples, by clip: {"video", "QA": [{"i", "q", "a"}, ...]}.

        A follow-up is left out where the question it follows is. Memory stays flat however many there are.
        """
        names = "pk", "clip_id", "clip__source_id", "origin", "call_id", "revision_id", "place", "kind"
        rows = self.accepted().order_by("clip_id", "origin", "call_id", "revision_id", "place")
        rows = rows.values_list(*names, "instruction", "question", "answer").iterator(chunk_size=BATCH)
        for (clip_id, source_id), of_clip in groupby(rows, key=lambda row: (row[1], row[2])):
            turns, ids = [], []
            for _conversation, of_conversation in groupby(of_clip, key=lambda row: row[3:6]):
                begun = False
                for pk, *_clip, kind, instruction, question, answer in of_conversation:
                    begun = begun or kind != InstructSample.Kind.FOLLOW_UP
                    if begun:
                        turns.append({"i": instruction, "q": question, "a": answer})
                        ids.append(pk)
            if turns:
                stem = video_stem(clip_id, source_id)
                yield PublicRow(stem, clip_id, {"video": f"{stem}.mp4", "QA": turns}, tuple(ids))


@history("InstructSampleEvent", fields=["question", "answer", "state", "reason", "decided_by"])
class InstructSample(models.Model):
    """One question about a training clip and its answer, a turn of a conversation.

    What a model wrote waits for a person; approved questions and GlitchWorld's pairs are accepted as they are.
    """

    class Kind(models.TextChoices):
        OPEN = "open", _("Open question")
        FOLLOW_UP = "follow_up", _("Follow-up")
        YES_NO = "yes_no", _("Yes or no, with the reason")
        CHOICE = "choice", _("Multiple choice")
        GLITCH_FREE = "glitch_free", _("Nothing breaks")

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="instruct_samples")
    origin = models.CharField(max_length=12, choices=Origin.choices)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    place = models.PositiveSmallIntegerField(help_text="In its conversation, from 0.")
    instruction = models.CharField(max_length=500, blank=True, help_text='The "i" of the public format.')
    question = models.TextField(max_length=TEXT_MAX_CHARS)
    answer = models.TextField(max_length=TEXT_MAX_CHARS)
    made = models.JSONField(null=True, help_text="{question, answer} as they were made, where a person edited them.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.GENERATED)
    reason = models.CharField(max_length=16, choices=reasons.SAMPLE_REASONS, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0, help_text="Counts what people decided: a decision names what it saw.")
    call = models.ForeignKey(LLMCall, null=True, on_delete=models.SET_NULL, related_name="instruct_samples")
    revision = models.ForeignKey(Revision, null=True, on_delete=models.CASCADE, related_name="instruct_samples")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="instruct_samples")
    recipe = models.CharField(max_length=40, blank=True, help_text="Version of the prompt and its seed tasks.")
    seen = models.JSONField(default=dict, help_text="What the model was shown: {frames, width, height, title, text}.")
    draw = models.FloatField(help_text="0 to 1, drawn once: the order in which people are asked.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = InstructSampleQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            *_decided("sample"),
            models.CheckConstraint(condition=~Q(question="") & ~Q(answer=""), name="sample_asks_and_answers"),
            models.UniqueConstraint(
                fields=["call", "place"], condition=Q(call__isnull=False), name="one_sample_at_each_place_of_a_reply"
            ),
            models.UniqueConstraint(
                fields=["revision", "place"],
                condition=Q(revision__isnull=False),
                name="one_sample_at_each_place_of_a_question",
            ),
            models.UniqueConstraint(
                fields=["clip", "place"], condition=Q(origin="glitchworld"), name="one_glitchworld_sample_at_each_place"
            ),
        ]
        indexes = [
            models.Index(fields=["clip", "origin", "call", "place"], name="instruct_of_clip"),
            models.Index(fields=["state", "-id"], name="instruct_state"),
            models.Index(fields=["draw"], condition=Q(state="generated"), name="instruct_to_review"),
            models.Index(fields=["origin", "state", "kind", "reason"], name="instruct_counts"),
            models.Index(fields=["kind", "-id"], name="instruct_kind"),
            models.Index(fields=["kind", "state"], condition=Q(decided_by__isnull=False), name="instruct_ruled"),
        ]
        triggers = [_training_clips_only("samples_are_of_training_clips")]

    @property
    def edited(self):
        return self.made is not None

    def __str__(self):
        return f"sample {self.pk}"


class PreferencePairQuerySet(models.QuerySet):
    def bulk_create(self, objs, *args, **kwargs):
        objs = list(objs)
        for pair in objs:
            pair.measure()
        return super().bulk_create(objs, *args, **kwargs)

    def accepted(self):
        """What may be trained on; of a sample that is not accepted any more, none may."""
        return self.filter(
            state=State.ACCEPTED,
            sample__state=State.ACCEPTED,
            clip__state=Clip.State.READY,
            clip__purpose=Clip.Purpose.TRAINING,
        )

    def public_rows(self):
        """A `PublicRow` for each accepted pair, by clip: {"id", "video", "prompt", "chosen", "rejected", two scores}."""
        names = "prompt", "chosen", "rejected", "chosen_score", "rejected_score"
        rows = self.accepted().order_by("clip_id", "id").values_list("pk", "clip_id", "clip__source_id", *names)
        for pk, clip_id, source_id, *values in rows.iterator(chunk_size=BATCH):
            stem = video_stem(clip_id, source_id)
            record = {"id": f"{stem}_{pk}", "video": f"{stem}.mp4", **dict(zip(names, values, strict=True))}
            yield PublicRow(record["id"], clip_id, record, (pk,))


@history("PreferencePairEvent", fields=["state", "reason", "decided_by"])
class PreferencePair(models.Model):
    """The accepted answer to a question and a worse one to the same.

    Scores are 0 to 5: how much of what is true of the clip, as far as it is known, an answer tells. The chosen answer is
    what is taken for the truth, so it has 5. The rejected one has what the judge gave it, or 0 where it is false by
    construction (distractors that reviewers found false, GlitchWorld's misled answers, a wrong span).
    """

    class Kind(models.TextChoices):
        META = "meta", _("Wrong title")
        TEMPORAL = "temporal", _("Few frames")
        SPATIAL = "spatial", _("Low resolution")
        JOINT = "joint", _("Several at once")
        DISTRACTOR = "distractor", _("Distractor of a question")
        SPAN = "span", _("Wrong time span")

    MISLED = (Kind.META, Kind.TEMPORAL, Kind.SPATIAL, Kind.JOINT)

    class Verdict(models.TextChoices):
        WRONG = "wrong", _("wrong")
        PARTLY = "partly", _("partly right")
        RIGHT = "right", _("right")

    BEST = 5.0

    sample = models.ForeignKey(InstructSample, on_delete=models.CASCADE, related_name="pairs")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="preference_pairs")
    origin = models.CharField(max_length=12, choices=Origin.choices)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    place = models.PositiveSmallIntegerField(default=0, help_text="Among pairs of one kind that need no call.")
    prompt = models.TextField(max_length=TEXT_MAX_CHARS)
    chosen = models.TextField(max_length=TEXT_MAX_CHARS)
    rejected = models.TextField(max_length=TEXT_MAX_CHARS, blank=True)
    chosen_score = models.FloatField(default=BEST)
    rejected_score = models.FloatField(default=0.0)
    conditions = models.JSONField(
        default=dict,
        help_text="What misled: {meta, temporal, spatial, frames, scale, width, height, title, title_clip, text}.",
    )
    verdict = models.CharField(max_length=8, choices=Verdict.choices, blank=True, help_text="The judge's.")
    verdict_why = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.GENERATED)
    reason = models.CharField(max_length=16, choices=reasons.PAIR_REASONS, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=0, help_text="Counts what people decided: a decision names what it saw.")
    call = models.ForeignKey(LLMCall, null=True, on_delete=models.SET_NULL, related_name="preference_pairs")
    judge_call = models.ForeignKey(LLMCall, null=True, on_delete=models.SET_NULL, related_name="judged_pairs")
    job = models.ForeignKey(Job, null=True, on_delete=models.SET_NULL, related_name="preference_pairs")
    recipe = models.CharField(max_length=40, blank=True)
    longer = models.IntegerField(default=0, help_text="Words of the rejected answer less those of the chosen one.")
    overlap = models.FloatField(default=0.0, help_text="ROUGE-L F1 of both answers, 0 to 1.")
    draw = models.FloatField(help_text="0 to 1, drawn once: the order in which people are asked.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = PreferencePairQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            *_decided("pair"),
            models.CheckConstraint(
                condition=~Q(state="accepted") | ~Q(rejected="") & ~Q(rejected=models.F("chosen")),
                name="accepted_pair_has_two_answers",
            ),
            models.CheckConstraint(
                condition=Q(chosen_score__range=(0, 5), rejected_score__range=(0, 5)), name="pair_scores_are_0_to_5"
            ),
            models.CheckConstraint(
                condition=~Q(state="accepted") | Q(chosen_score__gt=models.F("rejected_score")),
                name="accepted_pair_prefers_the_chosen",
            ),
            models.UniqueConstraint(
                fields=["sample", "call"],
                condition=Q(call__isnull=False) & ~Q(reason="chosen_changed"),
                name="one_pair_for_each_misled_answer",
            ),
            models.UniqueConstraint(
                fields=["sample", "kind", "place"],
                condition=Q(origin__in=["question", "glitchworld"]) | Q(kind="span"),
                name="one_pair_of_a_kind_without_a_call",
            ),
        ]
        indexes = [
            models.Index(fields=["clip", "id"], name="preference_of_clip"),
            models.Index(fields=["kind", "-id"], name="preference_kind"),
            models.Index(fields=["state", "-id"], name="preference_state"),
            models.Index(fields=["draw"], condition=~Q(state="rejected"), name="preference_to_look_at"),
            models.Index(
                fields=["kind", "origin", "state", "verdict"],
                include=["reason", "longer", "overlap"],
                name="preference_figures",
            ),
            models.Index(fields=["kind", "state"], condition=Q(decided_by__isnull=False), name="preference_ruled"),
        ]
        triggers = [_training_clips_only("pairs_are_of_training_clips")]

    def save(self, *args, **kwargs):
        if self._state.adding:
            self.measure()
        super().save(*args, **kwargs)

    def measure(self):
        """The figures of its two texts, which never change."""
        self.longer = len(words(self.rejected)) - len(words(self.chosen))
        self.overlap = rouge_l(self.rejected, self.chosen)

    def __str__(self):
        return f"pair {self.pk}"


class BuildStep(models.Model):
    """One thing a build asks a model: a conversation about a clip, or a misled answer to a sample's question."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="build_steps")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")
    sample = models.ForeignKey(InstructSample, null=True, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=12, blank=True, help_text="Of a preference pair.")
    conditions = models.JSONField(default=dict, help_text="What the model is shown; as in the row that comes of it.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    reason = models.CharField(max_length=16, choices=reasons.REPLY_REASONS, blank=True)
    detail = SentenceField(blank=True)
    call = models.ForeignKey(LLMCall, null=True, on_delete=models.SET_NULL, related_name="+")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["job", "clip"], condition=Q(sample__isnull=True), name="one_step_for_each_clip_of_a_build"
            ),
            models.UniqueConstraint(
                fields=["job", "sample", "kind"],
                condition=Q(sample__isnull=False),
                name="one_step_for_each_way_of_misleading",
            ),
        ]
        indexes = [
            models.Index(fields=["job", "state"], name="build_step_job"),
            models.Index(fields=["clip"], condition=Q(state="waiting"), name="build_step_waiting"),
        ]
