"""Two evaluations of one question set: what flipped, whether that is more than chance, and how often they agree.

Also how a model's answers go with those that people gave blind.
"""

from collections import defaultdict

from annotator.models import OPTION_KEYS
from modelzoo.evaluation import figures
from modelzoo.evaluation.models import Judgement, Prediction
from modelzoo.models import ReleaseRow
from qc.models import BlindAnswer

SURE = 0.05


def _rights(evaluation):
    rows = Prediction.objects.filter(evaluation=evaluation, rotation=0)
    return {
        question: (right, option, family, category)
        for question, right, option, family, category in rows.values_list(
            "question_id", "right", "option", "question__family", "question__category"
        )
    }


def paired(before, after):
    """The paired tests of two complete evaluations of one set; None where their sets differ.

    {"mcnemar", "bootstrap", "verdict": "better", "worse" or "tie", "agree", "flips": {question id: "better" or "worse"},
    "by_category": {category: (better, worse)}}. A tie is what neither test tells from chance.
    """
    if before.question_set_id != after.question_set_id:
        return None
    if before.judge or after.judge:
        return _paired_scores(before, after)
    first, second = _rights(before), _rights(after)
    ids = sorted(first.keys() & second.keys())
    was, now = [first[one][0] for one in ids], [second[one][0] for one in ids]
    test = figures.mcnemar(was, now)
    spread = figures.bootstrap_difference(was, now, [first[one][2] for one in ids])
    flips = {one: "better" if second[one][0] else "worse" for one in ids if first[one][0] != second[one][0]}
    by_category = defaultdict(lambda: [0, 0])
    for one, how in flips.items():
        by_category[first[one][3]][how == "worse"] += 1
    return {
        "mcnemar": test,
        "bootstrap": spread,
        "verdict": _verdict(test, spread),
        "agree": sum(first[one][1] == second[one][1] for one in ids) / len(ids) if ids else None,
        "flips": flips,
        "by_category": dict(sorted(by_category.items(), key=lambda item: -sum(item[1]))),
    }


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
            found.append((other, sum(first[one][1] == second[one][1] for one in ids) / len(ids)))
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
