"""What lies over the world: portals, lamp light, columns, particles, HUD and the brightness of the whole clip."""

import cv2
import numpy as np

from annotator.glitchworld import textures
from annotator.glitchworld.figures import shade
from annotator.glitchworld.streams import noise, stream

_LIGHTS = ((150, 225, 255), (255, 190, 120), (140, 140, 255), (170, 255, 170))  # a lamp that changes goes through these
_STYLES = {  # colour, size, speed across and down in units per frame, length of a streak
    "leaves": ((60, 140, 210), 3.0, -1.6, 1.1, 3),
    "rain": ((220, 200, 180), 1.2, -1.0, 9.0, 12),
    "sparks": ((120, 210, 255), 1.6, 0.6, -1.8, 3),
    "dust": ((150, 200, 230), 1.8, 2.4, 0.1, 5),
    "flakes": ((255, 255, 255), 2.4, -0.6, 1.5, 0),
    "embers": ((70, 140, 255), 1.8, 0.3, -1.2, 0),
    "stars": ((240, 240, 240), 1.2, -0.2, 0.0, 0),
    "spray": ((245, 240, 235), 1.5, 1.5, 1.0, 4),
    "petals": ((200, 170, 250), 2.8, 1.0, 0.8, 2),
}


class Overlay:
    def __init__(self, scene, scale, width, height):
        self.scene, self.scale, self.width, self.height = scene, scale, width, height
        dice = stream(scene.seed, scene.theme.name, "overlay")
        count = 0 if scene.format.plain else dice.randint(10, 22) if scene.format.wide else dice.randint(2, 5)
        self.motes = [(dice.randrange(width), dice.randrange(height), dice.uniform(0.7, 1.3)) for _ in range(count)]
        self.start = dice.randint(10, 90)
        self.flicker = dice.randint(6, 14)
        self.gain = np.clip(np.arange(256) * scene.gain >> 8, 0, 255).astype(np.uint8)
        self._column = None
        if scene.column:
            rng = noise(scene.seed, scene.theme.name, "column")
            size = self.px(scene.column.x1 - scene.column.x0)
            colour = shade(scene.theme.block_colour, 0.5)
            self._column = textures.block(scene.theme.block, rng, height, size, colour, scale)

    def px(self, units):
        return round(units * self.scale)

    def line(self, units):
        return max(1, self.px(units))

    def portals(self, canvas, left, top, index):
        for door, colour in zip(self.scene.portals, ((255, 150, 40), (40, 140, 255)), strict=True):
            x, y = self.px(door.cx) - left, self.px((door.y0 + door.y1) / 2) - top
            size = (self.line((door.x1 - door.x0) / 2), self.line((door.y1 - door.y0) / 2))
            cv2.ellipse(canvas, (x, y), size, 0, 0, 360, shade(colour, 0.4), -1, cv2.LINE_AA)
            cv2.ellipse(canvas, (x, y), size, 0, 0, 360, colour, self.line(5), cv2.LINE_AA)
            turn = index * 9 % 360
            small = (max(1, size[0] * 2 // 3), max(1, size[1] * 2 // 3))
            cv2.ellipse(canvas, (x, y), small, 0, turn, turn + 120, shade(colour, 1.5), self.line(3), cv2.LINE_AA)

    def light(self, canvas, left, top, index, glow, bulb):
        if glow is None:
            return
        x, y = (self.px(value) for value in self.scene.lamp)
        radius = glow.shape[0] // 2
        x0, y0 = x - left - radius, y - top - radius
        x1, y1 = min(self.width, x0 + 2 * radius), min(self.height, y0 + 2 * radius)
        cut_x, cut_y = max(0, -x0), max(0, -y0)
        if x0 + cut_x >= x1 or y0 + cut_y >= y1:
            return
        colour = _LIGHTS[index // 45 % len(_LIGHTS) if self.scene.lamp_changes else 0]
        part = glow[cut_y : y1 - y0, cut_x : x1 - x0].astype(np.uint16)
        added = np.dstack([part * channel >> 8 for channel in colour]).astype(np.uint8)
        region = canvas[y0 + cut_y : y1, x0 + cut_x : x1]
        region[:] = cv2.add(region, added)
        if bulb:
            place, size = (x - left, y - top + self.px(10)), (self.line(10), self.line(7))
            cv2.ellipse(canvas, place, size, 0, 0, 360, colour, -1, cv2.LINE_AA)

    def column(self, canvas, left, top):
        x0 = self.px(self.scene.column.x0) - left
        x1 = min(self.width, x0 + self._column.shape[1])
        if x1 > max(0, x0):
            canvas[:, max(0, x0) : x1] = self._column[:, max(0, -x0) : x1 - x0]

    def particles(self, canvas, left, index):
        colour, size, across, down, streak = _STYLES[self.scene.theme.particles]
        for x0, y0, pace in self.motes:
            x = (x0 + self.px(across * pace * index) - left // 2) % self.width
            y = (y0 + self.px(down * pace * index)) % self.height
            if streak:
                end = (x - self.px(across * streak / 3), y - self.px(down * streak / 6))
                cv2.line(canvas, (x, y), end, colour, self.line(size), cv2.LINE_AA)
            else:
                cv2.circle(canvas, (x, y), self.line(size), colour, -1, cv2.LINE_AA)

    # head-up display

    def hud(self, canvas, index):
        getattr(self, f"_{self.scene.theme.hud}")(canvas, index)

    def _text(self, canvas, text, x, y, size=0.5, colour=(245, 245, 245)):
        size = size * self.scale
        if size < 0.25:  # too small to be read
            return
        place = (self.px(x), self.px(y))
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (20, 20, 20), self.line(2.4), cv2.LINE_AA)
        cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, self.line(1), cv2.LINE_AA)

    def _bar(self, canvas, x, y, width, share, colour):
        a, b = (self.px(x), self.px(y)), (self.px(x + width), self.px(y + 8))
        cv2.rectangle(canvas, a, b, (24, 24, 24), -1)
        cv2.rectangle(canvas, a, (self.px(x + width * share), b[1]), colour, -1)
        cv2.rectangle(canvas, a, b, (235, 235, 235), self.line(1))

    def _across(self):
        return self.scene.format.view[0]

    def _hearts(self, canvas, index):
        for number in range(3):
            x, y, r = self.px(18 + 20 * number), self.px(18), self.line(5)
            colour = (60, 50, 225) if number < 1 + self.start % 3 else (90, 90, 90)
            cv2.circle(canvas, (x - r + 1, y), r, colour, -1, cv2.LINE_AA)
            cv2.circle(canvas, (x + r - 1, y), r, colour, -1, cv2.LINE_AA)
            points = np.array([(x - 2 * r + 1, y + r // 2), (x + 2 * r - 1, y + r // 2), (x, y + 3 * r)], np.int32)
            cv2.fillPoly(canvas, [points], colour, cv2.LINE_AA)
        self._text(canvas, f"x{self.start + index // 60:02d}", self._across() - 48, 25)

    def _radar(self, canvas, index):
        x, y, r = self.px(self._across() - 34), self.px(34), self.line(24)
        cv2.circle(canvas, (x, y), r, (40, 52, 40), -1, cv2.LINE_AA)
        cv2.circle(canvas, (x, y), r, (170, 220, 170), self.line(2), cv2.LINE_AA)
        cv2.circle(canvas, (x + r * (self.start % 7 - 3) // 5, y - r // 3), self.line(2.5), (80, 80, 240), -1)
        self._text(canvas, f"${self.start * 35 + index // 15 * 5}", 12, 26, colour=(130, 235, 150))

    def _gauge(self, canvas, index):
        self._bar(canvas, 12, 12, 90, (40 + self.start % 50) / 100, (60, 200, 240))
        self._bar(canvas, 12, 24, 90, (30 + self.start % 60) / 100, (80, 80, 230))

    def _compass(self, canvas, index):
        middle = self._across() / 2
        self._bar(canvas, middle - 60, 10, 120, 0, (0, 0, 0))
        cv2.line(canvas, (self.px(middle), self.px(7)), (self.px(middle), self.px(21)), (60, 200, 255), self.line(2))
        self._text(canvas, "NW", middle - 50, 34, 0.4)

    def _score(self, canvas, index):
        self._text(canvas, f"SCORE {self.start * 120 + index * 4:06d}", 12, 24, 0.5, (80, 60, 20))
        self._bar(canvas, self._across() - 92, 14, 80, (self.start % 80 + 15) / 100, (230, 180, 70))

    def _shields(self, canvas, index):
        for number in range(2 + self.start % 3):
            x, y = self.px(20 + 22 * number), self.px(14)
            size = self.line(8)
            points = np.array(
                [(x - size, y), (x + size, y), (x + size, y + size), (x, y + 2 * size), (x - size, y + size)], np.int32
            )
            cv2.fillPoly(canvas, [points], (60, 180, 220), cv2.LINE_AA)
            cv2.polylines(canvas, [points], True, (30, 60, 90), self.line(2), cv2.LINE_AA)

    def _visor(self, canvas, index):
        length, thick, colour = self.px(26), self.line(2.5), (220, 235, 140)
        for x, dx in ((self.px(10), 1), (self.width - self.px(10), -1)):
            for y, dy in ((self.px(10), 1), (self.height - self.px(10), -1)):
                cv2.line(canvas, (x, y), (x + dx * length, y), colour, thick)
                cv2.line(canvas, (x, y), (x, y + dy * length), colour, thick)
        self._text(canvas, f"O2 {99 - self.start // 3 - index // 50}%", 18, 30, 0.45, colour)

    def _timer(self, canvas, index):
        seconds = self.start + index // 30
        self._text(canvas, f"{seconds // 60}:{seconds % 60:02d}.{index % 30 // 3}", self._across() / 2 - 30, 26, 0.6)

    def _map(self, canvas, index):
        a = (self.width - self.px(66), self.px(10))
        b = (self.width - self.px(10), self.px(50))
        cv2.rectangle(canvas, a, b, (150, 190, 170), -1)
        cv2.rectangle(canvas, a, b, (60, 80, 90), self.line(3))
        cv2.circle(canvas, (a[0] + self.px(12 + self.start % 30), a[1] + self.px(18)), self.line(3), (60, 60, 230), -1)
        self._bar(canvas, 12, 12, 70, (self.start % 70 + 20) / 100, (90, 200, 90))
