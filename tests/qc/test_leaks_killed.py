"""kill -9 of the worker in the middle of many checks, a new one that is told to stop, a third: every question has exactly
its calls, none paid twice. STUDIO_TEST_LEAK_CHECKS=500 for more.
"""

import json
import os
import signal
import time

import pytest
from django.db.models import Count, Sum

from qc import leaks
from qc.leak_models import LeakAnswer, LeakCheck
from studio.llm import budget
from studio.llm.models import LLMBudget, LLMCall
from studio.models import Job
from tests.conftest import wait_until
from tests.factories import QuestionFactory, UserFactory
from tests.llm_server import KEY, LLMServer, always

CHECKS = int(os.environ.get("STUDIO_TEST_LEAK_CHECKS", "60"))


@pytest.mark.slow
@pytest.mark.timeout(300 + 3 * CHECKS)
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_of_checks(start_worker, settings, monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    author = UserFactory()
    keys = [f"The crate hangs {n} metres above the floor." for n in range(CHECKS)]
    questions = [QuestionFactory(submitted=True, author=author, correct=key) for key in keys]
    with LLMServer() as server:
        server.add("stuck", always("B"))
        models = json.dumps([server.entry("stuck")])
        settings.LLM_MODELS = models
        worker = {"queues": "llm,io", "STUDIO_LLM_MODELS": models, "TEST_LLM_KEY": KEY, "STUDIO_LLM_PARALLEL": "4"}
        job, count = leaks.start([question.revisions.get().pk for question in questions])
        assert count == CHECKS

        def made():
            return LeakCheck.objects.filter(state="clear").count()

        def wait_for_four(checks):
            wait_until(lambda: made() >= checks, seconds=120, moving=made, what=f"{checks} checks")
            server.gate.clear()
            wait_until(lambda: server.under_way == 4, what="four requests to be under way")

        first = start_worker(**worker)
        wait_for_four(CHECKS // 5)
        first.kill()
        server.gate.set()
        done_before = made()
        answered_before = LLMCall.objects.filter(state="answered").count()
        assert CHECKS // 5 <= done_before < CHECKS, "it was not killed in the middle"
        second = start_worker(**worker)
        wait_for_four(CHECKS // 2)
        os.kill(second.process.pid, signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in second.log.read_text(), what="the worker to hear it")
        time.sleep(0.2)  # it says so just before it tells its processes
        sent = len(server.bodies)
        server.gate.set()
        second.process.wait(60)
        answers = LLMCall.objects.filter(state="answered").count()
        assert sent == len(server.bodies) and answers == len(server.answered), "what was under way is kept"
        assert made() < CHECKS and not LeakCheck.objects.filter(state="failed").exists()
        third = start_worker(**worker)
        ended = lambda: not Job.objects.get(pk=job.pk).is_active  # noqa: E731
        wait_until(ended, seconds=120, moving=made, what="the job to end")
        third.stop()
        logs = first.log.read_text() + second.log.read_text() + third.log.read_text()

    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2), job.error
    assert LeakCheck.objects.filter(state="clear", current=True).count() == CHECKS
    per_check = LeakAnswer.objects.values("check_made").annotate(calls=Count("call", distinct=True))
    assert [row["calls"] for row in per_check] == [5] * CHECKS, "every question has exactly its calls"
    calls = LLMCall.objects.all()
    # Options alone are one request for each wording; every wording is another here.
    assert calls.count() == CHECKS * 5 == calls.filter(state="answered").count() == len(server.answered)
    lost = calls.aggregate(lost=Sum("lost"))["lost"]
    asked_twice = {digest for digest, times in server.answered.items() if times > 1}
    print(
        f"\n{answered_before} of {CHECKS * 5} calls were answered when the worker was killed; {lost} had left without their"
        f" reply being stored, and were asked again ({len(asked_twice)} of them had been answered by the server)."
    )
    assert 1 <= lost <= 4, "as many as were under way"
    assert sum(server.answered.values()) <= CHECKS * 5 + lost, "something answered was bought again"
    assert calls.filter(attempts__gt=1).count() == lost
    # What a bill may show: each answer once, and what was lost at its most.
    sums = calls.aggregate(price=Sum("price_usd"), lost=Sum("lost_usd"))
    day = LLMBudget.objects.get(scope=budget.today())
    assert day.spent_usd == sums["price"] + sums["lost"] and day.reserved_usd == 0
    assert KEY not in logs
