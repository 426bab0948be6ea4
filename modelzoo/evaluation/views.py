"""The leaderboard, and evaluations: the list, a new one, bringing predictions in, the page of one.

Everybody with a role sees the leaderboard. Predictions show the keys of questions, so they are for leads and admins.
"""

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from modelzoo.evaluation import comparing, hosted, importing, jobs, leaderboard, opening, protocols, runner, shown
from modelzoo.evaluation.forms import ImportPredictions, NewEvaluation, resolve_set
from modelzoo.evaluation.models import Evaluation, QuestionSet
from modelzoo.evaluation.published import SOURCE, SOURCE_URL
from studio.access import ANYONE, allow
from studio.roles import Role

PAGE = 30
_ROLES = (Role.LEAD, Role.ADMIN)
State = Evaluation.State


# ---- The leaderboard


def _asked(request):
    """What the address asks the leaderboard for; unknown values are as if left out."""
    query = request.GET
    benchmark = query.get("benchmark") if query.get("benchmark") in leaderboard.BENCHMARKS else "physgame"
    protocol = query.get("protocol", "")
    protocol = protocol if protocol in protocols.PROTOCOLS or protocol == "published" else ""
    chosen = query.get("set", "")
    chosen = int(chosen) if chosen.isdecimal() and len(chosen) < 19 else None
    keys = [key for key, *_rest in leaderboard.columns(benchmark)]
    sort = query.get("sort") if query.get("sort") in [*keys, "name"] else keys[0]
    return {
        "benchmark": benchmark, "protocol": protocol, "question_set": chosen, "sort": sort,
        "descending": query.get("order") != "up",
    }  # fmt: skip


def _leaderboard(request, *, is_public):
    asked = _asked(request)
    benchmark = asked["benchmark"]
    rows = leaderboard.build(**asked)
    groups, shown_columns = [], leaderboard.columns(benchmark)
    for _key, _label, group in shown_columns:
        if groups and groups[-1][0] == group:
            groups[-1][1] += 1
        else:
            groups.append([group, 1])
    sets = QuestionSet.objects.filter(benchmark=benchmark, evaluations__state=State.COMPLETE, evaluations__hidden=False)
    context = {
        **asked,
        "rows": [
            (row, [(row.cells.get(key), key in leaderboard.HEADLINES) for key, *_rest in shown_columns]) for row in rows
        ],
        "columns": shown_columns,
        "groups": groups,
        "lead": groups[0][1],  # the controls stand behind the first group of columns
        "benchmarks": leaderboard.BENCHMARKS.items(),
        "protocols": protocols.CHOICES,
        "controls": [protocols.PROTOCOLS[name] for name in leaderboard.CONTROL_NAMES],
        "has_controls": any(row.controls for row in rows),
        "sets": sets.distinct().order_by("-pk")[:100],
        "measured": sum(not row.is_published for row in rows),
        "source": SOURCE,
        "source_url": SOURCE_URL,
        "may_open": not is_public and request.user.has_role(*_ROLES),
        "formats": list(leaderboard.FILES),
        "page": "leaderboard_public" if is_public else "leaderboard",
        "download": "leaderboard_public_file" if is_public else "leaderboard_file",
    }
    return render(request, "modelzoo/leaderboard.html", context)


def _file(request, form):
    if form not in leaderboard.FILES:
        raise Http404
    asked = _asked(request)
    write, kind = leaderboard.FILES[form]
    response = HttpResponse(write(leaderboard.build(**asked), asked["benchmark"]), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="leaderboard-{asked["benchmark"]}.{form}"'
    return response


@allow(*Role)
@require_safe
@never_cache
def board(request):
    return _leaderboard(request, is_public=False)


@allow(*Role)
@require_safe
@never_cache
def board_file(request, form):
    return _file(request, form)


def _must_be_public():
    if not settings.PUBLIC_LEADERBOARD:
        raise Http404(_("The leaderboard of this Studio is not public."))


@allow(ANYONE)
@require_safe
def board_public(request):
    """The same without links to anything behind it, where STUDIO_PUBLIC_LEADERBOARD says so."""
    _must_be_public()
    return _leaderboard(request, is_public=True)


@allow(ANYONE)
@require_safe
def board_public_file(request, form):
    _must_be_public()
    return _file(request, form)


# ---- Evaluations


@allow(*_ROLES)
@require_safe
@never_cache
def evaluations(request):
    Evaluation.objects.lose_silent()  # also where no worker looks
    found = Evaluation.objects.for_lists().select_related("job").defer("job__log")
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        found = found.filter(pk__lt=int(before))
    state = request.GET.get("state", "")
    if state in State.values:
        found = found.filter(state=state)
    rows = list(found.order_by("-pk")[: PAGE + 1])
    shown_rows = rows[:PAGE]
    counts = dict(
        Evaluation.objects.filter(pk__in=[one.pk for one in shown_rows if not one.is_complete])
        .annotate(count=Count("predictions"))
        .values_list("pk", "count")
    )
    for one in shown_rows:
        one.done = one.wanted if one.is_complete else counts.get(one.pk, 0)
    context = {
        "evaluations": shown_rows,
        "older": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "states": State.choices,
        "state": state,
        "live": any(one.state in (State.QUEUED, State.RUNNING) for one in shown_rows),
    }
    return render(request, "modelzoo/_evaluations.html" if request.htmx else "modelzoo/evaluations.html", context)


@allow(*_ROLES)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def evaluation_new(request):
    initial = {"protocols": ["standard"], "model": request.GET.get("model", "")}
    form = NewEvaluation(request.POST) if request.method == "POST" else NewEvaluation(initial=initial)
    if request.method == "POST" and form.is_valid():
        opened = _opened(request, form)
        if opened:
            return redirect("evaluation", opened[0].pk) if len(opened) == 1 else redirect("evaluations")
    context = {"form": form, "protocols": protocols.PROTOCOLS.values(), "has_judges": len(form.fields["judge"].choices) > 1}
    return render(request, "modelzoo/evaluation_new.html", context, status=422 if form.errors else 200)


def _opened(request, form):
    """The evaluations of a valid form, opened and started; [] with the form's error where one cannot be."""
    data, found = form.cleaned_data, []
    try:
        with transaction.atomic():
            for protocol in data["protocols"]:
                one = opening.open_evaluation(
                    data["question_set"], data["found"], protocol, scoring=data["scoring"], source=data["source"],
                    by=request.user, state=State.QUEUED, **data["chosen"],
                )  # fmt: skip
                found.append(one)
                if not one.is_complete:
                    jobs.start(one, by=request.user)
    except opening.CannotEvaluate as refusal:
        form.add_error(None, str(refusal))
        return []
    for one in found:
        if one.is_complete:
            messages.info(request, _("%(name)s was complete already.") % {"name": one})
        else:
            _tell_price(request, one)
    return found


def _tell_price(request, one):
    if one.model_kind != Evaluation.ModelKind.HOSTED and not one.judge:
        return
    most = hosted.most_usd(one, one.question_set.questions_count)
    if most is None:
        messages.info(request, _("A price is unknown, so nobody can say what %(name)s costs.") % {"name": one})
    else:
        messages.info(request, _("%(name)s costs at most $%(most)s.") % {"name": one, "most": f"{most:.2f}"})


@allow(*_ROLES)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def evaluation_import(request):
    form = ImportPredictions(request.POST, request.FILES) if request.method == "POST" else ImportPredictions()
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            if data["file"].size > importing.MOST_BYTES:
                importing.read(b" " * (importing.MOST_BYTES + 1))
            question_set, _source = resolve_set(data["questions"])
            one = importing.store(
                data["file"].read(), question_set, name=data["name"], protocol=data["protocol"],
                file_name=data["file"].name, by=request.user,
            )  # fmt: skip
            return redirect("evaluation", one.pk)
        except importing.BadFile as refusal:
            form.add_error("file", str(refusal))
        except opening.CannotEvaluate as refusal:
            form.add_error(None, str(refusal))
    return render(request, "modelzoo/evaluation_import.html", {"form": form}, status=422 if form.errors else 200)


def _evaluation(pk):
    found = Evaluation.objects.for_lists().select_related("run", "job", "question_set__release")
    return get_object_or_404(found.defer("question_set__release__card", "question_set__release__facts"), pk=pk)


@allow(*_ROLES)
@require_safe
@never_cache
def evaluation(request, pk):
    Evaluation.objects.filter(pk=pk).lose_silent()
    one = _evaluation(pk)
    if request.htmx and request.GET.get("was", one.state) != one.state:
        return HttpResponse(headers={"HX-Refresh": "true"})
    if request.GET.get("with", "").isdecimal() and len(request.GET["with"]) < 19:
        return redirect("evaluation_compare", pk, int(request.GET["with"]))
    context = {"evaluation": one, "done": one.wanted if one.is_complete else runner.done_count(one)}
    if one.is_complete:
        others = Evaluation.objects.filter(state=State.COMPLETE, question_set=one.question_set_id).exclude(pk=pk)
        same = others.filter(model_kind=one.model_kind, model=one.model, model_sha256=one.model_sha256)
        controls = same.filter(protocol__in=leaderboard.CONTROL_NAMES, scoring=one.scoring).order_by("pk")
        context |= shown.of(one)
        context["others"] = others.order_by("-pk")[:100]
        context["controls"] = [
            (protocols.PROTOCOLS[other.protocol].label, leaderboard.headline(other), other)
            for other in controls
            if other.judge == one.judge
        ]
        context["people"] = comparing.with_people(one)
        context["parity"] = comparing.other_scorings(one, same)
    return render(request, "modelzoo/evaluation.html", context)


@allow(*_ROLES)
@require_POST
def evaluation_go_on(request, pk):
    one = _evaluation(pk)
    if one.is_complete:
        messages.info(request, _("%(name)s was complete already.") % {"name": one})
    elif one.model_kind == Evaluation.ModelKind.IMPORTED:
        messages.error(request, _("Bring the file in again."))
    elif one.is_beating:
        messages.info(request, _("A process on %(host)s works on it already.") % {"host": one.host})
    else:
        jobs.start(one, by=request.user)
    return redirect("evaluation", pk)


@allow(*_ROLES)
@require_POST
def evaluation_hide(request, pk):
    one = _evaluation(pk)
    Evaluation.objects.filter(pk=pk).update(hidden=request.POST.get("hidden") == "1")
    one.refresh_from_db()
    told = _("%(name)s is not on the leaderboard any more.") if one.hidden else _("%(name)s is on the leaderboard again.")
    messages.success(request, told % {"name": one})
    return redirect("evaluation", pk)
