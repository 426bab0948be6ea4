"""What the list of all questions can be narrowed by, beyond what it knows itself, and the link to a question's card."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from annotator.models import Clip
from annotator.panels import QuestionFilter
from qc.dashboard import counting
from qc.dashboard.models import QuestionFacts
from qc.leak_verdicts import STANDINGS

HELD = "held"


def purposes():
    return [(purpose.value, purpose.label) for purpose in (Clip.Purpose.BENCHMARK, Clip.Purpose.TRAINING)]


def standings():
    return list(STANDINGS.items())


def gates():
    return [*QuestionFacts.Gate.choices, (HELD, _("Approved, not exportable"))]


def _by_facts(**named):
    """A filter that reads kept facts; with the state among them one index finds what fits several filters."""

    def narrow(rows, value, query):
        counting.catch_up()
        if query.get("state"):
            rows = rows.filter(facts__state=query["state"])
        return rows.filter(**{name: read(value) for name, read in named.items()})

    return narrow


def _gates_of(value):
    return [QuestionFacts.Gate.LEAK, QuestionFacts.Gate.CLIP] if value == HELD else [value]


FILTERS = [
    QuestionFilter("leak", _("Leak check"), standings, _by_facts(facts__leak=str)),
    QuestionFilter("gate", _("Export"), gates, _by_facts(facts__gate__in=_gates_of)),
    QuestionFilter("purpose", _("Clips for"), purposes, _by_facts(facts__purpose=str)),
]


def card_link(user, question):
    """The health card, for leads."""
    return (reverse("question_card", args=[question.pk]), _("Card")) if user.is_lead else None
