"""The lead's room: questions whose reviewers disagree, each seen with key, answers and verdicts, decided once.

Reviewers stay nameless until the decision is made, so that arguments count and not people.
"""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from annotator import diff
from annotator.models import OPTION_KEYS, Question, Remark, Revision, WrongState
from annotator.services import Invalid
from qc import item_panel, services
from qc.items import item_of
from qc.leak_panel import evidence
from qc.models import Adjudication, BlindAnswer, Review
from qc.views import clean_comment, clean_reasons, reason_rows
from studio.access import allow
from studio.roles import Role

PAGE = 25


@dataclass(frozen=True)
class Waiting:
    question: Question
    reviews: list  # those that stand about the current revision, oldest first


def _after(request):
    value = request.GET.get("after", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


@allow(Role.LEAD)
@require_GET
def adjudication(request):
    """Disputed questions, those that wait longest first; or, with ?show=decided, decisions, newest first."""
    after = _after(request)
    if request.GET.get("show") == "decided":
        rows = Adjudication.objects.select_related("revision__question__clip", "lead").order_by("-id")
        rows = list((rows.filter(pk__lt=after) if after else rows)[: PAGE + 1])
        context = {"decided": rows[:PAGE], "more": rows[PAGE - 1].pk if len(rows) > PAGE else None}
        return render(request, "qc/adjudication.html", context)
    questions = Question.objects.filter(state=Question.State.DISPUTED).select_related("clip").order_by("id")
    questions = list((questions.filter(pk__gt=after) if after else questions)[: PAGE + 1])
    more = questions[PAGE - 1].pk if len(questions) > PAGE else None
    questions = questions[:PAGE]
    numbers = {question.pk: question.revision_number for question in questions}
    reviews = {}
    for review in Review.objects.filter(revision__question__in=questions, undone_at=None).select_related(
        "revision", "blind_answer"
    ):
        if review.revision.number == numbers[review.revision.question_id]:
            reviews.setdefault(review.revision.question_id, []).append(review)
    waiting = [Waiting(question, reviews.get(question.pk, [])) for question in questions]
    return render(request, "qc/adjudication.html", {"waiting": waiting, "more": more})


@allow(Role.LEAD)
@require_http_methods(["GET", "POST"])
def adjudicate(request, pk):
    """One disputed question and the form that settles it; after the decision the same page tells what was decided."""
    question = get_object_or_404(Question.objects.select_related("clip"), pk=pk)
    if request.method == "POST":
        return _decide(request, question)
    if question.state != Question.State.DISPUTED and not Adjudication.objects.filter(revision__question=question).exists():
        sentence = _("This question is %(state)s; reviewers do not disagree about it.") % {
            "state": question.get_state_display().lower()
        }
        return render(request, "qc/no_dispute.html", {"sentence": sentence, "question": question}, status=409)
    return render(request, "qc/adjudicate.html", _context(request, question))


def _context(request, question, **more):
    revisions = Revision.objects.filter(question=question)
    decided = (
        Adjudication.objects.filter(revision__question=question).select_related("lead", "revision").order_by("-id").first()
    )
    disputed = question.state == Question.State.DISPUTED
    # What is open is the current revision; what was decided is the revision it was decided about.
    revision = revisions.get(number=question.revision_number) if disputed else decided.revision
    before = services.revision_before(revision)
    reviews = list(Review.objects.filter(revision=revision, undone_at=None).select_related("reviewer", "blind_answer"))
    return {
        "question": question,
        "clip": question.clip,
        "revision": revision,
        "options": [
            {"text": getattr(revision, key), "is_key": key == OPTION_KEYS[0], "label": dict(Remark.FIELD_CHOICES)[key]}
            for key in OPTION_KEYS
        ],
        "reviews": reviews,
        "unruled": BlindAnswer.objects.filter(revision=revision, gold=None).exclude(
            reviewer__in=[review.reviewer_id for review in reviews]
        ),
        "alarms": item_panel.context(revision, item_of(question)) if disputed else None,
        "leak": evidence(revision),
        "names": not disputed,
        "decision": None if disputed else decided,
        "disputed": disputed,
        "own": question.author_id == request.user.pk,
        "reviewed": any(review.reviewer_id == request.user.pk for review in reviews),
        "before": before,
        "changes": diff.changes(before, revision) if before else [],
        "reason_rows": reason_rows({}),
        "errors": {},
        **more,
    }


def _decide(request, question):
    comment = clean_comment(request.POST.get("comment", ""))
    decision = request.POST.get("decision", "")
    typed = {"comment": comment, "chosen_decision": decision}
    try:
        reasons = _reasons_of_form(request.POST)
        typed |= {"reason_rows": reason_rows({}, chosen=reasons), "reasons_open": bool(reasons)}
        services.adjudicate(user=request.user, question_id=question.pk, decision=decision, reasons=reasons, comment=comment)
    except Invalid as invalid:
        return _form_again(request, question, 422, errors=invalid.errors, **typed)
    except WrongState as refusal:
        question.refresh_from_db()
        return _form_again(request, question, 409, refusal=str(refusal), **typed)
    messages.success(request, _("Question %(id)s is decided.") % {"id": question.pk})
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": reverse("adjudication")})
    return redirect("adjudication")


def _form_again(request, question, status, **more):
    """The form with what was typed and why it was not taken: alone for htmx, within its page otherwise."""
    template = "qc/_decision.html" if request.htmx else "qc/adjudicate.html"
    if question.state != Question.State.DISPUTED:
        template, more["question"] = "qc/_lost_decision.html" if request.htmx else "qc/no_dispute.html", question
        return render(request, template, {"sentence": more["refusal"], **more}, status=status)
    return render(request, template, _context(request, question, **more), status=status)


def _reasons_of_form(form):
    """The checked boxes "field:code" as reasons; the first reason of a field carries what was written beside it.

    Words beside a field whose boxes are all empty count under its last code, mostly "something else".
    """
    chosen = [value.partition(":")[::2] for value in form.getlist("reason")[:40]]
    for field, codes in services.REASONS.items():
        if form.get(f"reason_comment_{field}") and field not in dict(chosen):
            chosen.append((field, codes[-1].value))
    reasons, commented = [], set()
    for field, code in chosen:
        comment = "" if field in commented else form.get(f"reason_comment_{field}", "")
        commented.add(field)
        reasons.append({"field": field, "code": code, "comment": comment})
    return clean_reasons(reasons)
