"""How an actor, a reflection or the whole picture is drawn in one frame, where that is not the usual way."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Look:
    """Of one actor. Faults fill it in; a fresh one changes nothing."""

    shown: bool = True
    alpha: int = 256  # 256 is opaque
    hide: frozenset = frozenset()  # tags of parts that are not drawn
    offsets: dict = field(default_factory=dict)  # tag -> (dx, dy, turn), in world units and radians
    warp: Callable | None = None  # points (N, 2) around the middle of the actor -> points
    pose: Callable | None = None  # Pose of a person -> Pose
    texture: str | None = None  # of textures.FAULTS, instead of its own paint
    colour: tuple | None = None  # instead of its own
    sunk: float | None = None  # world y below which nothing of it is drawn
    merged: bool = False  # walls are drawn over it, half transparent
    shadow_shift: float = 0.0  # of its shadow along the floor, world units
    shadow_grow: float = 1.0  # the shadow's size
    shadow_tall: float = 0.0  # a shadow that stands upright behind it, times its own height


@dataclass
class Reflecting:
    """What the mirror or the water shows."""

    ghost: tuple | None = None  # (Cast, State) shown although nobody stands there
    flip: int | None = None  # OpenCV's code: 0 upside down, -1 upside down and left-right; only of a mirror


@dataclass
class Picture:
    """Of the whole frame."""

    flip: int | None = None  # OpenCV's code: 1 left-right, 0 upside down, -1 both
    sink: float = 0.0  # share of the height by which the camera is under the floor
    band: tuple | None = None  # (x0, x1, gain): shares of the width, 256 is neutral
    ripple: float = 0.0  # world units by which the glass bends what is behind it
    ripple_at: int = 0  # place in the wave
    reflecting: dict = field(default_factory=dict)  # "mirror" or "water" -> Reflecting
