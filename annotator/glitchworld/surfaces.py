"""What shows the world once more: the mirror, the water and the glass of one scene."""

import cv2
import numpy as np

from annotator.glitchworld.brush import draw, paste, veil
from annotator.glitchworld.look import Look

_WAVE = (0, 1, 2, 3, 3, 4, 4, 4, 3, 3, 2, 1, 0, -1, -2, -3, -3, -4, -4, -4, -3, -3, -2, -1)
_PLAIN = Look()
_SILVER = veil((225, 225, 225), 64)
_SHINE = veil((255, 252, 250), 70)
_PANE = veil((236, 226, 196), 52)


class Surfaces:
    """`painter` places actors and knows the canvas; nothing of it is changed."""

    def __init__(self, painter):
        self.painter, self.scene = painter, painter.scene
        self.px, self.width, self.height = painter.px, painter.width, painter.height
        self.shines = [] if self.scene.mirror is None else self._shines()
        self.depth = None if self.scene.water is None else veil(self.scene.theme.water_colour, 110)
        self._ripples = {}

    def _shown_in(self, placed, reflecting, index):
        """What the mirror or the water shows: everybody there, and the ghost."""
        if reflecting.ghost is None:
            return placed
        cast, state = reflecting.ghost
        return [*placed, self.painter.place(cast, state, index, _PLAIN)]

    # mirror

    def _shines(self):
        """Where the two bright stripes of the mirror lie, (height, width) masks."""
        height, width = self.painter.scenery.panel.shape[:2]
        cut, masks = max(1, self.px(9)), []
        for start in (width // 5, width // 5 + 2 * cut):
            mask = np.zeros((height, width), np.uint8)
            slant = start + height // 3
            cv2.fillPoly(
                mask, [np.array([(slant, 0), (slant + cut, 0), (start + cut, height), (start, height)], np.int32)], 255
            )
            masks.append(mask)
        return masks

    def mirror(self, canvas, left, top, index, placed, reflecting):
        """Draw the mirror and what it shows."""
        scene, mirror = self.scene, self.scene.mirror
        corner = self.px(mirror.x0), self.px(mirror.y0)
        panel = self.painter.scenery.panel.copy()
        origin = np.array(corner, dtype=np.float64)
        for one in self._shown_in(placed, reflecting, index):
            away = one.foot - (scene.floor + 5)
            if scene.top and away > 170:
                continue
            x = one.points[:, 0] + 30
            y = mirror.y1 - 7 - (one.foot - one.points[:, 1]) * 0.86 - (away * 0.3 if scene.top else 0)
            points = self.painter.fixed(np.column_stack([x, y]), origin)
            draw(panel, one.figure, points, self.painter.scale, tint=one.look.colour)
        if reflecting.flip is not None:
            panel = cv2.flip(panel, reflecting.flip)
        panel = cv2.LUT(panel, _SILVER)
        for mask in self.shines:
            cv2.copyTo(cv2.LUT(panel, _SHINE), mask, panel)
        height, width = panel.shape[:2]
        cv2.rectangle(panel, (0, 0), (width - 1, height - 1), (46, 106, 150), max(2, self.px(10)))
        cv2.rectangle(panel, (0, 0), (width - 1, height - 1), (30, 60, 84), max(1, self.px(2)))
        paste(canvas, panel, corner[0] - left, corner[1] - top)

    # water

    def water(self, canvas, left, top, index, placed, reflecting):
        """The water's picture: the still world and all actors upside down in ripples."""
        scene = self.scene
        y0 = self.px(scene.water.y0) - top
        height = self.height - y0
        above = canvas[y0 - 2 * height : y0] if y0 >= 2 * height else canvas[:y0]
        image = cv2.resize(cv2.flip(above, 0), (self.width, height), interpolation=cv2.INTER_NEAREST)
        origin = np.array([left, top + y0], dtype=np.float64)
        for one in self._shown_in(placed, reflecting, index):
            away = scene.front - one.foot
            x, y = one.points[:, 0], scene.front + 3 + away * 0.12 + (one.foot - one.points[:, 1]) * 0.62
            points = self.painter.fixed(np.column_stack([x, y]), origin)
            draw(image, one.figure, points, self.painter.scale, tint=one.look.colour)
        image = cv2.LUT(cv2.remap(image, self._ripple(index, height), None, cv2.INTER_NEAREST), self.depth)
        image[: max(1, self.px(2))] = (235, 225, 210)
        return image

    def _ripple(self, index, height):
        """(height, width, 2) int16: the place each pixel of the water is taken from in this frame."""
        key = index % len(_WAVE), height
        if key not in self._ripples:
            rows = np.arange(height)
            swell = np.array(_WAVE)[(rows // max(1, self.px(1.5)) + index) % len(_WAVE)] * max(1, self.px(4)) // 4
            columns = np.clip(np.arange(self.width)[None, :] + swell[:, None], 0, self.width - 1)
            self._ripples[key] = np.dstack([columns, np.broadcast_to(rows[:, None], columns.shape)]).astype(np.int16)
        return self._ripples[key]

    # glass

    def glass(self, canvas, left, top, picture):
        """Draw the pane over what is behind it."""
        glass = self.scene.glass
        x0, x1 = max(0, self.px(glass.x0) - left), min(self.width, self.px(glass.x1) - left)
        y0, y1 = max(0, self.px(glass.y0) - top), min(self.height, self.px(glass.y1) - top)
        if x0 >= x1 or y0 >= y1:
            return
        if picture.ripple:
            seen = self._bent(canvas[y0:y1], x0, x1, picture)
        else:
            seen = canvas[y0:y1, max(0, x0 - self.px(3)) :][:, : x1 - x0]
        canvas[y0:y1, x0:x1] = cv2.LUT(seen, _PANE)
        frame = max(1, self.px(3))
        cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), (214, 204, 176), frame)
        for share in (5, 3):
            x = x0 + (x1 - x0) // share
            cv2.line(canvas, (x + (x1 - x0) // 4, y0 + frame), (x, y0 + (y1 - y0) // 3), (250, 246, 236), frame, cv2.LINE_AA)

    def _bent(self, rows, x0, x1, picture):
        """What is behind the pane, each row pushed aside by a wave and the colours torn apart."""
        height = rows.shape[0]
        lines = np.arange(height)
        amount = self.px(picture.ripple)
        wave = np.array(_WAVE)[(lines // max(1, self.px(4)) + picture.ripple_at) % len(_WAVE)]
        out = np.empty((height, x1 - x0, 3), np.uint8)
        for channel, extra in enumerate((-1, 0, 1)):
            shift = wave * amount // 4 + extra * amount // 2
            columns = np.clip(np.arange(x0, x1)[None, :] + shift[:, None], 0, rows.shape[1] - 1)
            out[:, :, channel] = np.take_along_axis(rows[:, :, channel], columns, axis=1)
        return out
