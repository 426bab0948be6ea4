"""Which four statements stand together as options, so that none betrays itself by the company it keeps.

If distractors were simply drawn around the truth, the truth would be the actor that comes up twice, or share its glitch
with another option, and a reader without the clip would find it. So there is one table of weights over sets of four, the
same whichever member happened, in which every statement takes part in sets exactly as often as it happens. Then, by
Bayes' rule, each of the four is the truth with probability 1/4 given all four.
"""

from functools import lru_cache
from itertools import combinations

import numpy as np

MOST_STATEMENTS = 18  # of these all 3060 sets are looked at; of more, so many that are drawn without regard to the truth
DRAWN_SETS = 4_000
ROUNDS, CLOSE_ENOUGH, FAR = 40, 1e-3, 25.0  # a factor of e to the power FAR in a weight means that no table fits


def choose_three(*, chances, may_meet, liking, true, rng):
    """Indices of the three statements that stand beside statement `true`; None if the chances fit no table of weights.

    `chances` (n,) positive: how likely each statement was to happen in this picture, before one did.
    `may_meet` (n, n) bool, symmetric, False on the diagonal: two statements may be options of one question.
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

    Of all such tables the nearest to `start` (m,) in relative entropy: `start` times a factor for each statement. Newton's
    method on the logarithms of the factors, of which the dual problem is convex. None where there is no such table,
    because some statement is too likely or may meet too few others.
    """
    n = len(chances)
    members, pairs = sets.ravel(), (sets[:, :, None] * n + sets[:, None, :]).ravel()
    wanted = 4 * chances / chances.sum()  # shares of four places
    if wanted.max() > 1 + 1e-9 or (np.bincount(members, minlength=n) == 0).any():
        return None
    log_start, log_factors = np.log(start), np.zeros(n)
    weights, value = _table(log_start, sets, log_factors, wanted)
    for _ in range(ROUNDS):
        found = np.bincount(members, weights=np.repeat(weights, 4), minlength=n)
        if np.abs(found - wanted).max() < CLOSE_ENOUGH * wanted.min():
            return weights
        together = np.bincount(pairs, weights=np.repeat(weights, 16), minlength=n * n).reshape(n, n)
        step = np.linalg.solve(together - np.outer(found, found) + 1e-9 * np.eye(n), wanted - found)
        step *= min(1.0, 4.0 / np.abs(step).max())
        for _ in range(20):
            try_weights, try_value = _table(log_start, sets, log_factors + step, wanted)
            if try_value <= value:
                break
            step /= 2
        else:
            return None
        log_factors, weights, value = log_factors + step, try_weights, try_value
        log_factors -= log_factors.mean()  # four members each: a common factor changes nothing
        if np.abs(log_factors).max() > FAR:
            break
    return None


def _table(log_start, sets, log_factors, wanted):
    """(the weights for these factors, the dual value that the right factors make smallest)."""
    logs = log_start + log_factors[sets].sum(axis=1)
    top = logs.max()
    weights = np.exp(logs - top)
    total = weights.sum()
    return weights / total, top + np.log(total) - wanted @ log_factors


def _some_sets(may_meet, *, rng):
    """Sets of four of which all pairs may meet, (m, 4)."""
    n = len(may_meet)
    if n < 4:
        return np.empty((0, 4), dtype=int)
    if n <= MOST_STATEMENTS:
        sets = _all_sets(n)
    else:
        sets = np.random.default_rng(rng.getrandbits(64)).integers(0, n, size=(DRAWN_SETS, 4))
    good = np.ones(len(sets), dtype=bool)
    for a, b in combinations(range(4), 2):
        good &= may_meet[sets[:, a], sets[:, b]]
    return sets[good]


@lru_cache
def _all_sets(n):
    return np.array(list(combinations(range(n), 4)))


def _sum_over_pairs(values, sets):
    return sum(values[sets[:, a], sets[:, b]] for a, b in combinations(range(4), 2))
