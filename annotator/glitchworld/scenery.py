"""What stands still: sky, horizon, floor, walls, mirror, drawn once per clip at the scale of the canvas."""

import cv2
import numpy as np

from annotator.glitchworld import textures
from annotator.glitchworld.figures import shade
from annotator.glitchworld.streams import noise, stream

FAR = 0.35  # how much slower the horizon passes than the ground


class Scenery:
    """`scale` is canvas pixels per world unit; all images are uint8 BGR."""

    def __init__(self, scene, scale):
        self.scene, self.scale = scene, scale
        self.rng = noise(scene.seed, scene.theme.name, "scenery")
        self.dice = stream(scene.seed, scene.theme.name, "horizon")
        self.width, self.height = self.px(scene.size[0]), self.px(scene.size[1])
        self.backdrop = self._backdrop()
        self.world = np.zeros((self.height, self.width, 3), np.uint8)
        self.mask = np.zeros((self.height, self.width), np.uint8)
        self.standing = []  # top view: (foot y, x, y, image) of walls, drawn among the actors
        (self._floor_from_above if scene.top else self._floor_from_aside)()
        self.panel = self._panel() if scene.mirror else None
        self.glow = self._glow() if scene.lamp else None

    def px(self, units):
        return round(units * self.scale)

    def line(self, units):
        return max(1, self.px(units))

    def _backdrop(self):
        scene, theme = self.scene, self.scene.theme
        view = self.px(scene.format.view[0])
        width = view + round((self.width - view) * FAR) + 4
        image = np.empty((self.height, width, 3), np.uint8)
        horizon = self.px(scene.floor)
        above, below = (np.array(colour, dtype=np.int32) for colour in theme.sky)
        rows = np.minimum(np.arange(self.height), horizon)[:, None]
        image[:] = (above + (below - above) * rows // max(1, horizon)).astype(np.uint8)[:, None]
        if theme.far != "none":
            getattr(self, f"_{theme.far}")(image, horizon, *theme.far_colours)
        return image

    # horizons

    def _ridge(self, image, base, colour, low, high, step, sharp):
        """A chain of hills; sharp ones are peaks."""
        dice, width = self.dice, image.shape[1]
        xs = list(range(-self.line(step), width + self.line(step), self.line(step)))
        tops = [(x, base - self.px(dice.uniform(low, high))) for x in xs]
        if sharp:
            line = tops
        else:
            knots = np.array(tops, dtype=np.float64)
            share = np.linspace(0, 1, 7)[:-1, None]
            ease = share * share * (3 - 2 * share)
            line = [
                tuple(p) for a, b in zip(knots[:-1], knots[1:], strict=True) for p in a + (b - a) * np.hstack([share, ease])
            ]
        points = np.array([(xs[0], base), *line, (xs[-1], base)]).astype(np.int32)
        cv2.fillPoly(image, [points], colour, cv2.LINE_AA)
        return tops

    def _hills(self, image, base, far, near):
        self._clouds(image, (250, 248, 244))
        self._ridge(image, base, far, 50, 110, 90, sharp=False)
        self._ridge(image, base, near, 16, 60, 70, sharp=False)

    def _peaks(self, image, base, far, near):
        tops = self._ridge(image, base, far, 70, 170, 80, sharp=True)
        for x, y in tops[1:-1]:
            size = self.px(16)
            cv2.fillPoly(image, [np.array([(x, y), (x - size, y + size), (x + size, y + size)], np.int32)], (252, 250, 248))
        self._ridge(image, base, near, 20, 60, 60, sharp=True)

    def _skyline(self, image, base, far, near):
        for colour, high in ((far, 190), (near, 120)):
            x = 0
            while x < image.shape[1]:
                width, height = self.line(self.dice.uniform(34, 70)), self.line(self.dice.uniform(50, high))
                cv2.rectangle(image, (x, base - height), (x + width, base), colour, -1)
                for wy in range(base - height + self.line(8), base - self.line(8), self.line(16)):
                    for wx in range(x + self.line(6), x + width - self.line(6), self.line(13)):
                        if self.dice.random() < 0.4:
                            cv2.rectangle(image, (wx, wy), (wx + self.line(5), wy + self.line(7)), (110, 200, 235), -1)
                x += width + self.line(self.dice.uniform(0, 16))

    def _pipes(self, image, base, far, near):
        for x in range(0, image.shape[1], self.line(120)):
            cv2.rectangle(image, (x, 0), (x + self.line(26), base), far, -1)
            cv2.rectangle(image, (x + self.line(5), 0), (x + self.line(9), base), shade(far, 1.2), -1)
        for y in (40, 96):
            y = self.px(y + self.dice.uniform(-12, 12))
            cv2.rectangle(image, (0, y), (image.shape[1], y + self.line(20)), near, -1)
            cv2.line(image, (0, y + self.line(4)), (image.shape[1], y + self.line(4)), shade(near, 1.25), self.line(3))
        for x in range(self.line(60), image.shape[1], self.line(150)):
            top = base - self.px(self.dice.uniform(60, 120))
            cv2.rectangle(image, (x, top), (x + self.line(64), base), shade(near, 0.85), -1)

    def _mesas(self, image, base, far, near):
        cv2.circle(image, (image.shape[1] * 3 // 4, self.px(54)), self.line(22), (190, 240, 255), -1, cv2.LINE_AA)
        x = 0
        while x < image.shape[1]:
            width, height = self.line(self.dice.uniform(70, 150)), self.line(self.dice.uniform(50, 130))
            corners = [(x, base), (x + width // 7, base - height), (x + width * 6 // 7, base - height), (x + width, base)]
            cv2.fillPoly(image, [np.array(corners, np.int32)], far if self.dice.random() < 0.5 else near, cv2.LINE_AA)
            x += width + self.line(self.dice.uniform(10, 60))
        self._ridge(image, base, shade(near, 1.1), 8, 26, 60, sharp=False)

    def _arches(self, image, base, far, near):
        bricks = textures.block("stone", self.rng, base, image.shape[1], far, self.scale)
        image[:base] = bricks
        for x in range(self.line(40), image.shape[1], self.line(150)):
            half, top = self.line(34), base - self.px(120)
            cv2.rectangle(image, (x, top), (x + 2 * half, base), near, -1)
            cv2.circle(image, (x + half, top), half, near, -1, cv2.LINE_AA)
            cv2.circle(image, (x + half, top + half // 2), half // 2, (88, 70, 52), -1, cv2.LINE_AA)

    def _craters(self, image, base, far, near):
        for _ in range(70):
            x, y = self.dice.randrange(image.shape[1]), self.dice.randrange(base)
            cv2.circle(image, (x, y), self.line(1), (230, 230, 230), -1)
        cv2.circle(image, (image.shape[1] // 3, self.px(70)), self.line(34), (190, 130, 70), -1, cv2.LINE_AA)
        cv2.circle(image, (image.shape[1] // 3 - self.px(9), self.px(62)), self.line(13), (110, 170, 90), -1, cv2.LINE_AA)
        self._ridge(image, base, far, 30, 90, 100, sharp=False)
        self._ridge(image, base, near, 8, 34, 46, sharp=True)

    def _ships(self, image, base, far, near):
        self._clouds(image, (244, 240, 236))
        sea = base - self.px(46)
        cv2.rectangle(image, (0, sea), (image.shape[1], base), (168, 128, 74), -1)
        for x in range(self.line(20), image.shape[1], self.line(190)):
            size = self.line(self.dice.uniform(60, 110))
            hull = [
                (x, sea - size // 5),
                (x + size, sea - size // 5),
                (x + size * 4 // 5, sea + size // 10),
                (x + size // 6, sea + size // 10),
            ]
            cv2.fillPoly(image, [np.array(hull, np.int32)], far, cv2.LINE_AA)
            mast = x + size // 2
            cv2.line(image, (mast, sea - size // 5), (mast, sea - size), near, self.line(4))
            sail = [(mast, sea - size), (mast + size // 3, sea - size // 4), (mast, sea - size // 4)]
            cv2.fillPoly(image, [np.array(sail, np.int32)], (225, 232, 238), cv2.LINE_AA)

    def _clouds(self, image, colour):
        for _ in range(5):
            x, y = self.dice.randrange(image.shape[1]), self.px(self.dice.uniform(24, 90))
            for step in range(3):
                size = (self.line(self.dice.uniform(18, 34)), self.line(self.dice.uniform(8, 14)))
                cv2.ellipse(image, (x + self.px(18) * step, y), size, 0, 0, 360, colour, -1, cv2.LINE_AA)

    # floors

    def _put(self, x0, y0, image):
        """Into the world layer, clipped at its borders."""
        x1, y1 = min(self.width, x0 + image.shape[1]), min(self.height, y0 + image.shape[0])
        left, top = max(0, x0), max(0, y0)
        if left < x1 and top < y1:
            self.world[top:y1, left:x1] = image[top - y0 : y1 - y0, left - x0 : x1 - x0]
            self.mask[top:y1, left:x1] = 255

    def _face(self, x0, y0, x1, y1):
        theme = self.scene.theme
        height, width = self.px(y1) - self.px(y0), self.px(x1) - self.px(x0)
        return textures.block(theme.block, self.rng, height, width, theme.block_colour, self.scale)

    def _floor_from_aside(self):
        scene, theme = self.scene, self.scene.theme
        floor, front = self.px(scene.floor - 2), self.px(scene.front)
        strip = textures.ground(theme.ground, self.rng, front - floor, self.width, theme.ground_colour, self.scale)
        strip[: self.line(2)] = shade(theme.ground_colour, 1.25)
        self._put(0, floor, strip)
        edge = textures.block("none", self.rng, self.height - front, self.width, theme.edge_colour, self.scale)
        self._put(0, front, edge)
        cv2.line(self.world, (0, front), (self.width, front), shade(theme.edge_colour, 0.6), self.line(3))
        for block in scene.blocks:
            if block.role == "platform":
                for x in (block.x0 + 12, block.x1 - 20):
                    post = np.full(
                        (self.px(scene.floor + 3) - self.px(block.y0), self.line(8), 3),
                        shade(theme.block_colour, 0.5),
                        np.uint8,
                    )
                    self._put(self.px(x), self.px(block.y0), post)
            low = block.y1 if block.role == "platform" else scene.floor + 13
            self._put(self.px(block.x0), self.px(block.y0), self._face(block.x0, block.y0, block.x1, low))
        for ramp in scene.ramps:
            corners = [
                (ramp.x0, scene.floor + 13),
                (ramp.x0, scene.floor),
                (ramp.x1, scene.floor - ramp.rise),
                (ramp.x1, scene.floor + 13),
            ]
            points = np.array([(self.px(x), self.px(y)) for x, y in corners], np.int32)
            cv2.fillPoly(self.world, [points], theme.block_colour, cv2.LINE_AA)
            cv2.fillPoly(self.mask, [points], 255)
            cv2.polylines(self.world, [points], True, shade(theme.block_colour, 0.5), self.line(3), cv2.LINE_AA)

    def _floor_from_above(self):
        scene, theme = self.scene, self.scene.theme
        back = self.px(scene.floor)
        floor = textures.ground(theme.ground, self.rng, self.height - back, self.width, theme.ground_colour, self.scale)
        self._put(0, back, floor)
        self._put(0, 0, self._face(0, 0, scene.size[0], scene.floor))
        cv2.line(self.world, (0, back), (self.width, back), shade(theme.block_colour, 0.4), self.line(4))
        if scene.water:
            cv2.line(
                self.world, (0, self.px(scene.front)), (self.width, self.px(scene.front)), theme.edge_colour, self.line(6)
            )
        for wall in scene.blocks:
            if wall.rise:
                top = self._face(wall.x0, wall.y0, wall.x1, wall.y1)
                front = (self._face(wall.x0, wall.y1 - wall.rise, wall.x1, wall.y1).astype(np.uint16) * 5 // 8).astype(
                    np.uint8
                )
                image = np.vstack([(top.astype(np.uint16) * 9 // 8).clip(0, 255).astype(np.uint8), front])
                self.standing.append((wall.y1, self.px(wall.x0), self.px(wall.y0 - wall.rise), image))

    # mirror and lamp

    def _panel(self):
        """The empty mirror: a pale room, without its frame."""
        mirror = self.scene.mirror
        height, width = self.px(mirror.y1) - self.px(mirror.y0), self.px(mirror.x1) - self.px(mirror.x0)
        rows = np.arange(height, dtype=np.int32)[:, None]
        image = np.empty((height, width, 3), np.uint8)
        image[:] = (np.array((232, 218, 200)) - rows * np.array((40, 46, 50)) // max(1, height)).astype(np.uint8)[:, None]
        floor = height - self.line(18)
        image[floor:] = shade(self.scene.theme.ground_colour, 1.15)
        return image

    def _glow(self):
        """Brightness the lamp adds around itself, (side, side) uint8."""
        radius = self.line(105)
        ys, xs = np.indices((2 * radius, 2 * radius)) - radius
        far = xs * xs + ys * ys
        return np.maximum(0, 62 - 62 * far // (radius * radius)).astype(np.uint8)
