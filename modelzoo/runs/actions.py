"""What people do with training runs: start, stop, resume. Each is one guarded UPDATE; a watcher does the rest."""

import logging
import uuid

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from modelzoo.models import TrainingRun, WrongState
from modelzoo.runs import planning
from studio.models import Job

logger = logging.getLogger(__name__)
State = TrainingRun.State


def ring():
    """Let a watcher look at once. Nothing is lost when the broker is away: one looks every few seconds anyway."""
    from modelzoo.tasks import watch_runs

    try:
        watch_runs.apply_async(queue="gpu", retry=False, expires=30)
    except Exception:  # any broker trouble
        logger.warning("The broker did not take the call for a watcher.", exc_info=True)


@transaction.atomic
def start(*, by, job):
    """Queue the run that the estimate `job` was made for. Twice gives the same run; `WrongState` if it cannot fit."""
    job = Job.objects.select_for_update().get(pk=job.pk)
    found = TrainingRun.objects.filter(planned=job).first()
    if found:
        return found
    if job.kind != planning.KIND or job.state != Job.State.DONE:
        raise WrongState(_("There is no estimate yet. Wait for it, then start the run."))
    if not job.result.get("fits"):
        raise WrongState(job.result.get("advice") or _("The estimate says that this cannot fit."))
    plan = planning.Plan(**job.arguments)
    parent, parent_step = planning.parent_of(plan)
    run = TrainingRun(
        name=_free_name(plan),
        owner=by,
        planned=job,
        stage=plan.stage,
        preset=plan.preset,
        plan=job.arguments,
        estimate=job.result,
        parent=parent,
        parent_step=parent_step,
        steps=job.result.get("steps") or 0,
    )
    try:
        with transaction.atomic():
            run.save()
    except IntegrityError as error:
        raise WrongState(_("Another run took this name just now. Start this one again.")) from error
    transaction.on_commit(ring)
    return run


def _free_name(plan):
    """The name that was asked for, or one of the preset; with a few characters more where it is taken."""
    name = plan.name or f"{plan.preset}-{timezone.now():%Y%m%d-%H%M%S}"
    taken = TrainingRun.objects.filter(name=name).exists()
    return f"{name}-{uuid.uuid4().hex[:6]}" if taken else name


def stop(run):
    """A queued run stops at once; a running one saves first. `WrongState` when there is nothing to stop."""
    if run.move(to=State.STOPPED, allowed=[State.QUEUED], finished_at=timezone.now(), carried=True):
        return
    run.must_move(to=State.STOPPING, allowed=[State.STARTING, State.RUNNING], stop_sent_at=None, killed=False)
    transaction.on_commit(ring)


def resume(run):
    """Queue a run again; it goes on from its newest checkpoint."""
    if not run.plan and not run.spec:
        raise WrongState(_("Nobody knows what this run should train: it has no spec.json."))
    run.must_move(to=State.QUEUED, allowed=TrainingRun.RESUMABLE, queued_at=timezone.now(), error="", finished_at=None)
    transaction.on_commit(ring)
