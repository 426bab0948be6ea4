"""The catalogue agrees with the taxonomy, and a truth survives being written."""

from annotator.glitchworld import catalogue, truth
from annotator.taxonomy import CATEGORIES


def test_each_category_has_three_glitches_and_all_its_sub_labels():
    assert set(catalogue.CATEGORIES) == set(CATEGORIES)
    for name, category in CATEGORIES.items():
        glitches = catalogue.of_category(name)
        assert len(glitches) >= 3, name
        assert {glitch.sub_label for glitch in glitches} == {key for key, _ in category.sub_labels}, name
        assert catalogue.DOMAINS[name] == category.domain
    assert len(catalogue.GLITCHES) == sum(len(catalogue.of_category(name)) for name in CATEGORIES)
    assert len(catalogue.THEMES) >= 8


def test_kinds_are_known():
    for glitch in catalogue.GLITCHES.values():
        assert set(glitch.kinds) | set(glitch.other) <= set(catalogue.KINDS), glitch.name


def a_truth():
    actors = (
        truth.ActorTruth(
            2, "crate", "red", "the red crate", (("falls", "down"), ("rests", None)), ((1, 2, 30, 40), None, (2, 2, 31, 40))
        ),
    )
    glitch = truth.GlitchTruth("hovering", "Gravity", "Mechanics", "floating", 0.8, 2, None, None, 1, 2)
    return truth.ClipTruth(
        clip_id="gw1-meadow-5",
        seed=5,
        world=truth.WORLD,
        theme="meadow",
        view="side",
        fps=30,
        frames=3,
        width=640,
        height=360,
        video="clips/gw1-meadow-5.mp4",
        row=None,
        twin=None,
        glitch=glitch,
        actors=actors,
        scene={"mirrors": 1, "water": False},
        lookalikes=(truth.Lookalike("real bounce", 2, 1),),
        without=truth.Without((("falls", "down"),), (1, 2, 3, 4)),
    )


def test_a_truth_survives_being_written():
    one = a_truth()
    line = one.to_json()
    assert truth.ClipTruth.from_json(line) == one
    assert truth.ClipTruth.from_json(line).to_json() == line
    assert "\n" not in line


def test_truths_are_read_in_order(tmp_path):
    one = a_truth()
    (tmp_path / "truth.jsonl").write_text(one.to_json() + "\n" + one.to_json() + "\n", encoding="utf-8")
    assert truth.read_truth(tmp_path) == [one, one]
