"""What a model sent back, taken apart; `Refused` with a reason where it is not what was asked for."""

import json
import re
from dataclasses import dataclass

from modelzoo.instruct.seeds import KINDS, MOST_TURNS


class Refused(Exception):
    """The whole reply is dropped; `reason` is one of reasons.OF_REPLIES."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Turn:
    kind: str
    question: str
    answer: str


_FENCE = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.S)
_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.S | re.I)


def json_of(call):
    """The JSON object of a reply, also inside a fence; `Refused` where it was cut off or is none."""
    if call.finish_reason == "length":
        raise Refused("cut")
    text = _THINKING.sub("", call.text)
    fenced = _FENCE.match(text)
    try:
        return json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        raise Refused("not_json") from None


def conversation(call):
    """(whether the model says that there is a glitch, [Turn, ...])."""
    data = json_of(call)
    if not isinstance(data, dict) or set(data) != {"glitch", "conversation"} or not isinstance(data["glitch"], bool):
        raise Refused("schema")
    rows = data["conversation"]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_TURNS:
        raise Refused("schema")
    return data["glitch"], [_turn(row) for row in rows]


def _turn(row):
    if not isinstance(row, dict) or set(row) != {"kind", "question", "answer"} or row["kind"] not in KINDS:
        raise Refused("schema")
    if not isinstance(row["question"], str) or not isinstance(row["answer"], str):
        raise Refused("schema")
    return Turn(row["kind"], clean(row["question"]), clean(row["answer"]))


def clean(text):
    """One line without characters that PostgreSQL cannot keep."""
    return " ".join(text.replace("\x00", "").encode("utf-8", "ignore").decode().split())


@dataclass(frozen=True)
class Judgement:
    score: float
    verdict: str
    why: str


def judgement(call):
    """What the judge says about an answer; `Refused` where it says nothing that can be used."""
    data = json_of(call)
    score = data.get("score") if isinstance(data, dict) else None
    why = data.get("why", "") if isinstance(data, dict) else ""
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 5 or not isinstance(why, str):
        raise Refused("schema")
    verdict = "right" if score >= 4 else "partly" if score >= 2 else "wrong"
    return Judgement(float(score), verdict, clean(why)[:1000])
