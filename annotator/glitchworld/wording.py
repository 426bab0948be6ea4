"""A small grammar: one line of a wording table becomes one of many English sentences.

A line is a clause about an actor, for example

    {A} [hang|float] (in mid-air|in empty space) with nothing under {it}

    {A} {B}           the actor, the other thing it meets
    {to}              a direction: "to the left"
    {it} {its} {self} pronouns for the actor: it, its, itself, or them, their, themselves for a person
    [hang|float]      one of these verbs, in the tense asked for; [+hang] of a subject in the plural
    <be>              the same inside a subordinate clause, which keeps its tense where the main verb becomes "-ing"
    (a|b|)            one of these texts, possibly none

British spelling throughout.
"""

import re
from dataclasses import dataclass

TENSES = ("present", "past", "gerund")

_IRREGULAR = {  # verb: (past, gerund); None where the rule fits
    "be": ("was", "being"),
    "become": ("became", None),
    "begin": ("began", "beginning"),
    "bend": ("bent", None),
    "blow": ("blew", None),
    "break": ("broke", None),
    "burst": ("burst", None),
    "cast": ("cast", None),
    "catch": ("caught", None),
    "clip": ("clipped", "clipping"),
    "come": ("came", None),
    "creep": ("crept", None),
    "cut": ("cut", "cutting"),
    "die": (None, "dying"),
    "dip": ("dipped", "dipping"),
    "do": ("did", None),
    "drag": ("dragged", "dragging"),
    "drive": ("drove", None),
    "drop": ("dropped", "dropping"),
    "fall": ("fell", None),
    "find": ("found", None),
    "flip": ("flipped", "flipping"),
    "fly": ("flew", None),
    "freeze": ("froze", None),
    "get": ("got", "getting"),
    "give": ("gave", None),
    "go": ("went", None),
    "grow": ("grew", None),
    "hang": ("hung", None),
    "have": ("had", None),
    "hit": ("hit", "hitting"),
    "hold": ("held", None),
    "hop": ("hopped", "hopping"),
    "jog": ("jogged", "jogging"),
    "keep": ("kept", None),
    "leave": ("left", None),
    "leap": ("leapt", None),
    "let": ("let", "letting"),
    "lie": ("lay", "lying"),
    "lose": ("lost", None),
    "make": ("made", None),
    "meet": ("met", None),
    "pop": ("popped", "popping"),
    "put": ("put", "putting"),
    "ride": ("rode", None),
    "rise": ("rose", None),
    "run": ("ran", "running"),
    "sag": ("sagged", "sagging"),
    "see": ("saw", "seeing"),
    "send": ("sent", None),
    "shake": ("shook", None),
    "shed": ("shed", "shedding"),
    "shine": ("shone", None),
    "shoot": ("shot", None),
    "shrink": ("shrank", None),
    "sink": ("sank", None),
    "sit": ("sat", "sitting"),
    "skip": ("skipped", "skipping"),
    "slam": ("slammed", "slamming"),
    "slide": ("slid", None),
    "slip": ("slipped", "slipping"),
    "snap": ("snapped", "snapping"),
    "speed": ("sped", None),
    "spin": ("spun", "spinning"),
    "split": ("split", "splitting"),
    "spread": ("spread", None),
    "spring": ("sprang", None),
    "stand": ("stood", None),
    "step": ("stepped", "stepping"),
    "stick": ("stuck", None),
    "stop": ("stopped", "stopping"),
    "swap": ("swapped", "swapping"),
    "swim": ("swam", "swimming"),
    "swing": ("swung", None),
    "take": ("took", None),
    "throw": ("threw", None),
    "travel": ("travelled", "travelling"),
    "wear": ("wore", None),
    "wind": ("wound", None),
    "wrap": ("wrapped", "wrapping"),
}


def conjugate(verb, tense):
    """The third person of a verb (its first word) in one of TENSES, plural after a "+"; more words follow unchanged."""
    plural = verb.startswith("+")
    verb, space, rest = verb.removeprefix("+").partition(" ")
    past, gerund = _IRREGULAR.get(verb, (None, None))
    if plural and verb == "be" and tense != "gerund":
        form = {"present": "are", "past": "were"}[tense]
    elif plural and tense == "present":
        form = verb
    elif tense == "present":
        if verb in ("be", "have"):
            form = {"be": "is", "have": "has"}[verb]
        elif verb.endswith(("s", "sh", "ch", "x", "z", "o")):
            form = verb + "es"
        else:
            form = _y_to_i(verb) + "es" if _ends_in_y(verb) else verb + "s"
    elif tense == "past":
        form = past or (verb + "d" if verb.endswith("e") else (_y_to_i(verb) if _ends_in_y(verb) else verb) + "ed")
    elif tense == "gerund":
        form = gerund or (verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb) + "ing"
    else:
        raise ValueError(f"No tense {tense!r}; one of {', '.join(TENSES)}.")
    return form + space + rest


def _ends_in_y(verb):
    return verb.endswith("y") and verb[-2] not in "aeiou"


def _y_to_i(verb):
    return verb[:-1] + "i"


@dataclass(frozen=True)
class Words:
    """What fills the names of a line."""

    actor: str
    person: bool = False
    other: str = ""
    to: str = ""

    def names(self):
        it, its, self_ = ("them", "their", "themselves") if self.person else ("it", "its", "itself")
        own = {"it": it, "its": its, "self": self_}
        return {"A": self.actor, "B": self.other, "to": self.to, **own}


_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")  # the innermost choice
_VERB = re.compile(r"(\[[^\]]*\]|<[^>]*>)")
_NAME = re.compile(r"\{(\w+)\}")


def pick(line, *, rng):
    """Settle every choice of a line, verbs included, which keep their brackets."""
    while match := _CHOICE.search(line):
        line = line[: match.start()] + rng.choice(match[1].split("|")) + line[match.end() :]
    line = _VERB.sub(lambda m: m[0][0] + rng.choice(m[0][1:-1].split("|")) + m[0][-1], line)
    return re.sub(r"  +", " ", line).replace(" ,", ",").strip()


def clause(line, words, *, tense, rng):
    """One clause, without capital and full stop. KeyError for a name that `Words` has not."""

    def verb(match):
        if match[0][0] == "[":
            return conjugate(match[0][1:-1], tense)
        return conjugate(match[0][1:-1], "present" if tense == "gerund" else tense)

    text = _VERB.sub(verb, pick(line, rng=rng))
    names = words.names()
    return re.sub(r"  +", " ", _NAME.sub(lambda m: names[m[1]], text)).replace(" ,", ",").strip()


def sentence(text):
    """A clause as a sentence."""
    return text[0].upper() + text[1:] + ("" if text[-1] in ".?!" else ".")


def variants(line):
    """How many texts a line can become, apart from its names and tense."""
    total = 0
    if match := _CHOICE.search(line):
        for text in match[1].split("|"):
            total += variants(line[: match.start()] + text + line[match.end() :])
        return total
    total = 1
    for match in _VERB.finditer(line):
        total *= match[0].count("|") + 1
    return total


@dataclass(frozen=True)
class Wording:
    """The lines of one glitch, in this grammar."""

    says: tuple[str, ...]  # what happens: clauses; those that begin with {A} also serve as "-ing" phrases
    law: tuple[str, ...]  # why that cannot be: clauses without an actor
    normally: tuple[str, ...]  # what the actor would do instead: clauses
    titles: tuple[str, ...]  # as players head such a clip in a forum
