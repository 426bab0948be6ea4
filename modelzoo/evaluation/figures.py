"""What the rights and wrongs of a model amount to: accuracies with intervals, paired tests, calibration.

Plain functions of lists; numpy is loaded only where random draws are made, so that web pages may import this module.
A `group` is the clip family of a question: questions about one event are no independent observations.
"""

import math
from collections import defaultdict
from statistics import fmean

from qc import intervals


def wilson(right, n, z=intervals.Z_95):
    """(low, high) of the 95% Wilson score interval of `right` out of `n`, which need not be whole; (0, 1) for n = 0."""
    return intervals.wilson(right, n, z) or (0.0, 1.0)


def clustered_variance(rights, groups):
    """Variance of the mean of `rights` (0/1) with whole groups as the independent draws, with the G/(G-1) correction.

    The sandwich estimator for a mean: sum over groups of (sum of residuals)^2, over n^2. None for fewer than two groups.
    """
    share = fmean(rights)
    residuals = defaultdict(float)
    for right, group in zip(rights, groups, strict=True):
        residuals[group] += right - share
    if len(residuals) < 2:
        return None
    return len(residuals) / (len(residuals) - 1) * math.fsum(r * r for r in residuals.values()) / len(rights) ** 2


def accuracy(rights, groups=None):
    """{"n", "right", "share", "low", "high", "groups"} of 0/1 values; share is None for none.

    Where groups hold several questions the interval is Wilson's for as many independent questions as would have the
    clustered variance, never more than there are; where all are right, or all wrong, for as many as there are groups.
    """
    n, right = len(rights), int(sum(rights))
    found = len(set(groups)) if groups is not None else n
    effective = n
    if found < n:
        share = right / n
        variance = clustered_variance(rights, groups)
        effective = min(n, share * (1 - share) / variance) if variance else found
    low, high = wilson(effective * right / n if n else 0, effective)
    return {"n": n, "right": right, "share": right / n if n else None, "low": low, "high": high, "groups": found}


def macro(by_category):
    """{"share", "low", "high", "categories"}: the plain mean of categories' shares, each {"n", "share", ...}.

    Normal interval from the binomial variances of the categories, each at Wilson's middle so that 0 and 1 have one too.
    """
    known = [found for found in by_category if found["n"]]
    if not known:
        return {"share": None, "low": 0.0, "high": 1.0, "categories": 0}
    share = fmean(found["share"] for found in known)
    variance = math.fsum(((found["high"] - found["low"]) / (2 * intervals.Z_95)) ** 2 for found in known) / len(known) ** 2
    half = intervals.Z_95 * math.sqrt(variance)
    return {"share": share, "low": max(0.0, share - half), "high": min(1.0, share + half), "categories": len(known)}


def newcombe(first, second):
    """(low, high) of the 95% interval of first minus second, two `accuracy`s of different observations.

    Newcombe's hybrid score interval (Statistics in Medicine 17, 1998, method 10) of their own, which know of groups.
    """
    difference = first["share"] - second["share"]
    low = math.hypot(first["share"] - first["low"], second["high"] - second["share"])
    high = math.hypot(first["high"] - first["share"], second["share"] - second["low"])
    return max(-1.0, difference - low), min(1.0, difference + high)


def hits_and_alarms(hits, hit_groups, alarms, alarm_groups):
    """{"hits", "alarms": `accuracy`s, "j", "low", "high"}: how often something was said when it was so (0/1 for each time),
    how often when it was not, and the difference, Youden's J.

    1 is always and only then, 0 is what saying it without looking gives, however often it is said. None without both kinds.
    """
    found = {"hits": accuracy(hits, hit_groups), "alarms": accuracy(alarms, alarm_groups)}
    if not hits or not alarms:
        return {**found, "j": None, "low": None, "high": None}
    low, high = newcombe(found["hits"], found["alarms"])
    return {**found, "j": found["hits"]["share"] - found["alarms"]["share"], "low": low, "high": high}


def drawn_totals(sums, *, draws=2000, seed=20241202):
    """Totals of bootstrap draws of groups: sums (groups, columns), one row a group -> (draws, columns)."""
    import numpy as np

    rng = np.random.default_rng(seed)
    drawn = np.empty((draws, sums.shape[1]))
    for draw in range(draws):
        drawn[draw] = np.bincount(rng.integers(0, len(sums), len(sums)), minlength=len(sums)) @ sums
    return drawn


def with_spread(value, drawn):
    """{"difference", "low", "high"} of a value and the same of each bootstrap draw, 95%; None where it is not a number."""
    import numpy as np

    kept = drawn[~np.isnan(drawn)]
    if math.isnan(value) or not len(kept):
        return {"difference": None, "low": None, "high": None}
    low, high = np.quantile(kept, [0.025, 0.975])
    return {"difference": float(value), "low": float(low), "high": float(high)}


def mcnemar(before, after):
    """Exact two-sided McNemar test of the same questions: {"better", "worse", "same", "p"}."""
    better = sum(b and not a for a, b in zip(before, after, strict=True))
    worse = sum(a and not b for a, b in zip(before, after, strict=True))
    changed, least = better + worse, min(better, worse)
    # In logarithms: 2**changed overflows a float where thousands of questions changed.
    tail = math.fsum(math.exp(_log_comb(changed, k) - changed * math.log(2)) for k in range(least + 1)) if changed else 1.0
    return {"better": better, "worse": worse, "same": len(before) - changed, "p": min(1.0, 2 * tail)}


def _log_comb(n, k):
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def bootstrap_difference(before, after, groups, *, draws=2000, seed=20241202):
    """{"difference", "low", "high"} of mean(after) - mean(before): percentile bootstrap over groups, 95%.

    A group is drawn with all its questions, in both models alike.
    """
    import numpy as np

    changes, sizes = defaultdict(int), defaultdict(int)
    for a, b, group in zip(before, after, groups, strict=True):
        changes[group] += int(b) - int(a)
        sizes[group] += 1
    change, size = np.array(list(changes.values())), np.array([sizes[group] for group in changes])
    if not len(change):
        return {"difference": None, "low": None, "high": None}
    rng = np.random.default_rng(seed)
    means = np.empty(draws)
    for draw in range(draws):  # one draw at a time: all at once would need draws x groups numbers
        chosen = rng.integers(0, len(change), len(change))
        means[draw] = change[chosen].sum() / size[chosen].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return {"difference": float(change.sum() / size.sum()), "low": float(low), "high": float(high)}


def mean_scores(rows, aspects, *, draws=2000, seed=20241202):
    """{aspect, "AVG": {"score", "low", "high", "n"}} of [(aspect, score, group)]: means, and the mean of these means.

    95% percentile bootstrap over groups, each drawn with all its scores in every aspect. Where an aspect has no score its
    figures are None, and so is the average.
    """
    import numpy as np

    groups = sorted({group for _aspect, _score, group in rows})
    place = {group: number for number, group in enumerate(groups)}
    sums, counts = np.zeros((len(aspects), len(groups))), np.zeros((len(aspects), len(groups)))
    for aspect, score, group in rows:
        sums[aspects.index(aspect), place[group]] += score
        counts[aspects.index(aspect), place[group]] += 1
    sizes = counts.sum(1)
    rng = np.random.default_rng(seed)
    drawn = np.empty((draws if groups else 0, len(aspects)))
    with np.errstate(invalid="ignore", divide="ignore"):
        for draw in range(len(drawn)):
            times = np.bincount(rng.integers(0, len(groups), len(groups)), minlength=len(groups))
            drawn[draw] = sums @ times / (counts @ times)  # NaN where a draw has no score of an aspect

    def told(score, values, n):
        kept = values[~np.isnan(values)]
        if score is None or not len(kept):
            return {"score": None, "low": None, "high": None, "n": n}
        low, high = np.quantile(kept, [0.025, 0.975])
        return {"score": float(score), "low": float(low), "high": float(high), "n": n}

    means = [sums[at].sum() / n if n else None for at, n in enumerate(sizes)]
    found = {one: told(means[at], drawn[:, at], int(sizes[at])) for at, one in enumerate(aspects)}
    average = None if None in means else sum(means) / len(means)
    return {"AVG": told(average, drawn.mean(1), int(sizes.sum())), **found}


def calibration(probabilities, rights, bins=10):
    """{"ece", "brier", "bins": [{"low", "high", "n", "confidence", "share"}, ...]} of the chosen answers' probabilities.

    Expected calibration error with `bins` equal bins, as Guo et al., arXiv 1706.04599, define it.
    """
    if not probabilities:
        return {"ece": None, "brier": None, "bins": []}
    held = defaultdict(list)
    for probability, right in zip(probabilities, rights, strict=True):
        if not 0 <= probability <= 1:
            raise ValueError(f"{probability} is no probability.")
        held[min(bins - 1, int(probability * bins))].append((probability, right))
    rows, error = [], 0.0
    for number in sorted(held):
        confidence, share = fmean(p for p, _ in held[number]), fmean(r for _, r in held[number])
        n = len(held[number])
        error += n * abs(confidence - share)
        rows.append({"low": number / bins, "high": (number + 1) / bins, "n": n, "confidence": confidence, "share": share})
    brier = fmean((p - r) ** 2 for p, r in zip(probabilities, rights, strict=True))
    return {"ece": error / len(probabilities), "brier": brier, "bins": rows}


def circular(rights_by_question):
    """{"plain", "mean", "all"}: accuracies of {question: [right in rotation 0, 1, 2, 3]} (CircularEval, arXiv 2307.06281).

    plain takes the first rotation, mean all of them, "all" asks for right in every rotation.
    """
    rows = list(rights_by_question.values())
    if not rows:
        return {"plain": None, "mean": None, "all": None}
    return {
        "plain": fmean(row[0] for row in rows),
        "mean": fmean(fmean(row) for row in rows),
        "all": fmean(all(row) for row in rows),
    }
