"""The plain level: still pictures of few actors, and questions whose text says nothing."""

import json
import random
from collections import Counter

import numpy as np
import pytest

from annotator.glitchworld import make
from annotator.glitchworld.catalogue import CATEGORIES
from annotator.glitchworld.clip import plan
from annotator.glitchworld.plain import SAYS, category_of, plain_question, plain_talk
from annotator.glitchworld.scene import PLAIN
from annotator.glitchworld.truth import BLATANT, read_truth
from tests.annotator.glitchworld.test_text_only import at_chance, cross_validated, features, told_apart, truths  # noqa: F401

FREE = 0.1


@pytest.fixture(scope="module")
def asked(truths):  # noqa: F811
    return [plain_question(truth, rng=random.Random(number), glitch_free=FREE) for number, truth in enumerate(truths)]


def test_every_category_and_nothing_have_words_of_their_own():
    assert set(SAYS) == {*CATEGORIES, None}
    firsts = [lines[0].split(":")[0] for lines in SAYS.values()]
    assert len(set(firsts)) == 13


def test_a_reader_without_the_clip_stays_at_chance(asked):
    answers = np.array([question.answer_index for question in asked])
    extra = np.array([features(question) for question in asked])
    assert at_chance("options alone", cross_validated([q.options for q in asked], extra, answers), len(asked))
    offered = [q for q in asked if any(option.startswith("Nothing") for option in q.options)]
    right = sum(q.category == "" for q in offered)
    assert at_chance("nothing is wrong, where offered", right / len(offered), len(offered))


def test_distractors_are_of_other_categories(asked):
    for question in asked[:400]:
        assert len({option.split(":")[0] for option in question.options}) == 4
        wanted = SAYS[question.category or None][0].split(":")[0]
        assert question.options[question.answer_index].startswith(wanted)


def test_pairs_cannot_be_ranked_by_their_text(truths):  # noqa: F811
    pairs, clips = [], []
    for number, truth in enumerate(truths):
        _turns, told = plain_talk(truth, rng=random.Random(number), glitch_free=FREE)
        pairs += told
        clips += [number] * len(told)
    chosen, rejected = [one["chosen"] for one in pairs], [one["rejected"] for one in pairs]
    assert all(a.split(":")[0] != b.split(":")[0] for a, b in zip(chosen, rejected, strict=True))
    # two pairs of a clip are not independent: they count as one
    assert at_chance("bag of words, plain pairs", told_apart(chosen, rejected, np.array(clips)), len(truths), 0.5)


def test_the_plain_scene_is_still_and_has_few_actors():
    clip = plan(seed=5, theme="city", format=PLAIN, category="Color")
    assert set(clip.camera) == {(0, 0)} and clip.fault.strength >= BLATANT
    movers = Counter(one.kind == "person" for one in clip.scene.cast if one.colour)
    assert movers == {True: 1, False: 2}
    free = plan(seed=6, theme="meadow", format=PLAIN).array()
    assert np.abs(free[0].astype(int) - free[8]).mean() < 25


def test_a_plain_set_is_made_and_asks_plainly(tmp_path):
    made = make.make_set(tmp_path / "set", clips=4, seed=1, arrays=True, level="plain", workers=1)
    told = read_truth(tmp_path / "set")
    assert made == len(told) == 4
    text = next((tmp_path / "set").glob("PhysGame_*_annotation.json")).read_text()
    assert all(SAYS[category_of(truth)][0].split(":")[0] in text for truth in told)
    with pytest.raises(make.CannotMake, match="arrays only"):
        make.make_set(tmp_path / "video", clips=4, seed=1, level="plain")
    assert len(json.loads(next((tmp_path / "set").glob("PhysDPO_anno_8.json")).read_text())) == 8  # two of each clip
    make.make_set(tmp_path / "more", clips=2, seed=1, arrays=True, level="plain", pairs=5, workers=1)
    assert (tmp_path / "more" / "PhysDPO_anno_10.json").exists()
    with pytest.raises(make.CannotMake, match="A clip has 1 to 11 pairs, not 12."):
        make.make_set(tmp_path / "many", clips=2, seed=1, arrays=True, level="plain", pairs=12)
    with pytest.raises(make.CannotMake, match="leave out --pairs"):
        make.make_set(tmp_path / "full", clips=2, seed=1, arrays=True, pairs=3)
    with pytest.raises(make.CannotMake, match="no level 'hard'"):
        make.make_set(tmp_path / "hard", clips=4, seed=1, arrays=True, level="hard")
