"""PhysInstruct: plan(), start(), and the work of the job. Every reply is paid once, whatever dies."""

from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from annotator.models import Clip, Question, Truth
from modelzoo.instruct import firewall, frames, own, replies, rules, seeds, work
from modelzoo.instruct.models import BuildStep, InstructSample, Origin, State
from studio import jobs
from studio.llm import ask, endpoints
from studio.llm.request import chat
from studio.models import Job
from studio.sentences import say

KIND = "modelzoo.physinstruct"
PURPOSE = "physinstruct"
MAX_TOKENS = 1200
FRAMES = 8
ACTIVE = (Job.State.QUEUED, Job.State.RUNNING)


def candidates(*, again=False, model=True):
    """Ready training clips that no person called unusable; without `again` those no model was asked about.

    `model=False`: those from which something can be made without asking, and was not yet.
    """
    clips = Clip.objects.writable().filter(purpose=Clip.Purpose.TRAINING)
    if not model:
        approved = Question.objects.filter(clip=OuterRef("pk"), state=Question.State.APPROVED)
        made = InstructSample.objects.filter(clip=OuterRef("pk"))
        known = Exists(Truth.objects.filter(clip=OuterRef("pk"))) & ~Exists(made.filter(origin=Origin.GLITCHWORLD))
        written = Exists(approved) & ~Exists(made.filter(origin=Origin.QUESTION))
        return clips.filter(known | written).order_by("pk")
    waiting = BuildStep.objects.filter(
        clip=OuterRef("pk"), sample=None, state=BuildStep.State.WAITING, job__state__in=ACTIVE
    )
    clips = clips.exclude(Exists(waiting))
    if not again:
        asked = BuildStep.objects.filter(clip=OuterRef("pk"), sample=None, state=BuildStep.State.DONE)
        clips = clips.exclude(Exists(asked))
    return clips.order_by("pk")


def request_for(endpoint, clip, indices):
    size = frames.size_of(clip.width, clip.height)
    text = seeds.prompt(clip, len(indices))
    return chat(
        endpoint,
        text,
        pictures=frames.pictures(clip, indices, size),
        temperature=0.7,
        max_tokens=MAX_TOKENS,
        response_format=seeds.RESPONSE_FORMAT,
    )


def plan(*, model=None, wanted=FRAMES, limit=None, again=False, clips=None):
    """The `work.Plan` of a build; nothing is asked. `clips`: these and no others, refused ones told."""
    made = work.Plan()
    try:
        made.endpoint = work.endpoint_of(model)
    except endpoints.NoModel as refusal:
        if model:
            raise
        made.no_model = refusal.args[0]
    if clips is None:
        clips = candidates(again=again, model=made.endpoint is not None)
        clips = clips if limit is None else clips[: max(0, limit)]
    made.take(clips)
    if made.no_model:
        return made
    for clip in made.clips:
        made.add(request_for(made.endpoint, clip, frames.middles(clip.frame_count, wanted)))
    made.calls = len(made.clips)
    made.price({PURPOSE: made.calls})
    return made


@transaction.atomic
def start(made, *, by=None, wanted=FRAMES, accept=False):
    """Store the steps of a plan and one job that makes them; without a model the job uses what needs none."""
    name = made.endpoint.name if made.endpoint else ""
    title = say("PhysInstruct of %(count)d clips", count=len(made.clips))
    job = jobs.enqueue(
        KIND, owner=by, title=title, total=made.calls, endpoint=name, accept=accept, clips=[c.pk for c in made.clips]
    )
    if made.endpoint:
        steps = [
            BuildStep(job=job, clip=clip, conditions={"frames": frames.middles(clip.frame_count, wanted)})
            for clip in made.clips
        ]
        BuildStep.objects.bulk_create(steps, batch_size=1000)
    return job


@jobs.job(KIND, queue="llm")
def build(run, *, endpoint, accept, clips):
    result = {"from_questions": own.from_questions(clips)}
    if not endpoint:
        run.log(str(say("No model can be asked, so GlitchWorld's own pairs are used.")))
        return result | {"from_glitchworld": own.from_glitchworld(clips)}
    try:
        found = endpoints.find(endpoint)
    except endpoints.NoModel as refusal:
        raise jobs.JobFailed(refusal.args[0]) from refusal
    work.go_through(run, partial(_ask, run=run, endpoint=found, accept=accept))
    return result


def _ask(step, *, run, endpoint, accept):
    clip = step.clip
    if refused := firewall.refusals([clip]):  # it may have become one since the build was planned
        return work.end(step, reason="clip_refused", detail=refused[clip.pk])
    request = request_for(endpoint, clip, step.conditions["frames"])
    try:
        call = ask.ask(request, endpoint=endpoint, purpose=PURPOSE, run=run)
        glitch, turns = replies.conversation(call)
    except frames.CannotRead as failure:
        return work.end(step, reason="no_frames", detail=str(failure))
    except ask.CallFailed as failure:
        return work.end(step, reason="no_reply", detail=failure.args[0])
    except replies.Refused as refused:
        return work.end(step, reason=refused.reason, call=call)
    size = frames.size_of(clip.width, clip.height)
    seen = {"frames": step.conditions["frames"], "width": size[0], "height": size[1], "title": clip.title}
    keep(clip, call, glitch, turns, seen=seen, job=run.job, accept=accept)
    return work.end(step, call=call)


def keep(clip, call, glitch, turns, *, seen, job, accept):
    """Store every turn of a reply, dropped ones with their reason. The same reply again changes nothing."""
    others = InstructSample.objects.filter(clip=clip).exclude(state=State.REJECTED).exclude(call=call)
    others = list(others.filter(origin=Origin.MODEL).values_list("question", flat=True))
    made = []
    for place, turn in enumerate(turns):
        reason = rules.fault(turn.kind, turn.question, turn.answer, glitch=glitch, others=others)
        if not reason:
            others.append(turn.question)
        state = State.REJECTED if reason else State.ACCEPTED if accept else State.GENERATED
        made.append(
            InstructSample(
                clip=clip,
                origin=Origin.MODEL,
                kind=turn.kind,
                place=place,
                question=turn.question or "–",
                answer=turn.answer or "–",
                state=state,
                reason=reason,
                call=call,
                job=job,
                recipe=seeds.recipe(),
                seen=seen,
                decided_at=None if state == State.GENERATED else timezone.now(),
                draw=own.draw(call.pk, place),
            )  # fmt: skip
        )
    InstructSample.objects.bulk_create(made, ignore_conflicts=True)
