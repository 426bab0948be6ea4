"""The leads' room about reviewers: accuracy on gold items, agreement, the gold items themselves."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotator import practice
from annotator.models import Question, WrongState
from annotator.services import Invalid
from qc import accuracy, gold
from qc.agreement import report, words
from qc.models import AgreementReport, BlindAnswer, GoldItem
from studio.access import allow
from studio.models import Job, User
from studio.roles import Role

PAGE = 30
PAIRS = 40


def _id(text):
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


@allow(Role.LEAD)
@require_GET
def calibration(request):
    """How well each reviewer answers gold items, beside how their practice went."""
    days = _id(request.GET.get("days"))
    days = days if days in accuracy.DAYS else 90
    context = {"rows": accuracy.by_person(days), "days": days, "spans": accuracy.DAYS}
    return render(request, "qc/calibration.html", context)


@allow(Role.LEAD)
@require_GET
def calibration_person(request, pk):
    """One reviewer: accuracy on gold items by week, and the newest answers."""
    person = get_object_or_404(User, pk=pk)
    answers = BlindAnswer.objects.filter(reviewer=person, gold__isnull=False).select_related("revision__question")
    before = _id(request.GET.get("before"))
    answers = list((answers.filter(pk__lt=before) if before else answers).order_by("-pk")[: PAGE + 1])
    context = {
        "person": person,
        "weeks": accuracy.by_week(person),
        "answers": answers[:PAGE],
        "older": answers[PAGE - 1].pk if len(answers) > PAGE else None,
        "practice": practice.figures_of(person),
    }
    return render(request, "qc/calibration_person.html", context)


@allow(Role.LEAD)
@require_http_methods(["GET", "POST"])
def agreement(request):
    """The newest stored report of a basis and a span; POST lets a worker compute it anew."""
    asked = request.POST if request.method == "POST" else request.GET
    basis = asked.get("basis") if asked.get("basis") in report.BASES else "verdicts"
    span = asked.get("span") or "90"
    if asked.get("first") and asked.get("last"):
        span = f"{asked['first']}_{asked['last']}"
    error = ""
    try:
        report.bounds(span)
        if request.method == "POST":
            job = report.start(basis, span, by=request.user)
            messages.success(request, _("A worker computes it now; reload this page in a moment."))
            return redirect(f"{reverse('agreement')}?basis={basis}&span={span}#job-{job.pk}")
    except Invalid as invalid:
        error = str(invalid)
    found = None if error else report.newest(basis, span)
    context = {
        "basis": basis,
        "bases": AgreementReport.Basis.choices,
        "span": span,
        "spans": [("30", _("30 days")), ("90", _("90 days")), ("365", _("a year")), ("all", _("all time"))],
        "days": span.split("_") if "_" in span else ["", ""],
        "error": error,
        "report": found,
        "job": Job.objects.active().filter(key=f"agreement-{basis}-{span}").first() if not error else None,
        "caveat": words.caveat(basis),
    }
    if found:
        context["told"] = words.told(basis, found.figures)
        # Who returns a revision ends it, so no two people ever both reject one: there is nothing to say about a pair.
        names = [name for name in report.NAMES if basis != "verdicts" or name != "on_class"]
        context["columns"] = [told.label for told in context["told"] if told.name in names]
        context["pairs"], context["more_pairs"] = _pairs(found.figures["pairs"], names)
    return render(request, "qc/agreement.html", context, status=422 if error else 200)


def _pairs(pairs, figures):
    people = User.objects.in_bulk({pair[end] for pair in pairs[:PAIRS] for end in ("one", "other")})
    rows = []
    for pair in pairs[:PAIRS]:
        names = [str(people[pair[end]]) if pair[end] in people else "–" for end in ("one", "other")]
        rows.append({"names": names, "items": pair["items"], "figures": [pair[name] for name in figures]})
    return rows, max(0, len(pairs) - PAIRS)


@allow(Role.LEAD)
@require_GET
def gold_items(request):
    """Gold items, those in use first asked for; how many answers each has, and how many of them are right."""
    retired = request.GET.get("show") == "retired"
    items = GoldItem.objects.filter(retired_at__isnull=not retired).select_related(
        "revision__question__item_stats", "promoted_by"
    )
    before = _id(request.GET.get("before"))
    items = list((items.filter(pk__lt=before) if before else items).order_by("-pk")[: PAGE + 1])
    shown = items[:PAGE]
    found = {}
    for answer in BlindAnswer.objects.filter(gold__in=shown).values_list("gold", "answer"):
        asked, right = found.get(answer[0], (0, 0))
        found[answer[0]] = asked + 1, right + (answer[1] == BlindAnswer.Answer.CORRECT)
    for item in shown:
        item.asked, item.right = found.get(item.pk, (0, 0))
    context = {"items": shown, "retired": retired, "older": items[PAGE - 1].pk if len(items) > PAGE else None}
    return render(request, "qc/gold_items.html", context)


@allow(Role.LEAD)
@require_POST
def gold_promote(request, pk):
    """Make an approved question a gold item."""
    question = get_object_or_404(Question, pk=pk if pk < 2**63 else 0)
    try:
        gold.promote(user=request.user, question=question)
        messages.success(request, _("Reviewers meet this question among their work from now on."))
    except WrongState as refusal:
        messages.error(request, str(refusal))
    return redirect(question.get_absolute_url() + "#blind-answers")


@allow(Role.LEAD)
@require_POST
def gold_retire(request, pk):
    """Show a gold item to nobody any more."""
    question = get_object_or_404(Question, pk=pk if pk < 2**63 else 0)
    try:
        gold.retire(user=request.user, question=question)
        messages.success(request, _("The gold item is retired."))
    except WrongState as refusal:
        messages.error(request, str(refusal))
    return redirect(question.get_absolute_url() + "#blind-answers")
