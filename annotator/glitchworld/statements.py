"""Statements about a clip: which glitch happens to which actor. One of them is true, or none.

What could have happened in a picture, and how likely each of it was before one thing did, is worked out from the catalogue
and the actors that are really in the picture, as the world itself does it.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from annotator.glitchworld import catalogue

SAME_ACTOR, SAME_GLITCH = 0.8, 1.2  # how much more often options share an actor or a glitch: e to this power

_ACROSS = ("left", "right")
DIRECTIONS = {  # of each directed glitch, all equally likely
    "drifting_up": ("up",),
    "walking_on_air": _ACROSS,
    "launched_upward": ("up",),
    "passing_through": _ACROSS,
    "invisible_wall": _ACROSS,
    "sudden_speed": _ACROSS,
    "teleport": _ACROSS,
    "dropping": ("down",),
    "runaway_shadow": _ACROSS,
    "stretched_body": _ACROSS,
}

# Pairs of glitches of different categories that might both be said of one actor in one clip. They never stand side by side.
TOO_CLOSE = frozenset(
    frozenset(pair)
    for pair in (
        ("hovering", "slow_action"),
        ("hovering", "launched_upward"),
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
    return sum(box is not None for box in actor.boxes)


def in_the_picture(truth):
    """Actors that a viewer can name: seen for at least a tenth of the clip."""
    return [actor for actor in truth.actors if seen(actor) * 10 >= truth.frames]


def of_truth(truth):
    """The true statement; None where nothing is wrong."""
    glitch = truth.glitch
    return glitch and Statement(glitch.name, glitch.actor, glitch.other, glitch.direction)


def could_happen(name, truth, *, rng):
    """[(statement, chance)] of one glitch in this picture; chances add up to 1. Empty if nobody there can show it.

    The true statement is always among those of its own glitch.
    """
    glitch, true = catalogue.GLITCHES[name], of_truth(truth)
    present = in_the_picture(truth)
    cells = []
    for actor in present:
        if actor.kind not in glitch.kinds:
            continue
        others = [other for other in present if other.kind in glitch.other and other.id != actor.id]
        if glitch.other and not others:
            continue
        mine = true is not None and (true.glitch, true.actor) == (name, actor.id)
        other = rng.choice(others).id if glitch.other else None
        if mine:
            other = true.other
        directions = DIRECTIONS[name] if glitch.directed else (None,)
        if mine and true.direction not in directions:
            directions = (*directions, true.direction)
        cells += [(Statement(name, actor.id, other, direction), 1 / len(directions)) for direction in directions]
    total = sum(chance for _, chance in cells)
    return [(statement, chance / total) for statement, chance in cells]


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
        liked[i, j] = liked[j, i] = SAME_ACTOR * (a.actor == b.actor) + SAME_GLITCH * (a.glitch == b.glitch)
    return liked
