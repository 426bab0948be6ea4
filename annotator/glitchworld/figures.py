"""The actors as parts: outlines and lines with colours, around the middle of the actor, y down, in world units."""

import math
from typing import NamedTuple

import numpy as np

from annotator.glitchworld.people import person_parts, usual_pose
from annotator.glitchworld.themes import COLOURS


class Part(NamedTuple):
    tag: str  # by which a fault hides or moves it
    start: int  # its points in the figure's array
    end: int
    colour: tuple
    width: float  # of a line; 0 for a filled outline
    edge: tuple | None = None  # colour of the outline of a filled part


class Figure(NamedTuple):
    points: np.ndarray  # (N, 2) float64
    parts: tuple


def _assemble(rows):
    """A figure from rows (tag, points, colour, width[, edge])."""
    points, parts = [], []
    for tag, line, colour, width, *edge in rows:
        parts.append(Part(tag, len(points), len(points) + len(line), colour, width, edge[0] if edge else None))
        points.extend(line)
    return Figure(np.array(points, dtype=np.float64), tuple(parts))


def shade(colour, share):
    """Darker below 1, lighter above (towards white)."""
    if share <= 1:
        return tuple(int(channel * share) for channel in colour)
    return tuple(int(channel + (255 - channel) * (share - 1)) for channel in colour)


def _disc(x, y, rx, ry=None, corners=20):
    ry = rx if ry is None else ry
    angles = [i * 2 * math.pi / corners for i in range(corners)]
    return [(x + math.cos(a) * rx, y + math.sin(a) * ry) for a in angles]


def _sector(r, start, end, corners=6):
    angles = [start + (end - start) * i / corners for i in range(corners + 1)]
    return [(0.0, 0.0), *((math.cos(a) * r, math.sin(a) * r) for a in angles)]


def _rect(x0, y0, x1, y1, cuts=1):
    """A rectangle whose sides are cut into pieces, so that it can bend."""
    xs = [x0 + (x1 - x0) * i / cuts for i in range(cuts + 1)]
    ys = [y0 + (y1 - y0) * i / cuts for i in range(cuts + 1)]
    up = [(x0, y) for y in ys[:0:-1]]
    return [(x, y0) for x in xs[:-1]] + [(x1, y) for y in ys[:-1]] + [(x, y1) for x in xs[:0:-1]] + up


def _ball(cast, top):
    r, colour = cast.width / 2, COLOURS[cast.colour]
    light = shade(colour, 1.65) if cast.colour != "white" else shade(colour, 0.72)
    rows = [("body", _disc(0, 0, r), colour, 0, shade(colour, 0.5))]
    for turn in range(3):
        start = turn * 2 * math.pi / 3
        rows.append(("body", _sector(r * 0.93, start, start + math.pi / 3), light, 0))
    rows.append(("body", _disc(0, 0, r * 0.2, corners=10), shade(colour, 0.5), 0))
    return rows


def _crate(cast, top):
    w, h, colour = cast.width / 2, cast.height / 2, COLOURS[cast.colour]
    dark, light = shade(colour, 0.55), shade(colour, 1.2)
    rows = []
    for index in range(4):
        x0 = -w + index * w / 2
        rows.append(
            (f"plank{index}", _rect(x0, -h, x0 + w / 2, h, 4), shade(colour, (0.85, 1.0, 0.9, 0.98)[index]), 0, dark)
        )
    rows += [
        ("plank0", [(-w + 3, -h + 4), (-w + 3, 0), (-w + 3, h - 4)], light, 5),
        ("plank3", [(w - 3, -h + 4), (w - 3, 0), (w - 3, h - 4)], light, 5),
        ("plank1", [(-w + 4, -h + 4), (-w / 2, -h + 4), (0, -h + 4)], light, 6),
        ("plank2", [(0, -h + 4), (w / 2, -h + 4), (w - 4, -h + 4)], light, 6),
        ("plank1", [(-w + 4, h - 4), (-w / 2, h - 4), (0, h - 4)], light, 6),
        ("plank2", [(0, h - 4), (w / 2, h - 4), (w - 4, h - 4)], light, 6),
        ("plank1", [(-w + 7, h - 7), (-w / 2, h / 2), (0, 0)], dark, 5),
        ("plank2", [(0, 0), (w / 2, -h / 2), (w - 7, -h + 7)], dark, 5),
    ]
    if top:
        lid = [(-w, -h), (-w + 8, -h - 14), (w - 8, -h - 14), (w, -h)]
        rows.append(("plank1", lid, shade(colour, 1.35), 0, dark))
    return rows


def _barrel(cast, top):
    w, h, colour = cast.width / 2, cast.height / 2, COLOURS[cast.colour]
    dark, hoop = shade(colour, 0.55), (62, 58, 56)

    def bulge(y):
        return w * (0.8 + 0.2 * (1 - (y / h) ** 2))

    levels = [-h + 2 * h * i / 6 for i in range(7)]

    def stave(a, b):
        return [(bulge(y) * a, y) for y in levels] + [(bulge(y) * b, y) for y in reversed(levels)]

    rows = [
        ("stave0", stave(-1, -0.33), shade(colour, 0.8), 0, dark),
        ("stave1", stave(-0.33, 0.33), colour, 0, dark),
        ("stave2", stave(0.33, 1), shade(colour, 0.9), 0, dark),
    ]
    for y in (-h * 0.62, h * 0.62):
        rows.append(("stave1", [(-bulge(y), y), (-w * 0.4, y), (w * 0.4, y), (bulge(y), y)], hoop, h * 0.16))
    if top:
        rows.append(("stave1", _disc(0, -h, w * 0.8, w * 0.3), shade(colour, 1.3), 0, dark))
    else:
        rows.append(("stave1", [(-w * 0.5, -h * 0.4), (-w * 0.5, h * 0.4)], shade(colour, 1.45), w * 0.12))
    return rows


def _car(cast, state):
    w, h, colour = cast.width / 2, cast.height / 2, COLOURS[cast.colour]
    f = state.facing
    dark, wheel, glass = shade(colour, 0.55), h * 0.44, (220, 200, 160)
    low = h - wheel * 0.9
    body = [(-w, low), (-w, -h * 0.05), (-w * 0.86, -h * 0.18), (w * 0.55, -h * 0.18), (w * 0.95, h * 0.02), (w, low)]
    cabin = [(-w * 0.62, -h * 0.16), (-w * 0.45, -h), (w * 0.12, -h), (w * 0.42, -h * 0.16)]
    pane1 = [(-w * 0.5, -h * 0.22), (-w * 0.39, -h * 0.84), (-w * 0.16, -h * 0.84), (-w * 0.16, -h * 0.22)]
    pane2 = [(-w * 0.08, -h * 0.22), (-w * 0.08, -h * 0.84), (w * 0.08, -h * 0.84), (w * 0.3, -h * 0.22)]
    rows = [
        ("cabin", cabin, shade(colour, 0.9), 0, dark),
        ("cabin", pane1, glass, 0),
        ("cabin", pane2, glass, 0),
        ("body", body, colour, 0, dark),
        ("body", [(-w * 0.9, h * 0.12), (0, h * 0.12), (w * 0.9, h * 0.12)], shade(colour, 1.4), h * 0.1),
        ("body", [(w * 0.93, h * 0.12), (w * 0.97, h * 0.3)], (170, 235, 255), h * 0.16),
        ("body", [(-w * 0.96, h * 0.08), (-w * 0.96, h * 0.28)], (50, 50, 190), h * 0.14),
    ]
    turn = state.phase / wheel
    for tag, x in (("back_wheel", -w * 0.58), ("front_wheel", w * 0.6)):
        y = h - wheel
        rows.append((tag, _disc(x, y, wheel, corners=16), (38, 36, 36), 0))
        rows.append((tag, _disc(x, y, wheel * 0.52, corners=10), (190, 190, 190), 0))
        c, s = math.cos(turn) * wheel * 0.5, math.sin(turn) * wheel * 0.5
        rows.append((tag, [(x - c, y - s), (x + c, y + s)], (70, 70, 70), wheel * 0.22))
        rows.append((tag, [(x + s, y - c), (x - s, y + c)], (70, 70, 70), wheel * 0.22))
    return [(tag, [(x * f, y) for x, y in points], *rest) for tag, points, *rest in rows]


def _bird(cast, state):
    w, h, colour, f = cast.width / 2, cast.height / 2, COLOURS[cast.colour], state.facing
    dark = shade(colour, 0.6)
    flap = math.sin(state.phase * 0.16)
    tip = -h * 1.5 * flap
    rows = [
        ("tail", [(-w * 0.5, 0), (-w, -h * 0.35), (-w * 0.92, h * 0.25)], dark, 0),
        ("far_wing", [(-w * 0.15, -h * 0.1), (w * 0.05, tip * 0.9), (w * 0.3, -h * 0.1)], dark, 0),
        ("body", _disc(0, 0, w * 0.56, h * 0.48, 16), colour, 0, dark),
        ("head", _disc(w * 0.55, -h * 0.25, w * 0.24, corners=12), colour, 0, dark),
        ("head", [(w * 0.75, -h * 0.35), (w * 1.05, -h * 0.15), (w * 0.73, -h * 0.05)], (40, 160, 245), 0),
        ("head", _disc(w * 0.62, -h * 0.33, w * 0.05, corners=6), (30, 26, 26), 0),
        ("near_wing", [(-w * 0.4, 0), (-w * 0.3, tip), (w * 0.0, tip * 0.75), (w * 0.3, 0)], shade(colour, 0.8), 0, dark),
    ]
    return [(tag, [(x * f, y) for x, y in points], *rest) for tag, points, *rest in rows]


def pole_figure(cast, words):
    """A post with what its name says on top; its sides are cut often, so that it can bend."""
    w, h = 5.0, cast.height / 2
    metal = (104, 100, 98)
    if any(word in words for word in ("wood", "bird", "ski", "sign post")):
        metal = (70, 104, 146)
    rows = [
        ("post", _rect(-w, -h + 10, w, h, 10), metal, 0, shade(metal, 0.55)),
        ("foot", _rect(-12, h - 8, 12, h), metal, 0),
    ]
    if any(word in words for word in ("lamp", "light", "lantern", "torch")):
        head = [(-15, -h + 18), (-10, -h), (10, -h), (15, -h + 18)]
        rows += [("top", head, (60, 58, 58), 0), ("top", _disc(0, -h + 18, 11, 7), (190, 245, 255), 0)]
    elif "flag" in words or "banner" in words:
        flag = [(w, -h + 12), (w + 26, -h + 18), (w + 52, -h + 12), (w + 52, -h + 42), (w + 26, -h + 48), (w, -h + 42)]
        rows += [("top", flag, (60, 60, 200), 0, (30, 30, 110)), ("top", _disc(0, -h + 8, 8), (60, 190, 220), 0)]
    elif "antenna" in words or "mast" in words:
        rows += [("top", [(-24, -h + 30), (0, -h + 16), (24, -h + 30)], (210, 210, 215), 5)]
        rows += [("top", _disc(0, -h + 8, 9), (60, 60, 230), 0)]
    elif "pillar" in words or "post" in words and "sign" not in words:
        rows += [("top", _rect(-16, -h, 16, -h + 14), shade(metal, 1.2), 0, shade(metal, 0.55))]
    else:
        rows += [("top", _rect(-24, -h, 24, -h + 34), (210, 220, 226), 0, (60, 60, 200))]
        rows.append(("top", [(-14, -h + 17), (6, -h + 17)], (60, 60, 200), 5))
        rows.append(("top", [(2, -h + 9), (13, -h + 17), (2, -h + 25)], (60, 60, 200), 4))
    return _assemble(rows)


class Wardrobe:
    """Figures of a scene's actors; those that do not change are made once."""

    def __init__(self, scene):
        self.scene = scene
        self._still = {}

    def figure(self, cast, state, frame, look):
        """The figure of an actor, upright and unturned."""
        if cast.kind == "person":
            pose = usual_pose(state, frame)
            pose = look.pose(pose) if look.pose else pose
            rows = person_parts(cast, pose, state.facing, self.scene.theme.head)
            return _assemble(rows)
        if cast.kind in ("car", "bird"):
            return _assemble((_car if cast.kind == "car" else _bird)(cast, state))
        if cast.id not in self._still:
            if cast.kind == "pole":
                self._still[cast.id] = pole_figure(cast, cast.words)
            else:
                draw = {"ball": _ball, "crate": _crate, "barrel": _barrel}[cast.kind]
                self._still[cast.id] = _assemble(draw(cast, self.scene.top))
        return self._still[cast.id]
