"""Conversations, preference pairs and titles are true where they say they are."""

import random
import re
from collections import Counter

import pytest

from annotator.glitchworld import misled, titles
from annotator.glitchworld import wording_talk as talk
from annotator.glitchworld.catalogue import CATEGORIES, GLITCHES
from annotator.glitchworld.instruct import Speaker, instruct_pairs
from annotator.glitchworld.misled import misled_answers
from annotator.glitchworld.telling import deeds, place
from annotator.glitchworld.wording import pick
from tests.annotator.glitchworld.truths import small_truth


def is_yes(answer):
    return answer.split(".")[0] in talk.YES


@pytest.mark.parametrize("name", GLITCHES)
def test_a_conversation_about_each_glitch(name):
    truth = small_truth(7, glitch=name)
    for seed in range(3):
        pairs = instruct_pairs(truth, rng=random.Random(seed))
        assert pairs == instruct_pairs(truth, rng=random.Random(seed))
        assert len(pairs) >= 3
        for pair in pairs:
            assert set(pair) == {"q", "a"}
            for text in pair.values():
                assert text[0].isupper() or text[0] == "(", text
                assert text[-1] in ".?!", text
                assert not re.search(r"[{}\[\]<>|]|  | ,|\.\.", text), text


def test_times_and_places_are_those_of_the_truth():
    truth = small_truth(7, glitch="jelly")
    speaker = Speaker(truth, rng=random.Random(3))
    glitch = truth.glitch
    figures = re.findall(r"[\d.]*\d", speaker.when()["a"])
    assert [float(one) for one in figures] == pytest.approx(
        [glitch.first_frame / truth.fps, (glitch.last_frame + 1) / truth.fps], abs=0.051
    )
    box = truth.actor(glitch.actor).boxes[glitch.first_frame]
    third = ("on the left", "in the middle", "on the right")[int((box[0] + box[2]) / 2 / truth.width * 3)]
    assert third in speaker.where()["a"].lower()


def test_places_by_hand():
    truth = small_truth(7, glitch="jelly")
    assert (truth.width, truth.height) == (96, 96)
    assert place((0, 0, 20, 20), truth) == "on the left, near the top of the picture"
    assert place((40, 40, 60, 60), truth) == "in the middle, at mid-height"
    assert place((90, 90, 96, 96), truth) == "on the right, in the lower part of the picture"


def test_deeds_as_a_phrase():
    assert deeds((("rests", None),)) == ""
    assert deeds((("rolls", "left"), ("falls", "down"), ("stops", None))) == "rolls to the left, then falls, then stops"


def test_a_clip_without_a_glitch_is_said_to_have_none():
    truth = small_truth(31, free=True)
    asked = {pick(line, rng=random.Random(seed)) for line in talk.ASK_WHEN for seed in range(9)}
    answers = [
        pair["a"] for seed in range(20) for pair in instruct_pairs(truth, rng=random.Random(seed)) if pair["q"] in asked
    ]
    assert answers and all("nothing breaks" in answer or "free of glitches" in answer for answer in answers)


def test_yes_and_no_are_balanced():
    """Half of the claims are confirmed, and whether a claim names a glitch or none says nothing about the answer."""
    answers = Counter()
    for number in range(30):
        truth = small_truth(100 + number, free=number % 10 == 0)
        for seed in range(12):
            pair = Speaker(truth, rng=random.Random(seed)).claim(glitch_free=0.1)
            answers[is_yes(pair["a"])] += 1
    assert answers[True] / answers.total() == pytest.approx(0.5, abs=0.07)  # 99 % of 360


def test_misled_answers_of_a_glitch_clip():
    truth, other = small_truth(7, glitch="jelly"), "colour_flicker"
    kinds = Counter()
    for seed in range(60):
        for pair in misled_answers(truth, rng=random.Random(seed), other=other):
            assert set(pair) == {"prompt", "chosen", "rejected", "kind"}
            assert pair["chosen"] != pair["rejected"]
            kinds[pair["kind"]] += 1
    assert kinds["wrong title"] == 60 and set(kinds) <= set(misled.KINDS)


def test_misled_answers_of_a_clip_without_a_glitch():
    truth = small_truth(31, free=True)
    pairs = misled_answers(truth, rng=random.Random(1), other="colour_flicker")
    assert [pair["kind"] for pair in pairs] == list(misled.KINDS)
    assert misled_answers(truth, rng=random.Random(1), other=None)[0]["kind"] != "wrong title"


def test_groups_name_glitches_once():
    for groups in ((*misled.ALIKE_IN_ONE_FRAME, misled.MOTION_ONLY), misled.ALIKE_IN_BLOBS):
        names = [name for group in groups for name in group]
        assert len(names) == len(set(names)) and set(names) <= set(GLITCHES)


def test_a_share_that_cannot_be_hidden_is_refused():
    with pytest.raises(ValueError, match="is not between 0 and 0.25"):
        misled_answers(small_truth(101), rng=random.Random(1), other=None, glitch_free=0.5)


def test_titles_are_of_the_promised_kinds():
    truth = small_truth(101)
    rng = random.Random(2)
    found = Counter()
    for _ in range(500):
        title = titles.title(truth, rng=rng)
        found[title.kind] += 1
        assert title.text[0].isupper() and "{" not in title.text and not title.text.endswith(".")
    for kind, share in titles.KINDS.items():
        assert found[kind] / 500 == pytest.approx(share, abs=0.07)


def test_categories_are_said_in_words_of_the_catalogue():
    truth = small_truth(7, glitch="jelly")
    answers = {Speaker(truth, rng=random.Random(seed)).law()["a"] for seed in range(10)}
    assert all("Rigidity" in answer for answer in answers) and "Rigidity" in CATEGORIES
