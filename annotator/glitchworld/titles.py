"""Titles as players give to their clips: some help, some say nothing, some mislead. The kind is told along."""

from dataclasses import dataclass

from annotator.glitchworld import statements
from annotator.glitchworld.telling import Teller
from annotator.glitchworld.wording import sentence
from annotator.glitchworld.wording_talk import ORDINARY_TITLES, UNHELPFUL_TITLES
from annotator.glitchworld.wordings import WORDINGS

KINDS = {"helpful": 0.6, "unhelpful": 0.25, "wrong": 0.15}  # and how often each is given
PLAIN = 0.5  # share of titles about a glitch that say what happens, instead of joking about it


@dataclass(frozen=True)
class Title:
    text: str
    kind: str  # of KINDS


def title(truth, *, rng):
    """A title of the clip; `rng` is a random.Random."""
    kind = rng.choices(list(KINDS), list(KINDS.values()))[0]
    true = statements.of_truth(truth)
    if kind == "unhelpful":
        text = _of(UNHELPFUL_TITLES, truth, rng=rng)
    elif kind == "helpful":
        text = _about(true, truth, rng=rng)
    else:
        possible = statements.all_that_could_happen(truth, rng=rng)
        others = [category for category in possible if true is None or category != true.category]
        text = _about(statements.pick(statements.pick(possible[rng.choice(others)], rng=rng), rng=rng), truth, rng=rng)
    return Title(text, kind)


def _about(statement, truth, *, rng):
    if statement is None:
        return _of(ORDINARY_TITLES, truth, rng=rng)
    if rng.random() < PLAIN:
        teller = Teller.draw(truth, tense=rng.choice(("present", "gerund")), rng=rng)
        return sentence(teller.tell(statement, rng=rng))[:-1]
    return rng.choice(WORDINGS[statement.glitch].titles)


def _of(lines, truth, *, rng):
    text = rng.choice(lines).format(theme=f"the {truth.theme}")
    return text[0].upper() + text[1:]
