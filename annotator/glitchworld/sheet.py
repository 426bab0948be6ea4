"""A contact sheet: every glitch in every theme, a few frames each, with the actor's box where the law is broken."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from annotator.glitchworld import catalogue, clip, make
from annotator.glitchworld.scene import VIDEO

FRAMES, CELL = 5, (160, 90)  # frames of each clip, pixels of each
_STRENGTH = 0.85
_HEAD = 18
_RED = (60, 60, 235)


def draw_sheet(path, *, seed=0, themes=None, categories=None, workers=None, progress=None):
    """Write the sheet as an image to `path` and return how many clips are on it. Raises make.CannotMake."""
    path = Path(path).absolute()
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise make.CannotMake(f"The contact sheet is an image: {path.name} should end with .png or .jpg.")
    if not path.parent.is_dir():
        raise make.CannotMake(f"There is no folder {path.parent}.")
    themes, categories = tuple(themes or catalogue.THEMES), tuple(categories or catalogue.CATEGORIES)
    settings = make.Settings(1, seed, themes, categories, 0.0, False, False)
    names = [glitch.name for category in settings.categories for glitch in catalogue.of_category(category)]
    pairs = [(name, theme) for name in names for theme in settings.themes]
    strips = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done, (pair, image) in enumerate(zip(pairs, pool.map(partial(strip, seed), pairs), strict=True), 1):
            strips[pair] = image
            if progress:
                progress(done, len(pairs), 0.0)
    rows = []
    for name in names:
        row = np.hstack([strips[name, theme] for theme in settings.themes])
        head = np.full((_HEAD, row.shape[1], 3), 24, np.uint8)
        glitch = catalogue.GLITCHES[name]
        for index, theme in enumerate(settings.themes):
            text = f"{glitch.category} / {name} / {theme}"
            place = (index * FRAMES * CELL[0] + 4, 13)
            cv2.putText(head, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, (235, 235, 235), 1, cv2.LINE_AA)
        rows += [head, row]
    ready, packed = cv2.imencode(path.suffix.lower(), np.vstack(rows))
    try:
        path.write_bytes(packed.tobytes())
    except OSError as error:
        raise make.CannotMake(f"{path}: {error.strerror}. Choose another file.")
    return sum(image is not None for image in strips.values())


def strip(seed, pair):
    """A few frames of one glitch in one theme, side by side: the first before it begins, the others after."""
    name, theme = pair
    blank = np.full((CELL[1], CELL[0] * FRAMES, 3), 40, np.uint8)
    try:
        one = clip.plan(seed=seed, theme=theme, format=VIDEO, glitch=name, strength=_STRENGTH)
    except LookupError:
        return blank
    span = VIDEO.frames - 1 - one.fault.onset
    wanted = [max(0, one.fault.onset - 6), *(one.fault.onset + span * step // FRAMES for step in range(1, FRAMES))]
    pictures = one.pictures(wanted)
    for index, (image, boxes) in enumerate(pictures):
        box = boxes.get(one.fault.actor)
        image = image.copy()
        if index and box:
            cv2.rectangle(image, box[:2], (box[2] - 1, box[3] - 1), _RED, 3)
        blank[:, index * CELL[0] : (index + 1) * CELL[0]] = cv2.resize(image, CELL, interpolation=cv2.INTER_AREA)
    return blank
