"""kill -9 of the worker in the middle of a build, a new one: no call is doubled. STUDIO_TEST_BUILD_CLIPS=1000 for more."""

import json
import os

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Sum

from modelzoo.instruct import building
from modelzoo.instruct.models import BuildStep, InstructSample
from studio.llm.models import LLMCall
from studio.models import Job
from tests.conftest import wait_until
from tests.factories import ClipFactory
from tests.llm_server import KEY, LLMServer, talks
from tests.modelzoo.films import film

CLIPS = int(os.environ.get("STUDIO_TEST_BUILD_CLIPS", "60"))


@pytest.mark.slow
@pytest.mark.timeout(300 + 3 * CLIPS)
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_the_middle_of_a_build(start_worker, settings, monkeypatch):
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    default_storage.save("proxies/killed.mp4", ContentFile(film()))
    fields = {"proxy": "proxies/killed.mp4", "fps_num": 10, "frame_count": 10, "width": 64, "height": 48}
    ClipFactory.create_batch(CLIPS, purpose="training", **fields)
    with LLMServer() as server:
        server.add("m", talks({}))
        models = json.dumps([server.entry("m")])
        settings.LLM_MODELS = models
        settings.LLM_BUDGET_JOB_USD = settings.LLM_BUDGET_DAY_USD = 1000
        worker = {
            "queues": "llm,io", "STUDIO_LLM_MODELS": models, "TEST_LLM_KEY": KEY, "STUDIO_LLM_PARALLEL": "4",
            "STUDIO_LLM_BUDGET_JOB_USD": "1000", "STUDIO_LLM_BUDGET_DAY_USD": "1000",
        }  # fmt: skip
        job = building.start(building.plan())
        first = start_worker(**worker)
        done = BuildStep.objects.filter(state="done")
        wait_until(lambda: done.count() >= CLIPS // 3, seconds=150 + CLIPS, what="a third of the clips")
        server.delay_s = 1.0
        wait_until(lambda: server.under_way == 4, what="four requests to be under way")
        first.kill()
        server.delay_s = 0.0
        assert done.count() < CLIPS, "it was not killed in the middle"
        second = start_worker(**worker)
        wait_until(lambda: not Job.objects.get(pk=job.pk).is_active, seconds=250 + CLIPS, what="the job to end")
        second.stop()
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("done", 2), job.error
    calls = LLMCall.objects.all()
    lost = calls.aggregate(lost=Sum("lost"))["lost"]
    print(f"\n{CLIPS} clips, {sum(server.answered.values())} answers, {lost} lost with the worker and asked again.")
    assert done.count() == CLIPS == calls.filter(state="answered").count() == len(server.answered)
    assert 1 <= lost <= 4 and sum(server.answered.values()) <= CLIPS + lost, "something answered was bought again"
    assert InstructSample.objects.count() == CLIPS * 2
    assert InstructSample.objects.values("clip", "place").distinct().count() == CLIPS * 2
