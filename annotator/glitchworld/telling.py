"""Put a statement about a clip into English."""

from dataclasses import dataclass

from annotator.glitchworld.catalogue import ALL_MOVING
from annotator.glitchworld.wording import Words, clause
from annotator.glitchworld.wording_frames import HEIGHTS, NOTHING, PLACES, TO
from annotator.glitchworld.wordings import WORDINGS

_NOUNS = {  # one of them serves for all actors of a kind in one text, so that nobody takes a box for another crate
    "person": ("person", "figure", "character"),
    "crate": ("crate", "box"),
}


@dataclass(frozen=True)
class Teller:
    """How one text speaks: its tense, what it calls each kind of actor, whether it says where they are first seen."""

    truth: object
    tense: str  # present, past or gerund
    nouns: dict
    placed: bool

    @classmethod
    def draw(cls, truth, *, tense, rng, placed=False):
        return cls(truth, tense, {kind: rng.choice(nouns) for kind, nouns in _NOUNS.items()}, placed)

    def name(self, actor):
        """ "the red crate", "the figure in red"."""
        return actor.words.replace(actor.kind, self.nouns.get(actor.kind, actor.kind), 1)

    def actor(self, number, *, rng):
        """The name, and where the actor is first seen if this text says so: "the red crate that starts on the left"."""
        actor = self.truth.actor(number)
        words = self.name(actor)
        if self.placed and actor.kind in ALL_MOVING:
            words += (
                f" that {'started' if self.tense == 'past' else 'starts'} {rng.choice(PLACES[third(self.truth, actor)])}"
            )
        return words

    def words(self, statement, *, rng):
        actor = self.truth.actor(statement.actor)
        return Words(
            actor=self.actor(statement.actor, rng=rng),
            person=actor.kind == "person",
            other="" if statement.other is None else self.actor(statement.other, rng=rng),
            to=rng.choice(TO[statement.direction]) if statement.direction else "",
        )

    def tell(self, statement, *, rng):
        """One clause that says the statement; None is the statement that nothing is wrong."""
        lines = NOTHING if statement is None else WORDINGS[statement.glitch].says
        if self.tense == "gerund":
            lines = [line for line in lines if makes_a_phrase(line)] or lines
        words = Words("") if statement is None else self.words(statement, rng=rng)
        return clause(rng.choice(lines), words, tense=self.tense, rng=rng)


def makes_a_phrase(line):
    """Whether a line reads well as "the red crate hanging in mid-air": subject, verb, and no clause before or beside."""
    subject = line.partition("[")[0]
    beside = any(link in line for link in (", and ", ", yet ", ", which ", ": "))
    return not beside and "," not in subject and not subject.startswith(("there ", "again ", "all ", "nothing "))


def third(truth, actor):
    """left, middle or right: where in the picture an actor is first seen."""
    return _across(next(box for box in actor.boxes if box is not None), truth)


def _across(box, truth):
    middle = (box[0] + box[2]) / 2
    return ("left", "middle", "right")[min(max(int(3 * middle / truth.width), 0), 2)]


def place(box, truth):
    """Where a box lies in the picture: "on the left, near the top"."""
    down = ("top", "middle", "bottom")[min(max(int(3 * (box[1] + box[3]) / 2 / truth.height), 0), 2)]
    return f"{PLACES[_across(box, truth)][0]}, {HEIGHTS[down]}"


def deeds(does):
    """What an actor does, as a verb phrase: "rolls to the left, then stops". "" for what only rests."""
    if all(verb == "rests" for verb, _ in does):
        return ""
    return ", then ".join(verb + (f" {TO[way][0]}" if way in TO else "") for verb, way in does)
