"""Scenes, twins and boxes: what the truth says is what the pixels show, and no feature belongs to a label."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from annotator.glitchworld import catalogue, clip, make
from annotator.glitchworld.look import Look, Picture
from annotator.glitchworld.painter import Painter
from annotator.glitchworld.scene import ARRAY, VIDEO
from annotator.glitchworld.themes import THEMES


def array_clip(name, *, seed=4, theme="meadow", strength=0.9, format=ARRAY):
    return clip.plan(seed=seed, theme=theme, format=format, glitch=name, strength=strength)


@pytest.mark.parametrize("name", catalogue.GLITCHES)
def test_every_glitch_can_be_seen_after_its_onset_and_not_before(name):
    theme = catalogue.THEMES[len(name) % len(catalogue.THEMES)]
    one = array_clip(name, theme=theme)
    ours, twins = list(one.frames()), list(one.twin().frames())
    glitch = one.truth(row=0).glitch
    assert (glitch.name, glitch.category) == (name, catalogue.GLITCHES[name].category)
    assert 0 < glitch.first_frame <= glitch.last_frame < ARRAY.frames
    differ = [not np.array_equal(a, b) for a, b in zip(ours, twins, strict=True)]
    assert not any(differ[: one.fault.onset // ARRAY.every]), "the twins differ before the onset"
    seen = differ[glitch.first_frame : glitch.last_frame + 1]
    assert sum(seen) >= 0.5 * len(seen), "the twins look alike where the law should be broken"
    assert (glitch.direction is not None) == catalogue.GLITCHES[name].directed
    assert (glitch.other is not None) == bool(catalogue.GLITCHES[name].other)


def test_themes_differ_in_more_than_their_background():
    themes = list(THEMES.values())
    for field in ("gravity", "restitution", "friction", "speed", "camera", "hud", "particles", "head", "ground", "sun"):
        assert len({getattr(theme, field) for theme in themes}) >= 5, field
    assert {theme.view for theme in themes} == {"side", "top"}
    assert len({theme.colours for theme in themes}) >= 8
    assert len({theme.post for theme in themes}) >= 8


def labelled_truths(count, *, format=ARRAY):
    """Truths of scenes with labels dealt as in a set, without drawing them."""
    settings = make.Settings(count, 77, catalogue.THEMES, catalogue.CATEGORIES, 0.1, False, True)
    for label in make.labels(settings)[0]:
        one = clip.plan(seed=77_000_000 + label.number, theme=label.theme, format=format, category=label.category)
        yield label, one


@pytest.fixture(scope="module")
def six_hundred():
    return list(labelled_truths(600))


def test_no_feature_of_a_scene_tells_the_label(six_hundred):
    """Mirrors, glass, water, people and so on are as frequent under each category and in clips without a glitch."""
    rows = {}
    for label, one in six_hundred:
        features = {key: bool(value) for key, value in one.scene.features().items()}
        kinds = Counter(cast.kind for cast in one.scene.cast)
        features |= {f"many {kind}": kinds[kind] > least for kind, least in (("person", 1), ("ball", 1), ("crate", 0))}
        features |= {"car": kinds["car"] > 0, "bird": kinds["bird"] > 0, "top": one.scene.top}
        for key, value in features.items():
            rows.setdefault(key, {}).setdefault(label.category, [0, 0])[value] += 1
    values = {}
    for key, table in rows.items():
        counts = np.array(list(table.values()))
        if counts.sum(axis=0).min() > 0:
            values[key] = chi2_contingency(counts).pvalue
    assert len(values) >= 12
    # 15 features are looked at, so the smallest value may be about a fifteenth of the usual bound
    assert min(values.values()) > 0.01 / len(values), values


def test_the_first_scene_of_a_seed_nearly_always_serves(six_hundred):
    """Another scene is only dealt where no actor can show the glitch; that must stay rare, or features would tell labels."""
    from annotator.glitchworld.scene import deal

    again = sum(deal(one.scene.seed, label.theme, ARRAY) != one.scene for label, one in six_hundred)
    assert again <= 12


def test_actors_are_named_by_words_of_their_own(six_hundred):
    for _, one in six_hundred:
        words = [cast.words for cast in (*one.scene.cast, *(one.fault.extra if one.fault else ()))]
        assert len(words) == len(set(words)), words
        kinds = Counter(cast.kind for cast in one.scene.cast)
        assert kinds["person"] >= 1 and sum(kinds[kind] for kind in catalogue.THINGS) >= 2 and kinds["pole"] == 1
        assert kinds["mirror"] + kinds["water"] >= 1


def test_every_glitch_is_drawn_in_a_set(six_hundred):
    drawn = Counter(one.fault.glitch.name for _, one in six_hundred if one.fault)
    assert set(drawn) == set(catalogue.GLITCHES)


def outside(image, without, box, scene, camera, scale):
    """Pixels that the actor changed outside its box and outside mirrors, water and glass, and that are no shadow."""
    changed = np.abs(image.astype(int) - without).max(axis=2) > 24
    if box:
        changed[max(0, box[1] - 1) : box[3] + 1, max(0, box[0] - 1) : box[2] + 1] = False
    for surface in (scene.mirror, scene.water, scene.glass):
        if surface:
            x0, x1 = (round(x * scale - camera / 2) for x in (surface.x0, surface.x1))
            y0, y1 = (round(y * scale) for y in (surface.y0, surface.y1))
            changed[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : max(0, x1 + 2)] = False
    shadow = image.astype(int).sum(axis=2) < without.astype(int).sum(axis=2) * 0.95
    return int((changed & ~shadow).sum())


NO_BOX = ("camera", "light", "mirror", "water", "glass")


@pytest.mark.parametrize("name", [name for name, glitch in catalogue.GLITCHES.items() if glitch.kinds[0] not in NO_BOX])
def test_the_actor_is_inside_its_box(name):
    """Each clip is drawn with and without the actor: outside the box only its shadow and reflections may differ."""
    theme = catalogue.THEMES[(len(name) * 3) % len(catalogue.THEMES)]
    one = array_clip(name, theme=theme, seed=11, format=VIDEO)
    list_of = range(one.fault.onset + 4, VIDEO.simulated, 23)
    painter, seen = Painter(one.scene, one.camera), 0
    for frame in list_of:
        states, fault = one.run.states[frame], one.fault
        looks, picture = fault.looks(frame, states), fault.picture(frame, states)
        image, boxes = painter.frame(frame, states, looks, picture, fault.extra)
        hidden = {**looks, fault.actor: Look(shown=False)}
        without, _ = painter.frame(frame, states, hidden, picture, fault.extra)
        box = boxes[fault.actor]
        left = outside(image, without, box, one.scene, one.camera[frame][0], VIDEO.scale)
        assert left <= 12, f"{left} pixels of the actor are outside {box} in frame {frame}"
        if box and looks.get(fault.actor, Look()).shown:
            inside = np.abs(image.astype(int) - without)[box[1] : box[3], box[0] : box[2]].max(axis=2) > 16
            seen += inside.mean() > 0.12
    assert seen or name == "popping_out", "the actor was never seen inside its box"


def test_without_says_what_the_twin_does():
    one = array_clip("drifting_up", seed=5)
    list(one.frames())
    truth = one.truth(row=0)
    twin = one.twin()
    list(twin.frames())
    other = twin.truth(row=1)
    assert other.glitch is None and other.without is None
    assert truth.without.final_box == other.actor(truth.glitch.actor).boxes[-1]
    assert truth.without.actor_does == other.actor(truth.glitch.actor).does


def test_a_picture_without_a_fault_is_the_plain_one():
    one = clip.plan(seed=3, theme="harbour", format=ARRAY)
    painter = Painter(one.scene, one.camera)
    first, _ = painter.frame(0, one.run.states[0], {}, Picture())
    again, _ = Painter(one.scene, one.camera).frame(0, one.run.states[0], {}, Picture())
    assert np.array_equal(first, again)
