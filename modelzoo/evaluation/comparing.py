"""Two evaluations of one question set: what flipped, whether that is more than chance, and how often they agree.

Also how a model's answers go with those that people gave blind.
"""

from collections import defaultdict
from typing import NamedTuple

from annotator.models import OPTION_KEYS
from annotator.taxonomy import CATEGORIES, DOMAINS
from modelzoo.evaluation import figures, report
from modelzoo.evaluation.models import Judgement, Prediction
from modelzoo.models import ReleaseRow
from qc.models import BlindAnswer

SURE = 0.05


class Answered(NamedTuple):
    right: bool
    option: str
    family: str
    category: str
    domain: str
    answer: str
    claims: list  # category of what each option claims, [] where it is unknown


def _rights(evaluation):
    """{question id: `Answered`} of the first rotation."""
    rows = Prediction.objects.filter(evaluation=evaluation, rotation=0)
    of_question = ("family", "category", "domain", "answer", "option_categories")
    wanted = ("question_id", "right", "option", *(f"question__{name}" for name in of_question))
    return {question: Answered(*rest) for question, *rest in rows.values_list(*wanted)}


def paired(before, after):
    """The paired tests of two complete evaluations of one set; None where their sets differ.

    {"mcnemar", "bootstrap", "verdict": "better", "worse" or "tie", "agree", "flips": {question id: "better" or "worse"},
    "by_category": {category: (better, worse)}, "by_domain": see `_by_domain`}. A tie is what neither test tells from chance.
    """
    if before.question_set_id != after.question_set_id:
        return None
    if before.judge or after.judge:
        return _paired_scores(before, after)
    first, second = _rights(before), _rights(after)
    ids = sorted(first.keys() & second.keys())
    was, now = [first[one].right for one in ids], [second[one].right for one in ids]
    test = figures.mcnemar(was, now)
    spread = figures.bootstrap_difference(was, now, [first[one].family for one in ids])
    flips = {one: "better" if second[one].right else "worse" for one in ids if first[one].right != second[one].right}
    by_category = defaultdict(lambda: [0, 0])
    for one, how in flips.items():
        by_category[first[one].category][how == "worse"] += 1
    return {
        "mcnemar": test,
        "bootstrap": spread,
        "verdict": _verdict(test, spread),
        "agree": sum(first[one].option == second[one].option for one in ids) / len(ids) if ids else None,
        "flips": flips,
        "by_category": dict(sorted(by_category.items(), key=lambda item: -sum(item[1]))),
        "by_domain": _by_domain([(first[one], second[one]) for one in ids]),
    }


_COLUMNS = 9  # of each domain: questions, right before, after; right options, chosen before, after; the same of wrong ones


def _by_domain(pairs):
    """{domain: {"n", "before", "after", "difference", "low", "high", "j"}} of [(`Answered` before, after), ...]; "motion" is
    the domains of motion together. "j": {"before", "after", "difference", "low", "high"} of Youden's J (report.py), None
    where it is unknown what the options claim. Percentile bootstrap over clip families, the same draws for all.
    """
    import numpy as np

    present = {one.domain for one, _other in pairs}
    names = [name for name in DOMAINS if name in present] + sorted(present - set(DOMAINS))
    names += ["motion"] if present & set(report.MOTION) else []
    knows = all(one.claims for one, _other in pairs)
    sums = defaultdict(lambda: np.zeros(len(names) * _COLUMNS))

    def places(domain):
        found = [domain, "motion"] if domain in report.MOTION else [domain]
        return [names.index(name) * _COLUMNS for name in found if name in names]

    for was, now in pairs:
        row = sums[was.family]
        for at in places(was.domain):
            row[at : at + 3] += 1, was.right, now.right
        for letter, claim in zip("ABCD", was.claims if knows else (), strict=False):
            for at in places(CATEGORIES[claim].domain if claim in CATEGORIES else claim):
                at += 3 if letter == was.answer else 6
                row[at : at + 3] += 1, letter == was.option, letter == now.option
    if not sums:
        return {}
    sums = np.array(list(sums.values()))
    drawn, total = figures.drawn_totals(sums), sums.sum(0)

    def shares(totals, start):
        n, before, after = (totals[..., start + place] for place in range(3))
        return before / n, after / n

    found = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for number, name in enumerate(names):
            at = number * _COLUMNS
            before, after = shares(total, at)
            drawn_before, drawn_after = shares(drawn, at)
            spread = figures.with_spread(after - before, drawn_after - drawn_before)
            found[name] = {"n": int(total[at]), "before": float(before), "after": float(after), **spread, "j": None}
            if knows:
                hits, alarms, drawn_hits, drawn_alarms = (
                    shares(totals, at + start) for totals in (total, drawn) for start in (3, 6)
                )
                change = figures.with_spread(
                    hits[1] - alarms[1] - hits[0] + alarms[0],
                    drawn_hits[1] - drawn_alarms[1] - drawn_hits[0] + drawn_alarms[0],
                )
                told = {"before": float(hits[0] - alarms[0]), "after": float(hits[1] - alarms[1]), **change}
                found[name]["j"] = told if change["difference"] is not None else None
    return found


def _paired_scores(before, after):
    """The same of open answers: the mean change of scores with bootstrap intervals over clips; None for two judges.

    {"changes": {aspect or "AVG": {"score", "low", "high", "n"}}, "verdict", "flips", "agree": share of equal scores}.
    """
    if before.judge != after.judge:
        return None
    first, second = _scores(before), _scores(after)
    both = sorted(first.keys() & second.keys())
    change = {one: second[one][0] - first[one][0] for one in both}
    changes = figures.mean_scores([(one[1], change[one], first[one][1]) for one in both], Judgement.Aspect.values)
    average, by_question = changes["AVG"], defaultdict(int)
    for (question, _aspect), points in change.items():
        by_question[question] += points
    tie = average["low"] is None or average["low"] <= 0 <= average["high"]
    return {
        "changes": changes,
        "verdict": "tie" if tie else "better" if average["score"] > 0 else "worse",
        "flips": {one: "better" if points > 0 else "worse" for one, points in by_question.items() if points},
        "agree": sum(not points for points in change.values()) / len(change) if change else None,
    }


def _scores(evaluation):
    """{(question id, aspect): (score, family)} of what was scored."""
    rows = Judgement.objects.filter(prediction__evaluation=evaluation, score__isnull=False)
    wanted = ("prediction__question_id", "aspect", "score", "prediction__question__family")
    return {(question, aspect): (score, family) for question, aspect, score, family in rows.values_list(*wanted)}


def _verdict(test, spread):
    """Both must say so: the test looks at questions, the interval draws whole clip families."""
    if test["p"] >= SURE or spread["low"] is None or spread["low"] <= 0 <= spread["high"]:
        return "tie"
    return "better" if spread["difference"] > 0 else "worse"


def other_scorings(evaluation, same):
    """[(evaluation, share of questions with the same option), ...]: the same model asked the same, scored in another way.

    Letters by likelihood may stand in for words only where both choose alike. `same`: other evaluations of the model.
    """
    found = []
    for other in same.filter(
        protocol=evaluation.protocol, protocol_version=evaluation.protocol_version,
        protocol_settings=evaluation.protocol_settings, repeat=evaluation.repeat,
    ).exclude(scoring=evaluation.scoring).order_by("pk"):  # fmt: skip
        first, second = _rights(evaluation), _rights(other)
        ids = first.keys() & second.keys()
        if ids:
            found.append((other, sum(first[one].option == second[one].option for one in ids) / len(ids)))
    return found


def with_people(evaluation):
    """{"n", "people_right", "model_right", "same"} over blind answers that name an option; None where there are none.

    Only questions of this Studio's releases have them. "same": shares of answers where model and person chose the same.
    """
    release = evaluation.question_set.release_id
    if not release:
        return None
    rows = ReleaseRow.objects.filter(release=release, question__isnull=False)
    orders = {}
    for question, number, record in rows.values_list("question_id", "revision_number", "record"):
        orders[(question, number)] = record
    chosen = {}
    found = Prediction.objects.filter(evaluation=evaluation, rotation=0, question__question__isnull=False)
    for question, option, right in found.values_list("question__question_id", "option", "right"):
        chosen[question] = option, right
    return _with_people(orders, chosen)


def _with_people(records, chosen):
    import json

    answers = BlindAnswer.objects.filter(
        gold=None, answer__in=OPTION_KEYS, revision__question_id__in={question for question, _number in records}
    ).values_list("revision__question_id", "revision__number", "answer")
    n = people = model = same = 0
    for question, number, answer in answers.iterator(2000):
        record = records.get((question, number))
        if record is None or question not in chosen:
            continue  # an answer to another wording says nothing about this one
        order = json.loads(record)["order"]
        option, right = chosen[question]
        n += 1
        people += answer == "correct"
        model += right
        same += option == order[OPTION_KEYS.index(answer)]
    return {"n": n, "people_right": people / n, "model_right": model / n, "same": same / n} if n else None
