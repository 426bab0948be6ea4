"""Starting, watching, stopping and resuming runs: real processes, real signals, no worker in between."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from modelzoo.models import SampleAnswer, TrainingRun, WrongState
from modelzoo.runs import actions, choices, folder, planning, processes, series, watch
from studio import history
from studio.models import Job
from tests.conftest import wait_until
from tests.modelzoo.runs import estimated, metrics, queued, state_is, training_room, watched_until  # noqa: F401

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("training_room")]
running_with = lambda step: lambda run: run.state == "running" and run.step >= step  # noqa: E731


def curve(run):
    return series.read(run, keys=["step"])["columns"]["step"]["mean"]


def test_a_run_is_estimated_started_watched_and_finished(lead):
    job = estimated(lead)
    assert job.state == "done" and job.result["fits"] and job.result["expected_s"] == 12.5
    run = actions.start(by=lead, job=job)
    assert (run.state, run.owner, run.stage, run.steps) == ("queued", lead, "sft", 40)
    watched_until(run, running_with(3))
    assert run.host == processes.host() and psutil.Process(run.pid).is_running() and run.seen_at
    assert os.getsid(run.pid) == run.pid != os.getsid(0)
    watched_until(run, state_is("finished"))
    watched_until(run, lambda run: run.carried)
    assert run.error == "" and (run.step, run.steps, run.attempt) == (40, 40, 1) and run.finished_at
    assert curve(run) == list(range(1, 41)) and run.latest["loss"] == 3 / 40
    assert run.spec["settings"] == {"max_steps": "40"} and "step 40 of 40" in run.log_tail
    assert list(run.checkpoints.values_list("step", flat=True).order_by("step")) == [10, 20, 30, 40]
    assert SampleAnswer.objects.filter(run=run, step=40).get().answer == "after 40"
    entries = history.of(run)
    assert entries[-1].changes and {change[2] for entry in entries for change in entry.changes} >= {"Running", "Finished"}


def test_one_run_at_a_time_and_the_next_in_the_order_of_asking(lead):
    first, second, third = (queued(lead, overrides=[f"max_steps={n}"]) for n in (4, 5, 3))
    order = []

    def all_done(_run):
        active = list(TrainingRun.objects.active())
        assert len(active) <= 1
        order.extend(run.pk for run in active if run.pk not in order)
        return not TrainingRun.objects.exclude(state="finished").exists()

    watched_until(first, all_done)
    assert order == [first.pk, second.pk, third.pk]


def test_the_database_keeps_two_started_runs_off_one_machine(lead):
    one, other = queued(lead), queued(lead)
    assert one.move(to="starting", allowed=["queued"], host="here")
    with pytest.raises(IntegrityError, match="one_started_run_per_machine"), transaction.atomic():
        other.move(to="starting", allowed=["queued"], host="here")
    with pytest.raises(IntegrityError, match="active_runs_are_somewhere"), transaction.atomic():
        TrainingRun.objects.filter(pk=other.pk).update(state="running")


def test_stop_saves_and_resume_goes_on_from_there(lead, settings):
    run = queued(lead, overrides=["max_steps=60"])
    watched_until(run, running_with(12))
    actions.stop(run)
    assert run.state == "stopping"
    watched_until(run, state_is("stopped"))
    stopped_at = run.step
    assert 12 <= stopped_at < 60 and run.checkpoints.filter(step=stopped_at).exists() and run.error == ""
    actions.resume(run)
    watched_until(run, state_is("finished"))
    watched_until(run, lambda run: run.carried)
    assert run.attempt == 2 and curve(run) == list(range(1, 61))
    assert json.loads((folder.path_of(run) / "state.json").read_text())["attempt"] == 2


def test_a_trainer_deaf_to_sigterm_is_killed_after_the_grace_and_can_go_on(lead, settings, monkeypatch):
    settings.RUN_STOP_GRACE_S = 0.5
    monkeypatch.setenv("STANDIN_DEAF", "1")
    run = queued(lead, overrides=["max_steps=4000"])
    watched_until(run, running_with(11))
    pid = run.pid
    actions.stop(run)
    watched_until(run, state_is("stopped"))
    assert processes.find(pid, run.process_started) is None and "ended by force" in run.error
    monkeypatch.setenv("STANDIN_DEAF", "0")
    actions.resume(run)
    watched_until(run, lambda run: run.attempt == 2 and running_with(12)(run))
    assert metrics(run)[0]["step"] == 1


def test_kill_9_of_the_trainer_is_lost_and_resumes_from_the_newest_checkpoint(lead):
    run = queued(lead, overrides=["max_steps=45"])
    watched_until(run, running_with(13))
    os.kill(run.pid, signal.SIGKILL)
    watched_until(run, state_is("lost"))
    assert "kill -9" in run.error and run.can_resume and run.finished_at
    actions.resume(run)
    watched_until(run, state_is("finished"))
    watched_until(run, lambda run: run.carried)
    assert curve(run) == list(range(1, 46)), "lines after the checkpoint were measured again, once each"


def test_a_failure_before_and_while_training_is_told_in_its_own_sentence(lead):
    early, late = queued(lead, overrides=["seed=13"]), queued(lead, overrides=["seed=14"])
    watched_until(late, state_is("failed"))
    early.refresh_from_db()
    assert (early.state, early.error) == ("failed", "Clip unlucky-13 cannot be read. Leave it out with --without.")
    assert (late.error, late.step) == ("Step 15 had no finite loss.", 15)


def test_another_process_with_the_same_id_is_neither_taken_for_the_run_nor_stopped(lead):
    run = queued(lead)
    watched_until(run, running_with(2))
    os.kill(run.pid, signal.SIGKILL)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        # The id of the dead trainer was given to a stranger; so says its row, and so says its heartbeat.
        began = run.process_started - 100
        TrainingRun.objects.filter(pk=run.pk).update(pid=stranger.pid, process_started=began, state="stopping")
        beat = folder.path_of(run) / "heartbeat.json"
        beat.write_text(json.dumps(json.loads(beat.read_text()) | {"pid": stranger.pid, "process_started": began}))
        watched_until(run, state_is("stopped"))
        time.sleep(0.2)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_watcher_killed_between_starting_and_noting_the_process_loses_nothing(lead):
    run = queued(lead, overrides=["max_steps=200"])
    watched_until(run, running_with(2))
    pid = run.pid
    TrainingRun.objects.filter(pk=run.pk).update(state="starting", pid=None, process_started=None)
    watched_until(run, state_is("running"))
    assert run.pid == pid and run.attempt == 1
    # And when it was killed before it started anything, the run waits again and is started once.
    other = queued(lead)
    TrainingRun.objects.filter(pk=run.pk).update(by_hand=True)
    other.move(
        to="starting", allowed=["queued"], host=processes.host(), token="0" * 32, attempt=1, started_at=timezone.now()
    )
    watch.look()
    other.refresh_from_db()
    assert (other.state, other.attempt, other.token) == ("queued", 0, None)


def test_a_trainer_whose_row_forgot_everything_is_found_by_its_heartbeat(lead):
    """As after a restore of the database: the process is there, the row says that it was lost."""
    run = queued(lead, overrides=["max_steps=300"])
    watched_until(run, running_with(2))
    pid = run.pid
    TrainingRun.objects.filter(pk=run.pk).update(state="lost", pid=None, process_started=None, host="elsewhere")
    watched_until(run, running_with(4))
    assert run.pid == pid and run.host == processes.host() and not run.by_hand


def test_many_watchers_at_once_start_and_carry_each_thing_once(lead):
    queued(lead, overrides=["max_steps=30"])
    queued(lead, overrides=["max_steps=30"])
    errors = []

    def watch_for_a_while():
        try:
            while TrainingRun.objects.exclude(state="finished", carried=True).exists() and time.monotonic() < end:
                watch.look()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    end = time.monotonic() + 30
    threads = [threading.Thread(target=watch_for_a_while) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    for run in TrainingRun.objects.all():
        assert (run.state, run.attempt) == ("finished", 1)
        assert curve(run) == list(range(1, 31))
        assert run.samples.count() == run.checkpoints.count() == 3


def test_runs_from_the_command_line_are_found_running_and_finished(training_room):  # noqa: F811
    path = training_room / "by-hand — a name with ünïcode and blanks"
    command = [*planning._trainer(), "--stage", "dpo", "--preset", "tiny-dpo", "--set", "max_steps=25", "--out", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: (path / "heartbeat.json").exists(), what="the trainer")
    watch.look()
    run = TrainingRun.objects.get()
    assert (run.name, run.by_hand, run.state, run.owner) == (path.name, True, "running", None)
    process.wait()
    watched_until(run, state_is("finished"))
    assert (run.stage, run.preset) == ("dpo", "tiny-dpo") and "rewards/margins" in run.latest


def test_a_run_from_the_command_line_can_be_stopped_and_resumed_here(training_room):  # noqa: F811
    path = training_room / "by-hand"
    command = [*planning._trainer(), "--stage", "sft", "--preset", "tiny-sft", "--set", "max_steps=80", "--out", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wait_until(lambda: (path / "heartbeat.json").exists(), what="the trainer")
    watch.look()
    run = TrainingRun.objects.get()
    actions.stop(run)
    process_ends = threading.Thread(target=process.wait)
    process_ends.start()
    watched_until(run, state_is("stopped"))
    process_ends.join()
    actions.resume(run)
    watched_until(run, state_is("finished"))
    assert run.attempt == 2 and run.step == 80 and not run.by_hand


def test_a_silent_machine_loses_its_runs_and_takes_them_back(lead):
    run = queued(lead, overrides=["max_steps=300"])
    watched_until(run, running_with(2))
    TrainingRun.objects.filter(pk=run.pk).update(host="elsewhere", seen_at=timezone.now() - timezone.timedelta(hours=1))
    watch._lose_silent(processes.host())
    run.refresh_from_db()
    assert run.state == "lost" and "elsewhere was not heard from" in run.error
    watched_until(run, state_is("running"))
    assert run.host == processes.host()


def test_double_clicks_and_late_clicks_change_nothing(lead):
    job = estimated(lead)
    first, again = actions.start(by=lead, job=job), actions.start(by=lead, job=job)
    assert first.pk == again.pk and TrainingRun.objects.count() == 1
    actions.stop(first)
    assert first.state == "stopped" and first.carried
    with pytest.raises(WrongState, match="stopped now"):
        actions.stop(first)
    actions.resume(first)
    with pytest.raises(WrongState, match="queued now"):
        actions.resume(TrainingRun.objects.get(pk=first.pk))


def test_what_cannot_fit_or_was_not_estimated_is_not_started(lead):
    large = estimated(lead, overrides=["batch=100000"])
    assert large.state == "done" and not large.result["fits"]
    with pytest.raises(WrongState, match="--set batch=8"):
        actions.start(by=lead, job=large)
    waiting = planning.estimate_later(planning.Plan(preset="tiny-sft", data=["worlds/train"]), by=lead)
    with pytest.raises(WrongState, match="no estimate yet"):
        actions.start(by=lead, job=waiting)
    failed = estimated(lead, overrides=["seed=13"])
    assert (failed.state, failed.error) == ("failed", "Clip unlucky-13 cannot be read. Leave it out with --without.")
    gone = estimated(lead, data=["worlds/gone"])
    assert gone.state == "failed" and "worlds/gone is not below" in gone.error
    assert not TrainingRun.objects.exists()


def test_paths_cannot_leave_the_roots(tmp_path, training_room):  # noqa: F811
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "PhysDPO.json").write_text("[]")
    (tmp_path / "data" / "link").symlink_to(outside)
    assert [choice.id for choice in choices.data()] == ["worlds/train"]
    for bad in ("../outside", "link", "/etc", "", ".", "worlds/../../outside", "export:999", "export:x"):
        with pytest.raises(choices.CannotTrain):
            choices.path_of_data(bad)
    for bad in ("run:1:model", "run:x", "model:../outside", "worlds/train"):
        with pytest.raises(choices.CannotTrain):
            choices.path_of_weights(bad)


def test_a_dpo_run_begins_with_a_checkpoint_and_knows_its_parent(lead):
    parent = queued(lead, overrides=["max_steps=20"])
    watched_until(parent, state_is("finished"))
    ids = [choice.id for choice in choices.weights()]
    assert ids == [f"run:{parent.pk}:model", f"run:{parent.pk}:20", f"run:{parent.pk}:10"]
    child = queued(lead, preset="tiny-dpo", init=ids[2], overrides=["max_steps=5"])
    assert (child.parent, child.parent_step, child.stage) == (parent, 10, "dpo")
    watched_until(child, state_is("finished"))
    assert child.spec["init"].endswith("step-000010")
    assert Job.objects.filter(training_run=child).exists()
