"""The quality page: where questions stand, what to source next, how it went over time, and who did how much."""

from dataclasses import replace
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from annotator.models import Question
from annotator.taxonomy import CATEGORIES, by_domain
from qc.agreement.report import newest
from qc.agreement.words import FEW, told
from qc.dashboard import counting, curves, figures, tables
from qc.dashboard.asking import PURPOSES, SPANS, STEPS, Asked
from qc.dashboard.models import CountState
from qc.dashboard.tiles import TILES, Tile
from qc.leak_verdicts import STANDINGS
from studio.access import allow
from studio.roles import Role

State = Question.State
WAY = {
    "written": gettext_lazy("Written"),
    "submitted": gettext_lazy("Submitted at least once"),
    "approved": gettext_lazy("Approved"),
    "accepted": gettext_lazy("… on an accepted clip"),
    "exportable": gettext_lazy("Exportable: leak check passed, too"),
}
_WAY_QUERY = {
    "written": {},
    "approved": {"state": State.APPROVED.value},
    "exportable": {"gate": "in"},
}
SHORT_STANDINGS = {
    "": gettext_lazy("not submitted"),
    "unchecked": gettext_lazy("unchecked"),
    "checking": gettext_lazy("checking"),
    "failed": gettext_lazy("failed"),
    "leaky": gettext_lazy("leaky"),
    "unsure": gettext_lazy("unsure"),
    "clear": gettext_lazy("clear"),
    "waived": gettext_lazy("waived"),
}


@allow(Role.LEAD, Role.ADMIN)
@require_GET
def quality(request):
    """All figures on one page, from kept counts."""
    asked = Asked.of(request.GET)
    left = counting.catch_up()
    standing = figures.Standing(asked.purposes)
    covers = figures.coverage(standing, asked.target, purposes=asked.purposes)
    series, people = figures.over_time(asked), figures.by_person(asked)
    sums = figures.total(series)
    links = _Links(asked, shown=request.user.is_lead)
    context = {
        "asked": asked,
        "purposes": PURPOSES.items(),
        "steps": STEPS.items(),
        "spans": SPANS.items(),
        "way": _way(standing, links),
        "tiles": _tiles(standing, asked, sums, links),
        "agreement": _agreement(asked),
        "states": _states(standing, links),
        "standings": list(SHORT_STANDINGS.items()),
        "domains": _domains(covers, links),
        "advice": [_advice(cover) for cover in figures.next_to_source(covers)],
        "people": people,
        "how_time_is_counted": curves.how_time_is_counted(),
        "curves": curves.for_page(asked, series, people),
        "query": urlencode(asked.changed()),
        "state_of_counts": CountState.objects.first(),
        "left": left,
        "empty": not standing.count() and not people,
    }
    return render(request, "qc/quality.html", context)


@allow(Role.LEAD, Role.ADMIN)
@require_GET
def quality_table(request, name):
    """One of the page's tables as a CSV file."""
    if name not in tables.TABLES:
        raise Http404
    counting.catch_up()
    asked = Asked.of(request.GET)
    # The mark tells spreadsheets that this is UTF-8.
    response = HttpResponse("\ufeff" + tables.as_csv(name, asked), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="quality-{name}-{asked.until}.csv"'
    return response


class _Links:
    """Addresses of filtered lists of questions; "" for who may not open them."""

    def __init__(self, asked, *, shown):
        self.fixed = {} if asked.purpose == "all" else {"purpose": asked.purpose}
        self.shown = shown

    def __call__(self, **query):
        return f"{reverse('questions')}?{urlencode(self.fixed | query)}" if self.shown else ""


def _tiles(standing, asked, sums, links):
    found = [_exportable(standing, asked), *filter(None, (tile(asked, sums) for tile in TILES))]
    return found if links.shown else [replace(tile, url="") for tile in found]


def _agreement(asked):
    """The stored report over as long a time, and its figures in words."""
    report = newest("verdicts", str(asked.span))
    found = {"report": report, "told": [], "span": asked.span}
    if report:
        found |= {"told": told("verdicts", report.figures), "few": report.figures["items"] < FEW}
    return found


def _exportable(standing, asked):
    count = standing.count(gates=["in"])
    note = ngettext("of %(target)s question to have", "of %(target)s questions to have", asked.target)
    whole = {"target": number_format(asked.target, force_grouping=True)}
    return Tile(_("Exportable"), number_format(count, force_grouping=True), note % whole)


def _way(standing, links):
    """The way to an export, each step with its share of all and of the step before; `x` and `width` draw it, of 100."""
    rows, before = [], None
    found = figures.way(standing)
    total = found[0][1]
    for name, count in found:
        width = 100 * count / total if total else 0
        query = _WAY_QUERY.get(name)
        rows.append(
            {
                "name": name,
                "label": WAY[name],
                "count": count,
                "share": count / total if total else None,
                "of_before": count / before if before else None,
                "x": f"{(100 - width) / 2:.2f}",
                "width": f"{width:.2f}",
                "url": links(**query) if query is not None else "",
            }
        )
        before = count
    return rows


def _states(standing, links):
    counts = figures.states(standing)
    total, most = sum(n for _name, n in counts), max([n for _name, n in counts] + [1])
    rows = []
    for name, count in counts:
        cells = []
        for leak in SHORT_STANDINGS:
            n = standing.count(states=[name], leaks=[leak])
            cells.append({"count": n, "url": links(state=name, leak=leak) if n and leak in STANDINGS else ""})
        rows.append(
            {
                "name": name,
                "label": State(name).label,
                "count": count,
                "share": count / total if total else None,
                "width": f"{100 * count / most:.2f}",
                "url": links(state=name),
                "cells": cells,
            }
        )
    return rows


def _domains(covers, links):
    """Coverage by domain and category; bars are drawn on one scale, so that targets can be compared."""
    most = max(max(cover.target, cover.approved + cover.under_way) for cover in covers) or 1
    by_name = {cover.category: cover for cover in covers}
    totals = figures.domain_totals(covers)

    def width(count):
        return f"{100 * count / most:.2f}"

    found = []
    for domain, label, categories in by_domain():
        rows = []
        for category in categories:
            cover = by_name[category.name]
            rows.append(
                {
                    "cover": cover,
                    "label": category.label,
                    "approved": width(cover.approved),
                    "under_way": width(cover.under_way),
                    "target": width(cover.target),
                    "full": cover.approved >= cover.target,
                    "url": links(category=category.name),
                    "approved_url": links(category=category.name, state=State.APPROVED.value),
                }
            )
        target, approved, under_way, missing = totals[domain]
        found.append(
            {
                "label": label,
                "rows": rows,
                "target": target,
                "approved": approved,
                "under_way": under_way,
                "missing": missing,
            }
        )
    return found


def _advice(cover):
    """What to do about one category, in words."""
    label = CATEGORIES[cover.category].label
    missing = ngettext("%(n)s question is missing", "%(n)s questions are missing", cover.missing) % {"n": cover.missing}
    had = _("%(target)s wanted, %(approved)s approved, %(under_way)s under way") % vars(cover)
    if not cover.places:
        step = _("no clip waits for a writer, so bring %(n)s") % {"n": cover.missing}
    elif cover.to_source:
        step = ngettext(
            "clips that wait have a place for %(places)s of them, so bring %(n)s more",
            "clips that wait have places for %(places)s of them, so bring %(n)s more",
            cover.places,
        ) % {"places": cover.places, "n": cover.to_source}
    else:
        step = _("enough clips wait for writers")
    return {"category": cover.category, "label": label, "missing": missing, "had": had, "step": step}
