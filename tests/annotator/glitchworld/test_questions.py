"""What is asked about a clip: four options, of which the truth says that exactly one is right."""

import random
from collections import Counter
from dataclasses import replace

import pytest

from annotator.glitchworld import statements
from annotator.glitchworld.catalogue import GLITCHES
from annotator.glitchworld.chances import CHANCES
from annotator.glitchworld.questions import DISTRACTOR_KINDS, four_statements, write_question
from annotator.glitchworld.statements import Statement
from annotator.glitchworld.truth import Lookalike
from tests.annotator.glitchworld.truths import small_truth


def test_the_chances_cover_the_catalogue():
    """Where this fails the catalogue has changed: measure again, as the docstring of chances_fit.py says."""
    assert set(CHANCES) == set(GLITCHES)
    for name, (able, others) in CHANCES.items():
        assert set(able) == set(GLITCHES[name].kinds) and set(others) == set(GLITCHES[name].other)


@pytest.mark.parametrize("name", GLITCHES)
def test_a_question_about_each_glitch(name):
    truth = small_truth(7, glitch=name)
    true = statements.of_truth(truth)
    assert true.glitch == name
    for seed in range(4):
        question = write_question(truth, rng=random.Random(seed))
        assert question == write_question(truth, rng=random.Random(seed))
        assert question.category == GLITCHES[name].category
        assert len(set(question.options)) == 4 and question.stem.endswith("?")
        assert all(text[0].isupper() and text.endswith(".") for text in question.options)
        assert question.distractor_kinds[question.answer_index] is None
        assert all(
            kind in DISTRACTOR_KINDS for i, kind in enumerate(question.distractor_kinds) if i != question.answer_index
        )


def test_distractors_are_false_and_about_actors_in_the_picture():
    for number in range(12):
        truth = small_truth(100 + number)
        seen = {actor.id for actor in truth.actors if any(actor.boxes)}
        for seed in range(8):
            true, *false = four_statements(truth, rng=random.Random(seed))
            assert true == statements.of_truth(truth)
            for one in false:
                if one is None:
                    continue
                assert one.actor in seen and (one.other is None or one.other in seen)
                assert truth.actor(one.actor).kind in GLITCHES[one.glitch].kinds
                if one.glitch == true.glitch:  # wrong actor, or wrong direction
                    assert (one.actor != true.actor) != (one.direction != true.direction)
                else:
                    assert one.category != true.category
                    same_actor = one.actor == true.actor
                    assert not (same_actor and frozenset((one.glitch, true.glitch)) in statements.TOO_CLOSE)


def test_without_a_glitch_nothing_is_the_answer():
    truth = small_truth(31, free=True)
    for seed in range(10):
        question = write_question(truth, rng=random.Random(seed))
        assert question.category == "" and set(question.distractor_kinds) == {None, "other glitch"}
        true, *false = four_statements(truth, rng=random.Random(seed))
        assert true is None and None not in false
        assert len({one.category for one in false} | {one.glitch for one in false}) > 1


def test_nothing_is_wrong_is_as_often_wrong_as_right():
    """With a share f of glitch-free clips it is the answer of f of all questions, and f of all wrong options."""
    truth, share = small_truth(32), 0.2
    offered = sum(None in four_statements(truth, rng=random.Random(seed), glitch_free=share) for seed in range(400))
    assert offered / 400 == pytest.approx(
        3 * share / (1 - share), abs=0.07
    )  # of 0.8 of all clips, one wrong option of three


@pytest.mark.parametrize("share", [-0.1, 0.26])
def test_a_share_that_cannot_be_hidden_is_refused(share):
    with pytest.raises(ValueError, match="is not between 0 and 0.25"):
        write_question(small_truth(32), rng=random.Random(1), glitch_free=share)


def test_all_kinds_of_distractors_occur():
    kinds = Counter()
    for number in range(12):
        for seed in range(6):
            kinds.update(write_question(small_truth(100 + number), rng=random.Random(seed)).distractor_kinds)
    for seed in range(80):
        kinds.update(write_question(small_truth(8, glitch="invisible_wall"), rng=random.Random(seed)).distractor_kinds)
    assert set(kinds) == {None, *DISTRACTOR_KINDS}


def test_two_statements_that_might_both_be_true_never_meet():
    hovering = Statement("hovering", 3)
    assert statements.may_meet(hovering, Statement("hovering", 4))
    assert statements.may_meet(hovering, Statement("colour_flicker", 3))
    assert not statements.may_meet(hovering, Statement("slow_action", 3))  # a thing that falls slowly hardly falls
    assert statements.may_meet(hovering, Statement("slow_action", 4))
    assert not statements.may_meet(hovering, Statement("drifting_up", 4))  # the same category
    through = Statement("passing_through", 3, other=5, direction="left")
    assert not statements.may_meet(through, Statement("passing_through", 5, other=3, direction="left"))
    assert statements.may_meet(through, Statement("passing_through", 3, other=5, direction="right"))
    assert not statements.may_meet(through, Statement("passing_through", 4, other=6, direction="right"))


def test_the_pairs_that_never_meet_are_of_different_categories():
    for pair in statements.TOO_CLOSE:
        a, b = pair
        assert GLITCHES[a].category != GLITCHES[b].category, pair
        assert set(GLITCHES[a].kinds) & set(GLITCHES[b].kinds), pair


def test_a_second_car_does_not_betray_that_it_came_from_nowhere():
    truths = (small_truth(seed, glitch="popping_in") for seed in range(60))
    truth = next(one for one in truths if one.actor(one.glitch.actor).kind == "car")
    assert [actor.id for actor in statements.in_the_picture(truth) if actor.kind == "car"] == [truth.glitch.actor]


def test_a_picture_too_poor_for_three_distractors_is_an_error():
    truth = small_truth(8, glitch="bent_light")
    poor = replace(truth, actors=tuple(one for one in truth.actors if one.id == truth.glitch.actor))
    with pytest.raises(ValueError, match="does not hold enough"):
        write_question(poor, rng=random.Random(1))


def test_what_a_legal_event_looks_like_is_no_distractor():
    """An actor that goes through a drawn portal seems to teleport; one that passes behind the column, to vanish."""
    truth = small_truth(8, glitch="bending_pole")
    for event, name in (("portal", "teleport"), ("occlusion", "popping_out")):
        plain = replace(truth, lookalikes=())
        before = [one.actor for _, one in statements.could_happen(name, plain, rng=random.Random(1))]
        seen = replace(truth, lookalikes=(Lookalike(event, before[0], 3),))
        after = [one.actor for _, one in statements.could_happen(name, seen, rng=random.Random(1))]
        assert after == before[1:]


def test_who_comes_first_of_those_that_are_able():
    """Worked out by hand: with the sure one always able, the half-able one comes first in half of a half."""
    assert statements.first_of([1.0, 0.5]) == pytest.approx([0.75, 0.25])
    assert statements.first_of([1.0, 1.0, 1.0]) == pytest.approx([1 / 3] * 3)
    assert statements.first_of([0.2]) == pytest.approx([0.2])
