"""Training runs: the list, "New run" with its estimate, the live page of a run, comparing runs.

Leads and admins see, start, stop and resume runs: they answer for the machines and for what a model is trained on.
"""

from django.conf import settings
from django.contrib import messages
from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotator import takedown
from modelzoo.models import TrainingRun, WrongState
from modelzoo.physvlm import presets
from modelzoo.releases import training
from modelzoo.run_forms import PlanForm, RunFilter
from modelzoo.runs import actions, charts, planning, series
from studio import health, history
from studio.access import allow
from studio.models import Job
from studio.roles import Role

PAGE = 30
MOST_CHECKPOINTS = 50
MOST_SAMPLES = 60
_ROLES = (Role.LEAD, Role.ADMIN)


def _missing_worker():
    """How to start the worker that trains, "" when there is one."""
    return health.worker_command("gpu") if health.worker_missing("gpu") else ""


# ---- The list


@allow(*_ROLES)
@require_GET
@never_cache
def runs(request):
    form = RunFilter(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = TrainingRun.objects.for_lists()
    for name in ("state", "stage"):
        if chosen.get(name):
            found = found.filter(**{name: chosen[name]})
    if chosen.get("before"):
        found = found.filter(pk__lt=chosen["before"])
    rows = list(found.order_by("-pk")[: PAGE + 1])
    context = {
        "form": form,
        "runs": rows[:PAGE],
        "older": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "filtered": any(chosen.get(name) for name in ("state", "stage", "before")),
        "live": any(run.is_live for run in rows),
        "missing_worker": _missing_worker(),
        "most": charts.MOST_RUNS,
    }
    return render(request, "modelzoo/_runs.html" if request.htmx else "modelzoo/runs.html", context)


# ---- A new run


@allow(*_ROLES)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def run_new(request):
    """The form. Sending it queues the estimate; the run is started from the page of the estimate."""
    if request.method == "POST":
        form = PlanForm(request.POST)
        if form.is_valid():
            return redirect("run_plan", planning.estimate_later(form.plan, by=request.user).pk)
    else:
        form = PlanForm(initial=_first_values(request))
    context = {"form": form, "presets": _preset_rows(), "settings": presets.SETTINGS.values()}
    context["roots"] = settings.TRAINING_DATA_DIRS
    return render(request, "modelzoo/run_new.html", context, status=422 if form.errors else 200)


def _first_values(request):
    """What the form says at first: as a plan did, or beginning with the weights that a link names."""
    before = request.GET.get("like", "")
    if before.isdecimal() and len(before) < 19:
        job = Job.objects.filter(pk=int(before), kind=planning.KIND).first()
        if job:
            return PlanForm.of(job.arguments)
    if request.GET.get("init"):
        return {"preset": request.GET.get("preset", "tiny-dpo"), "init": request.GET["init"], "processes": 1}
    return {"processes": 1}


def _preset_rows():
    """{preset: {setting: value}} for the table beside the form."""
    return {preset.name: preset.settings for preset in presets.PRESETS.values()}


def _estimate(pk):
    return get_object_or_404(Job.objects.select_related("owner", "training_run"), pk=pk, kind=planning.KIND)


@allow(*_ROLES)
@require_GET
@never_cache
def run_plan(request, pk):
    """What was asked for and what it would take, as soon as that is known."""
    job = _estimate(pk)
    context = {"job": job, "plan": planning.Plan(**job.arguments), "run": getattr(job, "training_run", None)}
    part = request.htmx and request.GET.get("part") == "estimate"
    return render(request, "modelzoo/_estimate.html" if part else "modelzoo/run_plan.html", context)


@allow(*_ROLES)
@require_POST
def run_start(request, pk):
    run = actions.start(by=request.user, job=_estimate(pk))
    return redirect("run", run.pk)


# ---- One run


def _run(pk):
    return get_object_or_404(TrainingRun.objects.select_related("owner", "parent", "planned"), pk=pk)


@allow(*_ROLES)
@require_GET
@never_cache
def run_page(request, pk):
    """The page, or to htmx one part of it: `state` every two seconds, `log` and `rest` less often."""
    run = _run(pk)
    part = request.GET.get("part") if request.htmx else None
    if part == "state":
        return _state(request, run)
    if part == "log":
        return render(request, "modelzoo/_run_log.html", {"run": run})
    context = {"run": run, **_state_context(run), **_rest_of(run)}
    if part == "rest":
        return render(request, "modelzoo/_run_rest.html", context)
    context["page"] = _page_data([run])
    context["takedowns"] = takedown.marks_of("run", run.pk)
    return render(request, "modelzoo/run.html", context)


def _state_context(run):
    waits_for = None
    if run.state == TrainingRun.State.QUEUED:
        waits_for = TrainingRun.objects.active().only("name", "pk").order_by("pk").first()
    needs_worker = run.is_active or run.state == TrainingRun.State.QUEUED
    return {"waits_for": waits_for, "missing_worker": _missing_worker() if needs_worker else ""}


def _state(request, run, *, status=200, sentence=""):
    context = {"run": run, "sentence": sentence, **_state_context(run)}
    response = render(request, "modelzoo/_run_state.html", context, status=status)
    shown = request.GET.get("was", "")
    if shown and shown != f"{run.state}{run.attempt}":
        response["HX-Trigger-After-Swap"] = "run-changed"
    return response


def _rest_of(run):
    """Checkpoints, answers and lineage."""
    answers = {}
    for sample in run.samples.order_by("-step", "pk")[:MOST_SAMPLES]:
        found = answers.setdefault((sample.clip_id, sample.question, sample.expected), [])
        if not found or found[-1].step != sample.step:  # pairs that differ in what is rejected ask the same
            found.append(sample)
    return {
        "checkpoints": run.checkpoints.order_by("-step")[:MOST_CHECKPOINTS],
        "samples": [
            {"clip_id": clip_id, "question": question, "expected": expected, "answers": found}
            for (clip_id, question, expected), found in answers.items()
        ],
        "children": run.children.only("name").order_by("-pk")[:MOST_CHECKPOINTS],
        "entries": history.of(run, limit=30),
        "overrides": run.spec.get("overrides") or dict(text.split("=", 1) for text in run.plan.get("overrides", [])),
        "settings": run.spec.get("settings") or {},
        "data": _data_of(run),
    }


def _data_of(run):
    """[(what the run says of a folder it was trained on, the `Release` that was written there or None), ...]."""
    found, known = training.sources_of(run), {}
    if any(told for _source, told in found):
        used = run.trained_on.select_related("release").defer("release__card", "release__facts")
        known = {(one.release.name, one.sha256): one.release for one in used}
    return [(source, known.get((str(told.get("name")), str(told.get("sha256"))))) for source, told in found]


def _page_data(runs):
    """What the scripts of the charts need to know."""
    return {
        "runs": [
            {"id": run.pk, "name": run.name, "live": run.is_live, "series": reverse("run_series", args=[run.pk])}
            for run in runs
        ],
        "charts": charts.for_page(runs),
    }


@allow(*_ROLES)
@require_GET
@never_cache
def run_series(request, pk):
    """Curves as JSON, a bounded number of points: ?keys=loss,step [&since=&until=] [&level=&known=]."""
    run = get_object_or_404(TrainingRun.objects.defer("spec", "plan", "estimate", "log_tail"), pk=pk)
    keys = [key for key in request.GET.get("keys", "").split(",") if key in charts.KEYS]
    found = series.read(
        run,
        keys=list(dict.fromkeys(keys)),
        since=_number(request, "since"),
        until=_number(request, "until"),
        known_level=_number(request, "level"),
        known=int(_number(request, "known") or 0),
    )
    return JsonResponse({**found, "live": run.is_live, "attempt": run.attempt})


def _number(request, name):
    try:
        value = float(request.GET[name])
    except (KeyError, ValueError):
        return None
    return value if abs(value) < 1e15 else None


@allow(*_ROLES)
@require_POST
def run_stop(request, pk):
    return _act(request, pk, actions.stop)


@allow(*_ROLES)
@require_POST
def run_resume(request, pk):
    return _act(request, pk, actions.resume)


def _act(request, pk, action):
    run = _run(pk)
    status, sentence = 200, ""
    try:
        action(run)
    except WrongState as error:
        status, sentence = 409, str(error)
    if request.htmx:
        response = _state(request, run, status=status, sentence=sentence)
        response["HX-Trigger-After-Swap"] = "run-changed"
        return response
    if sentence:
        messages.error(request, sentence)
    return redirect("run", pk)


# ---- Several runs


@allow(*_ROLES)
@require_GET
@never_cache
def run_compare(request):
    """The curves of several runs in the same charts: ?run=3&run=5."""
    wanted = [int(pk) for pk in request.GET.getlist("run") if pk.isdecimal() and len(pk) < 19]
    found = TrainingRun.objects.for_lists().in_bulk(list(dict.fromkeys(wanted))[: charts.MOST_RUNS])
    chosen = [found[pk] for pk in dict.fromkeys(wanted) if pk in found]
    others = list(TrainingRun.objects.for_lists().exclude(pk__in=found).order_by("-pk")[:PAGE])
    too_many = len(set(wanted)) > charts.MOST_RUNS
    if too_many:
        messages.warning(request, _("The first %(most)s runs are shown.") % {"most": charts.MOST_RUNS})
    context = {"runs": chosen, "others": others, "page": _page_data(chosen), "most": charts.MOST_RUNS}
    return render(request, "modelzoo/run_compare.html", context)
