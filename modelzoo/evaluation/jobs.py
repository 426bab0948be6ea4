"""Evaluations as background jobs: hosted models are asked by the worker itself, checkpoints by a process of their own.
Open answers are judged by a job that asks the judge, after those of a checkpoint are all there.

A checkpoint's process has torch and its memory to itself, and is gone when it is done. Either way each answer is stored as
it comes, so a job that is done again goes on where it was.
"""

import subprocess
import tempfile
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from modelzoo.evaluation import commanding, judging, opening, runner
from modelzoo.evaluation.models import Evaluation, Prediction
from modelzoo.evaluation.pictures import CannotShow
from modelzoo.physvlm.data.sources import BadData
from studio import jobs
from studio.llm import endpoints
from studio.models import Job
from studio.sentences import say

LOCAL, HOSTED, JUDGE = "modelzoo.evaluate", "modelzoo.evaluate_hosted", "modelzoo.judge"
TOGETHER = "modelzoo.evaluate_together"
_GRACE_S = 10


@transaction.atomic
def start(evaluation, *, by=None, processes=1):
    """Queue the work on an evaluation; while it waits or runs, that job."""
    if runner.waits_for_judge(evaluation):
        return _start_judging(evaluation, by=by)
    hosted = evaluation.model_kind == Evaluation.ModelKind.HOSTED
    title = say("Evaluating %(name)s on %(set)s", name=evaluation.name, set=evaluation.question_set.name)
    total = runner.progress_of(evaluation)[1] if hosted else evaluation.wanted
    job = jobs.enqueue(
        HOSTED if hosted else LOCAL, owner=by, key=f"evaluation-{evaluation.pk}", title=title, total=total,
        evaluation=evaluation.pk, processes=processes,
    )  # fmt: skip
    return _follow(evaluation, job)


@transaction.atomic
def start_together(evaluations, *, by=None):
    """Queue several that need no judge and no hosted model as one job, for one process: loading its libraries takes longer
    than asking a small model a few questions. Whoever stops the job stops all of them.
    """
    pks = [one.pk for one in evaluations]
    title = say("%(count)d evaluations, one after the other", count=len(pks))
    total = sum(one.wanted for one in evaluations)
    job = jobs.enqueue(TOGETHER, owner=by, key=f"evaluations-{pks[0]}", title=title, total=total, evaluations=pks)
    for one in evaluations:
        _follow(one, job)
    return job


def _start_judging(evaluation, *, by=None):
    title = say("Judging the answers of %(name)s to %(set)s", name=evaluation.name, set=evaluation.question_set.name)
    job = jobs.enqueue(
        JUDGE, owner=by, key=f"judging-{evaluation.pk}", title=title, total=judging.counts(evaluation)[1],
        evaluation=evaluation.pk,
    )  # fmt: skip
    return _follow(evaluation, job)


def _follow(evaluation, job):
    """Let the evaluation wait for this job."""
    Evaluation.objects.filter(pk=evaluation.pk, state__in=Evaluation.UNFINISHED).update(
        job=job, state=Evaluation.State.QUEUED, error=""
    )
    evaluation.refresh_from_db()
    return job


def _begin(run, pk):
    """The evaluation of a job, or None where it is complete already."""
    found = Evaluation.objects.select_related("question_set").filter(pk=pk).first()
    if found is None:
        raise jobs.JobFailed(say("The evaluation is gone."))
    Evaluation.objects.filter(pk=pk, state__in=Evaluation.UNFINISHED).update(state=Evaluation.State.RUNNING, error="")
    return None if found.is_complete else found


def _told(run, evaluation, *_args):
    run.progress(runner.done_count(evaluation), evaluation.wanted, unit=gettext_noop("answers"))


def _told_all(run, evaluation, *_args):
    """Answers and judgements together: one job makes both."""
    run.progress(*runner.progress_of(evaluation), unit=gettext_noop("answers and scores"))


def _told_judged(run, evaluation, *_args):
    run.progress(*judging.counts(evaluation), unit=gettext_noop("scores"))


def _guarded(work):
    """Keep with the evaluation why its job ended early; a lost claim is nobody's failure, for somebody goes on."""

    def handler(run, *, evaluation, processes=1):
        found = _begin(run, evaluation)
        if found is None:
            return {"evaluation": evaluation}
        try:
            work(run, found, processes)
        except jobs.Cancelled:
            runner.fail(found, say("Somebody stopped it."), state=Evaluation.State.STOPPED)
            raise
        except jobs.JobFailed as failure:
            runner.fail(found, failure.args[0])
            raise
        except (opening.CannotEvaluate, endpoints.NoModel, CannotShow, BadData) as failure:
            runner.fail(found, failure.args[0])
            raise jobs.JobFailed(failure.args[0]) from failure
        found.refresh_from_db()
        if work is _local and runner.waits_for_judge(found):
            _start_judging(found, by=run.job.owner)
            return {"evaluation": found.pk}
        if not found.is_complete:
            raise jobs.JobFailed(say("It ended before every question was answered; do it again."))
        return {"evaluation": found.pk, "share": found.figures.get("micro", {}).get("share")}

    return handler


def _ended(job):
    """A job that waited was cancelled, or it broke, or its workers died again and again: nothing goes on any more."""
    stopped = job.state == Job.State.CANCELLED
    waiting = Evaluation.objects.filter(job=job, state__in=[Evaluation.State.QUEUED, Evaluation.State.RUNNING])
    waiting.update(
        state=Evaluation.State.STOPPED if stopped else Evaluation.State.FAILED,
        error=say("Somebody stopped it.") if stopped else say("Its job failed; the page of the job says why."),
    )


def _hosted(run, evaluation, _processes):
    from modelzoo.evaluation.hosted import HostedPredictor
    from modelzoo.evaluation.served import ServedPredictor

    told = partial(_told_all if evaluation.judge else _told, run, evaluation)
    told()
    by_letters = evaluation.scoring == Evaluation.Scoring.LETTERS
    predictor = (ServedPredictor if by_letters else HostedPredictor)(evaluation, run=run)
    runner.work(evaluation, predictor, progress=told)
    if evaluation.judge:
        _judge(run, evaluation, told=told)


def _judge(run, evaluation, _processes=1, told=None):
    told = told or partial(_told_judged, run, evaluation)
    told()
    judging.work(evaluation, run, progress=told)
    runner.complete(evaluation)


def _local(run, evaluation, processes):
    command = commanding.command_of(evaluation) + (["--nproc", str(processes)] if processes > 1 else [])
    _process(run, command, partial(_told, run, evaluation))


def _together(run, *, evaluations):
    asked = Evaluation.objects.filter(pk__in=evaluations)
    left = asked.filter(state__in=Evaluation.UNFINISHED).order_by("pk")
    total = sum(one.wanted for one in asked.select_related("question_set"))

    def told():
        run.progress(Prediction.objects.filter(evaluation__in=evaluations).count(), total, unit=gettext_noop("answers"))

    if left:
        _process(run, commanding.command_of(*left), told)
    if left.all():
        raise jobs.JobFailed(say("It ended before every question was answered; do it again."))
    return {"evaluations": evaluations}


def _process(run, command, told):
    """Run a command to its end, tell how far it is, and end it where the job is to end."""
    told()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                told()
                try:
                    process.wait(0.5)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            _end(process)
        said.seek(0)
        lines = [line for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
    told()
    if process.returncode:
        run.log("\n".join(lines[-40:]))
        sentence = lines[-1].removeprefix("CommandError: ") if lines else ""
        raise jobs.JobFailed(
            sentence or say("The process that evaluates ended with code %(code)s.", code=process.returncode)
        )


def _end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


jobs.job(LOCAL, queue="gpu", ended=_ended)(_guarded(_local))
jobs.job(TOGETHER, queue="gpu", ended=_ended)(_together)
jobs.job(HOSTED, queue="llm", ended=_ended)(_guarded(_hosted))
jobs.job(JUDGE, queue="llm", ended=_ended)(_guarded(_judge))
