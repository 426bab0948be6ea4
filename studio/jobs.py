"""Background work that survives anything: the `Job` row is committed first, the message follows.

    @job("annotator.ingest", queue="cpu")
    def ingest(run, *, clip_id): ...

    jobs.enqueue("annotator.ingest", owner=user, key=f"ingest-{clip.pk}", clip_id=clip.pk)

A handler may run twice (its worker was killed, its message came twice), so it must be safe to repeat. `sweep` sends
again what was never picked up and re-queues jobs whose heartbeat stopped. A worker that is told to stop gives its jobs
back (studio/stopping.py): they wait for another one.
"""

import logging
import threading
import time
import traceback
import uuid
from dataclasses import dataclass
from datetime import timedelta

import pghistory
from django.conf import settings
from django.db import IntegrityError, OperationalError, close_old_connections, connection, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Concat
from django.utils import timezone

from studio import logs, stopping
from studio.models import Job
from studio.sentences import say

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 4


class Cancelled(Exception):
    """Raised inside a handler when somebody cancelled its job."""


class JobFailed(Exception):
    """A failure whose sentence (`say(...)`) is meant for people; the job ends without a traceback and is not tried again."""


class LostClaim(Exception):
    """This attempt no longer owns its job: the sweep took it for dead and somebody else runs it."""


class WorkerStops(LostClaim):
    """The worker is told to stop: this attempt ends in good order, and another worker goes on with the job."""


@dataclass(frozen=True)
class Kind:
    name: str
    queue: str
    handler: object
    ended: object = None


_kinds = {}


def job(name, *, queue, ended=None):
    """Register a handler `f(run, **arguments) -> dict | None` for jobs of this kind.

    `ended(job)` is called when a job was cancelled or failed, also where no handler could notice: it waited, or the sweep
    gave it up. It runs in whichever process ended the job, and must bear being called twice.
    """
    assert queue in settings.QUEUES, queue

    def register(handler):
        _kinds[name] = Kind(name, queue, handler, ended)
        return handler

    return register


def kinds():
    """The names of all kinds of job this process knows."""
    return sorted(_kinds)


def enqueue(kind, *, owner=None, key="", title="", total=None, unit="", **arguments):
    """Store a job and ring its queue once the transaction commits. Returns the active job if `key` already has one."""
    queue = _kinds[kind].queue
    job = Job(
        kind=kind,
        queue=queue,
        owner=owner,
        key=key,
        title=title,
        total=total,
        unit=unit,
        arguments=arguments,
        sent_at=timezone.now(),
    )
    if key:
        created = Job.objects.bulk_create([job], ignore_conflicts=True)
        stored = Job.objects.active().filter(key=key).first()
        if stored is None:  # the other one ended between the two statements
            return enqueue(kind, owner=owner, key=key, title=title, total=total, unit=unit, **arguments)
        job = stored if created[0].pk is None else created[0]
    else:
        job.save()
    transaction.on_commit(lambda: ring(job))
    return job


def ring(job):
    """Tell a worker that there is something to do. Losing this message loses nothing: the sweep rings again."""
    from studio.tasks import run_job

    try:
        run_job.apply_async([job.pk], queue=job.queue, retry=False)
    except Exception:  # any broker trouble: the row is stored, and the sweep will ring
        logger.warning("The broker did not take job %s; the sweep will send it again.", job.pk, exc_info=True)


def ring_many(jobs):
    for job in jobs:
        ring(job)


class Run:
    """What a handler sees of its job: progress, log and whether to stop. Its writes are refused once the claim is lost."""

    _WRITE_EVERY_S = 0.5

    def __init__(self, job):
        self.job = job
        self.result = {}
        self._written = 0.0
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._cancel = threading.Event()
        self._leaves = False

    def _mine(self):
        return Job.objects.filter(pk=self.job.pk, state=Job.State.RUNNING, run_token=self.job.run_token)

    def holds(self):
        """Whether this attempt still owns its job, and so what it left behind; not when it leaves it to another."""
        return not self._leaves and self._mine().exists()

    def check(self):
        """Raise `Cancelled`, `LostClaim` or `WorkerStops` if this attempt should not go on."""
        if self._lost.is_set():
            raise LostClaim
        if self._cancel.is_set():
            raise Cancelled
        if stopping.is_asked():
            self._leaves = True
            raise WorkerStops

    def progress(self, done, total=None, *, unit=None):
        self.check()
        now = time.monotonic()
        if now - self._written < self._WRITE_EVERY_S and done != total:
            return
        self._written = now
        changes = {"done": done, "heartbeat_at": timezone.now()}
        if total is not None:
            changes["total"] = total
        if unit is not None:
            changes["unit"] = unit
        if not self._mine().update(**changes):
            raise LostClaim

    def log(self, line):
        stamp = timezone.now().strftime("%H:%M:%S")
        self._mine().update(log=Concat(F("log"), Value(f"{stamp} {line}\n")))

    def finish(self, state, **changes):
        """End the job if this attempt still owns it; returns whether it did."""
        return bool(self._mine().update(state=state, finished_at=timezone.now(), **changes))

    def give_back(self):
        """Let the job wait for another worker, as if this attempt had not been; the next sweep sends it there."""
        self.log("The worker was told to stop; another one goes on.")
        changes = {"run_token": None, "sent_at": None, "heartbeat_at": None, "attempts": F("attempts") - 1}
        return bool(self._mine().update(state=Job.State.QUEUED, **changes))

    def beat(self):
        """Heartbeat loop of its own thread: prove life, notice a cancel, notice a lost claim."""
        try:
            while not self._stop.wait(settings.JOB_HEARTBEAT_S):
                try:
                    if not self._mine().update(heartbeat_at=timezone.now()):
                        self._lost.set()
                        return
                    if Job.objects.filter(pk=self.job.pk, cancel_requested=True).exists():
                        self._cancel.set()
                except OperationalError:
                    # PostgreSQL is away; if it stays away the sweep decides, so just try again.
                    close_old_connections()
        finally:
            connection.close()

    def __enter__(self):
        self._thread = threading.Thread(target=self.beat, name=f"heartbeat-{self.job.pk}", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._thread.join()


def claim(job_id):
    """Make this process the one that runs the job; None when it is not waiting any more."""
    token = uuid.uuid4()
    now = timezone.now()
    claimed = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, run_token=token, started_at=now, heartbeat_at=now, attempts=F("attempts") + 1, error=""
    )
    return Job.objects.select_related("owner").get(pk=job_id, run_token=token) if claimed else None


def run(job_id):
    """Claim and run one job to its end. Returns its state then, or None when there was nothing to do."""
    if stopping.is_asked():  # the message is gone, so the sweep has to send another
        Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(sent_at=None)
        return None
    job = claim(job_id)
    if job is None:
        return None
    token = logs.job_id.set(str(job.pk))
    kind = _kinds.get(job.kind)
    current = Run(job)
    try:
        with current, pghistory.context(user=job.owner_id, job=job.pk):
            if job.cancel_requested:
                raise Cancelled
            if kind is None:
                raise JobFailed(
                    say("This worker does not know jobs of kind %(kind)s; is it an older version?", kind=job.kind)
                )
            result = kind.handler(current, **job.arguments)
        state, changes = Job.State.DONE, {"result": result or {}}
    except Cancelled:
        state, changes = Job.State.CANCELLED, {}
    except WorkerStops:
        return Job.State.QUEUED if current.give_back() else None
    except LostClaim:
        logger.warning("Job %s was given to another worker; this attempt stops.", job.pk)
        return None
    except JobFailed as error:
        state, changes = Job.State.FAILED, {"error": error.args[0]}
    except OperationalError:
        # The database went away under us. Nothing can be written; the sweep finds the stopped heartbeat.
        logger.exception("Job %s lost the database", job.pk)
        close_old_connections()
        raise
    except Exception:
        logger.exception("Job %s failed", job.pk)
        state, changes = Job.State.FAILED, {"error": traceback.format_exc(limit=-6)}
    finally:
        logs.job_id.reset(token)
    if state == Job.State.FAILED and stopping.is_asked():
        # A program it had started may have got the signal too, so this says nothing of the work itself.
        return Job.State.QUEUED if current.give_back() else None
    if not current.finish(state, **changes):
        return None
    if state != Job.State.DONE:
        _tell_ended([job.pk])
    return state


def _tell_ended(pks):
    """Tell the kinds of these jobs that they ended without being done."""
    kinds = [name for name, kind in _kinds.items() if kind.ended]
    for job in Job.objects.filter(pk__in=pks, kind__in=kinds, state__in=[Job.State.FAILED, Job.State.CANCELLED]):
        _kinds[job.kind].ended(job)


def cancel(job):
    """Ask a job to stop; one that has not begun is cancelled at once. Returns whether it was still active."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
    if waiting.update(state=Job.State.CANCELLED, cancel_requested=True, finished_at=now):
        _tell_ended([job.pk])
        return True
    return bool(Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(cancel_requested=True))


def retry(job):
    """Queue a failed or cancelled job again; False when it was neither, or the same work is active under another row."""
    try:
        with transaction.atomic():
            again = Job.objects.filter(pk=job.pk, state__in=[Job.State.FAILED, Job.State.CANCELLED]).update(
                state=Job.State.QUEUED,
                cancel_requested=False,
                error="",
                done=0,
                attempts=0,
                run_token=None,
                sent_at=timezone.now(),
                started_at=None,
                finished_at=None,
                heartbeat_at=None,
            )
    except IntegrityError:  # the same work (same key) is queued or running already
        return False
    if again:
        transaction.on_commit(lambda: ring(job))
    return bool(again)


def sweep():
    """Re-queue jobs whose worker died and ring again for jobs nobody picked up. Returns how many were sent."""
    now = timezone.now()
    lost = Q(state=Job.State.RUNNING, heartbeat_at__lt=now - timedelta(seconds=settings.JOB_LOST_AFTER_S))
    ending = list(
        Job.objects.filter(lost)
        .filter(Q(attempts__gte=MAX_ATTEMPTS) | Q(cancel_requested=True))
        .values_list("pk", flat=True)
    )
    given_up = Job.objects.filter(lost, attempts__gte=MAX_ATTEMPTS).update(
        state=Job.State.FAILED,
        finished_at=now,
        error=say(
            "The worker died %(count)d times while doing this. See the worker's log; retry when it is mended.",
            count=MAX_ATTEMPTS,
        ),
    )
    if given_up:
        logger.error("%s jobs failed because their worker died %s times", given_up, MAX_ATTEMPTS)
    stopped = Job.objects.filter(lost, cancel_requested=True).update(state=Job.State.CANCELLED, finished_at=now)
    if ending:
        _tell_ended(ending)
    Job.objects.filter(lost).update(state=Job.State.QUEUED, run_token=None, sent_at=None)
    silent = now - timedelta(seconds=settings.JOB_LOST_AFTER_S * 2)
    waiting = Job.objects.filter(Q(sent_at=None) | Q(sent_at__lt=silent), state=Job.State.QUEUED).order_by("id")[:1000]
    jobs = list(waiting)
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(sent_at=now)
    ring_many(jobs)
    return len(jobs) + stopped
