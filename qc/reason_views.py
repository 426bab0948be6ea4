"""Why questions came back: all of it for leads, one's own for an author."""

from django.shortcuts import render
from django.views.decorators.http import require_GET

from annotator import habits
from qc import reasons as counting
from studio.access import allow
from studio.roles import Role

ROWS = 200


def _days(request):
    text = request.GET.get("days", "")
    return int(text) if text in {str(days) for days in counting.DAYS} else 90


@allow(Role.LEAD)
@require_GET
def reasons(request):
    """Reason codes by author and by category."""
    days = _days(request)
    found = counting.counted(days=days)
    context = {
        "authors": found["author"][:ROWS],
        "categories": found["category"],
        "codes": counting.codes(),
        "days": days,
        "spans": counting.DAYS,
    }
    return render(request, "qc/reasons.html", context)


@allow(Role.ANNOTATOR)
@require_GET
def my_reasons(request):
    """One's own reason codes by category, and what recurs."""
    days = _days(request)
    context = {
        "categories": counting.counted(days=days, author=request.user)["category"],
        "habits": habits.of(request.user),
        "codes": counting.codes(),
        "days": days,
        "spans": counting.DAYS,
    }
    return render(request, "qc/my_reasons.html", context)
