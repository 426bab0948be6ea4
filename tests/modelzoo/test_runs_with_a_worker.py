"""Runs with real Celery workers and kill -9 of each part; and one with the real trainer."""

import os
import signal
import subprocess
import sys

import pytest
from django.urls import reverse

from modelzoo.models import TrainingRun
from modelzoo.runs import actions, planning, processes, series
from studio.models import Job
from tests.conftest import environment_of_a_process, wait_until
from tests.modelzoo.runs import environment_of_workers, queued, training_room  # noqa: F401
from tests.real_server import Person, Server, sessions_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("training_room")]


def wait_for(run, *states, step=0, seconds=60):
    def look():
        run.refresh_from_db()
        return run.state in states and run.step >= step

    wait_until(look, seconds=seconds, what=f"{states} of {run}")


def test_kill_9_of_worker_web_and_trainer_loses_nothing(start_worker, settings, tmp_path, lead):
    environment = environment_of_workers(settings, STANDIN_STEP_S="0.15")
    worker = start_worker(queues="gpu,io", **environment)
    everything = environment_of_a_process(**environment)
    # The whole way by the pages of a real server, which is killed while the run trains.
    with Server(tmp_path / "web.log", everything, workers=1) as server:
        person = Person(server.port, sessions_of([lead])[0], **{"Content-Type": "application/x-www-form-urlencoded"})
        form = b"preset=tiny-sft&data=worlds/train&overrides=max_steps%3D400&processes=1"
        status, plan = ask(person, reverse("run_new"), form)
        assert status == 302
        job = Job.objects.get(kind=planning.KIND)
        wait_until(lambda: Job.objects.get(pk=job.pk).state == "done", seconds=60, what="the estimate")
        assert ask(person, reverse("run_start", args=[job.pk]), b"")[0] == 302
        run = TrainingRun.objects.get()
        wait_for(run, "running", step=3)
        os.killpg(server.process.pid, signal.SIGKILL)
    worker.kill()
    trainer = processes.find(run.pid, run.process_started)
    assert trainer is not None, "the trainer outlives web and worker"
    step = run.step
    start_worker(queues="gpu,io", **environment)
    wait_for(run, "running", step=step + 5)
    assert run.pid == trainer.pid and run.attempt == 1 and not run.by_hand
    trainer.kill()
    wait_for(run, "lost")
    actions.resume(run)
    wait_for(run, "running", step=step + 5)
    assert run.attempt == 2 and run.pid != trainer.pid
    actions.stop(run)
    wait_for(run, "stopped")
    wait_until(lambda: TrainingRun.objects.get(pk=run.pk).carried, what="the last lines")
    run.refresh_from_db()
    steps = series.read(run, keys=["step"])["columns"]["step"]["mean"]
    assert steps == list(range(1, run.step + 1))


def ask(person, path, data):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", person.port, timeout=60)
    connection.request("POST", path, data, person.headers)
    response = connection.getresponse()
    return response.status, response.getheader("Location")


def test_a_worker_killed_with_a_run_in_the_queue_leaves_it_to_the_next(start_worker, settings, lead):
    environment = environment_of_workers(settings, STANDIN_STEP_S="0.1")
    worker = start_worker(queues="gpu", **environment)
    first, second = queued(lead, overrides=["max_steps=60"]), queued(lead, overrides=["max_steps=3"])
    wait_for(first, "running", step=2)
    worker.kill()
    processes.find(first.pid, first.process_started).kill()
    start_worker(queues="gpu", **environment)
    wait_for(first, "lost")
    wait_for(second, "finished")


@pytest.mark.timeout(900)
def test_the_real_trainer_through_the_worker(start_worker, settings, tmp_path, lead):
    """tiny-sft on a few GlitchWorld clips: estimated, started, stopped, resumed, finished; all of it seen in the rows."""
    settings.TRAIN_COMMAND = ""
    data = tmp_path / "data" / "glitchworld"
    make = [sys.executable, "manage.py", "make_glitchworld", str(data), "--arrays", "--clips", "12", "--seed", "3"]
    subprocess.run(make, cwd=settings.BASE_DIR, check=True, capture_output=True, timeout=240)
    start_worker(queues="gpu", OMP_NUM_THREADS="1", **environment_of_workers(settings))
    overrides = ["epochs=16", "log_every=1", "checkpoint_every=5", "warmup=2", "samples=2"]
    plan = planning.Plan(preset="tiny-sft", data=["glitchworld"], overrides=overrides)
    planning.check(plan)
    job = planning.estimate_later(plan, by=lead)
    wait_until(lambda: Job.objects.get(pk=job.pk).state in ("done", "failed"), seconds=120, what="the estimate")
    job.refresh_from_db()
    assert job.state == "done", job.error
    assert job.result["fits"] and job.result["clips"] >= 10 and job.result["parameters"]["trained"] > 100_000
    run = actions.start(by=lead, job=job)
    wait_for(run, "running", step=4, seconds=240)
    actions.stop(run)
    wait_for(run, "stopped", seconds=120)
    assert run.error == "" and run.checkpoints.filter(step=run.step, is_kept=True).exists()
    stopped_at = run.step
    assert 4 <= stopped_at < run.steps == job.result["steps"]
    actions.resume(run)
    wait_for(run, "finished", seconds=240)
    wait_until(lambda: TrainingRun.objects.get(pk=run.pk).carried, what="the last lines")
    run.refresh_from_db()
    curves = series.read(run, keys=["step", "loss"])["columns"]
    assert curves["step"]["mean"] == list(range(1, run.steps + 1)) and run.attempt == 2
    assert curves["loss"]["mean"][-1] < curves["loss"]["mean"][0]
    assert run.spec["data"][0]["kind"] == "glitchworld-arrays" and run.spec["data_sha256"] and run.samples.exists()
