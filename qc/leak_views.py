"""The leads' page of leak checks, and the actions of the panel on a question's page."""

from django.contrib import messages
from django.db.models import F
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from annotator.models import Question, Revision, WrongState
from annotator.panels import hidden_keys
from annotator.services import Invalid
from qc import leak_probes, leak_rules, leak_verdicts, leaks
from qc.dashboard import counting
from qc.dashboard.models import QuestionFacts
from qc.leak_models import LeakCheck
from qc.leak_panel import BADGES
from studio.access import allow
from studio.llm import budget, endpoints
from studio.roles import Role

PAGE = 30
MOST_AT_ONCE = 1000
SHOWN = ("leaky", "unsure", "failed", "checking", "clear", "unchecked")


@allow(Role.LEAD)
@require_safe
def leak_checks(request):
    """Questions by what their leak check says, the newest first; models, rule and money beside them."""
    shown = request.GET.get("show")
    shown = shown if shown in SHOWN else "leaky"
    before = request.GET.get("before", "")
    before = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    rows = list((_unchecked(before) if shown == "unchecked" else _checks(shown, before))[: PAGE + 1])
    questions = [row.question if shown == "unchecked" else row.revision.question for row in rows]
    bound, limit = budget.spent_today()
    context = {
        "hidden": hidden_keys(request.user, questions),
        "shown": shown,
        "tabs": [(name, LeakCheck.State(name).label if name != "unchecked" else _("Not checked")) for name in SHOWN],
        "rows": rows[:PAGE],
        "older": _place(rows[PAGE - 1]) if len(rows) > PAGE else None,
        "badges": BADGES,
        "models": endpoints.configured(),
        "no_model": "" if endpoints.ready() else endpoints.why_none(),
        "rule": leaks.rule(),
        "rules": leak_rules.RULES.values(),
        "bound": bound,
        "limit": limit,
        "most_at_once": MOST_AT_ONCE,
    }
    return render(request, "qc/leaks.html", context)


def _unchecked(before):
    """A page of revisions without a check, newest question first. Kept facts name them, so nothing is searched for."""
    counting.catch_up()
    facts = QuestionFacts.objects.filter(leak="unchecked", state__in=leaks.CHECKED_STATES).order_by("-question_id")
    facts = facts.filter(question_id__lt=before) if before else facts
    ids = list(facts.values_list("question_id", flat=True)[: PAGE + 1])
    rows = Revision.objects.filter(question__in=ids, number=F("question__revision_number"))
    return sorted(rows.select_related("question__clip"), key=lambda row: -row.question_id)


def _checks(state, before):
    checks = LeakCheck.objects.filter(state=state).select_related("revision__question__clip").order_by("-pk")
    checks = checks.filter(pk__lt=before) if before else checks
    return checks.filter(current=True) if state in LeakCheck.VERDICTS else checks


def _place(row):
    return row.pk if isinstance(row, LeakCheck) else row.question_id


@allow(Role.LEAD)
@require_POST
def leak_checks_start(request):
    """Check questions that have no verdict yet, a thousand at most, in one job."""
    leaks.tidy()
    try:
        job, count = leaks.start(list(leaks.unchecked().values_list("pk", flat=True)[:MOST_AT_ONCE]))
    except endpoints.NoModel as refusal:
        messages.error(request, str(refusal))
        return redirect("leaks")
    if job is None:
        messages.info(request, _("Every question has a verdict, or is being checked."))
        return redirect("leaks")
    told = ngettext("%(count)s question is being checked.", "%(count)s questions are being checked.", count)
    messages.success(request, told % {"count": count})
    return redirect("job", job.pk)


def _revision(request, pk):
    """The current revision of a question this person may see with its key; 404 otherwise."""
    question = get_object_or_404(Question.objects.visible_to(request.user), pk=pk if pk < 2**63 else 0)
    if hidden_keys(request.user, [question]):
        raise Http404(_("Answer this question blind first."))
    return get_object_or_404(
        Revision.objects.select_related("question__author"), question=question, number=question.revision_number
    )


def _back(revision):
    return redirect(reverse("question", args=[revision.question_id]) + "#leak-check")


@allow(Role.LEAD)
@require_POST
def leak_check(request, pk):
    """Check one question (again)."""
    revision = _revision(request, pk)
    try:
        job, _count = leaks.start([revision.pk])
        if job is None:
            messages.info(request, _("This question is being checked just now."))
        else:
            messages.success(request, _("The leak check has begun."))
    except endpoints.NoModel as refusal:
        messages.error(request, str(refusal))
    return _back(revision)


@allow(Role.LEAD)
@require_POST
def leak_waive(request, pk):
    """Let a question pass although its leak check did not, with a reason."""
    revision = _revision(request, pk)
    try:
        reason = request.POST.get("reason", "").replace("\x00", "")
        leak_verdicts.waive(user=request.user, revision=revision, reason=reason)
        messages.success(request, _("The leak check of this question is waived."))
    except (Invalid, WrongState) as refusal:
        messages.error(request, str(refusal))
    return _back(revision)


@allow(Role.LEAD)
@require_POST
def leak_return(request, pk):
    """Send an approved question whose check found a leak back to its author."""
    revision = _revision(request, pk)
    try:
        leak_verdicts.return_approved(user=request.user, revision=revision)
        messages.success(request, _("The question went back to its author, with the evidence."))
    except WrongState as refusal:
        messages.error(request, str(refusal))
    return _back(revision)


@allow(Role.ANNOTATOR, Role.LEAD)
@require_POST
def leak_probe(request, pk):
    """Ask which words give a question away."""
    revision = _revision(request, pk)
    form = {name: request.POST.get(name, "").replace("\x00", "") for name in ("kind", "field", "phrase", "replacement")}
    try:
        leak_probes.start(user=request.user, revision=revision, **form)
        messages.success(request, _("The probe has begun; what it finds is shown here."))
    except (Invalid, WrongState, endpoints.NoModel) as refusal:
        messages.error(request, str(refusal))
    return _back(revision)
