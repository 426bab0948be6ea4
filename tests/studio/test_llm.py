"""Asking language models over real HTTP: stored answers, faults and retries, pace, money, and keys that stay secret."""

import json
import threading
import time
import uuid
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from studio import jobs
from studio.llm import ask, budget, endpoints
from studio.llm.models import LLMBudget, LLMCall, LLMPace
from studio.llm.request import chat
from studio.models import Job
from tests.llm_server import KEY, LLMServer, always, cut, first, garbage, hangs, knows, mumbles, status


@pytest.fixture
def server(settings, monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.LLM_BACKOFF_S = 0.01
    with LLMServer() as server:
        yield server


@pytest.fixture
def use(server, settings):
    """`use("model", behaviour, rpm=...)` -> the endpoint, configured."""

    def configure(name, behaviour, **more):
        server.add(name, behaviour)
        entries = [entry for entry in json.loads(settings.LLM_MODELS) if entry.get("base_url") == server.base_url]
        settings.LLM_MODELS = json.dumps([*entries, server.entry(name, **more)])
        return endpoints.find(name)

    return configure


def running_job():
    """A job that this test runs, as a worker would: (job, run)."""
    job = Job.objects.create(kind="tests.llm", queue="llm")
    return jobs.Run(jobs.claim(job.pk))


def question(endpoint, text="What is it?\nA. a\nB. b", **parameters):
    return chat(endpoint, text, temperature=0, max_tokens=20, **parameters)


def put(endpoint, run=None, *, text="What is it?\nA. a\nB. b", **options):
    return ask.ask(question(endpoint, text), endpoint=endpoint, purpose="test", run=run or running_job(), **options)


@pytest.mark.django_db
class TestOneCall:
    def test_an_answer_is_kept_whole(self, use):
        endpoint = use("plain", always("B"))
        run = running_job()
        call = put(endpoint, run)
        assert (call.state, call.text, call.finish_reason, call.served_model) == ("answered", "B", "stop", "plain-2026")
        assert json.loads(call.reply)["choices"][0]["message"]["content"] == "B"
        assert call.request["temperature"] == 0 and call.request["max_tokens"] == 20
        assert call.price_usd == Decimal("2.5") * call.tokens_in / 10**6 + Decimal(10) * call.tokens_out / 10**6
        assert call.latency_s > 0 and call.attempts == 1 and call.job == run.job
        run.job.refresh_from_db()
        assert run.job.cost_usd == call.price_usd > 0
        assert LLMBudget.objects.get(scope=budget.today()).spent_usd == call.price_usd
        assert not LLMBudget.objects.exclude(reserved_usd=0).exists()

    def test_the_same_request_is_answered_from_the_store_for_everybody(self, use, server):
        endpoint = use("plain", always("B"))
        calls = {put(endpoint).pk for _ in range(3)}
        assert len(calls) == 1 and sum(server.answered.values()) == 1
        put(endpoint, repeat=1)
        put(endpoint, text="Another?")
        assert sum(server.answered.values()) == 3

    def test_the_hash_does_not_depend_on_where_the_model_runs(self, use, server):
        endpoint = use("plain", always("B"))
        here = question(endpoint)
        elsewhere = type(endpoint)(**{**endpoint.__dict__, "name": "other", "base_url": "http://elsewhere/v1"})
        assert here.hash == question(elsewhere).hash
        assert here.hash != question(endpoint, seed=1).hash

    @pytest.mark.parametrize(
        ("faults", "attempts", "lost"),
        [
            ([status(500), status(503)], 3, 0),
            ([garbage(), garbage('{"choices": []}'), garbage("[1]")], 4, 3),
            ([cut], 2, 1),
            ([status(429)], 2, 0),
        ],
        ids=["500", "garbage", "cut", "429"],
    )
    def test_passing_faults_are_tried_again_and_counted(self, use, server, faults, attempts, lost):
        call = put(use("shaky", first(faults, then=always("A"))))
        assert (call.state, call.attempts, call.lost) == ("answered", attempts, lost)
        assert sum(server.asked.values()) == attempts, "the library made tries of its own"
        spent = LLMBudget.objects.get(scope=budget.today())
        assert spent.reserved_usd == 0 and spent.spent_usd == call.price_usd + call.lost_usd
        assert (call.lost_usd > 0) is (lost > 0)

    def test_a_silent_server_is_left_after_the_timeout(self, use, settings):
        settings.LLM_TIMEOUT_S = 0.3
        call = put(use("slow", first([hangs(1)], then=always("C"))))
        assert (call.text, call.attempts, call.lost) == ("C", 2, 1)

    def test_retry_after_is_honoured_by_everybody(self, use, server):
        endpoint = use("busy", first([status(429, retry_after="1")], then=always("A")))
        put(endpoint)
        one, two = server.times
        assert two - one >= 1
        LLMPace.objects.update(blocked_until=timezone.now() + timedelta(seconds=0.5))
        before = time.monotonic()
        put(endpoint, text="Another?")
        assert time.monotonic() - before >= 0.5

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (status(400, message="max_tokens is too large"), "answers 400: .*max_tokens is too large"),
            (status(429, error_code="insufficient_quota", message="You exceeded your quota"), "429: .*exceeded your quota"),
            (status(429, retry_after="86400"), "asks for fewer requests"),
        ],
        ids=["400", "quota", "a day"],
    )
    def test_what_no_try_mends_fails_at_once_in_words(self, use, server, fault, words):
        with pytest.raises(ask.CallFailed, match=words):
            put(use("strict", fault))
        assert sum(server.asked.values()) == 1
        assert LLMCall.objects.get().state == "failed"
        assert not LLMBudget.objects.exclude(reserved_usd=0).exists()

    def test_it_gives_up_after_enough_tries_and_can_be_asked_later(self, use, server, settings):
        settings.LLM_TRIES = 3
        endpoint = use("down", first([status(500)] * 3, then=always("A")))
        with pytest.raises(ask.CallFailed, match="down answers 500"):
            put(endpoint)
        assert sum(server.asked.values()) == 3
        assert put(endpoint).text == "A"

    def test_nobody_listening_is_said(self, use, settings, server):
        settings.LLM_TRIES = 1
        settings.LLM_MODELS = json.dumps([server.entry("gone", base_url="http://127.0.0.1:9/v1")])
        with pytest.raises(ask.CallFailed, match="gone cannot be reached"):
            put(endpoints.find("gone"))
        assert LLMCall.objects.get().lost == 0

    def test_a_cut_answer_says_so(self, use):
        call = put(use("talker", mumbles("The answer might well be", finish_reason="length")))
        assert call.finish_reason == "length"

    def test_an_unknown_price_is_unknown_and_not_nothing(self, use):
        call = put(use("unpriced", always("A"), price_in=None))
        assert call.state == "answered" and call.price_usd is None

    def test_a_server_that_counts_nothing_costs_the_most_it_can(self, use):
        call = put(use("uncounted", mumbles("A", usage=False)))
        assert call.tokens_in is None and call.price_usd > Decimal("0.0002")

    def test_an_endpoint_may_change_parameters(self, use, server):
        endpoint = use("picky", always("A"), parameters={"max_completion_tokens": 50, "max_tokens": None})
        put(endpoint)
        assert server.bodies[0]["max_completion_tokens"] == 50 and "max_tokens" not in server.bodies[0]


@pytest.mark.django_db
class TestMoney:
    def test_no_request_leaves_once_the_budget_of_the_job_would_be_passed(self, use, server, settings):
        endpoint = use("plain", always("B"))
        run = running_job()
        most = endpoint.price(question(endpoint).most_tokens_in, 20)
        settings.LLM_BUDGET_JOB_USD = most * Decimal("1.5")
        put(endpoint, run)
        put(endpoint, run, text="What is it?\nA. b\nB. a")  # the first was cheaper than its most
        settings.LLM_BUDGET_JOB_USD = most
        with pytest.raises(budget.BudgetSpent, match="budget of this job"):
            put(endpoint, run, text="What is it?\nA. c\nB. d")
        assert sum(server.asked.values()) == 2
        assert LLMCall.objects.filter(state="queued").count() == 1
        assert put(endpoint, text="What is it?\nA. c\nB. d").text == "B"

    def test_the_budget_of_a_day_stops_every_job_and_begins_anew(self, use, server, settings):
        endpoint = use("plain", always("B"))
        LLMBudget.objects.create(scope=budget.today(), spent_usd=settings.LLM_BUDGET_DAY_USD)
        with pytest.raises(budget.BudgetSpent, match="budget of today"):
            put(endpoint)
        assert not server.asked and LLMCall.objects.get().state == "queued"
        LLMBudget.objects.update(scope="day 2001-01-01")
        assert put(endpoint).text == "B"

    def test_a_store_hit_needs_no_budget(self, use, settings):
        endpoint = use("plain", always("B"))
        put(endpoint)
        settings.LLM_BUDGET_DAY_USD = Decimal(0)
        assert put(endpoint).text == "B"


def in_threads(work, count):
    failures = []

    def guarded(number):
        try:
            work(number)
        except BaseException as failure:
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return failures


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_eight_workers_with_the_same_request_buy_it_once(self, use, server):
        endpoint = use("plain", always("B"))
        server.delay_s = 0.2
        assert in_threads(lambda number: put(endpoint), 8) == []
        assert sum(server.asked.values()) == 1 and LLMCall.objects.get().attempts == 1

    def test_the_hard_stop_holds_however_many_ask(self, use, server, settings):
        endpoint = use("plain", always("B"))
        server.delay_s = 0.05
        most = endpoint.price(question(endpoint, "Question 10?").most_tokens_in, 20)
        settings.LLM_BUDGET_DAY_USD = most * 4
        failures = in_threads(lambda number: put(endpoint, text=f"Question {10 + number}?"), 12)
        assert failures and {type(failure) for failure in failures} == {budget.BudgetSpent}
        assert server.most_under_way <= 4
        assert LLMBudget.objects.get(scope=budget.today()).spent_usd <= settings.LLM_BUDGET_DAY_USD
        assert sum(server.asked.values()) == 12 - len(failures)

    def test_requests_of_all_workers_keep_the_pace(self, use, server, monkeypatch):
        monkeypatch.setattr("studio.llm.pace.BURST_S", 0.0)
        endpoint = use("paced", always("B"), rpm=240)  # one every 0.25 s
        put(endpoint)  # makes the client, which takes its time
        assert in_threads(lambda number: put(endpoint, text=f"Question {number}?"), 6) == []
        assert server.times[-1] - server.times[0] >= 6 * 0.25 * 0.9

    def test_tokens_keep_the_pace_too(self, use, server, monkeypatch):
        monkeypatch.setattr("studio.llm.pace.BURST_S", 0.0)
        endpoint = use("paced", always("B"), tpm=20_000)
        need = (question(endpoint, "Question 1?").most_tokens_in + 20) * 60 / 20_000  # seconds of the allowance
        put(endpoint)
        assert in_threads(lambda number: put(endpoint, text=f"Question {number}?"), 4) == []
        assert server.times[-1] - server.times[0] >= need * 4 * 0.9


@pytest.mark.django_db
class TestAfterACrash:
    def test_a_sent_call_is_not_sent_again_while_its_worker_lives_and_is_when_it_is_lost(self, use, server):
        endpoint = use("plain", always("B"))
        dead = running_job()
        request = question(endpoint)
        call = ask.stored(request, endpoint=endpoint, purpose="test")
        assert ask.claim(call, request, endpoint, dead)  # ... and here its worker dies
        other = running_job()
        assert not ask.claim(call, request, endpoint, other)
        Job.objects.filter(pk=dead.job.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
        jobs.sweep()
        call = put(endpoint, other)
        assert (call.text, call.attempts, call.lost) == ("B", 2, 1) and call.lost_usd > 0
        assert sum(server.asked.values()) == 1
        day = LLMBudget.objects.get(scope=budget.today())
        assert (day.spent_usd, day.reserved_usd) == (call.price_usd + call.lost_usd, 0)

    def test_a_late_reply_of_an_attempt_taken_for_dead_changes_nothing(self, use):
        endpoint = use("plain", always("B"))
        dead, request = running_job(), None
        request = question(endpoint)
        call = ask.stored(request, endpoint=endpoint, purpose="test")
        ask.claim(call, request, endpoint, dead)
        late = LLMCall.objects.get(pk=call.pk)
        LLMCall.objects.filter(pk=call.pk).update(run_token=uuid.uuid4())
        reply = ask.wire.send(endpoint, request)
        assert not ask.store_reply(late, reply, endpoint)
        assert LLMCall.objects.get().state == "sent"


@pytest.mark.django_db
class TestKeys:
    def test_the_key_travels_in_the_header_and_stays_nowhere(self, use, server, caplog):
        endpoint = use("plain", always("B"))
        put(endpoint)
        assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
        server.key = "another"
        caplog.set_level("DEBUG")
        with pytest.raises(ask.CallFailed, match="401") as refused:
            put(endpoint, text="Another?")  # this server repeats the key in its refusal
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names():
                cursor.execute(f"SELECT count(*) FROM {table} t WHERE t::text LIKE %s", [f"%{KEY}%"])
                assert cursor.fetchone()[0] == 0, table
        assert KEY not in caplog.text and KEY not in str(refused.value)

    def test_without_its_key_a_model_is_not_ready_and_says_which_variable(self, use, monkeypatch):
        use("plain", always("B"))
        monkeypatch.delenv("TEST_LLM_KEY")
        assert endpoints.ready() == []
        with pytest.raises(endpoints.NoModel, match="TEST_LLM_KEY"):
            endpoints.find("plain")
        assert "TEST_LLM_KEY" in endpoints.why_none()

    def test_a_name_nobody_configured_lists_those_there_are(self, use):
        use("plain", always("B"))
        with pytest.raises(endpoints.NoModel, match="No model is called gpt-9.*plain"):
            endpoints.find("gpt-9")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ('{"name": "x"}', "must be a JSON list"),
        ('[{"model": "x"}]', 'model 1 has no "name"'),
        ('[{"name": "x"}, {"name": "x"}]', "two models called 'x'"),
        ('[{"name": "x", "prise_in": 1}]', "'prise_in' is unknown"),
        ('[{"name": "x", "price_in": -1}]', '"price_in" is -1'),
        ('[{"name": "x", "price_out": "much"}]', '"price_out" is .much'),
        ('[{"name": "x", "rpm": "many"}]', '"rpm" must be a whole number'),
        ('[{"name": "x", "base_url": "localhost:11434"}]', "needs http:// or https://"),
        ('[{"name": "x", "base_url": "https://me:secret@host/v1"}]', "holds a password"),
        ('[{"name": "x", "model": 3}]', '"model" must be text'),
        ('[{"name": "x", "parameters": []}]', '"parameters" must be an object'),
    ],
)
def test_a_wrong_setting_is_refused_naming_it(text, words):
    with pytest.raises(ImproperlyConfigured, match=words):
        endpoints.read(text)


def test_the_default_is_gpt_4o_with_openais_key(settings):
    (endpoint,) = endpoints.configured()
    assert (endpoint.model, endpoint.base_url, endpoint.key_env) == ("gpt-4o", endpoints.OPENAI, "OPENAI_API_KEY")
    assert endpoint.price(1_000_000, 100_000) == Decimal("3.5") and endpoint.price(10, 10, batch=True) == Decimal(
        "0.0000625"
    )


def test_a_server_of_ones_own_needs_no_key():
    (endpoint,) = endpoints.read(
        '[{"name": "llama3", "base_url": "http://localhost:11434/v1", "price_in": 0, "price_out": 0}]'
    )
    assert endpoint.has_key and endpoint.key() and endpoint.price(5, 5) == 0 and not endpoint.batch


def test_knowing_models_are_what_they_say():
    """The test server's own models, because verdicts are judged by them."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Q\nA. one\nB. two\nC. three\nD. four"}]}
    assert knows({"three"})(body, 0)[2]["choices"][0]["message"]["content"] == "C"
    assert knows({"five"})(body, 0)[2]["choices"][0]["message"]["content"] == "A"
