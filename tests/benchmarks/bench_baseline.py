"""How long does the nightly baseline take? `python -m tests.benchmarks baseline` (`-m tests.benchmarks.bench_baseline [N]`)

N questions (100,000) of made-up words, as often as words of a language are (Zipf), about clips of which every tenth has a
near-duplicate; in every twentieth the key is long. They are read, learned from and judged, tallied and put into rows as the
job does it; only PostgreSQL is left out. Printed: seconds of processor time on one core for each step and the most memory.
Aim: under 300 s and 2 GB.
"""

import os
import resource
import sys
import time

AIM_S, AIM_GB = 300, 2.0
WORDS, LONG_ONES = 40_000, 20
CATEGORIES = tuple("Gravity Elasticity Friction Velocity Acceleration Reflection Refraction Color Rigidity".split())


def made_up(count):
    """`count` items."""
    import numpy as np

    from qc.baseline.items import Item

    rng = np.random.default_rng(1)
    names = np.array(["".join(rng.choice(list("abdegiklmnoprstuvz"), 3 + n % 7)) + str(n % 10) for n in range(WORDS)])
    share = 1 / (np.arange(WORDS) + 3.0)
    share = (share / share.sum()).cumsum()

    def text(words):
        return " ".join(names[np.searchsorted(share, rng.random(words))])

    items = []
    for number in range(1, count + 1):
        lengths = 8 + rng.integers(0, 10, 4)
        lengths[0] += 12 * (number % LONG_ONES == 0)
        options = tuple(f"{text(length).capitalize()}." for length in lengths)
        family = -(number - (number % 10 == 0))
        items.append(Item(number, family, CATEGORIES[number % 9], number % 60, "", f"{text(9)}?", options))
    return items


def main(count=100_000):
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")

    import django

    django.setup()
    from qc.baseline import runs
    from qc.baseline.models import BaselineRun

    items = made_up(count)
    before = _memory_gb()
    clock, walls, steps = time.process_time(), time.perf_counter(), []

    def tick(done, of):
        steps.append((done, of, time.process_time() - clock))

    found = runs.found_in(items, tick)
    spent = time.process_time() - clock
    rows = sum(1 for _row in runs.scores(BaselineRun(pk=1), items, found.fitted))
    total = time.process_time() - clock
    print(f"{count} questions of {found.families} families, learned from {found.learned}; {rows} rows")
    print(f"options alone: {found.figures['options']}")
    print(f"{spent:.0f} s for all figures, {total:.0f} s with the rows ({time.perf_counter() - walls:.0f} s by the clock)")
    print(f"the most memory: {_memory_gb():.2f} GB, of which {before:.2f} GB before it began")
    missed = total > AIM_S or _memory_gb() > AIM_GB
    print(f"aim: under {AIM_S} s and {AIM_GB} GB{': MISSED' if missed else ''}")
    return int(missed)


def _memory_gb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
