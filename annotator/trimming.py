"""Cutting away what gives a clip away: its proxy is made anew from the original, which stays as it came."""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator import importing
from annotator.models import Clip, ClipNote, Question, WrongState
from studio.sentences import say


@transaction.atomic
def cut(clip_id, *, first, last, seen, by):
    """Keep frames first..last (None, None: all) of the original of a ready clip; returns the job that makes it so.

    Frames are counted on the proxy of the whole original. `seen` is the (first, last) or None the person looked at. Marks in
    questions count frames of the present proxy, so a clip somebody writes or wrote about is not cut. WrongState says why.
    """
    clip = Clip.objects.select_for_update().get(pk=clip_id)
    whole = first is None and last is None
    if clip.state != Clip.State.READY and not (whole and clip.state == Clip.State.FAILED):  # a cut that failed is taken back
        raise WrongState(_("Clip %(id)s is not ready, so it cannot be cut now.") % {"id": clip_id})
    if clip.cut != seen:
        raise WrongState(_("Clip %(id)s was cut otherwise in between. Look again.") % {"id": clip_id})
    if hasattr(clip, "truth"):
        raise WrongState(
            _("It is known frame by frame what happens in clip %(id)s; a cut would shift that.") % {"id": clip_id}
        )
    written = Question.objects.filter(clip=clip).count()
    if written:
        raise WrongState(
            ngettext(
                "There is %(count)s question about clip %(id)s, whose marks count the frames of the clip as it is."
                " It cannot be cut any more.",
                "There are %(count)s questions about clip %(id)s, whose marks count the frames of the clip as it is."
                " It cannot be cut any more.",
                written,
            )
            % {"count": written, "id": clip_id}
        )
    if clip.leases.exists():
        raise WrongState(_("Somebody is writing about clip %(id)s just now.") % {"id": clip_id})
    if not whole and not 0 <= first < last:
        raise WrongState(_("A cut needs a first frame and a last one, in this order."))
    if not whole and clip.cut is None and last >= clip.frame_count:
        raise WrongState(_("Clip %(id)s has only %(count)s frames.") % {"id": clip_id, "count": clip.frame_count})
    Clip.objects.filter(pk=clip_id).update(cut_first=first, cut_last=last, state=Clip.State.INGESTING, open_slots=0)
    text = say("All of the original is shown again.") if whole else say(
        "Cut to frames %(first)d to %(last)d of the original.", first=first, last=last
    )  # fmt: skip
    ClipNote.objects.create(clip=clip, text=text, by=by)
    return importing.enqueue(clip, by=by)
