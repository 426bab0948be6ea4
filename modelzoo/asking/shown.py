"""An ask as its page shows it: the strip of frames with the map on it, and the same as a table."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

_ROWS = ("top", "middle", "bottom")


@dataclass(frozen=True)
class Frame:
    """One frame of the strip. `place` counts from 0 in the strip's pictures."""

    place: int
    number: int
    seconds: float
    most: float | None
    where: str

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
        one = heat[place] if place < len(heat) else None
        most = one["most"] if one else None
        words = where(one["row"], one["column"], ask.heat["grid"]) if one else ""
        found.append(Frame(place, number, second, most, words))
    return found


def of(ask):
    """{frames, count, frames_url, heat_url, low, high, flat} for the template; {} where there is nothing to show."""
    if not ask.frames_image:
        return {}
    frames = frames_of(ask)
    kinds = {kind: bool(getattr(ask, f"{kind}_image")) for kind in ("frames", "heat")}
    urls = {f"{kind}_url": reverse("ask_image", args=[ask.pk, kind]) if there else "" for kind, there in kinds.items()}
    strongest = max((frame for frame in frames if frame.most is not None), key=lambda frame: frame.most, default=None)
    return {
        "frames": frames, "count": len(frames), **urls, "low": ask.heat.get("low"), "high": ask.heat.get("high"),
        "flat": ask.heat.get("flat"), "strongest": strongest,
    }  # fmt: skip
