"""Textures of grounds and blocks, and those that a texture fault puts on an actor. All from whole numbers."""

import cv2
import numpy as np

from annotator.glitchworld.figures import shade


def _speckle(rng, height, width, colour, spread, grain):
    """The colour with brightness noise of +-spread; `grain` is the size of the spots in pixels."""
    small = rng.integers(-spread, spread + 1, (height // grain + 2, width // grain + 2, 1), dtype=np.int16)
    big = small.repeat(grain, axis=0).repeat(grain, axis=1)[:height, :width]
    return np.clip(np.array(colour, dtype=np.int16) + big, 0, 255).astype(np.uint8)


def _lines(image, step_x, step_y, colour, width, shift=0):
    """A grid; each second row is shifted, as in a brick wall, when `shift` is not 0."""
    height, across = image.shape[:2]
    for row, y in enumerate(range(0, height + step_y, step_y)):
        cv2.line(image, (0, y), (across, y), colour, width)
        if step_x:
            for x in range(shift * (row % 2), across, step_x):
                cv2.line(image, (x, y), (x, y + step_y), colour, width)


def ground(kind, rng, height, width, colour, scale):
    """The floor as (height, width, 3); `scale` is pixels per world unit."""

    def px(units):
        return max(1, round(units * scale))

    image = _speckle(rng, height, width, colour, 10, px(3))
    dark, light, line = shade(colour, 0.82), shade(colour, 1.2), px(1.6)
    spots = max(6, height * width // max(1, px(16) * px(16)))
    xs, ys = rng.integers(0, width, spots), rng.integers(0, height, spots)
    if kind in ("grass", "lawn"):
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            tone = light if (x + y) % 3 else dark
            cv2.line(image, (x, y), (x + px(2) - px(1), y - px(5)), tone, line)
    elif kind in ("asphalt", "deck"):
        if kind == "asphalt":
            for x in range(0, width, px(70)):
                cv2.line(image, (x, height // 2), (x + px(34), height // 2), (150, 205, 225), px(4))
        else:
            _lines(image, px(64), px(48), dark, line)
    elif kind == "plates":
        _lines(image, px(56), px(40), dark, line)
        for x in range(px(6), width, px(56)):
            cv2.circle(image, (x, px(6)), px(2), light, -1)
    elif kind in ("sand", "snow", "regolith"):
        for x, y in zip(xs[::3].tolist(), ys[::3].tolist(), strict=True):
            size = (px(5 + x % 9), px(2))
            cv2.ellipse(
                image, (x, y), size, 0, 0, 360, dark if kind != "snow" else light, -1 if kind == "regolith" else line
            )
    elif kind == "cobble":
        _lines(image, px(26), px(12), dark, line, px(13))
    elif kind == "planks":
        _lines(image, px(80), px(12), dark, line, px(40))
    elif kind == "paving":
        _lines(image, px(36), px(36), dark, line)
    return image


def block(kind, rng, height, width, colour, scale):
    """The face of a wall or platform."""

    def px(units):
        return max(1, round(units * scale))

    height, width = max(1, height), max(1, width)
    image = _speckle(rng, height, width, colour, 9, px(3))
    dark, light, line = shade(colour, 0.62), shade(colour, 1.3), px(1.6)
    if kind in ("brick", "stone"):
        step = (24, 11) if kind == "brick" else (32, 18)
        _lines(image, px(step[0]), px(step[1]), dark, line, px(step[0] / 2))
    elif kind == "wood":
        _lines(image, 0, px(12), dark, line)
    elif kind in ("metal", "plates"):
        _lines(image, px(30), px(30), dark, line)
        for y in range(px(5), height, px(30)):
            for x in range(px(5), width, px(30)):
                cv2.circle(image, (x, y), px(1.6), light, -1)
    elif kind == "ice":
        for x in range(-height, width, px(22)):
            cv2.line(image, (x, height), (x + height, 0), light, line)
    elif kind == "hedge":
        spots = height * width // max(1, px(7) * px(7))
        for x, y in zip(rng.integers(0, width, spots).tolist(), rng.integers(0, height, spots).tolist(), strict=True):
            cv2.circle(image, (x, y), px(4), light if (x ^ y) & 1 else dark, -1)
    cv2.rectangle(image, (0, 0), (width - 1, height - 1), shade(colour, 0.45), px(3))
    cv2.line(image, (0, px(1)), (width, px(1)), light, px(3))
    return image


FAULTS = ("checker", "static", "bricks", "letters")


def fault(kind, rng, size, scale):
    """A square texture that belongs to no actor."""

    def px(units):
        return max(1, round(units * scale))

    if kind == "checker":
        cell = px(11)
        ys, xs = np.indices((size, size)) // cell
        image = np.zeros((size, size, 3), np.uint8)
        image[(xs + ys) % 2 == 0] = (255, 0, 255)
        return image
    if kind == "static":
        grain = px(5)
        small = rng.integers(0, 256, (size // grain + 1, size // grain + 1, 3), dtype=np.uint8)
        return np.ascontiguousarray(small.repeat(grain, axis=0).repeat(grain, axis=1)[:size, :size])
    if kind == "bricks":
        image = np.full((size, size, 3), (60, 80, 190), np.uint8)
        _lines(image, px(18), px(9), (215, 220, 225), px(2.4), px(9))
        return image
    image = np.full((size, size, 3), (255, 230, 0), np.uint8)
    for step in range(0, 2 * size, px(14)):
        cv2.line(image, (step, 0), (step - size, size), (0, 0, 255), px(5))
    return image
