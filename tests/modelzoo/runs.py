"""What tests of training runs share: data to offer, a stand-in for the trainer, runs made and watched."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from modelzoo.models import TrainingRun
from modelzoo.runs import actions, planning, watch
from studio import jobs
from studio.models import Job
from tests.conftest import wait_until

STANDIN = shlex.join([sys.executable, str(Path(__file__).with_name("standin_trainer.py"))])
PLAN = {"preset": "tiny-sft", "data": ["worlds/train"], "overrides": ["max_steps=40"]}


@pytest.fixture
def training_room(settings, tmp_path, monkeypatch):
    """Folders of runs and of data for one test, and the stand-in trainer; every process started there ends with the test."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()
    settings.TRAINING_DATA_DIRS = [str(tmp_path / "data")]
    settings.TRAIN_COMMAND = STANDIN
    make_data(tmp_path / "data" / "worlds" / "train")
    yield settings.RUNS_DIR
    end_everything()


def make_data(folder):
    folder.mkdir(parents=True)
    (folder / "PhysGame_2_annotation.json").write_text("[]")


def end_everything():
    for run in TrainingRun.objects.exclude(token=None):
        watch.processes.kill(watch.processes.with_token(run.token))
        watch.processes.find(run.pid, run.process_started)


def environment_of_workers(settings, **more):
    """What a real worker needs to use the same folders and trainer."""
    return {
        "STUDIO_RUNS_DIR": str(settings.RUNS_DIR),
        "STUDIO_TRAINING_DATA_DIRS": ",".join(settings.TRAINING_DATA_DIRS),
        "STUDIO_TRAIN_COMMAND": settings.TRAIN_COMMAND,
        "STUDIO_RUN_WATCH_S": "0.5",
        **more,
    }


def estimated(by, **changes):
    """The estimate of a plan, done by the stand-in in a process as by a worker."""
    job = planning.estimate_later(planning.Plan(**PLAN | changes), by=by)
    jobs.run(job.pk)
    return Job.objects.get(pk=job.pk)


def queued(by=None, **changes):
    """A run that waits for a watcher, without the seconds of an estimate."""
    job = planning.estimate_later(planning.Plan(**PLAN | changes), by=by)
    Job.objects.filter(pk=job.pk).update(state="done", result={"fits": True, "steps": 40})
    return actions.start(by=by, job=job)


def watched_until(run, condition, *, seconds=20, what="the run"):
    """Look again and again until `condition(run)`."""

    def look():
        watch.look()
        run.refresh_from_db()
        return condition(run)

    wait_until(look, seconds=seconds, every=0.05, what=what)
    return run


def state_is(*states):
    return lambda run: run.state in states


def metrics(run):
    path = watch.folder.path_of(run) / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]
