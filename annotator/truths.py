"""What really happens in a GlitchWorld clip: stored when it is brought in, told on pages, compared with what people say."""

import json
import random
from dataclasses import dataclass

from annotator.glitchworld.truth import BLATANT, ClipTruth
from annotator.models import Clip, Truth
from annotator.taxonomy import CATEGORIES


def parse(line):
    """The `ClipTruth` of a line of truth.jsonl; ValueError with the reason when it is none."""
    try:
        truth = ClipTruth.from_json(line)
        lengths = {len(actor.boxes) for actor in truth.actors}
        if truth.glitch:
            truth.actor(truth.glitch.actor)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is not a truth as GlitchWorld writes it ({type(error).__name__}: {error})")
    if truth.glitch and truth.glitch.category not in CATEGORIES:
        raise ValueError(f"there is no category {truth.glitch.category!r}")
    if truth.glitch and not 0 <= truth.glitch.first_frame <= truth.glitch.last_frame < truth.frames:
        raise ValueError(f"its glitch does not lie within its {truth.frames} frames")
    if lengths - {truth.frames}:
        raise ValueError(f"it does not give every actor one box for each of its {truth.frames} frames")
    return truth


def store(clip, truth):
    """Keep the truth of a clip; a clip that has one keeps it. Returns the Truth."""
    glitch = truth.glitch
    return Truth.objects.get_or_create(
        clip=clip,
        defaults={
            "row": json.loads(truth.to_json()),
            "question": _own_question(truth),
            "category": glitch.category if glitch else "",
            "sub_label": glitch.sub_label if glitch else "",
            "spans": [[glitch.first_frame, glitch.last_frame]] if glitch else [],
        },
    )[0]


def _own_question(truth):
    """GlitchWorld's question about the clip, the same whenever it is asked; None where the picture holds too little."""
    from annotator.glitchworld.questions import write_question  # reads numpy, which pages do not need

    try:
        question = write_question(truth, rng=random.Random(truth.clip_id))
    except ValueError:
        return None
    return {"stem": question.stem, "options": list(question.options), "answer_index": question.answer_index}


def title(truth):
    """What to call a clip in lists; it gives nothing away, not even which of two twins has the glitch."""
    return f"GlitchWorld {truth.theme} {truth.seed}"


def overlap(true, marked):
    """Frames in both over frames in either, 0 to 1; spans are inclusive and may overlap. None where both are empty."""
    true, marked = (frozenset(n for first, last in spans for n in range(first, last + 1)) for spans in (true, marked))
    either = true | marked
    return len(true & marked) / len(either) if either else None


@dataclass(frozen=True)
class Comparison:
    """What somebody said against the truth; None where there is nothing to compare."""

    category_right: bool | None
    kind_right: bool | None
    overlap: float | None


def compare(truth, *, category, sub_label="", spans=()):
    """Compare a `Truth` with a category ("" for nothing is wrong), a kind of glitch and marked spans."""
    return Comparison(
        category_right=category == truth.category,
        kind_right=sub_label == truth.sub_label if sub_label and category == truth.category else None,
        overlap=overlap(truth.spans, spans),
    )


@dataclass(frozen=True)
class Telling:
    """A truth in words, ready for a template."""

    truth: Truth
    sentence: str  # GlitchWorld's own correct option; "" where it has none
    category: object  # a taxonomy.Category, None where nothing is wrong
    kind: str
    actor: str
    other: str
    blatant: bool
    without: str
    lookalikes: list  # [(name, words of the actor, frame), ...]


def telling(truth):
    """How to tell a `Truth` whose row is loaded."""
    row, glitch = truth.row, truth.row["glitch"]
    words = {actor["id"]: actor["words"] for actor in row["actors"]}
    category = CATEGORIES[truth.category] if truth.category else None
    question = truth.question
    return Telling(
        truth=truth,
        sentence=question["options"][question["answer_index"]] if question else "",
        category=category,
        kind=dict(category.sub_labels).get(truth.sub_label, truth.sub_label) if category else "",
        actor=words[glitch["actor"]] if glitch else "",
        other=words.get(glitch["other"], "") if glitch else "",
        blatant=bool(glitch) and glitch["strength"] >= BLATANT,
        without=_deeds(row["without"]["actor_does"]) if row["without"] else "",
        lookalikes=[(one["name"], words.get(one["actor"], ""), one["frame"]) for one in row["lookalikes"]],
    )


def _deeds(pairs):
    """[["slides", "right"], ["stops", None]] -> "slides right, stops", in GlitchWorld's own English."""
    return ", ".join(" ".join(filter(None, pair)) for pair in pairs)


def overlay(truth):
    """What the player draws over the video: the boxes of the glitch's actors, one for each frame or None."""
    row, glitch = truth.row, truth.row["glitch"]
    wanted = [glitch["actor"], glitch["other"]] if glitch else []
    actors = {actor["id"]: actor for actor in row["actors"]}
    boxes = [{"words": actors[one]["words"], "boxes": actors[one]["boxes"]} for one in wanted if one in actors]
    return {"width": row["width"], "height": row["height"], "spans": truth.spans, "actors": boxes}


def twin_of(truth):
    """The ready clip of the same seed with or without the glitch, where it was brought in too; else None."""
    if not truth.row["twin"]:
        return None
    return Clip.objects.filter(source=truth.clip.source, source_id=truth.row["twin"], state=Clip.State.READY).first()
