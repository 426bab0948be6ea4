"""The chances by which distractors are drawn are those by which the world deals glitches."""

from collections import Counter

import pytest

from annotator.glitchworld.catalogue import GLITCHES
from annotator.glitchworld.chances import CHANCES
from annotator.glitchworld.chances_fit import Cast, fit, measure, shares

SCENES = 120


def test_chances_by_hand():
    """A crate and a ball in each of 200 scenes: the ball is able in half of them, and the crate in none."""
    present = ((2, "crate"), (4, "ball"))
    casts = [Cast(present, {"melting": (4, "ball", None)}), Cast(present, {})] * 100
    able, others = fit(casts)["melting"]
    assert others == {}
    assert able["ball"] == pytest.approx(0.5, abs=0.02) and able["crate"] < 0.02


def test_the_world_still_deals_as_measured():
    """Where this fails the world has changed: measure again, as the docstring of chances_fit.py says."""
    casts = measure(SCENES)
    off = []
    for name, glitch in GLITCHES.items():
        able, _ = CHANCES[name]
        for kind in glitch.kinds if name != "popping_in" else ():  # which brings its actor along
            found = expected = variance = 0.0
            for cast in casts:
                scene = Counter(one for _, one in cast.present if one in able)
                share = shares(able, tuple(scene.items())).get(kind, 0.0)
                found += name in cast.shown and cast.shown[name][1] == kind
                expected += share
                variance += share * (1 - share)
            if variance > 3:
                off.append(((found - expected) / variance**0.5, name, kind))
    spread = (sum(z * z for z, _, _ in off) / len(off)) ** 0.5
    print(f"{len(off)} pairs of glitch and kind, {SCENES} scenes: standard deviation {spread:.2f}, 1 if all is right")
    print("furthest off:", sorted(off, key=lambda one: -abs(one[0]))[:3])
    assert spread < 1.4
