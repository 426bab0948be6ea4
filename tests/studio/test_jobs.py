"""Background jobs survive: claimed once, found again when their worker dies, cancelled, retried, never lost."""

import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from studio import jobs, stopping
from studio.models import Job
from tests.conftest import environment_of_a_process

ran = []


@jobs.job("tests.count", queue="io")
def count(run, *, to):
    for number in range(to):
        run.progress(number, to)
        run.check()
    run.progress(to, to, unit="things")
    run.log(f"counted to {to}")
    ran.append(to)
    return {"counted": to}


@jobs.job("tests.fail", queue="io")
def fail(run, *, how):
    if how == "in words":
        raise jobs.JobFailed("The folder is empty.")
    raise ValueError("a bug")


@jobs.job("tests.wait", queue="io")
def wait_for_the_end(run):
    while True:
        run.check()
        time.sleep(0.02)


def fresh(job):
    return Job.objects.get(pk=job.pk)


def make_old(job, seconds=1000):
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=seconds))


@pytest.mark.django_db
class TestOneJob:
    def test_it_runs_to_its_end_with_progress_log_and_result(self):
        job = jobs.enqueue("tests.count", to=3, title="Count")
        assert jobs.run(job.pk) == "done"
        job = fresh(job)
        assert (job.state, job.done, job.total, job.unit, job.result) == ("done", 3, 3, "things", {"counted": 3})
        assert "counted to 3" in job.log and job.finished_at >= job.started_at
        assert jobs.run(job.pk) is None

    def test_a_failure_for_people_is_one_sentence(self):
        job = jobs.enqueue("tests.fail", how="in words")
        assert jobs.run(job.pk) == "failed"
        assert fresh(job).error == "The folder is empty."

    def test_a_bug_leaves_its_traceback(self):
        job = jobs.enqueue("tests.fail", how="badly")
        assert jobs.run(job.pk) == "failed"
        assert "ValueError: a bug" in fresh(job).error and "test_jobs.py" in fresh(job).error

    def test_a_kind_this_worker_does_not_know_fails_in_words(self):
        job = Job.objects.create(kind="tests.unknown", queue="io")
        assert jobs.run(job.pk) == "failed"
        assert "does not know" in fresh(job).error

    @pytest.mark.parametrize("when", ["before", "in the middle", "as it fails"])
    def test_a_worker_that_stops_gives_it_back(self, when, monkeypatch):
        """As if nothing had been: no attempt is counted, and the next sweep sends it again."""
        asked = iter([False, False, True] if when == "in the middle" else [True] if when == "before" else [False])
        monkeypatch.setattr(stopping, "is_asked", lambda: next(asked, True))
        job = jobs.enqueue("tests.fail", how="badly") if when == "as it fails" else jobs.enqueue("tests.count", to=3)
        assert jobs.run(job.pk) == (None if when == "before" else "queued")
        job = fresh(job)
        assert (job.state, job.attempts, job.run_token, job.sent_at, job.error) == ("queued", 0, None, None, "")
        assert ("told to stop" in job.log) == (when != "before")
        monkeypatch.undo()
        assert jobs.sweep() == 1 and fresh(job).sent_at
        assert jobs.run(job.pk) == ("failed" if when == "as it fails" else "done") and fresh(job).attempts == 1

    def test_one_key_has_one_active_job(self):
        first = jobs.enqueue("tests.count", key="same", to=1)
        assert jobs.enqueue("tests.count", key="same", to=1).pk == first.pk
        jobs.run(first.pk)
        assert jobs.enqueue("tests.count", key="same", to=1).pk != first.pk

    def test_cancelling_a_waiting_job_ends_it_at_once(self):
        job = jobs.enqueue("tests.count", to=1)
        assert jobs.cancel(job)
        assert fresh(job).state == "cancelled"
        assert jobs.run(job.pk) is None
        assert not jobs.cancel(job)

    def test_retry_starts_from_nothing_and_only_after_an_end(self):
        job = jobs.enqueue("tests.fail", how="in words")
        assert not jobs.retry(job)
        jobs.run(job.pk)
        assert jobs.retry(job)
        job = fresh(job)
        assert (job.state, job.attempts, job.error, job.started_at) == ("queued", 0, "", None)

    def test_retry_is_refused_while_the_same_work_is_active(self):
        old = jobs.enqueue("tests.count", key="same", to=1)
        jobs.cancel(old)
        jobs.enqueue("tests.count", key="same", to=1)
        assert not jobs.retry(old)
        assert fresh(old).state == "cancelled"


@pytest.mark.django_db
class TestSweep:
    def test_a_lost_heartbeat_is_queued_again(self):
        job = jobs.enqueue("tests.count", to=2)
        assert jobs.claim(job.pk)
        assert jobs.sweep() == 0
        make_old(job)
        assert jobs.sweep() == 1
        assert fresh(job).state == "queued"
        assert jobs.run(job.pk) == "done"
        assert fresh(job).attempts == 2

    def test_it_gives_up_after_enough_attempts_and_says_why(self):
        job = jobs.enqueue("tests.count", to=2)
        for _ in range(jobs.MAX_ATTEMPTS):
            assert jobs.claim(job.pk)
            make_old(job)
            jobs.sweep()
        job = fresh(job)
        assert job.state == "failed" and "died" in job.error
        assert jobs.retry(job) and jobs.run(job.pk) == "done"

    def test_a_cancelled_job_whose_worker_died_is_not_done_again(self):
        job = jobs.enqueue("tests.count", to=2)
        jobs.claim(job.pk)
        assert jobs.cancel(job)
        make_old(job)
        jobs.sweep()
        assert fresh(job).state == "cancelled"

    def test_a_job_nobody_heard_of_is_sent_again(self):
        job = jobs.enqueue("tests.count", to=2)
        assert jobs.sweep() == 0
        Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - timedelta(seconds=1000))
        assert jobs.sweep() == 1
        assert fresh(job).sent_at > timezone.now() - timedelta(seconds=10)

    def test_a_zombie_attempt_cannot_write(self):
        job = jobs.enqueue("tests.count", to=2)
        zombie = jobs.Run(jobs.claim(job.pk))
        make_old(job)
        jobs.sweep()
        jobs.claim(job.pk)
        with pytest.raises(jobs.LostClaim):
            zombie.progress(1, 1)
        zombie.log("I am still here")
        assert not zombie.finish("done")
        job = fresh(job)
        assert (job.state, job.done, job.log) == ("running", 0, "")


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_two_workers_claim_it_once(self):
        for _ in range(5):
            job = jobs.enqueue("tests.count", to=1)
            barrier, outcomes = threading.Barrier(4), []

            def work(job=job, barrier=barrier, outcomes=outcomes):
                barrier.wait()
                outcomes.append(jobs.run(job.pk))
                close_old_connections()
                connection.close()

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(outcomes, key=str) == [None, None, None, "done"]
            assert fresh(job).attempts == 1

    def test_cancelling_a_running_job_stops_its_handler(self, settings):
        settings.JOB_HEARTBEAT_S = 0.05
        job = jobs.enqueue("tests.wait")
        outcome = []

        def work():
            outcome.append(jobs.run(job.pk))
            connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        while fresh(job).state != "running":
            time.sleep(0.01)
        assert jobs.cancel(job)
        thread.join(10)
        assert outcome == ["cancelled"] and fresh(job).state == "cancelled"

    def test_a_handler_whose_claim_went_to_another_stops(self, settings):
        settings.JOB_HEARTBEAT_S = 0.05
        job = jobs.enqueue("tests.wait")
        outcome = []

        def work():
            outcome.append(jobs.run(job.pk))
            connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        while fresh(job).state != "running":
            time.sleep(0.01)
        make_old(job)
        Job.objects.filter(pk=job.pk).update(state="queued", run_token=None)
        thread.join(10)
        assert outcome == [None] and fresh(job).state == "queued"

    def test_a_dead_broker_loses_nothing(self):
        """In its own process, whose broker is a socket nobody listens on; the sweep here sends the job later."""
        code = (
            "import django; django.setup(); from studio import jobs; "
            "print(jobs.enqueue('studio.selfcheck', steps=1, pause_s=0).pk)"
        )
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=environment_of_a_process(REDIS_URL="unix:///nowhere/redis.sock"),
            cwd=settings.BASE_DIR,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert run.returncode == 0, run.stderr
        assert "the sweep will send it again" in run.stderr
        job = Job.objects.get(pk=int(run.stdout))
        assert job.state == "queued"
        Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - timedelta(seconds=1000))
        assert jobs.sweep() == 1
        assert jobs.run(job.pk) == "done"
