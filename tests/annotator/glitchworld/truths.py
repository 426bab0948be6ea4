"""Truths of clips for the tests of the questions: really dealt, run and drawn, small."""

import random
from functools import lru_cache

from annotator.glitchworld import catalogue
from annotator.glitchworld.clip import plan
from annotator.glitchworld.scene import ARRAY


@lru_cache
def small_truth(seed, glitch=None, free=False):
    """The truth of a clip of 16 small frames: with this glitch, with any, or with none."""
    dice = random.Random(seed)
    category = None if free or glitch else dice.choice(catalogue.CATEGORIES)
    for theme in dice.sample(catalogue.THEMES, 5):
        try:
            clip = plan(seed=seed, theme=theme, format=ARRAY, category=category, glitch=glitch)
            break
        except LookupError:
            continue
    for _ in clip.frames():
        pass
    return clip.truth(row=seed)
