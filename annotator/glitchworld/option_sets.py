"""Which four statements stand together as options, so that none betrays itself by the company it keeps.

If distractors were simply drawn around the truth, the truth would be the actor that comes up twice, or the glitch that
two options share, and a reader without the clip would find it. So the set of four is drawn first in mind and the truth
second: there is one table of weights over sets, the same whichever member happened, and every statement takes part in
sets exactly as often as it is true. Then, by Bayes' rule, each of the four is the truth with probability 1/4, given all
four texts.
"""

from functools import lru_cache
from itertools import combinations, pairwise  # noqa: F401

import numpy as np

MOST_SETS = 6_000  # sets of four looked at for one question; more cost time and change nothing a reader could see
_ROUNDS, _CLOSE_ENOUGH = 400, 1e-3
