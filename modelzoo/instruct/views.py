"""The PhysInstruct pages: builds and counts, the list of samples, and one sample beside its clip, to be ruled on."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from modelzoo.instruct import build_views, building, figures, pages, rulings
from modelzoo.instruct.forms import InstructBuildForm, SampleFilter
from modelzoo.instruct.models import InstructSample
from modelzoo.instruct.pages import ROLES, number
from studio import history
from studio.access import allow

TURNS = 40  # of a conversation that are shown


# ---- Builds and counts


def _home(request, *, form=None, status=200):
    everything, by_kind = figures.acceptance()
    more = {"form": form or InstructBuildForm(), "acceptance": everything, "by_kind": by_kind}
    context = pages.counts(InstructSample, kind=building.KIND) | more
    return render(request, "modelzoo/instruct.html", context, status=status)


@allow(*ROLES)
@require_safe
@never_cache
def instruct(request):
    return _home(request)


_NAMES = {
    "page": _home,
    "home": "instruct",
    "start": "instruct_start",
    "title": gettext_lazy("PhysInstruct build"),
    "without": gettext_lazy("GlitchWorld's own pairs are used, and those of approved questions."),
    "unit": "clips",
}


@allow(*ROLES)
@require_GET
@never_cache
def instruct_plan(request):
    """What a build would ask and cost; nothing is asked yet."""
    return build_views.plan_page(request, InstructBuildForm(request.GET), _NAMES)


@allow(*ROLES)
@require_POST
def instruct_start(request):
    return build_views.start(request, InstructBuildForm(request.POST), _NAMES)


# ---- The list


@allow(*ROLES)
@require_safe
@never_cache
def samples(request):
    return pages.listed(request, SampleFilter(request.GET), InstructSample, "modelzoo/instruct_samples.html")


# ---- One sample


def _conversation(sample):
    """The turns of the conversation a sample is part of, itself included."""
    rows = InstructSample.objects.filter(clip=sample.clip_id, origin=sample.origin)
    rows = rows.filter(call=sample.call_id, revision=sample.revision_id).order_by("place", "pk")
    return rows.only("kind", "question", "answer", "state", "reason", "place")[:TURNS]


def _page(request, sample, *, reviewing, judged=None, status=200, refusal="", typed=None, reject=False):
    """One sample. `typed`: the texts of an edit that could not be stored, so that nobody types them again."""
    context = {
        "sample": sample,
        "clip": sample.clip,
        "playable": sample.clip.state == "ready",
        "turns": _conversation(sample),
        "entries": history.of(sample),
        "reasons": rulings.SAMPLE_REASONS.items(),
        "reviewing": reviewing,
        "judged": judged,
        "refusal": refusal,
        "typed": typed,
        "reject": reject,
        "desk": {"seen": (sample.seen or {}).get("frames", [])},
    }
    return render(request, "modelzoo/instruct_sample.html", context, status=status)


def _sample(pk):
    return get_object_or_404(InstructSample.objects.select_related("clip", "decided_by", "call", "revision", "job"), pk=pk)


@allow(*ROLES)
@require_safe
@never_cache
def review(request):
    """A random sample that waits, or the one of `sample`. `after`: to pass over; `judged`: the last one."""
    after, judged, wanted = (number(request.GET.get(name)) for name in ("after", "judged", "sample"))
    judged = InstructSample.objects.filter(pk=judged).only("state", "version").first() if judged else None
    sample = _sample(wanted) if wanted else rulings.next_sample(request.user, after=after)
    if sample is None:
        everything, _by_kind = figures.acceptance()
        context = {"judged": judged, "passed": after and _waits(after), "acceptance": everything}
        return render(request, "modelzoo/instruct_no_sample.html", context)
    return _page(request, sample, reviewing=True, judged=judged)


def _waits(pk):
    return InstructSample.objects.waiting().filter(pk=pk).exists()


@allow(*ROLES)
@require_safe
@never_cache
def sample(request, pk):
    return _page(request, _sample(pk), reviewing=False)


@allow(*ROLES)
@require_POST
def sample_decide(request, pk):
    """One decision on the version that was seen; then the next sample, or this one again where it was looked up."""
    data, reviewing = request.POST, "review" in request.POST
    decision = data.get("decision")
    get_object_or_404(InstructSample.objects.only("pk"), pk=pk)
    seen = {"user": request.user, "sample_id": pk, "version": number(data.get("version"))}
    typed = {name: data.get(name, "") for name in ("question", "answer")}
    status, refusal = pages.decide(data, {
        "accept": lambda: rulings.accept(**seen),
        "edit": lambda: rulings.edit(**seen, **typed),
        "reject": lambda: rulings.reject(**seen, reason=data.get("reason", "")),
        "reopen": lambda: rulings.reopen(**seen),
    })  # fmt: skip
    if refusal:
        told = {"reviewing": reviewing, "status": status, "refusal": refusal, "reject": decision == "reject"}
        return _page(request, _sample(pk), **told, typed=typed if decision == "edit" else None)
    if reviewing:
        found = "sample" if decision == "reopen" else "judged"
        return redirect(f"{reverse('instruct_review')}?{found}={pk}")
    messages.success(request, _TOLD[decision])
    return redirect("instruct_sample", pk)


_TOLD = {
    "accept": gettext_lazy("It was accepted."),
    "edit": gettext_lazy("It was accepted in your words."),
    "reject": gettext_lazy("It was rejected."),
    "reopen": gettext_lazy("It waits for a person again."),
}
