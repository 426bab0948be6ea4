"""A figure against chance: one right answer in four.

A cue that names several options of a question (two are equally long) gets the share of a right answer that guessing among
them would get, and the variance of such a guess, so ties make nothing look better or surer than it is. Questions about
clips of one family are not independent: the interval widens by the design effect (Kish 1965) of the families.
"""

import math
from collections import defaultdict
from dataclasses import asdict, dataclass
from statistics import NormalDist

from qc.intervals import wilson

OPTIONS = 4
CHANCE = 1 / OPTIONS
LEVEL = 0.05  # of the sample size
ALARM = 0.01  # two-sided; many figures are looked at, and one in a hundred strays this far by luck
POWER = 0.8
EFFECT = 0.30  # the accuracy that must not be missed

ABOVE, BELOW, TOO_FEW, AT_CHANCE = "above", "below", "too_few", "at_chance"


@dataclass(frozen=True)
class Figure:
    """`right` of `n` answers, ties counted in shares; `share` with its 95 % interval; two-sided p-value against chance."""

    n: int
    right: float
    share: float
    low: float
    high: float
    p: float
    verdict: str

    def as_json(self):
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in asdict(self).items()}


def sample_size(effect=EFFECT, chance=CHANCE, *, level=LEVEL, power=POWER):
    """How many independent questions show a share of `effect` against `chance` with this power, two-sided at `level`."""
    z_level, z_power = NormalDist().inv_cdf(1 - level / 2), NormalDist().inv_cdf(power)
    root = z_level * math.sqrt(chance * (1 - chance)) + z_power * math.sqrt(effect * (1 - effect))
    return math.ceil((root / (effect - chance)) ** 2)


NEEDED = sample_size()


def tie_variance(named):
    """Variance of the credit of a cue that names `named` of the four options of a question whose key is anywhere.

    Its credit is 1/named with probability named/4, else 0.
    """
    return (OPTIONS - named) / (OPTIONS**2 * named)


def design_effect(credits, families):
    """Variance of the sum with families kept together, over that with every question alone; at least 1."""
    mean = sum(credits) / len(credits)
    alone, together = 0.0, defaultdict(float)
    for credit, family in zip(credits, families, strict=True):
        alone += (credit - mean) ** 2
        together[family] += credit - mean
    if len(together) == len(credits) or not alone:
        return 1.0
    return max(1.0, sum(value * value for value in together.values()) / alone)


def figure(credits, variances, families):
    """The `Figure` of a list of credits (0 to 1), their variances under chance, and the family of each question."""
    n = len(credits)
    if not n:
        return Figure(0, 0.0, 0.0, 0.0, 1.0, 1.0, TOO_FEW)
    right, effect = sum(credits), design_effect(credits, families)
    low, high = wilson(right / effect, n / effect)
    variance = sum(variances) * effect
    p = math.erfc(abs(right - n * CHANCE) / math.sqrt(2 * variance)) if variance else 1.0
    return Figure(n, right, right / n, low, high, p, _verdict(right / n, p, n / effect))


def _verdict(share, p, n):
    if p < ALARM:
        return ABOVE if share > CHANCE else BELOW
    return TOO_FEW if n < NEEDED else AT_CHANCE


def letters_p(counts):
    """p-value of the chi-square test (3 degrees of freedom) that the key stands equally often at each of four letters."""
    total = sum(counts)
    if not total:
        return 1.0
    x = sum((count - total / OPTIONS) ** 2 for count in counts) / (total / OPTIONS)
    return math.erfc(math.sqrt(x / 2)) + math.sqrt(2 * x / math.pi) * math.exp(-x / 2)
