"""The chances by which distractors are drawn are those by which the world deals glitches."""

import pytest

from annotator.glitchworld.catalogue import GLITCHES
from annotator.glitchworld.chances import CHANCES
from annotator.glitchworld.chances_fit import Cast, fit, measure

SCENES = 120


def test_weights_by_hand():
    """Two crates and a ball in each of 30 scenes, and the ball shows it half of the time: it weighs twice a crate."""
    present = ((2, "crate"), (3, "crate"), (4, "ball"))
    casts = [Cast(present, {"melting": (4, "ball", None)}), Cast(present, {"melting": (2, "crate", None)})] * 15
    _, kinds, others = fit(casts)["melting"]
    assert others == {}
    assert kinds["ball"] / kinds["crate"] == pytest.approx(2, rel=0.05)


def test_the_world_still_deals_as_measured():
    """Where this fails the world has changed: measure again, as the docstring of chances_fit.py says."""
    casts = measure(SCENES)
    worst = []
    for name, glitch in GLITCHES.items():
        _, by_kind, _ = CHANCES[name]
        for kind in glitch.kinds:
            found = expected = variance = 0.0
            for cast in casts:
                if name in cast.shown:
                    actor, shown, _ = cast.shown[name]
                    weights = [
                        (one, by_kind[one]) for one in {**dict(cast.present), actor: shown}.values() if one in by_kind
                    ]
                    share = sum(w for one, w in weights if one == kind) / max(sum(w for _, w in weights), 1e-9)
                    found += shown == kind
                    expected += share
                    variance += share * (1 - share)
            if variance > 3:
                worst.append(((found - expected) / variance**0.5, name, kind))
    spread = (sum(z * z for z, _, _ in worst) / len(worst)) ** 0.5
    print(f"{len(worst)} pairs of glitch and kind, {SCENES} scenes: standard deviation {spread:.2f}, 1 if all is right")
    print("furthest off:", sorted(worst, key=lambda one: -abs(one[0]))[:3])
    assert spread < 1.4
