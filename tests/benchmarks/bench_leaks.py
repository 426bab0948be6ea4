"""How well are leaky questions found? `python -m tests.benchmarks leaks` (alone: `-m tests.benchmarks.bench_leaks [N]`)

Thirty leaky ones (longest key, giveaway words, absurd distractors) are planted among N of GlitchWorld's. The local baseline
reads them all, then three text-only readers of different habits answer for them over HTTP, through the leak check of the
product. Printed: precision and recall of both rankings and of the verdict, with one model and with three.
"""

import os
import random
import sys
import time

from tests.benchmarks.empty_studio import empty_studio


def main(count=200):
    with empty_studio():
        return measure(count)


def measure(count):
    import json

    from django.conf import settings

    from qc import leaks
    from qc.baseline import runs
    from qc.baseline.models import BaselineScore
    from studio import jobs
    from studio.llm.models import LLMCall
    from studio.models import Job
    from tests.llm_server import KEY, LLMServer
    from tests.qc.planted import PLANTED, by_evidence, plant, reader_of_others, store, told, told_of_verdicts, world

    def made(job):
        if jobs.run(job.pk) != "done":
            raise SystemExit(Job.objects.get(pk=job.pk).error)

    items, planted = plant(world(count), random.Random(1))
    revisions = store(items)
    leaky = {revisions[revision].pk for revision in planted}
    made(runs.start())
    order = list(BaselineScore.objects.order_by("options_place").values_list("revision", flat=True))
    print(told("baseline, options", order, leaky))
    missed = len(leaky & set(order[:PLANTED])) < 0.6 * PLANTED
    os.environ["TEST_LLM_KEY"], os.environ["NO_PROXY"] = KEY, "127.0.0.1"
    habits = {
        "exact": {"exact": 2.5, "says_so": 0.5},
        "wary": {"exact": 1.0, "says_so": 1.2, "letters": (0.0, 0.4, 0.8, 0.2)},
        "usual": {"exact": 1.5, "usual": 1.2, "letters": (0.3, 0.9, 0.0, 0.4)},
    }
    with LLMServer() as server:
        for name, habit in habits.items():
            server.add(name, reader_of_others(1000, **habit))
        for names in (["exact"], list(habits)):
            settings.LLM_MODELS = json.dumps([server.entry(name) for name in names])
            begun = time.monotonic()
            before = sum(server.answered.values())
            made(leaks.start([revision.pk for revision in revisions.values()])[0])
            asked = sum(server.answered.values()) - before
            print(f"\n{len(names)} model(s), {asked} requests answered in {time.monotonic() - begun:.0f} s")
            order = by_evidence()
            print(told("leak check", order, leaky))
            print(told_of_verdicts(leaky)[0])
            missed |= len(leaky & set(order[:PLANTED])) < 0.6 * PLANTED
        print(f"{LLMCall.objects.filter(state='answered').count()} answers stored: what one model said is not asked again")
    if missed:
        print("MISSED (aim: of the first 30 of each ranking, 18 or more are planted)")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
