"""The leads' pages of near-duplicates: the list of pairs, and one pair side by side."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator import prints
from annotator.models import Clip, Fingerprint, WrongState
from qc.duplicates import grouping
from qc.duplicates.models import DuplicatePair
from studio import history
from studio.access import allow
from studio.roles import Role

PAGE = 30
State = DuplicatePair.State
_FAMILY_SHOWN = 12


def listed(state):
    """Pairs in a state as the list orders them: the newest first."""
    return DuplicatePair.objects.filter(state=state).select_related("first", "second", "decided_by").order_by("-pk")


@allow(Role.LEAD)
@require_safe
def duplicates(request):
    """Pairs by state, open ones at first."""
    shown = request.GET.get("show")
    shown = shown if shown in State.values else State.OPEN.value
    before = request.GET.get("before", "")
    before = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    rows = listed(shown).filter(pk__lt=before) if before else listed(shown)
    rows = list(rows[: PAGE + 1])
    context = {
        "shown": shown,
        "tabs": State.choices,
        "rows": rows[:PAGE],
        "older": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "without": prints.missing().only("pk").exists(),
        "waiting": Fingerprint.objects.filter(compared_at=None).exists(),
        "ask": settings.DUPLICATE_ASK,
        "family": settings.DUPLICATE_FAMILY,
        "frames": settings.DUPLICATE_FRAMES,
        "bits": settings.DUPLICATE_BITS,
    }
    return render(request, "qc/duplicates.html", context)


def _next_open(pk):
    """The open pair that comes after this one in the list, else the first of the list."""
    pairs = DuplicatePair.objects.filter(state=State.OPEN).exclude(pk=pk).order_by("-pk").values_list("pk", flat=True)
    return pairs.filter(pk__lt=pk).first() or pairs.first()


@allow(Role.LEAD)
@require_safe
@never_cache
def duplicate(request, pk):
    """Two clips side by side, laid on each other where they share frames."""
    pair = get_object_or_404(DuplicatePair.objects.select_related("first", "second", "decided_by"), pk=pk)
    family = pair.first.family_id if pair.together else None
    context = {
        "pair": pair,
        "clips": [pair.first, pair.second],
        "playable": all(clip.state == Clip.State.READY for clip in (pair.first, pair.second)),
        "family": Clip.objects.filter(family=family).order_by("pk")[:_FAMILY_SHOWN] if family else [],
        "next": _next_open(pk),
        "entries": history.of(pair),
        "data": {
            "clips": [
                {"fps": float(clip.fps), "frames": clip.frame_count} if clip.fps_num else None
                for clip in (pair.first, pair.second)
            ],
            "speed": pair.speed,
            "offset": pair.offset_s,
            "mirror": pair.mirror,
            "picture": pair.picture or [1, 0, 1, 0],
            "differs": pair.differs,
        },
    }
    return render(request, "qc/duplicate.html", context)


@allow(Role.LEAD)
@require_POST
def duplicate_rule(request, pk):
    """A verdict; then the next open pair. 409 and the pair as it is now when somebody else was faster."""
    verdict, seen = request.POST.get("verdict", ""), request.POST.get("seen", "")
    if verdict not in State.values or seen not in State.values:
        return HttpResponse(_("That is not a verdict. Reload the page."), status=422)
    get_object_or_404(DuplicatePair.objects.only("pk"), pk=pk)
    try:
        pair = grouping.rule(user=request.user, pair_id=pk, verdict=verdict, seen=seen)
    except WrongState as refusal:
        messages.warning(request, str(refusal))
        return redirect("duplicate", pk)
    told = _("Clips %(first)d and %(second)d: %(verdict)s.")
    if pair.state in grouping.JOINING:
        told += " " + _("They are one family now.")
    messages.success(
        request,
        told % {"first": pair.first_id, "second": pair.second_id, "verdict": pair.get_state_display().lower()},
    )
    following = _next_open(pk)
    return redirect("duplicate", following) if following else redirect("duplicates")
