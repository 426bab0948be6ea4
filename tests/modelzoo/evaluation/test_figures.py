"""Figures against worked examples and peer libraries."""

import math
import random

import pytest
from scipy import stats

from modelzoo.evaluation import figures


@pytest.mark.parametrize(("right", "n"), [(0, 10), (10, 10), (524, 880), (7, 28), (1, 3)])
def test_wilson_is_scipys(right, n):
    peer = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert figures.wilson(right, n) == pytest.approx((peer.low, peer.high), abs=1e-9)


def test_nothing_measured_is_between_nothing_and_all():
    assert figures.accuracy([]) == {"n": 0, "right": 0, "share": None, "low": 0.0, "high": 1.0, "groups": 0}


def test_questions_of_their_own_clip_have_wilsons_interval():
    rights = [1] * 30 + [0] * 20
    plain, grouped = figures.accuracy(rights), figures.accuracy(rights, list(range(50)))
    assert plain == grouped
    assert (plain["low"], plain["high"]) == figures.wilson(30, 50)


def test_four_copies_of_a_question_are_worth_one():
    rights = [right for right in [1] * 30 + [0] * 20 for _copy in range(4)]
    groups = [group for group in range(50) for _copy in range(4)]
    found = figures.accuracy(rights, groups)
    low, high = figures.wilson(30, 50)
    assert (found["n"], found["groups"], found["share"]) == (200, 50, 0.6)
    # The G / (G - 1) of the clustered variance makes it wider by about a hundredth of its width.
    assert found["high"] - found["low"] == pytest.approx((high - low) * math.sqrt(50 / 49), rel=0.005)


def test_all_right_in_two_families_is_no_more_certain_than_two_draws():
    found = figures.accuracy([1] * 20, [0] * 10 + [1] * 10)
    assert (found["low"], found["high"]) == figures.wilson(2, 2)


def test_clustered_variance_by_hand():
    # Residuals from 0.5: group a +0.5 +0.5 = 1, group b -0.5 -0.5 = -1; 2/1 * (1 + 1) / 16 = 0.25.
    assert figures.clustered_variance([1, 1, 0, 0], ["a", "a", "b", "b"]) == pytest.approx(0.25)
    assert figures.clustered_variance([1, 0], ["a", "a"]) is None


def test_macro_is_the_mean_of_categories():
    found = figures.macro([figures.accuracy([1] * 9 + [0]), figures.accuracy([0] * 90 + [1] * 10), figures.accuracy([])])
    assert found["share"] == pytest.approx(0.5) and found["categories"] == 2
    assert found["low"] < 0.5 < found["high"]


@pytest.mark.parametrize(("better", "worse"), [(10, 2), (3, 3), (0, 7), (1, 0), (900, 1000)])
def test_mcnemar_is_the_binomial_test(better, worse):
    before = [False] * better + [True] * worse + [True] * 5
    after = [True] * better + [False] * worse + [True] * 5
    found = figures.mcnemar(before, after)
    assert (found["better"], found["worse"], found["same"]) == (better, worse, 5)
    assert found["p"] == pytest.approx(stats.binomtest(better, better + worse).pvalue, rel=1e-8)


def test_no_change_is_no_evidence():
    assert figures.mcnemar([True, False], [True, False])["p"] == 1


def test_the_bootstrap_covers_the_normal_interval_of_many_independent_questions():
    rng = random.Random(3)
    before = [rng.random() < 0.5 for _ in range(800)]
    after = [b if rng.random() < 0.8 else rng.random() < 0.7 for b in before]
    found = figures.bootstrap_difference(before, after, range(800))
    changes = [int(a) - int(b) for b, a in zip(before, after, strict=True)]
    mean = sum(changes) / 800
    half = 1.96 * math.sqrt(sum((c - mean) ** 2 for c in changes) / 799 / 800)
    assert found["difference"] == pytest.approx(mean)
    assert found["low"] == pytest.approx(mean - half, abs=0.004) and found["high"] == pytest.approx(mean + half, abs=0.004)
    assert found == figures.bootstrap_difference(before, after, range(800))


def test_calibration_by_hand():
    found = figures.calibration([0.9, 0.9, 0.6, 0.2], [1, 0, 1, 0])
    assert found["ece"] == pytest.approx((2 * abs(0.9 - 0.5) + abs(0.6 - 1) + abs(0.2 - 0)) / 4)
    assert found["brier"] == pytest.approx((0.01 + 0.81 + 0.16 + 0.04) / 4)
    assert [row["n"] for row in found["bins"]] == [1, 1, 2]
    with pytest.raises(ValueError, match="1.5 is no probability"):
        figures.calibration([1.5], [1])


def test_circular_counts_a_question_once():
    found = figures.circular({"a": [1, 1, 1, 1], "b": [1, 0, 0, 0], "c": [0, 1, 1, 1]})
    assert found == {"plain": pytest.approx(2 / 3), "mean": pytest.approx(2 / 3), "all": pytest.approx(1 / 3)}


def test_mean_scores_by_hand():
    rows = [("CI", 4, "a"), ("CI", 2, "b"), ("TU", 5, "a")]
    found = figures.mean_scores(rows, ["CI", "TU"])
    assert (found["CI"]["score"], found["TU"]["score"], found["AVG"]["score"]) == (3, 5, 4)
    assert (found["CI"]["low"], found["CI"]["high"], found["CI"]["n"]) == (2, 4, 2)  # two draws of two clips
    assert found["TU"]["low"] == found["TU"]["high"] == 5 and found["AVG"]["n"] == 3
    assert figures.mean_scores([], ["CI"])["CI"] == {"score": None, "low": None, "high": None, "n": 0}
    assert figures.mean_scores(rows, ["CI", "TU", "CO"])["AVG"]["score"] is None


def test_mean_scores_of_many_clips_have_the_normal_interval():
    rng = random.Random(5)
    rows = [(aspect, rng.randrange(6), clip) for clip in range(600) for aspect in ("CI", "TU")]
    found = figures.mean_scores(rows, ["CI", "TU"])
    by_clip = [(rows[2 * clip][1] + rows[2 * clip + 1][1]) / 2 for clip in range(600)]
    mean = sum(by_clip) / 600
    half = 1.96 * math.sqrt(sum((one - mean) ** 2 for one in by_clip) / 599 / 600)
    assert found["AVG"]["score"] == pytest.approx(mean)
    assert found["AVG"]["low"] == pytest.approx(mean - half, abs=0.015)
    assert found["AVG"]["high"] == pytest.approx(mean + half, abs=0.015)
