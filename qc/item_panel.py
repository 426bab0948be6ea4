"""Blind answers on a question's page: to leads counts, alarms and the gold button; to its author what a round showed."""

from django.template.loader import render_to_string

from annotator.models import OPTION_KEYS, Question, Remark
from annotator.panels import hidden_keys
from qc import gold
from qc.items import item_of
from qc.models import BlindAnswer, GoldItem

_LABELS = dict(Remark.FIELD_CHOICES)
_ANSWERS = dict(BlindAnswer.Answer.choices)


def context(question, item):
    """The counts of a question as rows, and the alarms in words."""
    rows = [
        {
            "label": _LABELS.get(key, _ANSWERS[key]),
            "text": getattr(question, key) if key in OPTION_KEYS else "",
            "count": item.counts[key],
            "share": item.counts[key] / item.answers if item.answers else 0,
            "is_key": key == OPTION_KEYS[0],
            "dead": key in item.dead,
            "suspect": key in item.suspects,
        }
        for key in _ANSWERS
    ]
    return {
        "question": question,
        "item": item,
        "answer_rows": rows,
        "suspects": [_LABELS[key] for key in item.suspects],
        "dead": [_LABELS[key] for key in item.dead],
    }


def item_panel(request, question):
    """HTML for leads; for the author only the alarms of a settled round; "" for everybody else."""
    user, own = request.user, question.author_id == request.user.pk
    if not (own or user.is_lead) or not question.revision_number or hidden_keys(user, [question]):
        return ""
    if own:
        unsettled = question.state in (Question.State.SUBMITTED, Question.State.DISPUTED)
        item = None if unsettled else item_of(question, without_gold=True)
        if item is None or not (item.suspects or item.two_fit_alarm):
            return ""
        return render_to_string("qc/_item_alarms.html", context(question, item) | {"alone": True}, request)
    item = item_of(question)
    active = GoldItem.objects.filter(revision__question=question, retired_at=None).select_related("promoted_by").first()
    if not item.answers and not active and question.state != Question.State.APPROVED:
        return ""
    more = {"gold": active, "gold_refusal": "" if active else gold.why_not(user, question)}
    return render_to_string("qc/_item_panel.html", context(question, item) | more, request)
