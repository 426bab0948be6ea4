"""The PhysInstruct pages: builds and counts, the list of samples, and one sample beside its clip, to be ruled on."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST, require_safe

from annotator.models import WrongState
from modelzoo.instruct import build_views, building, figures, rulings
from modelzoo.instruct.forms import InstructBuildForm, SampleFilter
from modelzoo.instruct.models import InstructSample, Origin
from studio import history
from studio.access import allow
from studio.roles import Role

PAGE = 30
TURNS = 40  # of a conversation that are shown
ROLES = (Role.LEAD, Role.ADMIN)


def number(text):
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


# ---- Builds and counts


def _home(request, *, form=None, status=200):
    found = figures.cells(InstructSample)
    everything, by_kind = figures.acceptance()
    context = {
        "form": form or InstructBuildForm(),
        "total": sum(cell[-1] for cell in found),
        "states": figures.by_state(found),
        "kinds": figures.table(found, 2, InstructSample.Kind.choices),
        "origins": figures.table(found, 0, Origin.choices),
        "dropped": figures.dropped(found),
        "acceptance": everything,
        "by_kind": by_kind,
        "waiting": figures.by_state(found)["generated"],
        "builds": build_views.newest(building.KIND),
        "no_model": build_views.no_model(),
    }
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
    form = SampleFilter(request.GET)
    rows = form.narrow(InstructSample.objects.select_related("clip", "decided_by")).order_by("-pk")
    rows = list(rows[: PAGE + 1])
    context = {"form": form, "rows": rows[:PAGE], "older": rows[PAGE - 1].pk if len(rows) > PAGE else None}
    return render(request, "modelzoo/instruct_samples.html", context)


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
    version, decision = number(data.get("version")), data.get("decision")
    get_object_or_404(InstructSample.objects.only("pk"), pk=pk)
    seen = {"user": request.user, "sample_id": pk, "version": version}
    try:
        if decision == "accept" and version is not None:
            rulings.accept(**seen)
        elif decision == "edit" and version is not None:
            rulings.edit(**seen, question=data.get("question", ""), answer=data.get("answer", ""))
        elif decision == "reject" and version is not None:
            rulings.reject(**seen, reason=data.get("reason", ""))
        elif decision == "reopen" and version is not None:
            rulings.reopen(**seen)
        else:
            return HttpResponse(_("That is not a decision. Reload the page."), status=422)
    except (WrongState, rulings.BadText) as refusal:
        status = 409 if isinstance(refusal, WrongState) else 422
        told = {"reviewing": reviewing, "status": status, "refusal": str(refusal), "reject": decision == "reject"}
        if decision == "edit":
            told["typed"] = {name: data.get(name, "") for name in ("question", "answer")}
        return _page(request, _sample(pk), **told)
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
