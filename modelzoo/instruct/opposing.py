"""PhysDPO: accepted answers against those of a misled model; plan(), start(), and the work of the job.

A way of misleading changes one thing, or several at once: `meta` tells the title of another clip, `temporal` shows few
frames, `spatial` shows them small (the scale is of each side). Where the title does not mislead, none is told: the true
one would give the answer away.
"""

import random
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from annotator.models import Clip
from modelzoo.instruct import building, firewall, frames, own, replies, rules, work
from modelzoo.instruct.models import BuildStep, InstructSample, Origin, PreferencePair, State
from modelzoo.instruct.seeds import quoted
from modelzoo.instruct.words import rouge_l, words
from studio import jobs
from studio.llm import ask, endpoints
from studio.llm.request import chat
from studio.sentences import say

KIND = "modelzoo.physdpo"
PURPOSE, JUDGE = "physdpo", "physdpo judge"
WAYS = ("meta", "temporal", "spatial")
MAX_TOKENS, JUDGE_TOKENS = 300, 200
RECIPE = "misled-1"
TITLES = 5000  # from which a false one is drawn
RIGHT = 4.0  # a rejected answer with this score or more is right after all
_TASK = """\
You are shown {count} of one clip of a video game of {seconds} seconds.{title} Answer a question about the clip in one to \
three sentences, as somebody who has watched it. Mention no title and no pictures, images or frames, and do not refuse: \
give your best account.

Question: {question}"""
_JUDGE = """\
Somebody asked about a clip of a video game that you cannot see. The reference is what is true of it.

Question: {question}
Reference: {chosen}
Answer: {rejected}

How much of what the reference says does the answer say? 5: the same; 4: the same but for details; 2 or 3: some of it; \
1: the right thing or person, but another event; 0: nothing of it, or the opposite. Other words for the same event count \
as the same. Reply with JSON alone: {{"score": 0 to 5, "why": "one sentence"}}"""


@dataclass(frozen=True)
class Settings:
    """`ways`: each a tuple of what is changed together; at most one of several. Both numbers are kept with every pair."""

    ways: tuple
    frames: int
    scale: str

    @classmethod
    def read(cls, *, ways, frames=1, scale=Fraction(1, 16)):
        """ValueError says what is wrong."""
        found = tuple(dict.fromkeys(tuple(way.split("+")) for way in ways))
        for way in found:
            if not set(way) <= set(WAYS) or len(set(way)) < len(way):
                raise ValueError(f"“{'+'.join(way)}” is no way of misleading; take meta, temporal, spatial, or some with +.")
        if sum(len(way) > 1 for way in found) > 1:
            raise ValueError("Only one way of several at once can be in one build.")
        if frames < 1:
            raise ValueError("A model must see at least one frame.")
        if not 0 < scale <= 1:
            raise ValueError(f"A scale of {scale} is not above 0 and at most 1.")
        return cls(found, frames, str(scale))


def kind_of(way):
    return way[0] if len(way) == 1 else "joint"


def samples(limit=None):
    """Accepted samples that stand alone (a follow-up does not) and that no model was set against in their present words."""
    done = Q(state=BuildStep.State.DONE, sample__made__isnull=True) | Q(
        state=BuildStep.State.DONE, finished_at__gt=F("sample__decided_at")
    )
    waiting = Q(state=BuildStep.State.WAITING, job__state__in=building.ACTIVE)
    asked = BuildStep.objects.filter(done | waiting, sample=OuterRef("pk"))
    rows = InstructSample.objects.accepted().filter(origin__in=[Origin.MODEL, Origin.QUESTION])
    rows = rows.exclude(kind="follow_up").exclude(Exists(asked)).select_related("clip").order_by("pk")
    return list(rows if limit is None else rows[: max(0, limit)])


def unopposed(limit=None):
    """Clips with accepted samples that can be opposed without a model and are not."""
    pairs = PreferencePair.objects.filter(sample=OuterRef("pk"))
    rows = InstructSample.objects.accepted().filter(made__isnull=True).exclude(Exists(pairs))
    rows = rows.filter(Q(origin=Origin.QUESTION, place__lte=1) | Q(origin=Origin.GLITCHWORLD, place=0))
    rows = rows.order_by("pk").values_list("clip", flat=True)
    found = list(dict.fromkeys(rows if limit is None else rows[: max(0, limit)]))
    return Clip.objects.filter(pk__in=found)


def _titles():
    """[(clip pk, title), ...] to draw false ones from: of all training clips, or of so many that are as good as drawn."""
    rows = Clip.objects.filter(purpose=Clip.Purpose.TRAINING).exclude(title="").order_by("sha256")
    return sorted(rows.values_list("pk", "title")[:TITLES])


def conditions(sample, way, settings, titled):
    """What the misled model is shown. `titled`: [(clip pk, title), ...] to draw a false title from."""
    clip = sample.clip
    found = _shown(clip, way, settings)
    if "meta" in way:
        others = [(pk, title) for pk, title in titled if pk != clip.pk and title != clip.title]
        if not others:
            return None
        found["title_clip"], found["title"] = random.Random(f"{sample.pk}/{'+'.join(way)}").choice(others)
    return found


def shown_to(pair):
    """What the model of a pair was shown, None where nobody was misled.

    GlitchWorld writes its misled answers itself; there it is what a model misled in that way would have been shown.
    """
    if pair.conditions:
        return pair.conditions
    if pair.kind not in WAYS:
        return None
    return _shown(pair.clip, (pair.kind,), Settings((), 1, "1/16"))


def _shown(clip, way, settings):
    count = settings.frames if "temporal" in way else building.FRAMES
    width, height = frames.size_of(clip.width, clip.height, scale=settings.scale if "spatial" in way else 1)
    found = {name: name in way for name in WAYS}
    found |= {"frames": frames.middles(clip.frame_count, count), "width": width, "height": height}
    return found | {"scale": settings.scale if "spatial" in way else "1", "title": "", "title_clip": None}


def request_for(endpoint, sample, shown):
    count = len(shown["frames"])
    title = f" Its uploader called it {quoted(shown['title'])}." if shown["title"] else ""
    text = _TASK.format(
        count="one picture" if count == 1 else f"{count} pictures, in order,",
        seconds=f"{sample.clip.duration_s:.1f}", title=title, question=sample.question,
    )  # fmt: skip
    pictures = frames.pictures(sample.clip, shown["frames"], (shown["width"], shown["height"]))
    return chat(endpoint, text, pictures=pictures, temperature=0.7, max_tokens=MAX_TOKENS)


def judge_request(endpoint, sample, rejected):
    text = _JUDGE.format(question=sample.question, chosen=sample.answer, rejected=rejected)
    return chat(endpoint, text, temperature=0, max_tokens=JUDGE_TOKENS, response_format={"type": "json_object"})


def plan(settings, *, model=None, judge=None, limit=None):
    """The `work.Plan` of a build; nothing is asked."""
    made = work.Plan()
    try:
        made.endpoint = work.endpoint_of(model)
        if judge:
            endpoints.find(judge)
    except endpoints.NoModel as refusal:
        if model or judge:
            raise
        made.no_model = refusal.args[0]
    asked = [] if made.no_model else samples(limit)
    clips = {sample.clip_id: sample.clip for sample in asked} | {clip.pk: clip for clip in unopposed(limit)}
    made.take(clips[pk] for pk in sorted(clips))
    taken, titled = {clip.pk for clip in made.clips}, _titles() if asked else []
    for sample in asked:
        for way in settings.ways if sample.clip_id in taken else ():
            if shown := conditions(sample, way, settings, titled):
                made.steps.append((sample, kind_of(way), shown))
                made.add(request_for(made.endpoint, sample, shown))
                made.add(judge_request(made.endpoint, sample, "x" * 4 * MAX_TOKENS))
    if made.no_model:
        return made
    made.calls = made.judge_calls = len(made.steps)
    made.price({PURPOSE: made.calls, JUDGE: made.calls})
    return made


@transaction.atomic
def start(made, settings, *, by=None, judge=None):
    name = made.endpoint.name if made.endpoint else ""
    title = say("PhysDPO of %(count)d clips", count=len(made.clips))
    job = jobs.enqueue(
        KIND, owner=by, title=title, total=len(made.steps), endpoint=name, judge=judge or name, settings=asdict(settings),
        clips=[clip.pk for clip in made.clips],
    )  # fmt: skip
    BuildStep.objects.bulk_create(
        [
            BuildStep(job=job, clip_id=sample.clip_id, sample=sample, kind=kind, conditions=shown)
            for sample, kind, shown in made.steps
        ],
        batch_size=1000,
    )
    return job


@jobs.job(KIND, queue="llm")
def build(run, *, endpoint, judge, settings, clips):
    result = {"pairs_without_a_model": own.oppose(clips)}
    if not endpoint:
        run.log(str(say("No model can be asked, so only pairs that need none are made.")))
        return result
    try:
        found, judge = endpoints.find(endpoint), endpoints.find(judge)
    except endpoints.NoModel as refusal:
        raise jobs.JobFailed(refusal.args[0]) from refusal
    work.go_through(run, partial(_ask, run=run, endpoint=found, judge=judge))
    return result


def _ask(step, *, run, endpoint, judge):
    sample = step.sample
    if refused := firewall.refusals([step.clip]):
        return work.end(step, reason="clip_refused", detail=refused[step.clip_id])
    sample.clip = step.clip
    try:
        call = ask.ask(request_for(endpoint, sample, step.conditions), endpoint=endpoint, purpose=PURPOSE, run=run)
        if call.finish_reason == "length":
            return work.end(step, reason="cut", call=call)
        text = replies.clean(call.text)[:4000]
        reason, judged, judge_call = fault(sample, text), None, None
        if not reason:
            request = judge_request(judge, sample, text)
            judge_call = ask.ask(request, endpoint=judge, purpose=JUDGE, run=run)
            judged = _judged(judge_call)
    except frames.CannotRead as failure:
        return work.end(step, reason="no_frames", detail=str(failure))
    except ask.CallFailed as failure:
        return work.end(step, reason="no_reply", detail=failure.args[0])
    if judged and judged.score >= RIGHT:
        reason = "right"
    state = State.REJECTED if reason else State.ACCEPTED if judged else State.GENERATED
    pair = PreferencePair(
        sample=sample, clip_id=step.clip_id, origin=Origin.MODEL, kind=step.kind, prompt=sample.question,
        chosen=sample.answer, rejected=text, rejected_score=judged.score if judged else 0.0, conditions=step.conditions,
        verdict=judged.verdict if judged else "", verdict_why=judged.why if judged else "", state=state, reason=reason,
        decided_at=None if state == State.GENERATED else timezone.now(), call=call, judge_call=judge_call, job=run.job,
        recipe=RECIPE, draw=own.draw(sample.pk, call.pk),
    )  # fmt: skip
    PreferencePair.objects.bulk_create([pair], ignore_conflicts=True)
    return work.end(step, call=call)


def _judged(call):
    """The judge's `Judgement`; None where it cannot be used, so that a person decides."""
    try:
        return replies.judgement(call)
    except replies.Refused:
        return None


def fault(sample, text):
    """Why a misled answer is dropped by rule, "" where the judge is asked."""
    if not words(text):
        return "empty"
    if rouge_l(text, sample.answer) >= rules.SAME:
        return "equal"
    if sample.kind == "choice":
        letter = rules.letter_of(sample.question, text)
        if letter and letter == rules.letter_of(sample.question, sample.answer):
            return "right"
    return rules.speaks_of(text) or ("too_long" if len(text) > rules.MOST_CHARS else "")
