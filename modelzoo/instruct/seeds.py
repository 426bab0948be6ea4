"""Self-instruct: prompts made of our own seed tasks (seeds.json). What a prompt shows of them depends on the clip alone."""

import hashlib
import json
import random
from functools import cache
from pathlib import Path

from modelzoo.instruct.models import InstructSample

VERSION = 1  # of the words below; seeds.json has its hash in the recipe
EXAMPLES = 4
KINDS = tuple(InstructSample.Kind.values)

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["glitch", "conversation"],
    "properties": {
        "glitch": {"type": "boolean"},
        "conversation": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["kind", "question", "answer"],
                "properties": {
                    "kind": {"type": "string", "enum": list(KINDS)},
                    "question": {"type": "string"},
                    "answer": {"type": "string"},
                },
            },
        },
    },
}
RESPONSE_FORMAT = {"type": "json_schema", "json_schema": {"name": "conversation", "strict": True, "schema": SCHEMA}}
MOST_TURNS = 12

_TASK = """\
You are shown {count} pictures of one clip of a video game, in order and evenly spaced over its {seconds} seconds, and what \
its uploader wrote about it. Find what in the clip breaks physical common sense, if anything does, and write a \
conversation about it between somebody who asks and somebody who has watched the clip.

What the uploader wrote may be wrong, a joke, or about something else. Believe your eyes, and mention neither the title \
nor the text. Speak of the clip as a whole, never of pictures, images or frames.

Title: {title}
Text: {text}

Write 4 to 6 questions with their answers, of several of these kinds:
- open: an open question about what breaks; the answer names who or what, what happens, and why it cannot.
- follow_up: asks on about the question before it (when, where, why, what should have happened).
- yes_no: a question answered with yes or no; the answer begins with that word and gives the reason.
- choice: a question with four options (A) to (D), one of them right; the answer is its letter and its text.
- glitch_free: only where nothing breaks: a question whether something does; the answer says that nothing breaks and \
describes what happens instead. Then use no open questions.

Examples of other clips, for the tone only:
{examples}

Reply with JSON alone: {{"glitch": true or false, "conversation": [{{"kind": ..., "question": ..., "answer": ...}}, ...]}}"""


@cache
def _text():
    return (Path(__file__).parent / "seeds.json").read_text(encoding="utf-8")


@cache
def seeds():
    """[{id, kind, question, answer}, ...]"""
    return json.loads(_text())


def recipe():
    """Names the prompt and its seed tasks for good."""
    return f"conversation-{VERSION}-{hashlib.sha256(_text().encode()).hexdigest()[:8]}"


def examples_for(clip):
    """Seed tasks of different kinds, drawn by the clip's content: the same clip gives the same prompt."""
    rng = random.Random(f"{clip.sha256}/{recipe()}")
    shuffled = rng.sample(seeds(), len(seeds()))
    firsts = {}
    for seed in shuffled:
        firsts.setdefault(seed["kind"], seed)
    return list(firsts.values())[:EXAMPLES]


def quoted(text, limit=600):
    """What the uploader wrote, on one line, cut, so that it cannot pass for part of the task."""
    text = " ".join(text.split())
    return f"“{text[:limit]}”" if text else "(none)"


def prompt(clip, count):
    shown = [json.dumps({name: seed[name] for name in ("kind", "question", "answer")}) for seed in examples_for(clip)]
    return _TASK.format(
        count=count,
        seconds=f"{clip.duration_s:.1f}",
        title=quoted(clip.title),
        text=quoted(clip.text),
        examples="\n".join(shown),
    )
