"""The statistics behind the options: given four statements, each is the truth with probability 1/4."""

import random
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from annotator.glitchworld.option_sets import balanced_weights, choose_three

SETS = np.array(list(combinations(range(6), 4)))


def test_equal_chances_and_no_likings_give_equal_weights():
    weights = balanced_weights(SETS, chances=np.ones(6), start=np.ones(15))
    assert weights == pytest.approx(np.full(15, 1 / 15))


def test_each_statement_takes_part_as_often_as_it_happens():
    chances = np.array([2, 2, 2, 1, 1, 1.0])
    weights = balanced_weights(SETS, chances=chances, start=np.exp(np.arange(15) / 5))
    places = np.array([weights[(SETS == i).any(axis=1)].sum() for i in range(6)])
    assert places == pytest.approx(4 * chances / chances.sum(), rel=2e-2)


def test_a_statement_likelier_than_a_place_in_every_set_has_no_table():
    assert balanced_weights(SETS, chances=np.array([50, 1, 1, 1, 1, 1.0]), start=np.ones(15)) is None


def test_every_member_of_a_set_is_as_often_the_truth_as_any_other():
    """Play the world: a statement happens by its chance, three join it; count who was true in each set."""
    rng = random.Random(5)
    chances = np.array([0.14, 0.22, 0.18, 0.18, 0.22, 0.06])
    meet = ~np.eye(6, dtype=bool)
    meet[0, 5] = meet[5, 0] = False  # two that may not meet
    liking = np.zeros((6, 6))
    liking[1, 2] = liking[2, 1] = 1.5  # two that like to
    true_in = Counter()
    rounds = 6000
    for true in rng.choices(range(6), chances, k=rounds):
        three = choose_three(chances=chances, may_meet=meet, liking=liking, true=true, rng=rng)
        assert true not in three and len(set(three)) == 3
        members = tuple(sorted([true, *three]))
        assert not {0, 5} <= set(members)
        true_in[members, true] += 1
    for members in {members for members, _ in true_in}:
        counts = np.array([true_in[members, one] for one in members])
        total = counts.sum()
        chi_square = ((counts - total / 4) ** 2 / (total / 4)).sum()
        assert chi_square < 16.3, (members, counts)  # 99.9 % of 3 degrees of freedom
    liked = sum(n for (members, _), n in true_in.items() if {1, 2} <= set(members))
    assert liked / rounds > 0.45


def test_no_set_no_distractors():
    meet = np.zeros((5, 5), dtype=bool)
    args = {"chances": np.ones(5), "liking": np.zeros((5, 5)), "true": 0, "rng": random.Random(1)}
    assert choose_three(may_meet=meet, **args) is None
    assert choose_three(may_meet=meet[:3, :3], **{**args, "chances": np.ones(3), "liking": np.zeros((3, 3))}) is None
