"""The figures of an evaluation: worked out once, from its predictions, when the last of them is there.

A question with four rotations counts as `plain` (the first), `mean` and `all` (right in every one); the tables go by plain.
"""

from collections import defaultdict

from django.db.models import F

from annotator.taxonomy import CATEGORIES
from modelzoo.evaluation import figures
from modelzoo.evaluation.models import Judgement, Prediction

VERSION = 1
LENGTHS = ((0, 1, "under 1 s"), (1, 3, "1 to 3 s"), (3, None, "3 s and more"))
STRENGTHS = ((0, 0.4, "subtle"), (0.4, 0.7, "visible"), (0.7, None, "blatant"))
ASPECTS = tuple(Judgement.Aspect.values)


def rows_of(evaluation):
    """The first predictions of all questions with what the tables need, by the place of the question."""
    wanted = {
        name: F(f"question__{name}")
        for name in "category domain part family spans_s fps strength answer option_categories number".split()
    }
    rows = Prediction.objects.filter(evaluation=evaluation, rotation=0).order_by("question__number")
    return list(
        rows.values(
            "question_id", "right", "option", "letter", "no_answer", "probabilities", "mass", "frame_numbers", **wanted
        )
    )


def figures_of(evaluation):
    """All figures as plain values; see the keys below."""
    if evaluation.question_set.benchmark == "vcg":
        return {"version": VERSION, **_scores(evaluation)}
    rows = rows_of(evaluation)
    found = {
        "version": VERSION,
        "micro": _accuracy(rows),
        "by_category": _split(rows, "category"),
        "by_domain": _split(rows, "domain"),
        "by_part": {name: value for name, value in _split(rows, "part").items() if name},
        "no_answer": sum(bool(row["no_answer"]) for row in rows),
        "why_no_answer": _counted(row["no_answer"] for row in rows if row["no_answer"]),
        "letters": _letters(rows),
        "outcomes": _outcomes(rows),
        "slices": _slices(rows),
        "careful": _careful(rows),
    }
    found["macro"] = figures.macro(list(found["by_category"].values()))
    found["said"] = _said(rows)
    found["calibration"] = _calibration(rows)
    masses = [row["mass"] for row in rows if row["mass"] is not None]
    found["mass"] = sum(masses) / len(masses) if masses else None
    if evaluation.rotations > 1:
        found["circular"] = _circular(evaluation)
    return found


def _accuracy(rows):
    return figures.accuracy([int(row["right"]) for row in rows], [row["family"] for row in rows])


def _split(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    known = list(CATEGORIES)
    order = sorted(groups, key=lambda name: (known.index(name) if name in known else len(known), name))
    return {name: _accuracy(groups[name]) for name in order}


def _counted(values):
    found = defaultdict(int)
    for value in values:
        found[value] += 1
    return dict(sorted(found.items()))


def _careful(rows):
    """By the careful reader, where a published rule judged: else the same as `micro`."""
    return figures.accuracy([int(bool(row["option"]) and row["option"] == row["answer"]) for row in rows])


def _letters(rows):
    """{right letter: {chosen letter or "": count}}, letters of the set."""
    found = {answer: dict.fromkeys([*"ABCD", ""], 0) for answer in "ABCD"}
    for row in rows:
        found[row["answer"]][row["option"]] += 1
    return found


MOTION = ("Mechanics", "Kinematics")  # the domains whose glitches are in how things move, not in how they look


def offers_of(row):
    """[(category that an option claims, whether it is the right one, whether it was chosen), ...] of one answer."""
    return [
        (category, letter == row["answer"], letter == row["option"])
        for letter, category in zip("ABCD", row["option_categories"], strict=False)
    ]


def knows_claims(rows):
    return bool(rows) and all(row["option_categories"] for row in rows)


def in_domains(category, domains):
    return category in CATEGORIES and CATEGORIES[category].domain in domains


def _said(rows):
    """{"by_category", "by_domain": {name: `figures.hits_and_alarms`}, "motion": the same of `MOTION` together}; None where
    it is unknown what each option claims.

    Each option is one time at which its category could be said: a hit if it is right and was chosen, a false alarm if it is
    wrong and was chosen. Of four options one is right, so a model that does not look has a J of 0 whatever it likes to say.
    """
    if not knows_claims(rows):
        return None
    offers = [(row["family"], *offer) for row in rows for offer in offers_of(row)]

    def among(wanted):
        some = [(family, right, chosen) for family, category, right, chosen in offers if wanted(category)]
        hits = [(int(chosen), family) for family, right, chosen in some if right]
        alarms = [(int(chosen), family) for family, right, chosen in some if not right]
        return figures.hits_and_alarms(*_columns(hits), *_columns(alarms))

    categories = {category for _family, category, *_rest in offers}
    domains = {CATEGORIES[one].domain if one in CATEGORIES else one for one in categories}
    return {
        "by_category": {name: among(lambda one, name=name: one == name) for name in sorted(categories)},
        "by_domain": {
            name: among(lambda one, name=name: one == name or in_domains(one, (name,))) for name in sorted(domains)
        },
        "motion": among(lambda one: in_domains(one, MOTION)),
    }


def _columns(pairs):
    return [first for first, _ in pairs], [second for _, second in pairs]


def _outcomes(rows):
    """{category: {"right", "wrong", "none"}}: counts."""
    found = defaultdict(lambda: {"right": 0, "wrong": 0, "none": 0})
    for row in rows:
        outcome = "right" if row["right"] else "none" if row["no_answer"] else "wrong"
        found[row["category"]][outcome] += 1
    return dict(found)


def _band(value, bands):
    for low, high, name in bands:
        if value >= low and (high is None or value < high):
            return name
    return None


def marked_is_shown(row):
    """Whether a frame that was shown lies in a marked span; None where spans or frames are unknown."""
    if not row["spans_s"] or not row["frame_numbers"] or not row["fps"]:
        return None
    times = [(number + 0.5) / row["fps"] for number in row["frame_numbers"]]
    return any(first <= time < last for first, last in row["spans_s"] for time in times)


def _slices(rows):
    """{slice: {band: accuracy}} by length of the marked glitch, its strength, and whether a shown frame lies in it."""
    found = {"length": defaultdict(list), "strength": defaultdict(list), "span_shown": defaultdict(list)}
    for row in rows:
        if row["spans_s"]:
            length = sum(last - first for first, last in row["spans_s"])
            found["length"][_band(length, LENGTHS)].append(row)
        if row["strength"] is not None:
            found["strength"][_band(row["strength"], STRENGTHS)].append(row)
        seen = marked_is_shown(row)
        if seen is not None:
            found["span_shown"]["yes" if seen else "no"].append(row)
    order = {
        "length": [name for *_range, name in LENGTHS],
        "strength": [name for *_range, name in STRENGTHS],
        "span_shown": ["yes", "no"],
    }
    return {
        name: {band: _accuracy(bands[band]) for band in order[name] if band in bands}
        for name, bands in found.items()
        if bands
    }


def _calibration(rows):
    known = [row for row in rows if row["probabilities"] and row["letter"]]
    if not known:
        return None
    chosen = [min(1.0, max(0.0, row["probabilities"]["ABCD".index(row["letter"])])) for row in known]
    return figures.calibration(chosen, [int(row["right"]) for row in known])


def _circular(evaluation):
    rights, families = defaultdict(list), {}
    rows = Prediction.objects.filter(evaluation=evaluation).order_by("question_id", "rotation")
    for question, family, right in rows.values_list("question_id", "question__family", "right"):
        rights[question].append(int(right))
        families[question] = family
    found = figures.circular(rights)
    every = figures.accuracy([int(all(row)) for row in rights.values()], [families[question] for question in rights])
    # How often the right option was found at each of its places: a model that likes a letter shows it here.
    return {**found, "all_low": every["low"], "all_high": every["high"], "rotations": evaluation.rotations}


def _scores(evaluation):
    """Mean scores of open answers with bootstrap intervals over clips, and what is in no mean.

    {"scores": {aspect or "AVG": {"score", "low", "high", "n"}}, "spread": {aspect: [how often 0, 1, ... 5]}, "no_answer",
    "why_no_answer", "no_score": judgements without one, "judged": all}.
    """
    rows = list(
        Judgement.objects.filter(prediction__evaluation=evaluation)
        .order_by("prediction__question__number", "aspect")
        .values_list("aspect", "score", "prediction__question__family")
    )
    scored = [(aspect, score, family) for aspect, score, family in rows if score is not None]
    spread = {aspect: [0] * (Judgement.MOST + 1) for aspect in ASPECTS}
    for aspect, score, _family in scored:
        spread[aspect][score] += 1
    why = Prediction.objects.filter(evaluation=evaluation).exclude(no_answer="").values_list("no_answer", flat=True)
    return {
        "scores": figures.mean_scores(scored, ASPECTS),
        "spread": spread,
        "no_answer": len(why),
        "why_no_answer": _counted(why),
        "no_score": len(rows) - len(scored),
        "judged": len(rows),
    }
