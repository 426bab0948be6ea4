"""Agreement between people and the intervals around it. Plain arithmetic: no Django, and numpy only where one asks for it.

Ratings come counted: `Table(counts, weights)` says how many items show each pattern of answers. An item that two people
approved and one returned is the pattern (2, 1); 900 such items are that pattern with the weight 900. Nothing below
depends on who said what, so missing cells need no mark, and the work grows with the patterns, not with the items.

Sources: Gwet 2008, AC1 for many raters; Krippendorff 2011, alpha for nominal data; Cicchetti & Feinstein 1990, agreement
on one class. All three have peers in the tests. What `Looks` estimates is worked out there by hand.
"""

import math
from dataclasses import dataclass

DRAWS = 2000
MOST_UNDEFINED = 0.05  # a figure that more than this share of the draws cannot have gets no interval


@dataclass(frozen=True)
class Table:
    """Patterns of answers: `counts[p][k]` people chose category k in pattern p, which `weights[p]` items show."""

    counts: tuple
    weights: tuple

    @classmethod
    def of_items(cls, items):
        """From one tuple of counts for each item; items that fewer than two people judged are left out."""
        found = {}
        for item in items:
            if sum(item) > 1:
                found[tuple(item)] = found.get(tuple(item), 0) + 1
        return cls(tuple(sorted(found)), tuple(found[pattern] for pattern in sorted(found)))

    @property
    def items(self):
        return sum(self.weights)

    @property
    def ratings(self):
        return sum(sum(pattern) * weight for pattern, weight in zip(self.counts, self.weights, strict=True))


class _Sums:
    """What the figures are made of, for one weighting of the patterns or for many at once: arrays of shape (..., K)."""

    def __init__(self, counts, weights):
        import numpy as np

        counts = np.asarray(counts, dtype=float)  # (P, K)
        weights = np.asarray(weights, dtype=float)  # (..., P)
        people = counts.sum(axis=1, keepdims=True)  # (P, 1), at least 2 each
        pairs = counts * (counts - 1)  # ordered pairs that agree on each category
        self.items = weights.sum(axis=-1)
        self.agreeing = weights @ (pairs / (people * (people - 1))).sum(axis=1)
        self.shares = weights @ (counts / people)  # (..., K): each item counts once, however many judged it
        self.chosen = weights @ counts  # (..., K): each judgement counts once
        self.alike = weights @ (pairs / (people - 1))  # (..., K): the diagonal of Krippendorff's coincidences


def _over(one, other):
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(other > 0, one / np.where(other > 0, other, 1), np.nan)


def _percent(sums):
    return _over(sums.agreeing, sums.items)


def _ac1(sums):
    observed = _percent(sums)
    shares = _over(sums.shares, sums.items[..., None])
    categories = shares.shape[-1]
    chance = (shares * (1 - shares)).sum(axis=-1) / (categories - 1)
    return _over(observed - chance, 1 - chance)  # chance is at most 1/categories, so never 1


def _alpha(sums):
    total = sums.chosen.sum(axis=-1)
    observed = total - sums.alike.sum(axis=-1)
    expected = (total**2 - (sums.chosen**2).sum(axis=-1)) / (total - 1)
    return 1 - _over(observed, expected)


def _on(category):
    """Agreement on one category: of those whose co-judge had a say, how many got the same answer back."""
    return lambda sums: _over(sums.alike[..., category], sums.chosen[..., category])


def _point(figure, table):
    if not table.items:
        return None
    value = float(figure(_Sums(table.counts, table.weights)))
    return None if math.isnan(value) else value


def percent_agreement(table):
    """Mean over items of the share of pairs of people who agree; None without items."""
    return _point(_percent, table)


def gwet_ac1(table):
    """Gwet's AC1 for any number of people and missing cells; the categories are the columns of the table."""
    return _point(_ac1, table)


def krippendorff_alpha(table):
    """Krippendorff's alpha for nominal data; None where everybody chose one and the same category."""
    return _point(_alpha, table)


def agreement_on(table, category):
    """Specific agreement on one category (its column); None where nobody chose it."""
    return _point(_on(category), table)


@dataclass(frozen=True)
class Figure:
    """A figure with its interval; either is None where the data do not determine it."""

    value: float | None
    low: float | None = None
    high: float | None = None


def with_intervals(table, category, *, seed, draws=DRAWS, level=0.95):
    """{"percent", "ac1", "alpha", "on_class": Figure} by percentile bootstrap, items drawn with replacement.

    Drawing whole items keeps together what was said about one of them. Because items of one pattern are alike, drawing n
    items is one multinomial draw over the patterns, whatever n is.
    """
    figures = {"percent": _percent, "ac1": _ac1, "alpha": _alpha, "on_class": _on(category)}
    if not table.items:
        return dict.fromkeys(figures, Figure(None))
    import numpy as np

    shares = np.asarray(table.weights, dtype=float) / table.items
    drawn = np.random.default_rng(seed).multinomial(table.items, shares, size=draws)  # (draws, P)
    sums, found = _Sums(table.counts, drawn), {}
    for name, figure in figures.items():
        value = _point(figure, table)
        few = value is None or table.items < 2
        found[name] = Figure(value) if few else _between(value, figure(sums), draws, level)
    return found


# ---- Rejections that end what can be seen


@dataclass(frozen=True)
class Looks:
    """Revisions that need two approvals. `second` of those that the first reviewer approved met a second verdict."""

    first: int
    first_negative: int
    second: int
    second_negative: int


def agreement_on_rejection(looks):
    """Of revisions that one person rejects, the share that another one would reject as well; None where nothing shows it.

    A rejection ends the matter, so nobody sees two of one revision. But if it is chance who of two people comes first, then
    both reject the same share f of all revisions: the first all of f, the second s of the 1 - f that the first approved and
    the rest of f among those the first rejected. So both reject f - (1 - f) s, which is 1 - (1 - f) s / f of what one
    rejects. With few revisions that can fall below 0; it is 0 then.
    """
    share = _of_looks(looks.first, looks.first_negative, looks.second, looks.second_negative)
    return None if math.isnan(share) else float(share)


def _of_looks(first, first_negative, second, second_negative):
    import numpy as np

    f = _over(np.asarray(first_negative, dtype=float), np.asarray(first, dtype=float))
    s = _over(np.asarray(second_negative, dtype=float), np.asarray(second, dtype=float))
    return np.clip(1 - _over((1 - f) * s, f), 0, 1)


def rejection_with_interval(looks, *, seed, draws=DRAWS, level=0.95):
    """The `Figure` of agreement_on_rejection; its interval by percentile bootstrap over whole revisions, of four kinds."""
    value = agreement_on_rejection(looks)
    if value is None:
        return Figure(None)
    import numpy as np

    waiting = looks.first - looks.first_negative - looks.second
    kinds = np.array([looks.first_negative, waiting, looks.second - looks.second_negative, looks.second_negative])
    drawn = np.random.default_rng(seed).multinomial(looks.first, kinds / looks.first, size=draws)  # (draws, 4)
    values = _of_looks(looks.first, drawn[:, 0], drawn[:, 2] + drawn[:, 3], drawn[:, 3])
    return _between(value, values, draws, level)


def _between(value, values, draws, level):
    import numpy as np

    values = values[~np.isnan(values)]
    if len(values) < (1 - MOST_UNDEFINED) * draws:
        return Figure(value)
    low, high = (float(edge) for edge in np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))
    # Draws that are all alike say that there is too little to tell, not that the figure is certain.
    return Figure(value, low, high) if low < high else Figure(value)
