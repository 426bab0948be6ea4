"""The answers of an evaluation one by one, and what flipped between two, each with its clip."""

from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from annotator.models import Question
from annotator.panels import hidden_keys
from annotator.taxonomy import CATEGORIES
from modelzoo.evaluation import comparing, shown, vcg
from modelzoo.evaluation.leaderboard import Cell
from modelzoo.evaluation.models import Evaluation, Judgement, Prediction
from studio.access import allow
from studio.roles import Role

_ROLES = (Role.LEAD, Role.ADMIN)


def _complete(pk):
    return get_object_or_404(Evaluation.objects.for_lists(), pk=pk, state=Evaluation.State.COMPLETE)


def _number(request, name):
    value = request.GET.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 10 else None


def _at(request, rows):
    """(the prediction to show, number of the one before, of the one after, places, its place) by the address's `at`."""
    at = _number(request, "at")
    one = rows.filter(question__number__gte=at).first() if at is not None else None
    one = one or rows.first()
    if one is None:
        return None, None, None, 0, 0
    number = one.question.number
    earlier = rows.filter(question__number__lt=number)
    before = earlier.order_by("-question__number").values_list("question__number", flat=True).first()
    after = rows.filter(question__number__gt=number).values_list("question__number", flat=True).first()
    return one, before, after, rows.count(), earlier.count() + 1


def _hides(user, question):
    """Whether this person must still answer the question blind, so that its key stays hidden."""
    if not question.question_id:
        return False
    known = Question.objects.filter(pk=question.question_id)
    return bool(hidden_keys(user, list(known)))


@allow(*_ROLES)
@require_safe
@never_cache
def answers(request, pk):
    """One answer at a time: keys go to the next and the one before."""
    evaluation = _complete(pk)
    is_open = bool(evaluation.judge)
    known = shown.OPEN_ONLY if is_open else shown.ONLY
    only = request.GET.get("only") if request.GET.get("only") in known else known[0]
    found = dict.fromkeys(vcg.PARTS) if is_open else evaluation.figures.get("by_category", {})
    categories = [name for name, _figure in shown.in_order(found, [*vcg.PARTS, *CATEGORIES])]
    category = request.GET.get("category", "") if request.GET.get("category") in categories else ""
    rows = shown.answers(evaluation, only=only, category=category)
    one, before, after, count, place = _at(request, rows)
    context = {
        "evaluation": evaluation, "only": only, "words": shown.only_words(is_open=is_open).items(), "category": category,
        "categories": [(name, shown.label_of(name)) for name in categories], "one": one, "before": before, "after": after,
        "count": count, "place": place,
    }  # fmt: skip
    if one:
        shown.with_clips([one])
        context |= {"options": shown.options_of(one), "hidden": _hides(request.user, one.question)}
        context["reason"] = shown.reason(one.no_answer)
        context["judgements"] = shown.in_aspects(one)
        context["turns"] = Prediction.objects.filter(
            evaluation=evaluation, question=one.question_id, rotation__gt=0
        ).order_by("rotation")
    return render(request, "modelzoo/evaluation_answers.html", context)


def _told_apart(first, second):
    """What to call two evaluations: their models, or what else they differ in."""
    ways = (
        lambda one: one.name,
        lambda one: one.get_scoring_display() if first.protocol == second.protocol else one.protocol,
        lambda one: f"{one.protocol} {one.pk}",
    )
    return next((way(first), way(second)) for way in ways if way(first) != way(second) or way is ways[-1])


def _signed(points):
    return "–" if points is None else f"{points:+.2f}"


@allow(*_ROLES)
@require_safe
@never_cache
def compare(request, pk, other):
    """What the second evaluation answers otherwise than the first, with the paired tests."""
    first, second = _complete(pk), _complete(other)
    found = comparing.paired(first, second)
    context = {"first": first, "second": second, "found": found}
    if found is None:
        return render(request, "modelzoo/evaluation_compare.html", context, status=422)
    labels = _told_apart(first, second)
    how = request.GET.get("how") if request.GET.get("how") in ("better", "worse") else ""
    ids = [one for one, flip in found["flips"].items() if not how or flip == how]
    one, before, after, count, place = _at(request, shown.answers(second, only="all", ids=ids))
    words = {
        "better": _("%(second)s is better than %(first)s."),
        "worse": _("%(second)s is worse than %(first)s."),
        "tie": _("A tie: what separates %(second)s from %(first)s may be chance."),
    }
    context |= {
        "how": how, "one": one, "before": before, "after": after, "count": count, "place": place,
        "verdict": words[found["verdict"]] % {"first": labels[0], "second": labels[1]}, "labels": labels,
        "agree": 100 * found["agree"] if found["agree"] is not None else None,
    }  # fmt: skip
    if "changes" in found:
        context["changes"] = [
            (name, *(_signed(figure[key]) for key in ("score", "low", "high")), figure["n"])
            for name, figure in shown.in_order(found["changes"], ["AVG", *Judgement.Aspect.values])
        ]
    else:
        context["categories"] = [(shown.label_of(name), *counts) for name, counts in found["by_category"].items()]
        context["points"] = shown.change(found["bootstrap"])
        context["domains"] = [
            (
                shown.label_of(name), one["n"], Cell(one["before"]), Cell(one["after"]), shown.change(one),
                one["j"] and (shown.signed(one["j"]["before"]), shown.signed(one["j"]["after"]), shown.change(one["j"])),
            )
            for name, one in found["by_domain"].items()
        ]  # fmt: skip
        context["knows_claims"] = any(one["j"] for one in found["by_domain"].values())
    if one:
        shown.with_clips([one])
        was = Prediction.objects.get(evaluation=first, question=one.question_id, rotation=0)
        context |= {"options": shown.options_of(one, was), "was": was, "hidden": _hides(request.user, one.question)}
        context |= {"judgements": shown.in_aspects(one), "judged_before": shown.in_aspects(was)}
    return render(request, "modelzoo/evaluation_compare.html", context)
