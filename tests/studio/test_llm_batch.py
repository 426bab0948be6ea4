"""The Batch API: one file up, its answers down, nothing bought twice whatever dies in between."""

import json
from decimal import Decimal

import pytest

from studio import jobs
from studio.llm import ask, batch, budget, endpoints, pace
from studio.llm.models import LLMBatch, LLMBudget, LLMCall
from studio.models import Job
from tests.llm_server import KEY, LLMServer, always, first, status
from tests.studio.test_llm import question, running_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings, monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.LLM_BATCH_POLL_S = 0.05
    with LLMServer() as server:
        server.add("bulk", always("B"))
        settings.LLM_MODELS = json.dumps([server.entry("bulk", batch=True)])
        yield server


def wanted(count):
    endpoint = endpoints.find("bulk")
    return [(endpoint, question(endpoint, f"Question {n}?")) for n in range(count)]


def put(count, run):
    batch.ask_batch(wanted(count), purpose="test", run=run)


def again(run):
    """The next attempt of a job whose worker was killed."""
    Job.objects.filter(pk=run.job.pk).update(state="queued", run_token=None)
    return jobs.Run(jobs.claim(run.job.pk))


def test_all_answers_come_in_one_batch_at_half_the_price(server):
    run = running_job()
    put(20, run)
    assert len(server.batches) == 1 and LLMCall.objects.filter(state="answered", text="B").count() == 20
    call = LLMCall.objects.first()
    full = Decimal("2.5") * call.tokens_in / 10**6 + Decimal(10) * call.tokens_out / 10**6
    assert call.price_usd == full / 2
    assert LLMBatch.objects.get().state == "done"
    day = LLMBudget.objects.get(scope=budget.today())
    assert day.reserved_usd == 0 and day.spent_usd == sum(LLMCall.objects.values_list("price_usd", flat=True))
    put(25, run)
    assert len(server.batches) == 2 and sum(server.answered.values()) == 25, "only what is new was sent"


@pytest.mark.parametrize("moment", ["before it was sent", "before its id was stored", "while it was waited for"])
def test_after_a_crash_the_same_batch_is_waited_for(server, monkeypatch, moment):
    class Killed(BaseException):
        pass

    def die(*arguments, **options):
        raise Killed

    run = running_job()
    with monkeypatch.context() as patch:
        if moment == "before it was sent":
            patch.setattr(batch, "_send", die)
        elif moment == "before its id was stored":
            real = batch._send
            patch.setattr(batch, "_send", lambda *given: (real(*given), die()))
        else:
            patch.setattr(pace, "sleep", die)
        with pytest.raises(Killed):
            put(10, run)
    assert LLMCall.objects.filter(state="sent").count() == 10
    put(10, again(run))
    assert len(server.batches) == 1 == LLMBatch.objects.count()
    assert sum(server.answered.values()) == 10 == LLMCall.objects.filter(state="answered").count()


def test_while_a_batch_is_under_way_nobody_buys_its_requests_one_by_one(server, monkeypatch):
    run, other = running_job(), running_job()

    def look(*arguments):
        ((endpoint, request),) = wanted(1)
        call = ask.stored(request, endpoint=endpoint, purpose="test")
        assert not ask.claim(call, request, endpoint, other)
        real(*arguments)

    real = pace.sleep
    monkeypatch.setattr(pace, "sleep", look)
    put(1, run)
    assert sum(server.answered.values()) == 1


def test_what_a_batch_leaves_unanswered_is_put_back_and_can_be_asked(server):
    server.add("bulk", first([status(500)], then=always("C")))
    run = running_job()
    put(3, run)
    assert LLMCall.objects.filter(state="queued").count() == 3
    assert not LLMBudget.objects.exclude(reserved_usd=0).exists()
    for endpoint, request in wanted(3):
        assert ask.ask(request, endpoint=endpoint, purpose="test", run=run).text == "C"


def test_a_budget_that_does_not_suffice_sends_nothing(server, settings):
    settings.LLM_BUDGET_JOB_USD = Decimal("0.0005")
    with pytest.raises(budget.BudgetSpent):
        put(20, running_job())
    assert not server.files and not LLMBatch.objects.exists() and not LLMCall.objects.exclude(state="queued").exists()


def test_a_refusal_is_told_in_words_without_the_key(server):
    server.key = "another"
    with pytest.raises(jobs.JobFailed, match="Batch API of bulk: .*401") as refused:
        put(2, running_job())
    assert KEY not in str(refused.value)


def test_a_cancelled_job_ends_its_batch(server, monkeypatch):
    run = running_job()
    server.batch_s = 60
    run._cancel.set()
    with pytest.raises(jobs.Cancelled):
        put(2, run)
    assert server.batches["batch_1"]["status"] == "cancelled"
    assert LLMBatch.objects.get().state == "failed" and LLMCall.objects.filter(state="queued", lost=1).count() == 2
