"""Draw a frame: the still scenery, then shadows, reflections and actors as vectors, then what lies before the lens.

Everything is drawn at twice the size of the clip and halved at the end. Pixels come from whole numbers only: OpenCV's
polygons in fixed point, shifts and tables, so every machine draws the same picture.
"""

import math

import cv2
import numpy as np

from annotator.glitchworld import textures
from annotator.glitchworld.brush import SHIFT, blend, draw, paste
from annotator.glitchworld.figures import Figure, Wardrobe
from annotator.glitchworld.look import Look, Reflecting
from annotator.glitchworld.overlay import Overlay
from annotator.glitchworld.physics import State
from annotator.glitchworld.scenery import FAR, Scenery
from annotator.glitchworld.streams import noise
from annotator.glitchworld.surfaces import Surfaces

_SHADE = 150  # of 256: what a shadow leaves of the light
_PLAIN = Look()


class Placed:
    """One actor in one frame: its figure and the points in world units."""

    def __init__(self, cast, state, figure, points, foot, lift, look):
        self.cast, self.state, self.figure, self.points = cast, state, figure, points
        self.foot, self.lift, self.look = foot, lift, look  # y of its shadow's floor; height above it


class Painter:
    """Draws the frames of one scene. `camera` is (x, y) of the view's corner in canvas pixels for each simulated frame."""

    def __init__(self, scene, camera):
        self.scene, self.camera = scene, camera
        format = scene.format
        self.scale = 2 * format.scale
        self.width, self.height = 2 * format.width, 2 * format.height
        self.scenery = Scenery(scene, self.scale)
        self.wardrobe = Wardrobe(scene)
        self.overlay = Overlay(scene, self.scale, self.width, self.height)
        self.surfaces = Surfaces(self)
        self._faults = {}
        self._shadows = np.zeros((self.height, self.width), np.uint8)

    def px(self, units):
        return round(units * self.scale)

    # places

    def support(self, x, y, half):
        """y of the floor under a point (side view)."""
        floor = self.scene.floor
        for block in self.scene.blocks:
            if block.role != "end" and block.x0 - half < x < block.x1 + half and y - 3 < block.y0 < floor:
                floor = block.y0
        for ramp in self.scene.ramps:
            share = (x - ramp.x0) / (ramp.x1 - ramp.x0)
            if 0 <= share <= 1:
                floor = min(floor, self.scene.floor - ramp.rise * share)
        return floor

    def place(self, cast, state, frame, look):
        figure = self.wardrobe.figure(cast, state, frame, look)
        points = figure.points
        if look.hide or look.offsets:
            figure, points = self._dismember(figure, look)
        if look.warp:
            points = look.warp(points)
        turn = state.angle if cast.kind != "person" else 0.0
        if turn and not (self.scene.top and cast.kind != "ball"):
            cos, sin = math.cos(turn), math.sin(turn)
            across, down = points[:, 0], points[:, 1]
            points = np.column_stack([across * cos - down * sin, across * sin + down * cos])
        x, y = state.x, state.y
        if cast.kind in ("pole",):
            foot = y + cast.height / 2
            lift = 0.0
        elif self.scene.top:
            deep = max(16.0, cast.height * 0.3)
            foot = y + deep / 2
            y = foot - cast.height / 2 - state.z
            lift = state.z
        else:
            y += 5  # it stands a little in front of the floor's far edge
            foot = self.support(x, state.y, 4) + 5
            lift = max(0.0, foot - y - cast.height / 2)
        return Placed(cast, state, figure, points + (x, y), foot, lift, look)

    def _dismember(self, figure, look):
        """Leave out hidden parts and move those that came off."""
        points, parts = figure.points.copy(), []
        for part in figure.parts:
            if part.tag in look.hide:
                continue
            parts.append(part)
            if part.tag in look.offsets:
                dx, dy, turn = look.offsets[part.tag]
                own = points[part.start : part.end]
                middle = own.mean(axis=0)
                cos, sin = math.cos(turn), math.sin(turn)
                x, y = own[:, 0] - middle[0], own[:, 1] - middle[1]
                own[:, 0] = middle[0] + x * cos - y * sin + dx
                own[:, 1] = middle[1] + x * sin + y * cos + dy
        return Figure(points, tuple(parts)), points

    def fixed(self, points, origin):
        """World points to fixed point in the canvas, seen from a corner in canvas pixels."""
        return np.rint((points * self.scale - origin) * (1 << SHIFT)).astype(np.int32)

    def placed(self, index, states, looks, extra=()):
        """(those who act, the poles) as `Placed` in simulated frame `index`."""
        acting = []
        for cast in (*self.scene.cast, *extra):
            if cast.id in states:
                look = looks.get(cast.id, _PLAIN)
                if look.shown:
                    acting.append(self.place(cast, states[cast.id], index, look))
        poles = [(cast, looks.get(cast.id, _PLAIN)) for cast in self.scene.cast if cast.kind == "pole"]
        return acting, [self.place(cast, _still_state(cast), index, look) for cast, look in poles if look.shown]

    # one frame

    def frame(self, index, states, looks, picture, extra=()):
        """(image uint8 (height, width, 3) BGR, {actor id: box or None}) of simulated frame `index`."""
        scene, scenery = self.scene, self.scenery
        origin = np.array(self.camera[index], dtype=np.float64)
        left, top = self.camera[index]
        placed, poles = self.placed(index, states, looks, extra)
        canvas = self._still(left, top)
        mirrored = picture.reflecting.get("mirror", Reflecting())
        if scene.mirror:
            self.surfaces.mirror(canvas, left, top, index, placed, mirrored)
        water = None
        if scene.water:
            water = self.surfaces.water(canvas, left, top, index, placed, picture.reflecting.get("water", Reflecting()))
        self._shadow(canvas, origin, (*placed, *poles))
        if scene.portals:
            self.overlay.portals(canvas, left, top, index)
        self._actors(canvas, origin, left, top, index, placed, poles)
        if water is not None:
            y0 = self.px(scene.water.y0) - top
            canvas[y0:] = water
        if scene.glass:
            self.surfaces.glass(canvas, left, top, picture)
        bent = any(one.look.warp for one in poles)
        self.overlay.light(canvas, left, top, index, scenery.glow, bulb=not bent)
        if scene.column:
            self.overlay.column(canvas, left, top)
        self.overlay.particles(canvas, left, index)
        if picture.sink:
            canvas = self._sink(canvas, picture.sink)
        if picture.flip is not None:
            canvas = cv2.flip(canvas, picture.flip)
        if picture.band:
            x0, x1 = (round(share * self.width) for share in picture.band[:2])
            table = np.clip(np.arange(256) * picture.band[2] >> 8, 0, 255).astype(np.uint8)
            canvas[:, x0:x1] = cv2.LUT(np.ascontiguousarray(canvas[:, x0:x1]), table)
        self.overlay.hud(canvas, index)
        image = cv2.resize(canvas, (self.width // 2, self.height // 2), interpolation=cv2.INTER_AREA)
        image = cv2.LUT(image, self.overlay.gain)
        return image, self.boxes(index, placed, poles)

    def _still(self, left, top):
        scenery = self.scenery
        world = scenery.world[top : top + self.height, left : left + self.width]
        if self.scene.top:
            return np.ascontiguousarray(world).copy()
        start = round(left * FAR)
        canvas = scenery.backdrop[top : top + self.height, start : start + self.width].copy()
        cv2.copyTo(world, scenery.mask[top : top + self.height, left : left + self.width], canvas)
        return canvas

    # shadows

    def _slant(self, x):
        lamp = self.scene.lamp
        if lamp:
            return max(-1.6, min(1.6, (x - lamp[0]) / 120))
        return self.scene.theme.sun

    def _shadow(self, canvas, origin, placed):
        mask = self._shadows
        mask[:] = 0
        scene = self.scene
        y0, y1, deeper = self.height, 0, False
        for one in placed:
            look, cast = one.look, one.cast
            if look.alpha < 100 or cast.kind == "pole" and scene.lamp:
                continue
            slant = self._slant(one.state.x)
            rise = one.foot - one.lift - one.points[:, 1]  # above its own lowest place
            if look.shadow_tall:
                x = one.points[:, 0] + look.shadow_shift
                points = np.column_stack(
                    [one.state.x + (x - one.state.x) * look.shadow_tall, one.foot - rise * look.shadow_tall]
                )
            else:
                rise = np.maximum(rise, 0)
                x = one.state.x + (one.points[:, 0] - one.state.x) * look.shadow_grow
                x = x + slant * (rise * 0.6 + one.lift * 0.35) + look.shadow_shift
                y = one.foot + 1 + rise * 0.24 * look.shadow_grow
                if not scene.top:
                    y = np.minimum(y, one.foot + (26 if one.foot > scene.floor else 8))
                points = np.column_stack([x, y])
            fixed = self.fixed(points, origin)
            astray = bool(look.shadow_shift) and not look.shadow_tall
            deeper |= astray
            draw(mask, one.figure, fixed, self.scale, flat=254 if astray else 255)
            y0 = min(y0, int(fixed[:, 1].min() >> SHIFT) - 16)
            y1 = max(y1, int(fixed[:, 1].max() >> SHIFT) + 16)
        y0, y1 = max(0, y0), min(self.height, y1)
        if y0 < y1:
            part = canvas[y0:y1]
            dark = cv2.LUT(part, _DARK)
            cv2.copyTo(dark, mask[y0:y1], part)
            if deeper:  # a shadow that has gone astray is darker, or it would be lost among the others
                cv2.copyTo(cv2.LUT(dark, _DARK), cv2.inRange(mask[y0:y1], 254, 254), part)

    # actors

    def _actors(self, canvas, origin, left, top, index, placed, poles):
        rows = [
            (one.foot - (1000 if one.cast.kind == "pole" and not self.scene.top else 0), one) for one in (*poles, *placed)
        ]
        if self.scene.top:
            rows += [(foot, (x, y, image)) for foot, x, y, image in self.scenery.standing]
        rows.sort(key=lambda row: row[0])
        for _, one in rows:
            if isinstance(one, Placed):
                self._actor(canvas, origin, one, left, top)
            else:
                x, y, image = one
                paste(canvas, image, x - left, y - top)

    def _actor(self, canvas, origin, one, left, top):
        look, scale = one.look, self.scale
        target = canvas
        if look.sunk is not None:
            target = canvas[: max(0, min(self.height, self.px(look.sunk) - top))]
        points = self.fixed(one.points, origin)
        area = self._area(points, target)
        if area is None:
            return
        if look.alpha >= 256 and not look.texture:
            draw(target, one.figure, points, scale, tint=look.colour)
        else:
            x0, y0, x1, y1 = area
            roi = target[y0:y1, x0:x1]
            shifted = points - np.array([x0 << SHIFT, y0 << SHIFT], np.int32)
            over = roi.copy()
            if look.texture:
                mask = np.zeros(roi.shape[:2], np.uint8)
                draw(mask, one.figure, shifted, scale, flat=255)
                cv2.copyTo(self._fault(look.texture)[: y1 - y0, : x1 - x0], mask, over)
            else:
                draw(over, one.figure, shifted, scale, tint=look.colour)
            blend(roi, over, look.alpha)
        if look.merged:
            self._walls_over(canvas, left, top, area)

    def _area(self, points, target):
        """The part of the target that the points and their lines can touch."""
        pad = self.px(10) + 2
        x0, y0 = (int(value) for value in (points.min(axis=0) >> SHIFT) - pad)
        x1, y1 = (int(value) for value in (points.max(axis=0) >> SHIFT) + pad)
        x0, y0, x1, y1 = max(0, x0), max(0, y0), min(target.shape[1], x1), min(target.shape[0], y1)
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def _fault(self, kind):
        if kind not in self._faults:
            rng = noise(self.scene.seed, self.scene.theme.name, "fault", kind)
            self._faults[kind] = textures.fault(kind, rng, max(self.width, self.height), self.scale)
        return self._faults[kind]

    def _walls_over(self, canvas, left, top, area):
        for block in self.scene.blocks:
            x0, x1 = max(area[0], self.px(block.x0) - left), min(area[2], self.px(block.x1) - left)
            y0 = max(area[1], self.px(block.y0 - block.rise) - top)
            y1 = min(
                area[3], self.px(block.y1 if self.scene.top or block.role == "platform" else self.scene.floor + 13) - top
            )
            if x0 < x1 and y0 < y1:
                if self.scene.top:
                    part = canvas[y0:y1, x0:x1]
                    blend(part, cv2.LUT(part, _DARK), 200)
                else:
                    blend(canvas[y0:y1, x0:x1], self.scenery.world[y0 + top : y1 + top, x0 + left : x1 + left], 150)

    def _sink(self, canvas, share):
        """The camera under the floor: the world moves up and the void below it shows."""
        shift = round(self.height * share)
        out = np.empty_like(canvas)
        out[: self.height - shift] = canvas[shift:]
        void = out[self.height - shift :]
        void[:] = (58, 30, 34)
        step = max(4, self.px(28))
        for x in range(0, self.width, step):
            cv2.line(void, (x, 0), (2 * x - self.width // 2, max(1, shift)), (110, 70, 84), max(1, self.px(1.5)))
        for y in range(0, shift, step):
            cv2.line(void, (0, y), (self.width, y), (110, 70, 84), max(1, self.px(1.5)))
        return out

    # boxes

    def boxes(self, index, placed, poles):
        """{actor id: (x0, y0, x1, y1) or None} in pixels of the clip."""
        scene, (left, top) = self.scene, self.camera[index]
        width, height = scene.format.width, scene.format.height
        column = None
        if scene.column:
            column = ((self.px(scene.column.x0) - left) / 2, (self.px(scene.column.x1) - left) / 2)

        def box(x0, y0, x1, y1):
            x0, y0 = max(0, int(np.floor(x0))), max(0, int(np.floor(y0)))
            x1, y1 = min(width, int(np.ceil(x1))), min(height, int(np.ceil(y1)))
            if x1 - x0 < 2 or y1 - y0 < 2:
                return None
            if column and column[0] <= x0 and x1 <= column[1]:
                return None
            return (x0, y0, x1, y1)

        found = {0: (0, 0, width, height), 1: (0, 0, width, height)}
        for cast in scene.cast:
            found[cast.id] = None
            if cast.kind in ("mirror", "water", "glass", "wall"):
                x0, y0 = self.px(cast.x - cast.width / 2) - left, self.px(cast.y - cast.height / 2) - top
                x1, y1 = self.px(cast.x + cast.width / 2) - left, self.px(cast.y + cast.height / 2) - top
                found[cast.id] = box(x0 / 2, y0 / 2, x1 / 2, y1 / 2)
        for one in (*placed, *poles):
            if one.look.alpha < 24:
                found[one.cast.id] = None
                continue
            if not one.figure.parts:
                found[one.cast.id] = None
                continue
            edges = [edge for part in one.figure.parts for edge in (part.start, part.end)]
            if edges[-1] == len(one.points):
                edges.pop()  # reduceat takes the last stretch to the end by itself
            pads = np.array([part.width / 2 + 1.2 for part in one.figure.parts])[:, None]
            low = (np.minimum.reduceat(one.points, edges)[::2] - pads).min(axis=0)
            high = (np.maximum.reduceat(one.points, edges)[::2] + pads).max(axis=0)
            if one.look.sunk is not None:
                high[1] = min(high[1], one.look.sunk)
            low, high = (low * self.scale - (left, top)) / 2, (high * self.scale - (left, top)) / 2
            found[one.cast.id] = box(*low, *high)
        return found


_DARK = (np.arange(256) * _SHADE >> 8).astype(np.uint8)


def _still_state(cast):
    return State(cast.x, cast.y, 0.0, 0.0, 0.0, 0.0, True, 0.0, 1, "")
