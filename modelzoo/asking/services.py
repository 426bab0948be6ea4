"""What is done with asks: begin one, begin it again, stop it, and forget what is no longer needed."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator import letters
from annotator.ingest import sniff, store
from annotator.ingest.refusals import Refused
from annotator.models import Clip, Question
from modelzoo.asking import jobs, serving
from modelzoo.asking.jobs import FOLDER
from modelzoo.asking.models import LETTERS, Ask
from studio import jobs as background
from studio.errors import Conflict
from studio.models import Job

_TIDIED_AT_ONCE = 20


class WrongAsk(ValueError):
    """This cannot be asked; `field` names what is wrong, the sentence says what to do."""

    def __init__(self, field, sentence):
        super().__init__(sentence)
        self.field = field


class TooMany(Conflict):
    """This person has as many open asks as one may have."""


def offered():
    """{choice of a model: its label} of what can be asked now."""
    served, own = serving.models()
    return dict([*served, *own])


def begin(*, by, model, text, options=(), clip=None, incoming=None, question=None):
    """Store an ask about a clip or an uploaded file (`store.Incoming`) and queue it; `WrongAsk` or `TooMany`."""
    names = offered()
    if model not in names:
        raise WrongAsk("model", _("%(name)s is not offered.") % {"name": model})
    options = [option for option in (one.strip() for one in options) if option]
    if len(options) == 1 or len(options) > len(LETTERS):
        raise WrongAsk("options", _("Give no options, or two to six."))
    if (clip is None) == (incoming is None):
        raise WrongAsk("clip", _("Choose a clip, or upload one."))
    if clip is not None and clip.state != Clip.State.READY:
        raise WrongAsk("clip", _("The clip is not ready, or was taken down."))
    _check_room(by)
    ask = Ask(
        clip=clip, question=question, model=model, model_name=names[model][:200], text=text.strip(), options=options,
    )  # fmt: skip
    if incoming is not None:
        tidy()
        ask.video, ask.video_name = _keep(incoming)
    return jobs.start(ask, by=by)


def _check_room(by):
    if Ask.objects.of(by).open().count() >= settings.ASK_MOST_OPEN:
        raise TooMany(
            _("You have %(count)s questions under way. Wait for an answer, or stop one.") % {"count": settings.ASK_MOST_OPEN}
        )


def _keep(incoming):
    """(name in the storage, what it was called) of an uploaded file that may be a video."""
    with incoming:
        found = sniff.look(incoming.finish().path)
        if found:
            raise WrongAsk("file", str(Refused(found[0], **found[1])))
        if Clip.objects.filter(sha256=incoming.sha256, state=Clip.State.TAKEN_DOWN).exists():
            raise WrongAsk("file", _("This clip was taken down."))
        name = str(incoming.name or "")[:200]
        return store.keep(incoming.path, FOLDER, incoming.sha256, store.suffix_of(name)), name


def again(ask, *, by):
    """A new ask of the same; `WrongAsk` where its clip is gone."""
    if ask.clip is None and not store.exists(ask.video):
        raise WrongAsk("clip", _("The clip's file is gone. Choose another clip, or upload it again."))
    if ask.model not in offered():
        raise WrongAsk("model", _("%(name)s is not offered.") % {"name": ask.model_name})
    _check_room(by)
    fields = "clip video video_name question model model_name text options".split()
    return jobs.start(Ask(**{field: getattr(ask, field) for field in fields}), by=by)


def stop(ask):
    """Stop it; False where it had ended."""
    return bool(ask.job and background.cancel(ask.job))


def ahead(ask):
    """How many jobs its worker does before it: those that run and those that were queued earlier."""
    return Job.objects.active().filter(
        Q(state=Job.State.RUNNING) | Q(pk__lt=ask.job_id), queue=ask.job.queue
    ).exclude(pk=ask.job_id).count()  # fmt: skip


def stored_questions(user, clip):
    """Approved questions about a clip that this person may see; others could still be answered blind by them."""
    found = Question.objects.filter(clip=clip, state=Question.State.APPROVED).visible_to(user)
    return found.only("pk", "stem", "correct", "distractor_1", "distractor_2", "distractor_3", "clip_id").order_by("pk")[:20]


def options_of(question):
    """Its options in an order that does not tell the key, the same whenever it is asked."""
    return [question.options[key] for key in letters.rotations("ask", question.pk)[0]]


def tidy():
    """Delete uploaded files that are older than settings.ASK_KEEP_DAYS, a few at a time."""
    before = timezone.now() - timedelta(days=settings.ASK_KEEP_DAYS)
    for ask in Ask.objects.filter(created_at__lt=before).exclude(video="").order_by("pk")[:_TIDIED_AT_ONCE]:
        name = ask.video
        Ask.objects.filter(pk=ask.pk).update(video="")
        if not Ask.objects.filter(video=name).exists():
            store.remove(name)


def remove_of(clip, takedown):
    """Delete the pictures of a clip that is taken down. One of annotator.takedown.USERS; safe to do twice."""
    for ask in Ask.objects.filter(clip=clip).exclude(frames_image="", heat_image=""):
        Ask.objects.filter(pk=ask.pk).update(frames_image="", heat_image="", heat={})
        for name in (ask.frames_image, ask.heat_image):
            if name and not Ask.objects.filter(Q(frames_image=name) | Q(heat_image=name)).exists():
                store.remove(name)
    return ()
