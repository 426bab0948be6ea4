"""Jobs in a real Celery worker: done, killed in the middle and done again by themselves, cancelled, logged."""

import json
import os
import signal

import psutil
import pytest
from django.core.cache import cache

from studio import health, jobs
from studio.models import Job
from tests.conftest import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def state_is(job, *states):
    def look():
        job.refresh_from_db()
        return job.state in states

    return look


def test_killed_in_mid_job_it_is_done_again_by_itself(start_worker):
    first = start_worker(queues="io")
    job = jobs.enqueue("studio.selfcheck", steps=20, pause_s=0.2)
    wait_until(lambda: Job.objects.filter(pk=job.pk, done__gte=2).exists(), what="progress")
    first.kill()
    job.refresh_from_db()
    assert job.state == "running"
    start_worker(queues="io")
    wait_until(state_is(job, "done"), seconds=60, what="the second attempt")
    assert job.attempts == 2 and job.result == {"steps": 20} and job.done == job.total == 20
    assert job.log.count("Counted to 20.") == 1


@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["the worker alone", "all its processes"])
def test_told_to_stop_it_gives_its_job_back(start_worker, send):
    first = start_worker(queues="io")
    job = jobs.enqueue("studio.selfcheck", steps=40, pause_s=0.1)
    wait_until(lambda: Job.objects.filter(pk=job.pk, done__gte=2).exists(), what="progress")
    send(first.process.pid, signal.SIGTERM)
    assert first.process.wait(30) == 0
    job.refresh_from_db()
    assert (job.state, job.run_token, job.attempts) == ("queued", None, 0) and job.done < 40
    start_worker(queues="io")
    wait_until(state_is(job, "done"), seconds=60, what="the second attempt")
    assert job.attempts == 1 and job.log.count("told to stop") == job.log.count("Counted to 40.") == 1


def test_a_process_that_is_told_alone_is_replaced_after_its_job(start_worker):
    worker = start_worker(queues="io", concurrency=1)
    job = jobs.enqueue("studio.selfcheck", steps=30, pause_s=0.1)
    wait_until(lambda: Job.objects.filter(pk=job.pk, done__gte=2).exists(), what="progress")
    for process in psutil.Process(worker.process.pid).children():
        process.terminate()  # beat goes as well, so the test sweeps
    wait_until(state_is(job, "queued"), what="the job to be given back")
    wait_until(lambda: jobs.sweep() == 0 and state_is(job, "done")(), seconds=60, what="another process to go on")
    assert worker.process.poll() is None and "told to stop" in job.log and job.attempts == 1


def test_the_worker_is_seen_cancels_and_logs_with_the_job_id(start_worker):
    cache.clear()
    assert health.worker_missing("io")
    worker = start_worker(queues="io")
    wait_until(lambda: not health.worker_missing("io"), what="the worker's mark")
    assert health.worker_missing("gpu")
    job = jobs.enqueue("studio.selfcheck", steps=500, pause_s=0.1)
    wait_until(state_is(job, "running"), what="the start")
    assert jobs.cancel(job)
    wait_until(state_is(job, "cancelled"), what="the cancel")
    failing = Job.objects.create(kind="studio.nothing-like-this", queue="io")
    broken = jobs.enqueue("studio.selfcheck", steps="many")
    wait_until(state_is(broken, "failed"), what="the failure")
    wait_until(lambda: cache.get(health.BEAT_KEY), what="the sweep's mark")
    wait_until(state_is(failing, "failed"), what="the sweep to send what was never sent")
    lines = [json.loads(line) for line in worker.log.read_text().splitlines() if line.startswith("{")]
    about = [line for line in lines if line.get("job_id") == str(broken.pk)]
    assert about and "TypeError" in about[0]["exception"]
