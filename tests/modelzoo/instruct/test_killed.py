"""A build that is interrupted and goes on: by kill -9, by a worker that is told to stop, by somebody who stops the job.

kill -9 loses the replies to requests under way, four at most; in good order no call is doubled. STUDIO_TEST_BUILD_CLIPS=1000
for more.
"""

import json
import os
import signal
import time
from contextlib import contextmanager

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Sum
from django.urls import reverse

from modelzoo.instruct import building
from modelzoo.instruct.models import BuildStep, InstructSample
from studio.llm.models import LLMCall
from studio.models import ApiToken, Job
from tests.conftest import wait_until
from tests.factories import ClipFactory
from tests.llm_server import KEY, LLMServer, talks
from tests.modelzoo.films import film

CLIPS = int(os.environ.get("STUDIO_TEST_BUILD_CLIPS", "60"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300 + 3 * CLIPS), pytest.mark.django_db(transaction=True)]


@pytest.fixture
def server(settings, monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.LLM_BUDGET_JOB_USD = settings.LLM_BUDGET_DAY_USD = 1000
    with LLMServer() as server:
        server.add("m", talks({}))
        settings.LLM_MODELS = json.dumps([server.entry("m")])
        yield server


@pytest.fixture
def start(start_worker, server, settings):
    """`start()`: a worker that asks four things at a time."""
    environment = {
        "queues": "llm,io", "STUDIO_LLM_MODELS": settings.LLM_MODELS, "TEST_LLM_KEY": KEY, "STUDIO_LLM_PARALLEL": "4",
        "STUDIO_LLM_BUDGET_JOB_USD": "1000", "STUDIO_LLM_BUDGET_DAY_USD": "1000",
    }  # fmt: skip
    return lambda: start_worker(**environment)


@pytest.fixture
def job(server):
    """A build about CLIPS clips of one film."""
    default_storage.save("proxies/killed.mp4", ContentFile(film()))
    fields = {"proxy": "proxies/killed.mp4", "fps_num": 10, "frame_count": 10, "width": 64, "height": 48}
    ClipFactory.create_batch(CLIPS, purpose="training", **fields)
    return building.start(building.plan())


def done():
    return BuildStep.objects.filter(state="done").count()


def wait_for_four(server, steps):
    """Wait until so many steps are done and four requests wait at the server's closed gate."""
    wait_until(lambda: done() >= steps, seconds=150 + CLIPS, moving=done, what=f"{steps} clips")
    server.gate.clear()
    wait_until(lambda: server.under_way == 4, what="four requests to be under way")


def check_the_end(job):
    wait_until(lambda: not Job.objects.get(pk=job.pk).is_active, seconds=250 + CLIPS, moving=done, what="the job to end")
    job.refresh_from_db()
    assert job.state == "done", job.error
    assert done() == CLIPS == LLMCall.objects.filter(state="answered").count()
    assert InstructSample.objects.count() == CLIPS * 2
    assert InstructSample.objects.values("clip", "place").distinct().count() == CLIPS * 2
    return LLMCall.objects.aggregate(lost=Sum("lost"))["lost"]


def test_a_worker_killed_in_the_middle_of_a_build(start, server, job):
    first = start()
    wait_for_four(server, CLIPS // 3)
    first.kill()
    server.gate.set()
    assert done() < CLIPS, "it was not killed in the middle"
    start()
    lost = check_the_end(job)
    print(f"\n{CLIPS} clips, {sum(server.answered.values())} answers, {lost} lost with the worker and asked again.")
    assert job.attempts == 2 and len(server.answered) == CLIPS
    assert 1 <= lost <= 4 and sum(server.answered.values()) <= CLIPS + lost, "something answered was bought again"


def test_in_good_order_no_call_is_doubled(start, server, job, client, lead):
    """SIGTERM to the worker alone, as `docker stop` sends it; to all its processes, as supervisord and systemd do; and a job
    that a lead stops and begins again over the API."""
    began, told = time.monotonic(), []

    @contextmanager
    def is_over(how):
        """Let the four be answered: all they bring is kept, and none is begun after them."""
        sent, since = len(server.bodies), time.monotonic()
        server.gate.set()
        yield
        told.append(f"{how} at {done()}: over {time.monotonic() - since:.1f} s after the replies")
        assert server.under_way == 0 and sent == len(server.bodies) == len(server.answered) == done() < CLIPS

    for part, how, send in ((1, "SIGTERM", os.kill), (2, "SIGTERM to all", os.killpg)):
        worker = start()
        wait_for_four(server, part * CLIPS // 4)
        send(worker.process.pid, signal.SIGTERM)
        wait_until(lambda log=worker.log: "Warm shutdown" in log.read_text(), what="the worker to hear it")
        time.sleep(0.2)  # it says so just before it tells its processes
        with is_over(how):
            worker.process.wait(60)
        job.refresh_from_db()
        assert (job.state, job.attempts, job.run_token) == ("queued", 0, None)
        assert job.log.count("told to stop") == part
    start()
    wait_for_four(server, 3 * CLIPS // 4)
    token = f"Bearer {ApiToken.issue(user=lead, name='stop')[1]}"

    def post(action):
        assert client.post(reverse(f"api_job_{action}", args=[job.pk]), HTTP_AUTHORIZATION=token).status_code == 200

    def beats():
        return Job.objects.values_list("heartbeat_at", flat=True).get(pk=job.pk)

    post("cancel")
    for _twice in range(2):  # by the second one it is noticed
        last = beats()
        wait_until(lambda last=last: beats() != last, what="a heartbeat")
    with is_over("stop"):
        wait_until(lambda: Job.objects.get(pk=job.pk).state == "cancelled", what="the stop")
    post("retry")
    lost = check_the_end(job)
    print(f"\n{CLIPS} clips in {time.monotonic() - began:.0f} s. " + "; ".join(told) + ".")
    assert lost == 0 and set(server.asked.values()) == set(server.answered.values()) == {1}
    assert len(server.asked) == CLIPS
