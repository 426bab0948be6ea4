"""Thirty leaky questions among GlitchWorld's: the baseline and the leak check both put them on top. Figures: pytest -s."""

import random

import pytest

from qc import leaks
from qc.baseline import runs
from qc.baseline.models import BaselineScore
from studio import jobs
from studio.llm.models import LLMCall
from studio.models import Job
from tests.qc.planted import PLANTED, by_evidence, plant, reader_of_others, store, told, told_of_verdicts, world

QUESTIONS = 110


@pytest.mark.slow
@pytest.mark.django_db
def test_planted_leaks_come_first_in_the_baseline_and_in_the_leak_check(use, server):
    items, planted = plant(world(QUESTIONS), random.Random(1))
    made = store(items)
    leaky = {made[revision].pk for revision in planted}

    job = runs.start()  # before the check, which sends leaky questions back to their author
    assert jobs.run(job.pk) == "done", Job.objects.get(pk=job.pk).error
    order = list(BaselineScore.objects.order_by("options_place").values_list("revision", flat=True))
    print("\n" + told("baseline, options", order, leaky))
    assert len(order) == QUESTIONS and len(leaky & set(order[:PLANTED])) >= 0.7 * PLANTED
    assert len(leaky & set(order[:10])) >= 9

    use(reader=reader_of_others(after=1000))
    job, _count = leaks.start([revision.pk for revision in made.values()])
    assert jobs.run(job.pk) == "done", Job.objects.get(pk=job.pk).error
    assert sum(server.answered.values()) == QUESTIONS * 5 == LLMCall.objects.filter(state="answered").count()
    order = by_evidence()
    print(told("leak check", order, leaky))
    text, precision, recall = told_of_verdicts(leaky)
    print(text)
    assert len(order) == QUESTIONS and len(leaky & set(order[:PLANTED])) >= 0.7 * PLANTED
    assert recall >= 0.8 and precision >= 0.6
