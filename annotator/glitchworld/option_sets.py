"""Which four statements stand together as options, so that none betrays itself by the company it keeps.

If distractors were simply drawn around the truth, the truth would be the actor that comes up twice, or share its glitch
with another option, and a reader without the clip would find it. So there is one table of weights over sets of four, the
same whichever member happened, in which every statement takes part in sets exactly as often as it happens. Then, by
Bayes' rule, each of the four is the truth with probability 1/4 given all four.
"""

from itertools import combinations

import numpy as np

MOST_SETS = 5_000  # sets of four looked at for one question; more cost time and change nothing a reader could see
ROUNDS, CLOSE_ENOUGH, TINY = 200, 1e-2, 1e-12


def choose_three(*, chances, may_meet, liking, true, rng):
    """Indices of the three statements that stand beside statement `true`; None if the chances fit no table of weights.

    `chances` (n,) positive: how likely each statement was to happen in this picture, before one did.
    `may_meet` (n, n) bool, symmetric: two statements may be options of one question.
    `liking` (n, n), symmetric: sets with larger sums over their pairs are drawn more often (as exp of the sum).
    """
    sets = _some_sets(may_meet, rng=rng)
    if not (sets == true).any():
        return None
    weights = balanced_weights(sets, chances=chances, start=np.exp(_sum_over_pairs(liking, sets)))
    if weights is None:
        return None
    mine = np.flatnonzero((sets == true).any(axis=1))
    bar = rng.random() * weights[mine].sum()
    row = sets[mine[min(np.searchsorted(np.cumsum(weights[mine]), bar), len(mine) - 1)]]
    return [int(index) for index in row if index != true]


def balanced_weights(sets, *, chances, start):
    """Weights of sets (m, 4) such that each statement's share of all places is its share of all chances.

    Iterative proportional fitting from `start` (m,): of all such tables the nearest to it in relative entropy. None where
    there is no such table, because some statement is too likely or may meet too few others.
    """
    n = len(chances)
    wanted = 4 * chances / chances.sum()  # shares of four places
    factors = np.ones(n)
    for _ in range(ROUNDS):
        weights = start * factors[sets].prod(axis=1)
        weights /= weights.sum()
        found = sum(np.bincount(sets[:, place], weights=weights, minlength=n) for place in range(4))
        ratio = wanted / np.maximum(found, TINY)
        if np.abs(ratio - 1).max() < CLOSE_ENOUGH:
            return weights
        factors *= ratio**0.5  # full steps overshoot, because four statements share each set
        factors = np.maximum(factors / factors.max(), TINY)
    return None


def _some_sets(may_meet, *, rng):
    """Sets of four of which all pairs may meet, (m, 4): all of them, or MOST_SETS drawn without regard to the truth."""
    n = len(may_meet)
    if n < 4:
        return np.empty((0, 4), dtype=int)
    if n <= 18:  # 3060 sets
        sets = np.array(list(combinations(range(n), 4)))
    else:
        draws = np.random.default_rng(rng.getrandbits(64)).integers(0, n, size=(4 * MOST_SETS, 4))
        sets = np.unique(np.sort(draws, axis=1), axis=0)
    good = np.ones(len(sets), dtype=bool)
    for a, b in combinations(range(4), 2):
        good &= may_meet[sets[:, a], sets[:, b]]
    return sets[good]


def _sum_over_pairs(values, sets):
    return sum(values[sets[:, a], sets[:, b]] for a, b in combinations(range(4), 2))
