"""kill -9 of the worker while it stores a run of the baseline: no half run is kept or shown, and another attempt ends it."""

import pytest
from django.db import connection
from django.urls import reverse

from qc.baseline import runs
from qc.baseline.models import BaselineRun, BaselineScore
from studio.models import Job
from tests.conftest import wait_until
from tests.qc.planted import store, world

QUESTIONS = 40
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'qc_baselinescore'::regclass"


def somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return cursor.fetchone()[0]


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_while_it_stores_a_run(start_worker, client, lead):
    store(world(QUESTIONS))
    job = runs.start()
    lock = connection.copy()
    lock.set_autocommit(False)
    try:
        with lock.cursor() as cursor:  # it can write its run, but not the questions of it
            cursor.execute("LOCK TABLE qc_baselinescore IN SHARE MODE")
        first = start_worker(queues="cpu,io")
        wait_until(somebody_waits, seconds=240, what="the worker to store the scores of its run")
        first.kill()
    finally:
        lock.rollback()
        lock.close()
    wait_until(lambda: not somebody_waits(), what="the dead worker's statement to end")
    job.refresh_from_db()
    attempts = job.attempts  # more than one where a busy machine was late with a heartbeat
    assert job.state == "running" and attempts
    assert not BaselineRun.objects.exists() and not BaselineScore.objects.exists()
    client.force_login(lead)
    assert "No run yet" in client.get(reverse("baseline")).content.decode()

    second = start_worker(queues="cpu,io")
    wait_until(lambda: not Job.objects.get(pk=job.pk).is_active, seconds=240, what="the job to end")
    second.stop()
    job.refresh_from_db()
    assert job.state == "done" and job.attempts > attempts, job.error
    made = BaselineRun.objects.get()
    assert (made.job_id, made.questions, made.scores.count()) == (job.pk, QUESTIONS, QUESTIONS)
    assert f"{QUESTIONS} questions of {QUESTIONS} clip families" in client.get(reverse("baseline")).content.decode()
