"""Measure how the world deals its glitches and print the table of `chances.py`:

    python -m annotator.glitchworld.chances_fit 3000 > chances.new     # then move it over chances.py, which this reads

For each scene every glitch is cast, as if it were the one wanted, in both formats. No frame is drawn: about 30 scenes a
second.
"""

import math
import sys
from collections import Counter
from typing import NamedTuple

from annotator.glitchworld import catalogue
from annotator.glitchworld.clip import FAULTS, camera_path
from annotator.glitchworld.faults import Stage
from annotator.glitchworld.physics import Simulation
from annotator.glitchworld.scene import ARRAY, VIDEO, deal
from annotator.glitchworld.streams import stream

ROUNDS, MOST = 120, 0.999
HEAD = '''"""How likely an actor of each kind is to be able to show a glitch, and a kind of actor to be its second actor.

Measured by `python -m annotator.glitchworld.chances_fit {count}`, which prints this file. Distractors are drawn by these
chances, so that no pair of glitch and actor is right more often than another.
"""

CHANCES = {{  # glitch: (of each actor of a kind, of the kinds of second actor: 1 is their mean)
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
    """{glitch: ({kind: chance of one actor}, {kind of the other: weight})}."""
    return {
        glitch.name: (_able(glitch, casts), _weights(glitch.other, list(_picks_of_other(glitch, casts))))
        for glitch in catalogue.GLITCHES.values()
    }


def _able(glitch, casts):
    """Chances q of the kinds under which a scene shows the glitch as often as it did, by actors of each kind as often.

    A scene shows it unless all of its actors fail, 1 - product of (1 - q); then an actor's share is its q.
    """
    scenes = []
    found = Counter()
    for cast in casts:
        actor, kind, _ = cast.shown.get(glitch.name, (None, None, None))
        present = dict(cast.present) if actor is None else {**dict(cast.present), actor: kind}
        scenes.append(Counter(one for one in present.values() if one in glitch.kinds))
        found[kind] += 1
    kinds = Counter(tuple(sorted(scene.items())) for scene in scenes)
    able = dict.fromkeys(glitch.kinds, 0.5)
    for _ in range(ROUNDS):
        expected = Counter()
        for scene, count in kinds.items():
            for kind, share in shares(able, scene).items():
                expected[kind] += count * share
        for kind in able:
            able[kind] = min(MOST, able[kind] * (found[kind] + 0.5) / (expected[kind] + 0.5))
    return {kind: round(chance, 3) for kind, chance in able.items()}


def shares(able, scene):
    """{kind: chance that the scene shows the glitch by an actor of this kind}; `scene` is [(kind, how many)]."""
    if not scene:
        return {}
    fails = math.prod((1 - able[kind]) ** number for kind, number in scene)
    total = sum(able[kind] * number for kind, number in scene)
    return {kind: (1 - fails) * able[kind] * number / total for kind, number in scene}


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
        able, others = row
        second = f",\n        {others}" if others else ", {}"
        print(f'    "{name}": ({able}{second}),'.replace("'", '"'))
    print("}  # fmt: skip")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
