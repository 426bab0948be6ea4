"""When is a question leaky? Pure functions of what models answered to its text, without the video.

A clean question is answered rightly by luck: a model that guesses is right in all four rotations once in 256, but one that
always likes the same content is right in all four whenever that content is the key, one time in four. Rotations remove the
luck of position, several model families remove the luck of taste.
"""

from collections import defaultdict
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from annotator.models import OPTION_KEYS
from studio.sentences import say

KEY = OPTION_KEYS[0]
CLEAR, LEAKY, UNSURE = "clear", "leaky", "unsure"


@dataclass(frozen=True)
class Answer:
    """`option`: which content a model chose in one arrangement, "" for no answer; `letter`: where it stood."""

    endpoint: str
    family: str
    kind: str
    number: int
    option: str
    letter: str = ""


@dataclass(frozen=True)
class Verdict:
    state: str
    reason: object  # say(...)


@dataclass(frozen=True)
class Rule:
    """`rotations`: how many of the four it asks for; `first_only`: whether it asks only the first model."""

    name: str
    label: object
    help: object
    rotations: int
    options_only: bool
    first_only: bool
    judge: object


@dataclass(frozen=True)
class _Tally:
    right: int
    answered: int
    asked: int
    letters: frozenset  # at which it chose
    contents: frozenset  # which it chose


def _tally(answers):
    """{family: {endpoint: counts}} of the rotations."""
    found = defaultdict(dict)
    for endpoint in dict.fromkeys(answer.endpoint for answer in answers):
        mine = [answer for answer in answers if answer.endpoint == endpoint and answer.kind == "rotation"]
        found[mine[0].family][endpoint] = _Tally(
            right=sum(answer.option == KEY for answer in mine),
            answered=sum(bool(answer.option) for answer in mine),
            asked=len(mine),
            letters=frozenset(answer.letter for answer in mine if answer.option),
            contents=frozenset(answer.option for answer in mine if answer.option),
        )
    return found


def _rotations(answers):
    tallies = _tally(answers)
    # A family counts by the model of it that did best.
    best = {family: max(models.values(), key=lambda t: (t.right, t.answered)) for family, models in tallies.items()}
    return _one_family(best, tallies) if len(best) == 1 else _several(best)


def _one_family(best, tallies):
    ((family, tally),) = best.items()
    name = max(tallies[family], key=lambda endpoint: tallies[family][endpoint].right)
    values = {"name": name, "right": tally.right, "asked": tally.asked}
    if tally.right == tally.asked:
        said = say(
            "%(name)s chose the correct option in %(right)d of %(asked)d orders, always the same content, without the"
            " video.",
            **values,
        )
        return Verdict(LEAKY, said)
    if tally.answered * 2 <= tally.asked:
        return Verdict(UNSURE, say("%(name)s gave no answer to most orders, so nothing is known.", name=name))
    if tally.right == tally.asked - 1:
        said = say("%(name)s chose the correct option in %(right)d of %(asked)d orders without the video.", **values)
        return Verdict(UNSURE, said)
    return Verdict(CLEAR, _why_clear(tally, values))


def _why_clear(tally, values):
    """What the wrong answers have in common, where it is one thing: a letter, or a distractor."""
    if tally.answered == tally.asked and len(tally.letters) == 1:
        (letter,) = tally.letters
        return say(
            "%(name)s said %(letter)s in all %(asked)d orders, whatever stood there, so it chose the correct option in"
            " %(right)d of %(asked)d orders without the video.",
            letter=letter,
            **values,
        )
    if tally.answered == tally.asked and len(tally.contents) == 1:
        return say(
            "%(name)s chose one and the same distractor in all %(asked)d orders, so the correct option in %(right)d of"
            " %(asked)d orders without the video.",
            **values,
        )
    return say("%(name)s chose the correct option in %(right)d of %(asked)d orders without the video.", **values)


def _several(best):
    need = -(-2 * len(best) // 3)
    hit = [family for family, tally in best.items() if tally.right >= tally.asked - 1]
    silent = [family for family, tally in best.items() if tally.answered * 2 <= tally.asked]
    hits = say(
        "%(hits)d of %(families)d model families (%(names)s) chose the correct option in at least 3 of 4 orders.",
        hits=len(hit),
        families=len(best),
        names=", ".join(sorted(hit)) or "–",
    )
    if len(hit) >= need:
        return Verdict(LEAKY, hits)
    if len(hit) + len(silent) >= need:
        said = say(
            "%(hits)d of %(families)d model families could answer without the video; %(silent)d gave no answers.",
            hits=len(hit),
            families=len(best),
            silent=len(silent),
        )
        return Verdict(UNSURE, said)
    if hit:
        return Verdict(UNSURE, hits)
    said = say("None of %(families)d model families chose the correct option in 3 of 4 orders.", families=len(best))
    return Verdict(CLEAR, said)


def _paper(answers):
    (answer,) = answers
    if answer.option == KEY:
        return Verdict(LEAKY, say("%(name)s gave the correct option without the video.", name=answer.endpoint))
    if answer.option:
        return Verdict(CLEAR, say("%(name)s chose a distractor without the video.", name=answer.endpoint))
    return Verdict(CLEAR, say("%(name)s gave no answer without the video.", name=answer.endpoint))


RULES = {
    "rotations": Rule(
        "rotations",
        _("All orders"),
        _(
            "Each model answers the question in four orders of its options, so that the correct one stands once at each"
            " letter, and once sees the options alone. One family of models: leaky if it is right in all four orders, unsure"
            " at three. Several families: leaky if at least two in three of them are right in three of four orders, unsure"
            " below that. A model that only guesses is right four times in 1 of 256 clean questions; one that always likes"
            " the same content, in 1 of 4."
        ),
        4,
        True,
        False,
        _rotations,
    ),
    "paper": Rule(
        "paper",
        _("One answer, as in the paper"),
        _(
            "The first model answers once, in one order; right means leaky. A model that only guesses is right for 1 in 4"
            " clean questions."
        ),
        1,
        False,
        True,
        _paper,
    ),
}
