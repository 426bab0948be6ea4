"""Finding questions again: one's own by state, all of them for leads, and the page of one question."""

from datetime import UTC, datetime

from django.contrib import messages
from django.db.models import Count, F, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from annotator import diff, services
from annotator.models import Clip, Question, Remark
from annotator.panels import QUESTION_FILTERS, QUESTION_PANELS, hidden_keys
from annotator.search import CLIP_TEXT, QUESTION_TEXT, text_query
from annotator.taxonomy import CATEGORIES, by_domain
from studio import history
from studio.access import allow
from studio.models import User
from studio.roles import Role

PAGE = 30
State = Question.State
TABS = {
    "returned": (_("Returned"), [State.RETURNED]),
    "drafts": (_("Drafts"), [State.DRAFT]),
    "submitted": (_("Submitted"), [State.SUBMITTED, State.DISPUTED]),
    "approved": (_("Approved"), [State.APPROVED]),
    "rejected": (_("Rejected"), [State.REJECTED]),
}


@allow(Role.ANNOTATOR)
@require_GET
def my_work(request):
    """One's own questions by state, the last touched first, with the reasons of what came back."""
    counts = dict(Question.objects.filter(author=request.user).order_by().values_list("state").annotate(Count("pk")))
    tabs = [
        {"name": name, "label": label, "count": sum(counts.get(state, 0) for state in states)}
        for name, (label, states) in TABS.items()
    ]
    shown = request.GET.get("tab")
    if shown not in TABS:
        shown = next((tab["name"] for tab in tabs if tab["count"]), "submitted")
    rows = Question.objects.filter(author=request.user, state__in=TABS[shown][1]).select_related("clip")
    moment, pk = _place(request.GET.get("before", ""))
    if moment:
        rows = rows.filter(Q(saved_at__lt=moment) | Q(saved_at=moment, pk__lt=pk))
    rows, more = _page(rows.order_by("-saved_at", "-pk"))
    if shown in ("returned", "rejected"):
        add_remarks(rows)
    before = f"{rows[-1].saved_at.isoformat()}_{rows[-1].pk}" if more else ""
    return render(request, "annotator/my_work.html", {"tabs": tabs, "shown": shown, "rows": rows, "before": before})


def _place(text):
    """(moment, id) after which a list goes on; (None, 0) for the beginning or for nonsense."""
    moment, _line, pk = text.partition("_")
    try:
        moment, pk = datetime.fromisoformat(moment), int(pk)
        # PostgreSQL knows fewer time zones than Python can write.
        moment = moment.tzinfo and moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None, 0
    return (moment, pk) if moment and 0 < pk < 2**63 else (None, 0)


def _page(rows):
    rows = list(rows[: PAGE + 1])
    return rows[:PAGE], len(rows) > PAGE


def add_remarks(questions):
    """Give each question its `remarks`: what was said about its last revision."""
    said = {}
    remarks = Remark.objects.filter(
        revision__question__in=questions, revision__number=F("revision__question__revision_number")
    )
    for remark in remarks.annotate(question_id=F("revision__question_id")).order_by("pk"):
        said.setdefault(remark.question_id, []).append(remark)
    for question in questions:
        question.remarks = said.get(question.pk, [])


@allow(Role.LEAD)
@require_GET
def questions(request):
    """All questions, newest first, for leads; `before` is the id after which the list goes on."""
    query = request.GET
    rows = Question.objects.select_related("clip", "author")
    if query.get("state") in State.values:
        rows = rows.filter(state=query["state"])
    if query.get("category") in CATEGORIES:
        rows = rows.filter(category=query["category"])
    if id_of(query.get("author")):
        rows = rows.filter(author_id=id_of(query["author"]))
    filters = []
    for each in QUESTION_FILTERS:
        choices = each.choices()
        value = query.get(each.name) if query.get(each.name) in dict(choices) else ""
        rows = each.apply(rows, value, query) if value else rows
        filters.append({"name": each.name, "label": each.label, "choices": choices, "value": value})
    text = query.get("text", "").replace("\x00", "").strip()[:200]
    if text:
        rows = rows.filter(Q(pk=id_of(text)) if id_of(text) else Q(pk__in=_with_words(text)))
    if id_of(query.get("before")):
        rows = rows.filter(pk__lt=id_of(query["before"]))
    rows, more = _page(rows.order_by("-pk"))
    context = {
        "rows": rows,
        "hidden": hidden_keys(request.user, rows),
        "before": rows[-1].pk if more else "",
        "states": State.choices,
        "domains": by_domain(),
        "authors": _annotators()[:500],
        "filters": filters,
        "filtered": any(query.get(name) for name in ("state", "category", "author", "text"))
        or any(each["value"] for each in filters),
    }
    return render(request, "annotator/questions.html", context)


def _with_words(text):
    """Ids of submitted questions with these words in their wording or their clip's story. Two index scans, one union."""
    words = text_query(text)
    if words is None:
        return []
    submitted = Question.objects.exclude(state=State.DRAFT).order_by()
    clips = Clip.objects.annotate(words=CLIP_TEXT).filter(words=words).order_by().values("pk")
    wording = submitted.annotate(words=QUESTION_TEXT).filter(words=words)
    return wording.values("pk").union(submitted.filter(clip__in=clips).values("pk"))


def _annotators():
    return User.objects.filter(roles__contains=[Role.ANNOTATOR]).order_by("username")


def id_of(text):
    """A row id out of an address; 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


@allow(Role.ANNOTATOR, Role.LEAD)
@require_GET
def question(request, pk):
    """One question for its author and for leads: wording, key, spans, every revision, what others say, its history."""
    found = get_object_or_404(
        Question.objects.visible_to(request.user).select_related("clip", "author"), pk=pk if pk < 2**63 else 0
    )
    hidden = bool(hidden_keys(request.user, [found]))
    revisions = [] if hidden else list(found.revisions.order_by("number"))
    rounds = [
        {"revision": revision, "changes": diff.changes(before, revision) if before else None}
        for before, revision in zip([None, *revisions], revisions, strict=False)
    ]
    unsent = diff.changes(revisions[-1], found) if revisions and found.state in Question.EDITABLE else []
    if found.state in (State.RETURNED, State.REJECTED):
        add_remarks([found])
    context = {
        "question": found,
        "clip": found.clip,
        "player": {
            "fpsNum": found.clip.fps_num,
            "fpsDen": found.clip.fps_den,
            "frameCount": found.clip.frame_count,
            "tiles": found.clip.filmstrip_tiles,
            "columns": found.clip.filmstrip_columns,
            "spans": [] if hidden else found.spans,
        },
        "key_hidden": hidden,
        "options": [(key, Question._meta.get_field(key).verbose_name, text) for key, text in found.options.items()],
        "rounds": rounds[::-1],
        "unsent": unsent,
        "panels": [html for html in (panel(request, found) for panel in QUESTION_PANELS) if html],
        "entries": history.of(found, named=_named(request.user, found)),
        "may_edit": found.author_id == request.user.pk and found.state in Question.EDITABLE,
    }
    if request.user.is_lead and found.state == State.RETURNED:
        context["heirs"] = _annotators().filter(is_active=True).exclude(pk=found.author_id)[:500]
    return render(request, "annotator/question.html", context)


def _named(user, question):
    """Whom the history names: an author does not learn there who reviews, nor a lead who it is that disagrees."""
    if user.is_lead and question.author_id != user.pk and question.state != State.DISPUTED:
        return None
    return {question.author_id, user.pk}


@allow(Role.LEAD)
@require_POST
def question_hand_over(request, pk):
    """Give a returned question to another author."""
    found = get_object_or_404(Question, pk=pk if pk < 2**63 else 0)
    to = get_object_or_404(User, pk=id_of(request.POST.get("to", "")))
    services.hand_over(question=found, to=to)
    messages.success(request, gettext("%(name)s finds this question under “My work” now.") % {"name": to})
    return redirect(found)
