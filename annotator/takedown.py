"""Taking a clip down: one transaction takes it out of everything that is not sealed, a job then deletes its files.

The clip's row stays, so that the same file or source cannot come back. Rooms above add what they know in `USERS`.
"""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.ingest import store
from annotator.models import Clip, ClipNote, Fingerprint, Lease, Question, Takedown, TakedownMark, WrongState
from studio import jobs
from studio.sentences import say

KIND = "annotator.takedown"
FILES = ("original", "proxy", "poster", "filmstrip")
# Callables (clip, takedown) -> iterable of (kind, id, name, address): sealed or finished things that used the clip, called
# in the job. A room may also remove there what it keeps of the clip and has not sealed; that must be safe to do twice.
USERS = []


def take_down(clip, *, by, reason):
    """Take the clip out of every queue and export at once, and queue the rest; returns the Takedown. WrongState if it is."""
    with transaction.atomic():
        clip = Clip.objects.select_for_update().get(pk=clip.pk)
        if clip.state == Clip.State.TAKEN_DOWN:
            raise WrongState(_("Clip %(id)s is taken down already.") % {"id": clip.pk})
        questions = list(Question.objects.select_for_update().filter(clip=clip).order_by("pk").values_list("pk", "state"))
        taken = Takedown.objects.create(
            clip=clip,
            reason=reason,
            by=by,
            questions=[list(pair) for pair in questions],
            files={field: getattr(clip, field) for field in FILES if getattr(clip, field)},
        )
        Clip.objects.filter(pk=clip.pk).update(state=Clip.State.TAKEN_DOWN, failure="", open_slots=0)
        Lease.objects.filter(clip=clip).delete()
        Lease.objects.filter(revision__question__clip=clip).delete()
        live = Question.objects.filter(clip=clip).exclude(state__in=[Question.State.DRAFT, Question.State.REJECTED])
        live.update(state=Question.State.REJECTED, review_slots=0, settled_at=timezone.now())
        ClipNote.objects.create(clip=clip, text=say("Taken down: %(reason)s", reason=reason), by=by)
        jobs.enqueue(
            KIND, owner=by, key=f"takedown-{clip.pk}", title=say("Take down %(clip)s", clip=clip.name), takedown_id=taken.pk
        )
    return taken


@jobs.job(KIND, queue="io")
def finish(run, *, takedown_id):
    """Mark what used the clip and delete its files. Safe to run twice, and killed anywhere it is run again."""
    taken = Takedown.objects.select_related("clip").get(pk=takedown_id)
    for users in USERS:
        for kind, object_id, name, url in users(taken.clip, taken):
            run.check()
            TakedownMark.objects.get_or_create(
                takedown=taken, kind=kind, object_id=object_id, defaults={"name": str(name)[:300], "url": url}
            )
    remove_made(taken.clip_id, taken.files)
    with transaction.atomic():
        Clip.objects.filter(pk=taken.clip_id).update(**dict.fromkeys(FILES, ""))
        Fingerprint.objects.filter(clip=taken.clip_id).delete()
        Takedown.objects.filter(pk=taken.pk, files_gone_at=None).update(files_gone_at=timezone.now())
    return {"files": len(taken.files), "marks": taken.marks.count()}


def remove_made(clip_id, files):
    """Delete {field: name} from the storage, but not what another clip shows too: files are named by content."""
    others = Clip.objects.exclude(pk=clip_id).exclude(state=Clip.State.TAKEN_DOWN)
    for field, name in files.items():
        if not others.filter(**{field: name}).exists():
            store.remove(name)


def of(clip):
    """The takedown of a clip with all it marked, for its page; None for other clips."""
    if clip.state != Clip.State.TAKEN_DOWN:
        return None
    taken = Takedown.objects.select_related("by").get(clip=clip)
    taken.all_marks = list(taken.marks.order_by("kind", "object_id"))
    return taken


def marks_of(kind, object_id):
    """The takedowns that concern a release, run or checkpoint, newest first, each with its clip."""
    marks = TakedownMark.objects.filter(kind=kind, object_id=object_id).select_related("takedown__clip")
    return [mark.takedown for mark in marks.order_by("-takedown_id")]
