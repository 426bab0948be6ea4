"""The question files of a set, in the public formats. What is asked about a clip depends on the clip alone."""

import json

from annotator.glitchworld.questions import GLITCH_FREE, MOST_GLITCH_FREE, write_question
from annotator.glitchworld.streams import stream

__all__ = ["GLITCH_FREE", "ask", "write_files"]
NO_GLITCH = "No glitch"  # stands where a clip without a glitch has no class
_LETTERS = "ABCD"


def ask(truth, *, seed, glitch_free):
    """{file: record} of one clip; twins are not asked about.

    There is no annotation in a set with more glitch-free clips than the questions can hide.
    """
    if truth.clip_id.endswith("-twin"):
        return {}
    records = {}
    if glitch_free <= MOST_GLITCH_FREE:
        records["annotation"] = _annotation(truth, stream(seed, "question", truth.clip_id), glitch_free)
    return records


def write_files(out, asked, *, write):
    """Write the files of a set from what `ask` said about each of its clips, in their order."""
    rows = [records["annotation"] for records in asked if "annotation" in records]
    if rows:
        write(out / f"PhysGame_{len(rows)}_annotation.json", _text(rows))


def _text(rows):
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def _annotation(truth, rng, glitch_free):
    """A record of the public annotation file."""
    question = write_question(truth, rng=rng, glitch_free=glitch_free)
    return {
        "question_id": truth.clip_id,
        "question": question.stem,
        "options": dict(zip(_LETTERS, question.options, strict=True)),
        "answer": _LETTERS[question.answer_index],
        "class_anno": truth.glitch.domain if truth.glitch else NO_GLITCH,
        "subclass_anno": truth.glitch.category if truth.glitch else NO_GLITCH,
    }
