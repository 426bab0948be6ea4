"""The figures of an evaluation as its page draws them, and the browser of its answers."""

from django.db.models import Q
from django.utils.translation import gettext as _

from annotator.models import Clip
from annotator.taxonomy import CATEGORIES, DOMAINS
from modelzoo.evaluation.leaderboard import Cell
from modelzoo.evaluation.models import Judgement, Prediction
from modelzoo.evaluation.video_mme import DURATIONS

PAGE = 50


def cell(figure):
    return figure and Cell(figure["share"], figure["low"], figure["high"], figure.get("n"), figure.get("right"))


def signed(share):
    """ "+51.2" of a difference of shares, in points."""
    return "–" if share is None else f"{100 * share:+.1f}".replace("-", "−")


def change(figure, key="difference"):
    """{"text", "low", "high", "bar"} of a difference with its interval, in points; `bar` draws it from -100 to 100."""
    told = {"text": signed(figure[key]), "low": signed(figure["low"]), "high": signed(figure["high"]), "bar": None}
    if figure["low"] is not None:
        low, middle, high = (round(100 + 100 * figure[name]) for name in ("low", key, "high"))
        told["bar"] = {"low": low, "middle": middle, "width": max(1, high - low)}
    return told


def in_order(found, order):
    """Items of a stored dict in a meaningful order, unknown ones last: jsonb keeps keys in an order of its own."""
    known = list(order)
    return sorted(found.items(), key=lambda item: (known.index(item[0]) if item[0] in known else len(known), item[0]))


def label_of(category):
    parts = {
        "generic": _("Generic"), "temporal": _("Temporal"), "consistency": _("Consistency"),
        "short": _("Short"), "medium": _("Medium"), "long": _("Long"),
    }  # fmt: skip
    if category in parts:
        return parts[category]
    if category == "motion":
        return _("Motion: mechanics and kinematics")
    return CATEGORIES[category].label if category in CATEGORIES else DOMAINS.get(category, category)


def bands():
    return {
        "length": (
            _("Length of the marked glitch"),
            {"under 1 s": _("under 1 s"), "1 to 3 s": _("1 to 3 s"), "3 s and more": _("3 s and more")},
        ),
        "strength": (
            _("How visible the glitch is"),
            {"subtle": _("subtle"), "visible": _("visible"), "blatant": _("blatant")},
        ),
        "span_shown": (_("A frame that was shown lies in the marked span"), {"yes": _("yes"), "no": _("no")}),
    }


def of(evaluation):
    """What the template draws of a complete evaluation."""
    figures = evaluation.figures
    if "scores" in figures:
        return _scores(figures)
    outcomes = figures["outcomes"]
    most = max([sum(found.values()) for found in outcomes.values()], default=1)
    return {
        "micro": cell(figures["micro"]),
        "macro": cell(figures["macro"] | {"n": figures["micro"]["n"]}),
        "careful": cell(figures["careful"]) if figures["careful"]["right"] != figures["micro"]["right"] else None,
        "no_answer": [(reason(why), count) for why, count in figures["why_no_answer"].items()],
        "categories": [
            (name, label_of(name), cell(figure), outcomes.get(name), round(100 * sum(outcomes[name].values()) / most))
            for name, figure in in_order(figures["by_category"], CATEGORIES)
        ],
        "domains": [(label_of(name), cell(figure)) for name, figure in in_order(figures["by_domain"], DOMAINS)],
        "parts": [(label_of(name), cell(figure)) for name, figure in in_order(figures["by_part"], DURATIONS)],
        "said": _said(figures.get("said")),
        "letters": _letters(figures["letters"]),
        "slices": [
            (title, [(words[band], cell(figure)) for band, figure in in_order(figures["slices"][name], words)])
            for name, (title, words) in bands().items()
            if name in figures["slices"]
        ],
        "calibration": figures["calibration"],
        "calibration_rows": [
            (f"{100 * row['low']:.0f}–{100 * row['high']:.0f} %", row["n"], Cell(row["confidence"]), Cell(row["share"]))
            for row in (figures["calibration"] or {}).get("bins", [])
        ],
        "circular": _circular(figures.get("circular")),
        "mass": figures["mass"],
    }


def _scores(figures):
    """Scores of open answers, the average first: [(short name, name, cell, [(score, count, percent of most), ...]), ...]."""
    names = {"AVG": _("Average"), **{one.value: one.label for one in Judgement.Aspect}}
    rows = []
    for name, label in names.items():
        found, spread = figures["scores"][name], figures["spread"].get(name, [])
        most = max(spread, default=0) or 1
        bars = [(score, count, round(100 * count / most)) for score, count in enumerate(spread)]
        rows.append((name, label, Cell(found["score"], found["low"], found["high"], found["n"], is_score=True), bars))
    return {"scores": rows, "no_answer": [(reason(why), count) for why, count in figures["why_no_answer"].items()]}


def _said(found):
    """[(label, is it a sum, hits, false alarms, J), ...] of categories, then of domains, then of motion; [] for none."""
    if not found:
        return []
    rows = [
        *in_order(found["by_category"], CATEGORIES),
        *((name, one) for name, one in in_order(found["by_domain"], DOMAINS) if name in DOMAINS),
        ("motion", found["motion"]),
    ]
    return [
        (label_of(name), name not in CATEGORIES, cell(one["hits"]), cell(one["alarms"]), change(one, "j"))
        for name, one in rows
    ]


def _circular(found):
    if not found:
        return None
    return {
        "plain": Cell(found["plain"]),
        "mean": Cell(found["mean"]),
        "all": Cell(found["all"], found["all_low"], found["all_high"], None, None),
    }


def _letters(counts):
    """[(right letter, [(chosen, count, heat, is right), ...]), ...] with heat 0 to 10 by share of the row."""
    rows = []
    for answer, chosen in in_order(counts, "ABCD"):
        total = sum(chosen.values()) or 1
        found = in_order(chosen, [*"ABCD", ""])
        cells = [(letter, count, round(10 * count / total), letter == answer) for letter, count in found]
        rows.append((answer, cells))
    return rows


def reason(why):
    words = {
        "empty": _("the reply was empty"),
        "nothing": _("it names no option"),
        "several": _("it names several options"),
        "denied": _("it only says what it is not"),
        "contradiction": _("letter and text contradict each other"),
        "unfinished": _("it never stopped thinking"),
        "cut": _("the reply was cut off"),
        "tie": _("two options were equally likely"),
        "missing": _("the file has no reply"),
    }
    return words.get(why, why)


# ---- The browser of answers

ONLY = ("wrong", "none", "right", "all")
OPEN_ONLY = ("low", "none", "all")
LOW = 1  # a score that asks to be looked at


def only_words(*, is_open=False):
    if is_open:
        return {"low": _("Scored 0 or 1"), "none": _("No answer or no score"), "all": _("All")}
    return {"wrong": _("Wrong"), "none": _("No answer"), "right": _("Right"), "all": _("All")}


def answers(evaluation, *, only="wrong", category="", ids=None):
    """First predictions that fit, by the place of their question."""
    rows = Prediction.objects.filter(evaluation=evaluation, rotation=0).select_related("question")
    if evaluation.judge:
        low, none = Judgement.objects.filter(score__lte=LOW), Judgement.objects.filter(score=None)
        if only == "low":
            rows = rows.filter(pk__in=low.filter(prediction__evaluation=evaluation).values("prediction"))
        elif only == "none":
            unscored = none.filter(prediction__evaluation=evaluation).values("prediction")
            rows = rows.filter(~Q(no_answer="") | Q(pk__in=unscored))
    elif only == "right":
        rows = rows.filter(right=True)
    elif only == "none":
        rows = rows.filter(option="")
    elif only == "wrong":
        rows = rows.filter(Q(right=False), ~Q(option=""))
    if category:
        rows = rows.filter(question__category=category)
    if ids is not None:
        rows = rows.filter(question_id__in=ids)
    return rows.order_by("question__number")


def in_aspects(prediction):
    """The judgements of an open answer, in the order of the aspects."""
    order = Judgement.Aspect.values
    return (
        sorted(prediction.judgements.all(), key=lambda one: order.index(one.aspect)) if prediction.question.aspects else []
    )


def with_clips(predictions):
    """Give each prediction the Studio's `clip`, where it has one that can be played; one query for all."""
    ids = {row.question.clip_id for row in predictions if row.question.clip_id}
    clips = Clip.objects.filter(pk__in=ids, state=Clip.State.READY).in_bulk()
    for row in predictions:
        row.clip = clips.get(row.question.clip_id)
    return predictions


def options_of(prediction, other=None):
    """[{letter, text, is_right, chosen, by_other, percent}, ...] in the set's order."""
    by_letter = dict(zip(prediction.order, prediction.probabilities or [], strict=False))
    return [
        {
            "letter": letter,
            "text": text,
            "is_right": letter == prediction.question.answer,
            "chosen": letter == prediction.option,
            "by_other": other is not None and letter == other.option,
            "percent": f"{100 * by_letter[letter]:.0f}" if letter in by_letter else "",
        }
        for letter, text in prediction.question.by_letter.items()
    ]
