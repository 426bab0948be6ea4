"""What needs no model: pairs of approved questions, and GlitchWorld's own. They are true, so they are accepted."""

import json
import random

from django.utils import timezone

from annotator import letters
from annotator.models import OPTION_KEYS, Question, Revision, Truth
from modelzoo.instruct.models import InstructSample, Origin, PreferencePair, State

WHEN = "When can the glitch be seen?"
_DISTRACTORS = OPTION_KEYS[1:]


def draw(*key):
    return random.Random("/".join(map(str, key))).random()


def _sample(clip_id, origin, place, kind, question, answer, **more):
    return InstructSample(
        clip_id=clip_id, origin=origin, place=place, kind=kind, question=question, answer=answer, state=State.ACCEPTED,
        decided_at=timezone.now(), draw=draw(clip_id, origin, place), **more,
    )  # fmt: skip


def seconds(spans, fps):
    """Inclusive frame spans as a sentence: From 1.0 s to 3.1 s."""
    parts = [f"from {float(first / fps):.1f} s to {float((last + 1) / fps):.1f} s" for first, last in spans]
    return "F" + ", and ".join(parts)[1:] + "."


def from_questions(clips):
    """Store the pairs of the approved questions about these clips; returns how many are new."""
    from django.conf import settings
    from django.db.models import F

    rows = Revision.objects.filter(
        question__clip__in=clips, question__state=Question.State.APPROVED, number=F("question__revision_number")
    ).select_related("question__clip")
    made = []
    for revision in rows:
        clip = revision.question.clip
        more = {"revision": revision}
        made.append(_sample(clip.pk, Origin.QUESTION, 0, "open", revision.stem, revision.correct, **more))
        if revision.spans:
            answer = seconds(revision.spans, clip.fps)
            made.append(_sample(clip.pk, Origin.QUESTION, 1, "follow_up", WHEN, answer, **more))
        texts = [getattr(revision, key) for key in OPTION_KEYS]
        order = letters.rotations(settings.LETTER_SEED, revision.stem, *texts)[0]
        options = " ".join(f"({letter}) {getattr(revision, key)}" for letter, key in zip("ABCD", order, strict=True))
        answer = f"({'ABCD'[order.index('correct')]}) {revision.correct}"
        made.append(_sample(clip.pk, Origin.QUESTION, 2, "choice", f"{revision.stem} {options}", answer, **more))
    return _store(made)


def _store(made):
    before = InstructSample.objects.count()
    InstructSample.objects.bulk_create(made, ignore_conflicts=True, batch_size=1000)
    return InstructSample.objects.count() - before


def _glitchworld(truth):
    """([{"q", "a"}, ...], [{"prompt", "chosen", "rejected", "kind"}, ...]) of a stored truth; the same each time.

    The first question is that of the pairs, so chosen and rejected answers come from one grammar.
    """
    from annotator.glitchworld.instruct import instruct_pairs
    from annotator.glitchworld.misled import misled_answers
    from annotator.glitchworld.questions import GLITCH_FREE
    from annotator.glitchworld.statements import glitch_of_another_clip
    from annotator.truths import parse

    known = parse(json.dumps(truth.row))
    rng = random.Random(known.clip_id)
    turns = instruct_pairs(known, rng=rng)
    other = glitch_of_another_clip(known, rng=rng, glitch_free=GLITCH_FREE)
    pairs = misled_answers(known, rng=rng, other=other)
    if pairs:
        first = pairs[0]
        # All were told by one speaker; with one question and one true answer they are pairs of one sample.
        pairs = [{**pair, "prompt": first["prompt"], "chosen": first["chosen"]} for pair in pairs]
        turns = [{"q": first["prompt"], "a": first["chosen"]}, *turns[1:]]
    return turns, pairs


def from_glitchworld(clips):
    """Store GlitchWorld's conversations about those of these clips whose truth is known; returns how many are new."""
    made = []
    for truth in Truth.objects.filter(clip__in=clips).iterator(chunk_size=100):
        turns, _pairs = _glitchworld(truth)
        free = not truth.category
        for place, turn in enumerate(turns):
            kind = _kind(place, turn, free)
            made.append(_sample(truth.clip_id, Origin.GLITCHWORLD, place, kind, turn["q"], turn["a"]))
    return _store(made)


def _kind(place, turn, free):
    if "(A)" in turn["q"]:
        return "choice"
    if place == 0:
        return "glitch_free" if free else "open"
    return "yes_no" if turn["a"].startswith(_VERDICTS) else "follow_up"


_VERDICTS = ("Yes", "No.", "No,", "Not at all", "Indeed", "That is right", "That is wrong")


def _pair(sample, kind, place, rejected, origin):
    return PreferencePair(
        sample=sample, clip_id=sample.clip_id, origin=origin, kind=kind, place=place, prompt=sample.question,
        chosen=sample.answer, rejected=rejected, state=State.ACCEPTED, decided_at=timezone.now(),
        draw=draw(sample.pk, kind, place),
    )  # fmt: skip


_KINDS = {"wrong title": "meta", "single frame": "temporal", "low resolution": "spatial"}


def oppose(clips):
    """Store the pairs that need no model: distractors, wrong spans, GlitchWorld's misled answers; how many are new."""
    made = []
    samples = InstructSample.objects.filter(clip__in=clips, state=State.ACCEPTED, made__isnull=True).select_related(
        "clip", "revision"
    )
    for sample in samples.filter(origin=Origin.QUESTION, place=0):
        for place, key in enumerate(_DISTRACTORS):
            made.append(_pair(sample, "distractor", place, getattr(sample.revision, key), Origin.QUESTION))
    for sample in samples.filter(origin=Origin.QUESTION, place=1):
        if wrong := wrong_span(sample.revision.spans, sample.clip.frame_count, random.Random(sample.clip.sha256)):
            made.append(_pair(sample, "span", 0, seconds([wrong], sample.clip.fps), Origin.QUESTION))
    for sample in samples.filter(origin=Origin.GLITCHWORLD, place=0, clip__truth__isnull=False):
        for one in _glitchworld(sample.clip.truth)[1]:
            if one["rejected"] != sample.answer and one["chosen"] == sample.answer:
                made.append(_pair(sample, _KINDS[one["kind"]], 0, one["rejected"], Origin.GLITCHWORLD))
    before = PreferencePair.objects.count()
    PreferencePair.objects.bulk_create(made, ignore_conflicts=True, batch_size=1000)
    return PreferencePair.objects.count() - before


def wrong_span(spans, frames, rng):
    """[first, last] as long as the first span and apart from all; None where the clip has no room for it."""
    long = spans[0][1] - spans[0][0] + 1
    starts = [n for n in range(frames - long + 1) if all(n > last or n + long - 1 < first for first, last in spans)]
    if not starts:
        return None
    start = rng.choice(starts)
    return [start, start + long - 1]
