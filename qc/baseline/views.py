"""The leads' page of the text-only baseline, and its panel on a question's page."""

from django.contrib import messages
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotator.models import Revision
from annotator.panels import hidden_keys
from annotator.question_views import id_of
from annotator.taxonomy import CATEGORIES
from qc.baseline import chance, items, probes, runs
from qc.baseline.models import BaselineRun, BaselineScore
from qc.baseline.verdicts import VERDICTS, WAYS
from studio.access import allow
from studio.models import Job, User
from studio.roles import Role

PAGE = 30
HISTORY = 60


def _shown(figure):
    """A stored figure as people read it, in percent."""
    if not figure:
        return None
    badge, verdict = VERDICTS[figure["verdict"]]
    percent = {name: f"{100 * figure[name]:.1f}" for name in ("share", "low", "high")}
    p = "< 0.0001" if figure["p"] < 0.0001 else f"{figure['p']:.4f}"
    return {**percent, "n": figure["n"], "p": p, "badge": badge, "verdict": verdict, "decides": figure["n"] > 0}


@allow(Role.LEAD)
@require_safe
@never_cache
def baseline(request):
    """The newest run: figures, rules of thumb, groups, words, the questions it is surest about, and the runs before."""
    history = list(BaselineRun.objects.defer("groups", "words", "probes")[:HISTORY])
    last = BaselineRun.objects.first() if history else None
    by = request.GET.get("by") if request.GET.get("by") in WAYS else "options"
    context = {
        "run": last,
        "job": Job.objects.filter(kind=runs.KIND).order_by("-pk").select_related("owner").first(),
        "by": by,
        "ways": WAYS.items(),
        "needed": chance.NEEDED,
        "history": [
            {"run": made, "options": _shown(made.figures.get("options")), "question": _shown(made.figures.get("question"))}
            for made in history
        ],
    }
    if last:
        context |= _details(last) | _items(request, last, by)
    return render(request, "qc/baseline.html", context)


def _details(last):
    authors = User.objects.in_bulk([row["name"] for row in last.groups["author"]])
    return {
        "figures": [
            {"label": label, "all": _shown(last.figures.get(way)), "surest": _shown(last.figures.get(f"{way}_surest"))}
            for way, label in WAYS.items()
        ],
        "probes": [(probe, _shown(last.probes[probe.name])) for probe in probes.PROBES],
        "letters": list(zip("ABCD", last.probes["letters"]["counts"], strict=True)),
        "letters_n": sum(last.probes["letters"]["counts"]),
        "letters_p": last.probes["letters"]["p"],
        "groups": [
            (_("By category"), _("Category"), _rows(last.groups["category"], lambda name: CATEGORIES[name].label)),
            (_("By author"), _("Author"), _rows(last.groups["author"], lambda name: authors.get(name, name))),
        ],
    }


def _rows(groups, label):
    return [{"label": label(row["name"]), **{way: _shown(row[way]) for way in WAYS}} for row in groups]


def _items(request, last, by):
    """A page of questions by place, those whose key is given away most surely first."""
    after = id_of(request.GET.get("after"))
    scores = BaselineScore.objects.filter(run=last, **{f"{by}_place__gt": after}).select_related("revision__question")
    rows = list(scores.order_by(f"{by}_place")[: PAGE + 1])
    hidden = hidden_keys(request.user, [row.revision.question for row in rows])
    for row in rows:
        row.place, row.percent = getattr(row, f"{by}_place"), f"{100 * getattr(row, f'{by}_chance'):.0f}"
        row.hidden = row.revision.question_id in hidden
        row.hits = [] if row.hidden else probes.hits(row.revision.stem, list(row.revision.options.values()))
    return {"rows": rows[:PAGE], "after": rows[PAGE - 1].place if len(rows) > PAGE else None, "first": not after}


@allow(Role.LEAD)
@require_POST
def baseline_start(request):
    """Begin a run, or show the one under way."""
    if not items.revisions().exists():
        messages.info(request, _("There is no submitted question to read yet."))
        return redirect("baseline")
    runs.start(by=request.user)
    return redirect("baseline")


def baseline_panel(request, question):
    """On a question's page, for leads: how sure the newest run was of its key, and which rules of thumb find it."""
    if not request.user.is_lead or not question.revision_number or hidden_keys(request.user, [question]):
        return ""
    revision = Revision.objects.get(question=question, number=question.revision_number)
    score = BaselineScore.objects.filter(revision=revision).select_related("run").order_by("-run").first()
    found = probes.hits(revision.stem, list(revision.options.values()))
    if score is None and not found:
        return ""
    ways = [
        (label, f"{100 * getattr(score, f'{way}_chance'):.0f}", getattr(score, f"{way}_place"))
        for way, label in WAYS.items()
        if score
    ]
    return render_to_string("qc/_baseline_panel.html", {"score": score, "ways": ways, "hits": found}, request)
