"""Measure how the world deals its glitches and print the table of `chances.py`:

    python -m annotator.glitchworld.chances_fit 3000 > annotator/glitchworld/chances.py

For each scene every glitch is cast, as if it were the one wanted, in both formats. No frame is drawn: about 30 scenes a
second.
"""

import sys
from collections import Counter
from typing import NamedTuple

from annotator.glitchworld import catalogue
from annotator.glitchworld.clip import FAULTS, camera_path
from annotator.glitchworld.faults import Stage
from annotator.glitchworld.physics import Simulation
from annotator.glitchworld.scene import ARRAY, VIDEO, deal
from annotator.glitchworld.streams import stream

ROUNDS = 80
HEAD = '''"""How likely each glitch is within its category, and each kind of actor to show it or to be its second actor.

Measured by `python -m annotator.glitchworld.chances_fit {count}`, which prints this file; 1 is the mean of a row.
Distractors are drawn by these chances, so that no pair of glitch and actor is right more often than another.
"""

CHANCES = {{  # glitch: (within its category, kind of actor, kind of second actor)
'''


class Cast(NamedTuple):
    """What one scene offers and what the world made of it."""

    present: tuple  # (id, kind) of the actors that are in the picture for a tenth of the clip
    shown: dict  # glitch -> (actor's id, its kind, the other's kind), where the scene can show it


def measure(count, *, formats=(VIDEO, ARRAY)):
    """The casts of `count` scenes, which run through all themes and formats."""
    casts = []
    for seed in range(count):
        format, theme = formats[seed % len(formats)], catalogue.THEMES[seed // len(formats) % len(catalogue.THEMES)]
        scene = deal(seed, theme, format)
        base = Simulation(scene).run()
        scale = 2 * format.scale
        stage = Stage(scene, base, [(x / scale, y / scale) for x, y in camera_path(scene, base)])
        shown = {}
        for name, fault_class in FAULTS.items():
            strength = stream(seed, "chances", name).uniform(0.15, 1)
            fault = fault_class(catalogue.GLITCHES[name], strength, stream(seed, theme, "fault", name), stage)
            if fault.cast():
                kinds = {0: "camera", 1: "light", **{one.id: one.kind for one in (*scene.cast, *fault.extra)}}
                shown[name] = (fault.actor, kinds[fault.actor], kinds.get(fault.other))
        casts.append(Cast(_present(scene, stage), shown))
    return casts


def _present(scene, stage):
    frames = range(0, stage.end, 6)
    present = [(0, "camera"), (1, "light")]
    for one in scene.cast:
        xs = [stage.base.states[f][one.id].x if one.id in stage.base.states[f] else one.x for f in frames]
        if sum(stage.inside(x, f, -one.width / 2) for x, f in zip(xs, frames, strict=True)) * 10 >= len(frames):
            present.append((one.id, one.kind))
    return tuple(present)


def fit(casts):
    """{glitch: (weight in its category, {kind: weight}, {kind of the other: weight})}; each row has mean 1."""
    rows = {}
    for category in catalogue.CATEGORIES:
        glitches = catalogue.of_category(category)
        within = _weights([glitch.name for glitch in glitches], list(_picks_of_glitch(glitches, casts)))
        for glitch in glitches:
            kinds = _weights(glitch.kinds, list(_picks_of_kind(glitch, casts)))
            others = _weights(glitch.other, list(_picks_of_other(glitch, casts)))
            rows[glitch.name] = (within[glitch.name], kinds, others)
    return {name: rows[name] for name in catalogue.GLITCHES}


def _picks_of_glitch(glitches, casts):
    """(what could be picked, with how many of each; {what was: share}): the world takes any that the scene can show."""
    for cast in casts:
        kinds = {kind for _, kind in cast.present}
        shown = [glitch.name for glitch in glitches if glitch.name in cast.shown]
        possible = Counter(g.name for g in glitches if g.name in cast.shown or kinds & set(g.kinds))
        if shown:
            yield possible, dict.fromkeys(shown, 1 / len(shown))


def _picks_of_kind(glitch, casts):
    for cast in casts:
        if glitch.name in cast.shown:
            actor, kind, _ = cast.shown[glitch.name]
            present = {**dict(cast.present), actor: kind}
            yield Counter(one for one in present.values() if one in glitch.kinds), {kind: 1.0}


def _picks_of_other(glitch, casts):
    for cast in casts:
        if glitch.other and glitch.name in cast.shown:
            actor, _, other = cast.shown[glitch.name]
            possible = Counter(kind for number, kind in cast.present if kind in glitch.other and number != actor)
            yield possible | Counter([other]), {other: 1.0}


def _weights(names, picks):
    """Weights under which things of each name would be picked as often as they were, by repeated scaling."""
    weights = dict.fromkeys(names, 1.0)
    found = Counter()
    for _, picked in picks:
        found.update(picked)
    for _ in range(ROUNDS):
        expected = Counter()
        for possible, _ in picks:
            total = sum(weights[name] * number for name, number in possible.items())
            for name, number in possible.items():
                expected[name] += weights[name] * number / total
        for name in weights:
            weights[name] *= (found[name] + 0.5) / (expected[name] + 0.5)  # the halves keep what was never seen finite
    mean = sum(weights.values()) / max(1, len(weights))
    return {name: round(weight / mean, 2) for name, weight in weights.items()}


def main(count):
    print(HEAD.format(count=count), end="")
    for name, row in fit(measure(count)).items():
        within, kinds, others = row
        second = f",\n        {others}" if others else ", {}"
        print(f'    "{name}": ({within}, {kinds}{second}),'.replace("'", '"'))
    print("}  # fmt: skip")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
