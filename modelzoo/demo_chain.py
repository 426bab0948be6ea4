"""The demo's way from approved questions to figures: rows for training, sealed releases, SFT on one, DPO on the other, and
the checkpoint measured on the demo's benchmark under every protocol.

One background job. Each of its steps finds what an earlier attempt made, so it may be killed anywhere and done again. The
model is the tiny one and learns a few dozen steps: it shows the way, not what can be learned, and its figures are chance.
"""

import time

from django.conf import settings
from django.db import transaction
from django.utils import translation

from annotator import curating
from annotator.models import Clip, Fingerprint, Question
from modelzoo.evaluation import jobs as evaluating
from modelzoo.evaluation import opening, protocols, sets
from modelzoo.instruct import demo, firewall, own
from modelzoo.models import Evaluation, Release, TrainingRun
from modelzoo.releases import content, sealing
from modelzoo.runs import actions, planning
from studio import jobs
from studio.models import Job
from studio.sentences import say

KIND = "modelzoo.demo_chain"
BENCHMARK, INSTRUCT, PREFERENCE = "demo-physgame", "demo-physinstruct", "demo-physdpo"
SFT, DPO = "demo-sft", "demo-dpo"
STEPS = 30
# The tiny model knows no letters, so the controls stand beside its options' likelihoods.
MEASURED = (
    *((protocol, "options") for protocol in ("standard", *protocols.CONTROLS)),
    ("circular", "letters"),
    ("paper", "letters"),
)
BASELINE = "baseline:longest"
WAIT_S = 1800
TRIES = 3
_TICK_S = 0.5


def finished():
    """Whether the demo has its last checkpoint, or somebody has decided otherwise about one of its runs."""
    states = dict(TrainingRun.objects.filter(name__in=[SFT, DPO]).values_list("name", "state"))
    ended = {TrainingRun.State.STOPPED, TrainingRun.State.FAILED}
    if states.get(DPO) == TrainingRun.State.FINISHED:
        return Evaluation.objects.filter(run__name=DPO).exists()
    return bool(ended & set(states.values()))


def start(*, by=None, steps=STEPS):
    """Queue what is missing of the chain; None where nothing is. It is one job however often this is called."""
    if finished():
        return None
    title = say("From the demo's questions to a checkpoint")
    return jobs.enqueue(KIND, owner=by, key=KIND, title=title, total=5, steps=steps)


@jobs.job(KIND, queue="io")
def go(run, *, steps=STEPS):
    with translation.override(settings.LANGUAGE_CODE):
        by = run.job.owner
        _compared(run)
        _give_one_to_training()
        clips = _training_clips()
        own.from_questions(clips)
        own.from_glitchworld(clips)
        own.oppose(clips)
        if by:
            demo.review_some(by)
        run.progress(1, 5)
        _seal(BENCHMARK, "benchmark", by, content.Filters(allow_unchecked=True, leave_out_conflicts=True))
        _seal(INSTRUCT, "instruct", by, content.Filters(leave_out_conflicts=True))
        _seal(PREFERENCE, "preference", by, content.Filters(leave_out_conflicts=True))
        run.progress(2, 5)
        more = [f"max_steps={steps}", "epochs=1000", "warmup=5", "log_every=1", "checkpoint_minutes=0.2"]
        learned = _train(run, planning.Plan("tiny-sft", [f"release:{INSTRUCT}"], overrides=more, name=SFT), by)
        run.progress(3, 5)
        plan = planning.Plan("tiny-dpo", [f"release:{PREFERENCE}"], f"run:{learned.pk}:model", more, name=DPO)
        last = _train(run, plan, by)
        run.progress(4, 5)
        _measure(run, [learned, last], by)
        run.progress(5, 5)
    return {"run": last.pk}


def _until(run, found, sentence):
    """What `found()` gives once it gives something; `JobFailed` with the sentence after half an hour."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if value := found():
            return value
        run.check()
        time.sleep(_TICK_S)
    raise jobs.JobFailed(sentence)


def _compared(run):
    """Wait until all clips were compared with all others."""
    waiting = Fingerprint.objects.filter(compared_at=None, clip__state=Clip.State.READY)
    _until(run, lambda: not waiting.exists(), say("The clips were not compared with each other. Is a worker running?"))


def _give_one_to_training():
    """Let the last approved question be one for training: people of the demo write about benchmark clips only."""
    approved = Question.objects.filter(state=Question.State.APPROVED, clip__content=Clip.Content.ACCEPTED)
    alone = approved.filter(clip__family=None, clip__source=Clip.Source.DEMO)  # twins are of the benchmark's family
    if Release.objects.filter(name=BENCHMARK).exists() or alone.filter(clip__purpose=Clip.Purpose.TRAINING).exists():
        return
    clips = list(alone.filter(clip__purpose=Clip.Purpose.BENCHMARK).order_by("-clip").values_list("clip", flat=True)[:2])
    if clips and approved.count() > 1:  # one stays, for there is to be a benchmark
        curating.give_purpose(clips[:1], Clip.Purpose.TRAINING)


def _training_clips():
    clips = list(Clip.objects.filter(purpose=Clip.Purpose.TRAINING, state=Clip.State.READY))
    refused = firewall.refusals(clips)
    return [clip for clip in clips if clip.pk not in refused]


def _seal(name, kind, by, filters):
    if Release.objects.filter(name=name).exists():
        return
    try:
        sealing.seal(name, kind=kind, filters=filters, by=by)
    except sealing.CannotSeal as refusal:
        raise jobs.JobFailed(str(refusal)) from refusal


def _estimated(run, plan, by):
    """The finished job of a plan's estimate; one that failed is asked for again, for its machine may just have been full."""
    ended = (Job.State.DONE, Job.State.FAILED, Job.State.CANCELLED)
    for _try in range(TRIES):
        job = planning.estimate_later(plan, by=by)
        _until(run, lambda pk=job.pk: Job.objects.filter(pk=pk, state__in=ended), say("There is no worker that trains."))
        job.refresh_from_db()
        if job.state == Job.State.DONE:
            return job
    raise jobs.JobFailed(job.error or say("There is no worker that trains."))


def _measure(run, runs, by):
    """Measure both checkpoints on the demo's benchmark, the last one under all protocols, and wait for the figures."""
    release = Release.objects.get(name=BENCHMARK)
    wanted = [(f"run:{one.pk}:model", "standard", "options") for one in runs[:-1]]
    wanted += [(BASELINE, "standard", "letters"), *((f"run:{runs[-1].pk}:model", *one) for one in MEASURED)]
    question_set = sets.from_release(release)
    try:
        with transaction.atomic():
            opened = [
                opening.open_evaluation(
                    question_set, opening.find_model(model), protocol, scoring=scoring, by=by, state="queued",
                    source={"release": release.name},
                )
                for model, protocol, scoring in wanted
            ]  # fmt: skip
            if waiting := [one for one in opened if not one.is_complete and not (one.job and one.job.is_active)]:
                evaluating.start_together(waiting, by=by)
    except opening.CannotEvaluate as refusal:
        raise jobs.JobFailed(refusal.args[0]) from refusal
    mine = Evaluation.objects.filter(pk__in=[one.pk for one in opened])
    active = mine.filter(state__in=[Evaluation.State.QUEUED, Evaluation.State.RUNNING])
    _until(run, lambda: not active.exists(), say("There is no worker that evaluates."))
    if failed := mine.exclude(state=Evaluation.State.COMPLETE).first():
        raise jobs.JobFailed(say("The evaluation %(name)s did not finish; its page says why.", name=str(failed)))


def _train(run, plan, by):
    """The finished run of a plan: found, or estimated, started and waited for as somebody at the page would do it."""
    found = TrainingRun.objects.filter(name=plan.name).first()
    if found is None:
        found = actions.start(by=by, job=_estimated(run, plan, by))

    def is_over():
        found.refresh_from_db()
        return not found.is_active and found.state != TrainingRun.State.QUEUED and found.carried

    _until(run, is_over, say("There is no worker that trains."))
    if found.state != TrainingRun.State.FINISHED:
        raise jobs.JobFailed(say("The run %(name)s did not finish; its page says why.", name=found.name))
    return found
