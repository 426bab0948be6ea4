"""The watcher: one short look at all runs of this machine, every few seconds, on the queue of whoever trains.

A trainer is no child of a task but a process of its own that outlives web server, workers and broker. Each look carries
what the trainer wrote into the database, notices ends, passes on stops, finds runs started from the command line, and
starts the next queued run when the machine is free. All a watcher knows is in the row and in the folder, so any later one
goes on where a killed one was. A lock on a file lets only one look at a time at the processes of a machine.
"""

import contextlib
import fcntl
import json
import logging
import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from modelzoo.models import TrainingRun
from modelzoo.runs import folder, planning, processes
from modelzoo.runs.carry import carry
from studio.sentences import say

logger = logging.getLogger(__name__)
State = TrainingRun.State
_LOOK_S = 2.0  # longest time of one look spent on carrying; the rest waits for the next
_FRESH_S = 60  # a heartbeat this young may be of a living process
_BEGIN_ANEW = {"error": "", "stop_sent_at": None, "killed": False, "finished_at": None, "carried": False}


def look():
    """One look. False when another watcher of this machine is looking just now."""
    with _only_one() as mine:
        if not mine:
            return False
        host = processes.host()
        end = time.monotonic() + _LOOK_S
        _discover(host)
        watched = Q(state__in=TrainingRun.ACTIVE) | Q(carried=False)
        for run in TrainingRun.objects.filter(watched, host=host).order_by("pk"):
            try:
                _look_at(run, end)
            except Exception:  # one odd folder must not hide the other runs
                logger.exception("Run %s could not be watched", run.name)
        _lose_silent(host)
        _start_next(host)
    return True


@contextlib.contextmanager
def _only_one():
    """True for one process of this machine at a time; the kernel frees the lock of a killed one."""
    runs = Path(settings.RUNS_DIR)
    runs.mkdir(parents=True, exist_ok=True)
    with open(runs / f".watch-{processes.host()}", "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


# ---- one run


def _look_at(run, end):
    process = _process_of(run) if run.is_active else None
    all_carried = carry(run)
    while not all_carried and time.monotonic() < end:
        all_carried = carry(run)
    if not run.is_active:
        if all_carried:
            TrainingRun.objects.filter(pk=run.pk).exclude(state__in=TrainingRun.ACTIVE).update(carried=True)
        return
    if process is None:
        _ended(run)
        return
    TrainingRun.objects.filter(pk=run.pk, state__in=TrainingRun.ACTIVE).update(seen_at=timezone.now())
    if run.state == State.STARTING and folder.read_json(folder.path_of(run) / "state.json").get("state") == "running":
        run.move(to=State.RUNNING, allowed=[State.STARTING])
    if run.state == State.STOPPING:
        _pass_on_stop(run, process)


def _process_of(run):
    """The living process of an active run: the one that was started, or the one that beats in its folder."""
    if run.pid is None and run.token:
        # A watcher was killed between starting the process and writing down its id.
        for process in processes.with_token(run.token):
            with contextlib.suppress(processes.psutil.Error):
                changes = {"pid": process.pid, "process_started": process.create_time()}
                TrainingRun.objects.filter(pk=run.pk, token=run.token).update(**changes)
                run.refresh_from_db(fields=list(changes))
                break
    process = processes.find(run.pid, run.process_started)
    return process or processes.of_heartbeat(folder.read_json(folder.path_of(run) / "heartbeat.json"))


def _pass_on_stop(run, process):
    """SIGTERM once, with the file that tells the trainer that a person asked; SIGKILL when the time is over."""
    now = timezone.now()
    if run.stop_sent_at is None:
        with contextlib.suppress(OSError):
            (folder.path_of(run) / "stop").touch()
        processes.terminate(process)
        TrainingRun.objects.filter(pk=run.pk, state=State.STOPPING).update(stop_sent_at=now)
    elif now - run.stop_sent_at > timedelta(seconds=settings.RUN_STOP_GRACE_S):
        TrainingRun.objects.filter(pk=run.pk, state=State.STOPPING).update(killed=True)
        processes.kill([*processes.with_token(run.token), *processes.family(process)])


def _ended(run):
    """No process is left: what became of the run?"""
    if run.state == State.STARTING and run.pid is None:
        run.move(to=State.QUEUED, allowed=[State.STARTING], token=None, attempt=max(0, run.attempt - 1))
        return
    processes.kill(processes.with_token(run.token))  # of several processes some may outlive the first
    state, error = _outcome(run)
    run.move(to=state, allowed=TrainingRun.ACTIVE, error=error, finished_at=timezone.now(), carried=False, eta_s=None)


def _outcome(run):
    path = folder.path_of(run)
    if not path.is_dir():
        return State.LOST, say("Its folder %(folder)s is gone.", folder=str(path))
    said = folder.read_json(path / "state.json")
    state = said.get("state")
    if state in (State.FINISHED, State.FAILED):
        return State(state), str(said.get("error") or "")
    if run.state == State.STOPPING:
        if run.killed:
            seconds = round(settings.RUN_STOP_GRACE_S)
            return State.STOPPED, say("It did not stop within %(seconds)s s and was ended by force.", seconds=seconds)
        return State.STOPPED, ""
    if state in (State.STOPPED, State.INTERRUPTED):
        return State(state), ""
    if state == "running":
        return State.LOST, say("Its process ended without a word, as after kill -9 or when memory ran out.")
    sentence = folder.last_sentence(path)
    return State.FAILED, sentence or say("Its process ended before it wrote anything.")


# ---- all runs


def _discover(host):
    """Runs somebody started from the command line, and runs that were taken up again there."""
    with os.scandir(settings.RUNS_DIR) as entries:
        names = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    names = [name for name in names if _is_storable(name)]
    known = dict(TrainingRun.objects.filter(name__in=names).values_list("name", "state"))
    for name in names:
        path = Path(settings.RUNS_DIR) / name
        if name not in known:
            spec, beat = folder.read_json(path / "spec.json"), folder.read_json(path / "heartbeat.json")
            if spec or beat:
                _adopt_new(name, path, beat, host)
        elif known[name] not in TrainingRun.ACTIVE and _is_fresh(path / "heartbeat.json"):
            _adopt_again(name, path, host)


def _is_storable(name):
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return len(name) <= 255


def _is_fresh(path):
    try:
        return time.time() - path.stat().st_mtime < _FRESH_S
    except OSError:
        return False


def _adopt_new(name, path, beat, host):
    created = datetime.fromtimestamp(path.stat().st_ctime, UTC)
    process = processes.of_heartbeat(beat)
    run = TrainingRun(name=name, by_hand=True, host=host, created_at=created, queued_at=created, started_at=created)
    if process:
        run.state, run.pid, run.process_started = State.RUNNING, process.pid, beat["process_started"]
        run.seen_at = timezone.now()
    elif beat.get("host") not in (None, host) and _is_fresh(path / "heartbeat.json"):
        return  # the watcher of that machine sees its process
    else:
        run.state, run.error = _outcome(run)
        run.finished_at = timezone.now()
    run.attempt = int(folder.read_json(path / "state.json").get("attempt") or 0)
    TrainingRun.objects.bulk_create([run], ignore_conflicts=True)


def _adopt_again(name, path, host):
    beat = folder.read_json(path / "heartbeat.json")
    process = processes.of_heartbeat(beat)
    if process is None:
        return
    run = TrainingRun.objects.get(name=name)
    # Ours again, for instance after a pause of all watchers, when the process has the token of this attempt.
    ours = any(one.pid == process.pid for one in processes.with_token(run.token))
    changes = {
        "host": host,
        "pid": process.pid,
        "process_started": beat["process_started"],
        "by_hand": not ours,
        **_BEGIN_ANEW,
    }
    left = [*TrainingRun.RESUMABLE, State.QUEUED, State.FINISHED]
    with contextlib.suppress(IntegrityError), transaction.atomic():
        run.move(to=State.RUNNING, allowed=left, **changes)


def _lose_silent(host):
    """Runs on machines whose watcher was not heard for long. If one of them is alive, its own watcher takes it back."""
    silent = timezone.now() - timedelta(seconds=settings.RUN_LOST_AFTER_S)
    unseen = Q(seen_at__lt=silent) | Q(seen_at=None, started_at__lt=silent)
    for run in TrainingRun.objects.active().filter(unseen).exclude(host=host):
        error = say("The machine %(host)s was not heard from.", host=run.host)
        run.move(to=State.LOST, allowed=TrainingRun.ACTIVE, error=error, finished_at=timezone.now())


def _start_next(host):
    """Start the run that waits longest, when nothing trains on this machine."""
    if TrainingRun.objects.active().filter(host=host).exists():
        return
    for run in TrainingRun.objects.filter(state=State.QUEUED).order_by("queued_at", "pk"):
        path = folder.path_of(run)
        if run.attempt and run.host != host and not path.is_dir():
            continue  # its checkpoints are on another machine
        if _start(run, path, host):
            return


def _start(run, path, host):
    """True when the run has a process now, or somebody else took it or the machine meanwhile."""
    token, now = uuid.uuid4(), timezone.now()
    changes = {
        "host": host,
        "token": token,
        "pid": None,
        "process_started": None,
        "attempt": run.attempt + 1,
        "by_hand": False,
        "started_at": now,
        "seen_at": now,
        **_BEGIN_ANEW,
    }
    try:
        with transaction.atomic():
            if not run.move(to=State.STARTING, allowed=[State.QUEUED], **changes):
                return False
    except IntegrityError:  # one_started_run_per_machine
        return True
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / "stop").unlink(missing_ok=True)
        before = {"attempt": 0, "step": 0, "steps": 0} | folder.read_json(path / "state.json")
        since = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        _replace(path / "state.json", before | {"state": "queued", "since": since, "error": ""})
        command = planning.command_of(run, path)
        pid, started = processes.start(command, path=path, token=token)
    except (planning.CannotTrain, OSError) as error:
        run.move(to=State.FAILED, allowed=TrainingRun.ACTIVE, error=_words(error), finished_at=timezone.now())
        return False
    TrainingRun.objects.filter(pk=run.pk, token=token).update(pid=pid, process_started=started)
    return True


def _words(error):
    return error.args[0] if isinstance(error, planning.CannotTrain) else str(error)


def _replace(path, value):
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(value), encoding="utf-8")
    part.replace(path)
