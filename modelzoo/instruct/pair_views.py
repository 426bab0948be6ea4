"""The PhysDPO pages: builds and statistics, the list of pairs, and one pair with what the misled model saw."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from annotator import diff
from annotator.models import Clip
from modelzoo.instruct import build_views, figures, frames, opposing, pages, rulings, scores
from modelzoo.instruct.forms import PairFilter, PreferenceBuildForm
from modelzoo.instruct.models import PreferencePair
from modelzoo.instruct.pages import ROLES, number
from studio import history
from studio.access import allow

# ---- Builds and statistics


def _home(request, *, form=None, status=200):
    context = pages.counts(PreferencePair, kind=opposing.KIND) | {
        "form": form or PreferenceBuildForm(),
        "statistics": figures.of_pairs(),
        "any": rulings.next_pair(),
    }
    return render(request, "modelzoo/preference.html", context, status=status)


@allow(*ROLES)
@require_safe
@never_cache
def preference(request):
    return _home(request)


_NAMES = {
    "page": _home,
    "home": "preference",
    "start": "preference_start",
    "title": gettext_lazy("PhysDPO build"),
    "without": gettext_lazy("Only pairs that need no model are made: GlitchWorld's own, distractors, wrong time spans."),
    "unit": "samples",
}


@allow(*ROLES)
@require_GET
@never_cache
def preference_plan(request):
    return build_views.plan_page(request, PreferenceBuildForm(request.GET), _NAMES)


@allow(*ROLES)
@require_POST
def preference_start(request):
    return build_views.start(request, PreferenceBuildForm(request.POST), _NAMES)


# ---- The list


@allow(*ROLES)
@require_safe
@never_cache
def pairs(request):
    return pages.listed(request, PairFilter(request.GET), PreferencePair, "modelzoo/preference_pairs.html")


# ---- One pair


def _pair(pk):
    return get_object_or_404(PreferencePair.objects.select_related("clip", "sample", "decided_by", "job"), pk=pk)


def _page(request, pair, *, status=200, refusal="", reject=False):
    shown = opposing.shown_to(pair)
    title_clip = Clip.objects.filter(pk=shown["title_clip"]).only("title", "original_name").first() if shown else None
    context = {
        "pair": pair,
        "clip": pair.clip,
        "playable": pair.clip.state == Clip.State.READY,
        "shown": shown,
        "asked": bool(pair.conditions),
        "title_clip": title_clip,
        "parts": diff.words(pair.chosen, pair.rejected),
        "chosen_means": scores.meaning(pair.chosen_score),
        "rejected_means": scores.meaning_of_rejected(pair),
        "scale": scores.SCALE,
        "reasons": rulings.PAIR_REASONS.items(),
        "next": rulings.next_pair(after=pair),
        "entries": history.of(pair),
        "refusal": refusal,
        "reject": reject,
    }
    return render(request, "modelzoo/preference_pair.html", context, status=status)


@allow(*ROLES)
@require_safe
@never_cache
def pair(request, pk):
    return _page(request, _pair(pk))


@allow(*ROLES)
@require_safe
def pair_frame(request, pk, place):
    """The bytes of one picture as the misled model was shown it, small if it was small."""
    found = _pair(pk)
    shown = opposing.shown_to(found)
    if found.clip.state != Clip.State.READY or not shown or place >= len(shown["frames"]):
        raise Http404
    try:
        (jpeg,) = frames.read(
            found.clip.proxy, found.clip.fps, [shown["frames"][place]], (shown["width"], shown["height"])
        )  # fmt: skip
    except frames.CannotRead as failure:
        raise Http404(_("This frame cannot be read: %(why)s") % {"why": failure}) from failure
    response = HttpResponse(jpeg, content_type="image/jpeg")
    patch_cache_control(response, private=True, max_age=3600)
    return response


@allow(*ROLES)
@require_POST
def pair_decide(request, pk):
    data, found = request.POST, _pair(pk)
    decision = data.get("decision")
    seen = {"user": request.user, "pair_id": pk, "version": number(data.get("version"))}
    status, refusal = pages.decide(data, {
        "accept": lambda: rulings.accept_pair(**seen),
        "reject": lambda: rulings.reject_pair(**seen, reason=data.get("reason", "")),
    })  # fmt: skip
    if refusal:
        return _page(request, _pair(pk), status=status, refusal=refusal, reject=decision == "reject")
    told = _("Pair %(id)s was accepted.") if decision == "accept" else _("Pair %(id)s was rejected.")
    messages.success(request, told % {"id": pk})
    following = rulings.next_pair(after=found)
    return redirect("preference_pair", following) if following else redirect("preference_pairs")
