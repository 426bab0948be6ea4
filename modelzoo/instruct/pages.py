"""What the pages of samples and those of pairs have in common."""

from django.shortcuts import render
from django.utils.translation import gettext as _

from annotator.models import WrongState
from modelzoo.instruct import build_views, figures, rulings
from modelzoo.instruct.models import Origin
from studio.roles import Role

PAGE = 30
ROLES = (Role.LEAD, Role.ADMIN)


def number(text):
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None


def counts(model, *, kind):
    """What the first page of samples or of pairs shows of them, and of their newest builds."""
    found = figures.cells(model)
    return {
        "total": sum(cell[-1] for cell in found),
        "states": figures.by_state(found),
        "kinds": figures.table(found, 2, model.Kind.choices),
        "origins": figures.table(found, 0, Origin.choices),
        "dropped": figures.dropped(found),
        "builds": build_views.newest(kind),
        "no_model": build_views.no_model(),
    }


def listed(request, form, model, template):
    """One page of a list, narrowed by its filters."""
    rows = form.narrow(model.objects.select_related("clip", "decided_by")).order_by("-pk")
    rows = list(rows[: PAGE + 1])
    context = {"form": form, "rows": rows[:PAGE], "older": rows[PAGE - 1].pk if len(rows) > PAGE else None}
    return render(request, template, context)


def decide(data, decisions):
    """(status, why not) of the decision that was posted, one of `decisions` {name: function}; (302, "") where it is made."""
    make = decisions.get(data.get("decision"))
    if make is None or number(data.get("version")) is None:
        return 422, _("That is not a decision. Reload the page.")
    try:
        make()
    except WrongState as refusal:
        return 409, str(refusal)
    except rulings.BadText as refusal:
        return 422, str(refusal)
    return 302, ""
