"""The question files of a set, in the public formats. What is asked about a clip depends on the clip alone.

Beside them option_categories.json, {question_id: [category of what option A claims, B, C, D]}: with it an evaluation can
tell a model that sees something from one that likes to say it.
"""

import json

from annotator.glitchworld.instruct import instruct_pairs
from annotator.glitchworld.misled import misled_answers
from annotator.glitchworld.plain import PAIRS, plain_question, plain_talk
from annotator.glitchworld.questions import GLITCH_FREE, MOST_GLITCH_FREE, write_question
from annotator.glitchworld.statements import glitch_of_another_clip
from annotator.glitchworld.streams import stream

__all__ = ["GLITCH_FREE", "ask", "write_files"]
NO_GLITCH = "No glitch"  # stands where a clip without a glitch has no class
OPTION_CATEGORIES = "option_categories.json"
_LETTERS = "ABCD"


def ask(truth, *, seed, glitch_free, plain=False, pairs=PAIRS):
    """{file: records} of one clip; twins are not asked about. `plain` asks as the plain level does, with so many `pairs`.

    There is no annotation in a set with more glitch-free clips than the questions can hide. Conversations and pairs are
    then as for the largest share that can be hidden.
    """
    if truth.clip_id.endswith("-twin"):
        return {}
    records = {}
    if glitch_free <= MOST_GLITCH_FREE:
        write = plain_question if plain else write_question
        question = write(truth, rng=stream(seed, "question", truth.clip_id), glitch_free=glitch_free)
        records["annotation"] = _annotation(truth, question)
        records["option_categories"] = [category or NO_GLITCH for category in question.option_categories]
    share = min(glitch_free, MOST_GLITCH_FREE)
    if plain:
        turns, told = plain_talk(truth, rng=stream(seed, "talk", truth.clip_id), glitch_free=share, count=pairs)
        records["instruct"], records["preference"] = _instruct(truth, turns), _pairs(truth, told)
        return records
    records["instruct"] = _conversation(truth, stream(seed, "instruct", truth.clip_id), share)
    records["preference"] = _preferences(truth, stream(seed, "preference", truth.clip_id), share)
    return records


def write_files(out, asked, *, write):
    """Write the files of a set from what `ask` said about each of its clips, in their order."""
    rows = [records["annotation"] for records in asked if "annotation" in records]
    if rows:
        write(out / f"PhysGame_{len(rows)}_annotation.json", _text(rows))
    known = [records.get("option_categories") for records in asked if "annotation" in records]
    if rows and all(known):  # parts that an older version made do not know them
        told = dict(zip((row["question_id"] for row in rows), known, strict=True))
        write(out / OPTION_CATEGORIES, json.dumps(told, ensure_ascii=False) + "\n")
    rows = [records["instruct"] for records in asked if "instruct" in records]
    if rows:
        write(out / f"PhysInstruct_anno_{len(rows)}.json", _text(rows))
    rows = [pair for records in asked for pair in records.get("preference", ())]
    if rows:
        write(out / f"PhysDPO_anno_{len(rows)}.json", _text(rows))


def _text(rows):
    return json.dumps(rows, ensure_ascii=False, indent=1) + "\n"


def _annotation(truth, question):
    """A record of the public annotation file."""
    return {
        "question_id": truth.clip_id,
        "question": question.stem,
        "options": dict(zip(_LETTERS, question.options, strict=True)),
        "answer": _LETTERS[question.answer_index],
        "class_anno": truth.glitch.domain if truth.glitch else NO_GLITCH,
        "subclass_anno": truth.glitch.category if truth.glitch else NO_GLITCH,
    }


def _conversation(truth, rng, glitch_free):
    """A record of the public PhysInstruct file."""
    return _instruct(truth, instruct_pairs(truth, rng=rng, glitch_free=glitch_free))


def _instruct(truth, turns):
    return {"video": f"{truth.clip_id}.mp4", "QA": [{"i": "", **turn} for turn in turns]}


def _preferences(truth, rng, glitch_free):
    """Records of the public PhysDPO file; the scores only say which answer is the true one."""
    other = glitch_of_another_clip(truth, rng=rng, glitch_free=glitch_free)
    return _pairs(truth, misled_answers(truth, rng=rng, other=other, glitch_free=glitch_free))


def _pairs(truth, pairs):
    return [
        {
            "id": f"{truth.clip_id}_{number}",
            "video": f"{truth.clip_id}.mp4",
            "prompt": pair["prompt"],
            "chosen": pair["chosen"],
            "rejected": pair["rejected"],
            "chosen_score": 1.0,
            "rejected_score": 0.0,
        }
        for number, pair in enumerate(pairs)
    ]
