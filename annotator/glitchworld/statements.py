"""Statements about a clip: which glitch happens to which actor. One of them is true, or none.

What could have happened in a picture, and how likely each of it was before one thing did, is worked out from the catalogue
and the actors that are really in the picture, as the world itself does it.
"""

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from annotator.glitchworld import catalogue
from annotator.glitchworld.chances import CHANCES

LEAST = 0.02  # chance of what the measurement of the chances never saw

SAME_ACTOR, SAME_GLITCH, SAME_BOTH = 0.9, 2.6, 1.5  # how much more often two options share these: e to this power

# The directions that can be told apart in the clip. Other glitches with a direction turn round later, or know only one.
DIRECTIONS = dict.fromkeys(("passing_through", "invisible_wall", "runaway_shadow"), ("left", "right"))

# Pairs of glitches of different categories that might both be said of one actor in one clip. They never stand side by side.
TOO_CLOSE = frozenset(
    frozenset(pair)
    for pair in (
        ("hovering", "slow_action"),
        ("hovering", "launched_upward"),
        ("hovering", "dropping"),
        ("hovering", "looping"),
        ("drifting_up", "launched_upward"),
        ("drifting_up", "slow_action"),
        ("walking_on_air", "sliding_pose"),
        ("walking_on_air", "invisible_wall"),
        ("launched_upward", "sudden_speed"),
        ("launched_upward", "dropping"),
        ("launched_upward", "looping"),
        ("growing_bounce", "to_and_fro"),
        ("growing_bounce", "looping"),
        ("growing_bounce", "sudden_speed"),
        ("rubber_bounce", "jelly"),
        ("rubber_bounce", "to_and_fro"),
        ("rubber_bounce", "looping"),
        ("stuck_in_terrain", "melting"),
        ("stuck_in_terrain", "dropping"),
        ("stuck_in_terrain", "looping"),
        ("stuck_in_terrain", "slow_action"),
        ("stuck_in_terrain", "missing_parts"),
        ("stuck_in_terrain", "popping_out"),
        ("passing_through", "see_through"),
        ("passing_through", "teleport"),
        ("invisible_wall", "looping"),
        ("invisible_wall", "to_and_fro"),
        ("invisible_wall", "slow_action"),
        ("invisible_wall", "sliding_pose"),
        ("sudden_speed", "dropping"),
        ("sudden_speed", "to_and_fro"),
        ("teleport", "looping"),
        ("teleport", "to_and_fro"),
        ("teleport", "popping_in"),
        ("teleport", "popping_out"),
        ("teleport", "dropping"),
        ("fast_action", "spinning_limbs"),
        ("fast_action", "looping"),
        ("slow_action", "sliding_pose"),
        ("slow_action", "dropping"),
        ("slow_action", "growing_bounce"),
        ("launched_upward", "slow_action"),
        ("drifting_up", "looping"),
        ("drifting_up", "to_and_fro"),
        ("slow_action", "looping"),
        ("slow_action", "to_and_fro"),
        ("looping", "popping_in"),
        ("looping", "popping_out"),
        ("looping", "spinning_limbs"),
        ("looping", "sliding_pose"),
        ("see_through", "colour_flicker"),
        ("see_through", "missing_parts"),
        ("popping_out", "missing_parts"),
        ("popping_out", "falling_apart"),
        ("melting", "falling_apart"),
        ("jelly", "falling_apart"),
        ("missing_texture", "see_through"),
        ("stretched_body", "twisted_pose"),
        ("stretched_body", "folded_body"),
        ("stretched_body", "spinning_limbs"),
        ("stretched_body", "detached_parts"),
        ("detached_parts", "twisted_pose"),
        ("detached_parts", "spinning_limbs"),
        ("missing_parts", "folded_body"),
        ("missing_parts", "twisted_pose"),
        ("flipped_camera", "camera_clipping"),
    )
)


# What a legal event of the clip makes look true of its actor, so that it is no distractor.
LOOKS_LIKE = {
    "portal": frozenset(("teleport", "popping_in", "popping_out", "looping")),
    "occlusion": frozenset(("popping_in", "popping_out")),
}


@dataclass(frozen=True)
class Statement:
    glitch: str
    actor: int
    other: int | None = None
    direction: str | None = None

    @property
    def category(self):
        return catalogue.GLITCHES[self.glitch].category


def seen(actor):
    """Frames in which the actor can be seen."""
    return len(actor.boxes) - actor.boxes.count(None)


def in_the_picture(truth):
    """Actors that a viewer can name: seen for at least a tenth of the clip.

    No scene is dealt two cars. Where a second one appears out of nothing, the first is not named, because whoever reads
    of two cars would know.
    """
    named = [actor for actor in truth.actors if seen(actor) * 10 >= truth.frames or is_violator(truth, actor)]
    if truth.glitch and truth.glitch.name == "popping_in" and truth.actor(truth.glitch.actor).kind == "car":
        named = [actor for actor in named if actor.kind != "car" or is_violator(truth, actor)]
    return named


def is_violator(truth, actor):
    return truth.glitch is not None and actor.id == truth.glitch.actor


def of_truth(truth):
    """The true statement; None where nothing is wrong."""
    glitch = truth.glitch
    if glitch is None:
        return None
    return Statement(glitch.name, glitch.actor, glitch.other, glitch.direction if glitch.name in DIRECTIONS else None)


def could_happen(name, truth, *, rng, present=None):
    """[(chance, statement)] of one glitch in this picture; chances add up to 1. Empty if nobody there can show it.

    The true statement is always among those of its own glitch. `present` is `in_the_picture(truth)`, if known already.
    """
    glitch, true = catalogue.GLITCHES[name], of_truth(truth)
    able, by_other = CHANCES[name]
    present = present or in_the_picture(truth)
    cells = []
    for actor in present:
        mine = true is not None and (true.glitch, true.actor) == (name, actor.id)
        if not mine and (actor.kind not in glitch.kinds or _looks_true(name, actor, truth)):
            continue
        if mine:
            other = true.other
        elif glitch.other:
            others = [one for one in present if one.kind in glitch.other and one.id != actor.id]
            if not others:
                continue
            other = rng.choices(others, [max(by_other.get(one.kind, 1), LEAST) for one in others])[0].id
        else:
            other = None
        directions = DIRECTIONS.get(name, (None,))
        chance = max(able.get(actor.kind, 1), LEAST) / len(directions)
        cells += [(chance, Statement(name, actor.id, other, direction)) for direction in directions]
    total = sum(chance for chance, _ in cells)
    return [(chance / total, statement) for chance, statement in cells]


def _looks_true(name, actor, truth):
    """Whether a legal event of the clip might be taken for this glitch of the actor."""
    return any(one.actor == actor.id and name in LOOKS_LIKE.get(one.name, ()) for one in truth.lookalikes)


def all_that_could_happen(truth, *, rng):
    """{category: [(chance of the glitch within it, its `could_happen`), ...]} of this picture."""
    possible, present = {}, in_the_picture(truth)
    for name, glitch in catalogue.GLITCHES.items():
        if cells := could_happen(name, truth, rng=rng, present=present):
            able, _ = CHANCES[name]
            fails = math.prod(1 - able.get(actor.kind, 1) for actor in present if actor.kind in glitch.kinds)
            possible.setdefault(glitch.category, []).append((max(1 - fails, LEAST), cells))
    return {
        category: list(zip(first_of([able for able, _ in found]), [cells for _, cells in found], strict=True))
        for category, found in possible.items()
    }


def first_of(able):
    """Chances that each comes first in random order among those that are able, which each is by its chance in `able`."""
    chances = []
    for index, mine in enumerate(able):
        counts = [1.0]  # chances that so many of the others are able
        for other in able[:index] + able[index + 1 :]:
            counts = [a * (1 - other) + b * other for a, b in zip([*counts, 0.0], [0.0, *counts], strict=True)]
        chances.append(mine * sum(chance / (1 + count) for count, chance in enumerate(counts)))
    return chances


def glitch_of_another_clip(truth, *, rng, glitch_free):
    """The name of a glitch that some other clip of a set with all categories has and this picture could show.

    None for one of the glitch-free clips.
    """
    if rng.random() < glitch_free:
        return None
    possible = all_that_could_happen(truth, rng=rng)
    cells = pick(possible[rng.choice(list(possible))], rng=rng)
    return cells[0][1].glitch


def pick(chances, *, rng):
    """One of [(chance, what)]."""
    return rng.choices([what for _, what in chances], [chance for chance, _ in chances])[0]


def may_meet(a, b):
    """Whether two statements may be options of one question: each is surely false if the other is true.

    They are about different categories, or the same glitch on another actor, or the same in another direction.
    """
    if a.glitch == b.glitch:
        if a.actor == b.actor:
            return a.direction != b.direction and a.other == b.other
        return a.direction == b.direction and b.other != a.actor and a.other != b.actor
    if a.category == b.category:
        return False
    return a.actor != b.actor or frozenset((a.glitch, b.glitch)) not in TOO_CLOSE


def likings(statements):
    """How much each pair is liked, (n, n): pairs that share an actor or a glitch make a reader look closely."""
    liked = np.zeros((len(statements), len(statements)))
    for (i, a), (j, b) in combinations(enumerate(statements), 2):
        actor, glitch = a.actor == b.actor, a.glitch == b.glitch
        liked[i, j] = liked[j, i] = SAME_ACTOR * actor + SAME_GLITCH * glitch + SAME_BOTH * (actor and glitch)
    return liked
