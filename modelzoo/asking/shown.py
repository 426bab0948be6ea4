"""An ask as its page shows it: the strip of frames with the map on it, and the same as a table."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from modelzoo.asking.heat import EVEN


@dataclass(frozen=True)
class Frame:
    """One frame of the strip. `place` counts from 0 in the strip's pictures; `x`, `y` are where it was looked at most, as
    shares of its width and height; `again` says that the frame before shows the same of the clip.
    """

    place: int
    number: int
    seconds: float
    most: float | None
    where: str
    x: float | None = None
    y: float | None = None
    again: bool = False

    @property
    def left(self):
        """Where its square begins in the pictures, as SVG takes it."""
        return -self.place


def where(row, column, grid):
    """In which ninth of the picture a patch is, in words."""
    down, across = (min(2, 3 * place // grid) for place in (row, column))
    return {
        (0, 0): _("top left"), (0, 1): _("top middle"), (0, 2): _("top right"),
        (1, 0): _("middle left"), (1, 1): _("centre"), (1, 2): _("middle right"),
        (2, 0): _("bottom left"), (2, 1): _("bottom middle"), (2, 2): _("bottom right"),
    }[down, across]  # fmt: skip


def frames_of(ask):
    """`Frame`s of an answered ask, in order."""
    found, heat = [], ask.heat.get("frames") or []
    numbers, seconds = ask.frames.get("numbers") or [], ask.frames.get("seconds") or []
    for place, (number, second) in enumerate(zip(numbers, seconds, strict=False)):
        again = bool(found) and found[-1].number == number
        one = heat[place] if place < len(heat) else None
        if one is None:
            found.append(Frame(place, number, second, None, "", again=again))
            continue
        grid = ask.heat["grid"]
        x, y = (round((one[side] + 0.5) / grid, 4) for side in ("column", "row"))
        found.append(Frame(place, number, second, one["most"], where(one["row"], one["column"], grid), x, y, again))
    return found


def _middle(high):
    """What the middle of the scale stands for: its colours go by the square root."""
    return None if high is None else EVEN + (high - EVEN) / 4


def of(ask):
    """{frames, count, frames_url, heat_url, strongest, low, middle, high, flat, scales, repeats} for the template; {} where
    there is nothing to show.
    """
    if not ask.frames_image:
        return {}
    frames = frames_of(ask)
    kinds = {kind: bool(getattr(ask, f"{kind}_image")) for kind in ("frames", "heat")}
    urls = {f"{kind}_url": reverse("ask_image", args=[ask.pk, kind]) if there else "" for kind, there in kinds.items()}
    strongest = max((frame for frame in frames if frame.most is not None), key=lambda frame: frame.most, default=None)
    return {
        "frames": frames, "count": len(frames), **urls, "low": ask.heat.get("low"), "high": ask.heat.get("high"),
        "flat": ask.heat.get("flat"), "strongest": strongest, "middle": _middle(ask.heat.get("high")),
        "scales": ask.heat.get("scales", 1), "repeats": any(frame.again for frame in frames),
    }  # fmt: skip
