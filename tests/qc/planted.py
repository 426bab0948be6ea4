"""Leaky questions planted among GlitchWorld's, and how well a ranking finds them. Tests and a benchmark share it."""

import dataclasses
import lzma
import random
from itertools import islice
from pathlib import Path

from django.db.models import Case, Count, Q, When

from annotator.glitchworld.questions import write_question
from annotator.glitchworld.truth import ClipTruth
from annotator.models import OPTION_KEYS
from qc.baseline.items import Item
from qc.leak_models import LeakCheck
from tests.factories import QuestionFactory, UserFactory
from tests.readers import Reader

TRUTHS = Path(__file__).parents[1] / "data" / "glitchworld" / "truths.jsonl.xz"
LONG = "and stays like that to the very end of the clip although nothing around it changes at all"
WORDS = ("in an unnatural way", "which is physically impossible")
ABSURD = (
    "A purple dragon recites the alphabet to the moon.", "The sun knits a woollen scarf for the viewer.",
    "A giant sandwich applauds from the sky.", "The controller melts into a bowl of soup.",
    "Shakespeare walks in and orders a pizza.", "The moon bursts into a song about cheese.",
)  # fmt: skip
PLANTED = 30


def world(count, *, after=0):
    """Questions GlitchWorld wrote about really made clips, from `after` on; whoever reads only them stays at chance."""
    with lzma.open(TRUTHS, "rt", encoding="utf-8") as lines:
        truths = [ClipTruth.from_json(line) for line in islice(lines, after, after + count)]
    found = []
    for number, truth in enumerate(truths, start=after + 1):
        question = write_question(truth, rng=random.Random(number))
        options = list(question.options)
        key = options.pop(question.answer_index)
        found.append(Item(number, number, question.category or "Gravity", 1, "", question.stem, (key, *options)))
    return found


def plant(items, dice):
    """(items, revisions of the leaky ones): ten with the longest key, ten with giveaway words, ten absurd distractors."""
    items = list(items)
    chosen = dice.sample(range(len(items)), PLANTED)
    for turn, index in enumerate(chosen):
        key, *others = items[index].options
        if turn % 3 == 2:
            others = dice.sample(ABSURD, 3)
        else:
            key = f"{key.rstrip('.')}, {LONG if turn % 3 == 0 else dice.choice(WORDS)}."
        items[index] = dataclasses.replace(items[index], options=(key, *others))
    return items, {items[index].revision for index in chosen}


def told(name, order, leaky):
    """Precision and recall of the first of a ranking, as text. `order`: revisions, those that look most leaky first."""
    lines = []
    for top in (10, 20, len(leaky), len(leaky) * 3 // 2):
        hits = len(leaky & set(order[:top]))
        lines.append(f"{name}, first {top}: precision {hits / top:.2f}, recall {hits / len(leaky):.2f}")
    return "\n".join([*lines, f"by chance: precision {len(leaky) / len(order):.2f}"])


def store(items):
    """Put them into the Studio as submitted questions; returns {revision of an item: its Revision}."""
    author = UserFactory()
    made = {}
    for item in items:
        texts = dict(zip(OPTION_KEYS, item.options, strict=True))
        question = QuestionFactory(submitted=True, author=author, category=item.category, stem=item.stem, **texts)
        made[item.revision] = question.revisions.get()
    return made


def reader_of_others(after, **habits):
    """A text-only reader that has read two hundred questions, none of them among the first `after`."""
    return Reader([text for item in world(200, after=after) for text in item.options], **habits)


def by_evidence():
    """Revisions by what their leak checks found: leaky, unsure, clear, and within those by right answers."""
    rank = Case(*(When(state=state, then=n) for n, state in enumerate(("leaky", "unsure", "clear"))), default=3)
    right = Count("answers", filter=Q(answers__option=OPTION_KEYS[0]))
    checks = LeakCheck.objects.filter(current=True).annotate(rank=rank, right=right)
    return list(checks.order_by("rank", "-right", "pk").values_list("revision", flat=True))


def told_of_verdicts(leaky):
    """(text, precision, recall) of the verdict “leaky”."""
    found = set(LeakCheck.objects.filter(current=True, state="leaky").values_list("revision", flat=True))
    precision, recall = len(found & leaky) / max(1, len(found)), len(found & leaky) / len(leaky)
    return f"verdict leaky: {len(found)} questions, precision {precision:.2f}, recall {recall:.2f}", precision, recall
