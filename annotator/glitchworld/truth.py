"""What is true of one clip: its glitch, its actors and their boxes. One line of `truth.jsonl` each.

Frames count from 0 and spans are inclusive; boxes are [x0, y0, x1, y1] in pixels of the clip (x1, y1 exclusive), None where
the actor cannot be seen. An actor does `(verb, direction)` pairs in the order in which they begin.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

WORLD = 1  # raise it when the same seed gives other frames
BLATANT = 0.7  # strength from which a glitch counts as blatant

VERBS = (
    "rests",
    "stands",
    "waves",
    "walks",
    "turns",
    "jumps",
    "drives",
    "flies",
    "rolls",
    "slides",
    "falls",
    "bounces",
    "rises",
    "stops",
)
DIRECTIONS = ("left", "right", "up", "down")

Box = tuple[int, int, int, int]
Deed = tuple[str, str | None]


def _box(values):
    return None if values is None else tuple(values)


def _deeds(values):
    return tuple((verb, direction) for verb, direction in values)


@dataclass(frozen=True)
class ActorTruth:
    id: int
    kind: str  # one of catalogue.KINDS
    colour: str | None  # a word, None where the actor is known by its kind alone
    words: str  # "the red crate", unique within the clip
    does: tuple[Deed, ...]
    boxes: tuple[Box | None, ...]  # one for each frame

    @classmethod
    def from_json(cls, row):
        boxes = tuple(_box(box) for box in row["boxes"])
        return cls(**{**row, "does": _deeds(row["does"]), "boxes": boxes})


@dataclass(frozen=True)
class GlitchTruth:
    name: str  # key of catalogue.GLITCHES
    category: str
    domain: str
    sub_label: str
    strength: float  # 0 subtle to 1 blatant
    actor: int  # id of the actor that breaks the law
    other: int | None  # id of the second actor, where it takes two
    direction: str | None
    first_frame: int  # from here to last_frame the violation can be seen
    last_frame: int


@dataclass(frozen=True)
class Lookalike:
    """A legal event that a viewer might take for a glitch."""

    name: str
    actor: int | None
    frame: int


@dataclass(frozen=True)
class Without:
    """What the actor of the glitch does in the same seed without it."""

    actor_does: tuple[Deed, ...]
    final_box: Box | None


@dataclass(frozen=True)
class ClipTruth:
    clip_id: str
    seed: int
    world: int
    theme: str
    view: str  # side or top
    fps: float
    frames: int
    width: int
    height: int
    video: str | None  # path inside the set, or None where `row` counts
    row: int | None  # index in arrays.npy
    twin: str | None  # clip_id of the same seed with or without the glitch, where that was made too
    glitch: GlitchTruth | None
    actors: tuple[ActorTruth, ...]
    scene: dict[str, int | bool]
    lookalikes: tuple[Lookalike, ...]
    without: Without | None  # None where there is no glitch
    still: int | None = None  # the one frame that all pictures of the clip show; boxes and spans are of the clip that moves

    def actor(self, number):
        """The actor with this id; KeyError if the clip has none."""
        for actor in self.actors:
            if actor.id == number:
                return actor
        raise KeyError(number)

    def to_json(self):
        """One line without a line end; the same truth always gives the same text."""
        row = asdict(self)
        if self.still is None:
            del row["still"]
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line):
        row = json.loads(line)
        without = row["without"]
        return cls(
            **{
                **row,
                "glitch": row["glitch"] and GlitchTruth(**row["glitch"]),
                "actors": tuple(ActorTruth.from_json(actor) for actor in row["actors"]),
                "lookalikes": tuple(Lookalike(**one) for one in row["lookalikes"]),
                "without": without and Without(_deeds(without["actor_does"]), _box(without["final_box"])),
            }
        )


def read_truth(folder):
    """All truths of a set in their order; FileNotFoundError if the folder is no finished set."""
    text = (Path(folder) / "truth.jsonl").read_text(encoding="utf-8")
    return [ClipTruth.from_json(line) for line in text.splitlines()]
