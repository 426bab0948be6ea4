"""Starting a run of the baseline, making it in the worker, keeping what it found."""

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import islice

from django.db import transaction
from django.db.models import Max

from qc.baseline import chance, items, probes
from qc.baseline.models import BaselineRun, BaselineScore
from qc.baseline.words import tokens
from studio import jobs
from studio.sentences import say

KIND = "qc.baseline"
WAYS = ("options", "question")  # as in fit.py, which the web process never imports
MOST_AUTHORS = 200
MOST_WORDS = 40
STORED_AT_ONCE = 5000


def start(*, by=None):
    """The job of a run; while one waits or runs, that one."""
    return jobs.enqueue(KIND, owner=by, key="baseline", title=say("Text-only baseline"))


def nightly():
    """A run, unless nothing was submitted or decided since the last one; returns the job or None."""
    rows = items.revisions()
    count, newest = rows.count(), rows.aggregate(newest=Max("pk"))["newest"] or 0
    last = BaselineRun.objects.order_by("-pk").values_list("questions", "newest_revision").first()
    return start() if count and last != (count, newest) else None


def make(run):
    """Read, learn, judge, store. Done again after a crash; a run that was stored is not made twice."""
    if BaselineRun.objects.filter(job=run.job).exists():
        return {}
    begun = time.monotonic()
    read = items.read(lambda done: run.check())
    if not read:
        raise jobs.JobFailed(say("There is no submitted question to read yet."))
    found = found_in(read, lambda done, steps: run.progress(done, steps, unit="steps"))
    with transaction.atomic():
        made = BaselineRun.objects.create(
            job=run.job,
            questions=len(read),
            families=found.families,
            learned=found.learned,
            newest_revision=max(item.revision for item in read),
            figures=found.figures,
            probes=found.probes,
            groups=found.groups,
            words=found.words,
            seconds=round(time.monotonic() - begun, 1),
        )
        if found.fitted:
            rows = scores(made, read, found.fitted)
            while part := list(islice(rows, STORED_AT_ONCE)):
                run.check()
                BaselineScore.objects.bulk_create(part)
        # Of older runs the figures stay; who was how sure of which question then, nobody asks.
        BaselineScore.objects.exclude(run=made).delete()
    return {"run": made.pk, "questions": made.questions, "seconds": made.seconds}


@dataclass(frozen=True)
class Found:
    """All a run finds, as it is stored; `fitted` is None where there were too few families to learn from."""

    families: int
    learned: int
    figures: dict
    probes: dict
    groups: dict
    words: list
    fitted: object


def found_in(read, tick):
    """What is found in these items; `tick(done, steps)` is called before each step and may raise."""
    from qc.baseline import fit

    families = [item.family for item in read]
    fitted, figures, groups, words = None, {}, {"category": [], "author": []}, []
    count = len(set(families))
    steps = fit.steps(len(read)) + 2 if count >= fit.LEAST_FAMILIES else 1
    if count >= fit.LEAST_FAMILIES:
        fitted = fit.fit(read, tick=lambda done: tick(done, steps))
        credits = {way: _credits(fitted.chances[way]) for way in WAYS}
        for way in WAYS:
            figures[way] = _figure(credits[way], families, range(len(read)))
            surest = fitted.chances[way].max(axis=1).argsort(kind="stable")[::-1][: max(1, len(read) // 10)]
            figures[f"{way}_surest"] = _figure(credits[way], families, surest.tolist())
        groups = {
            "category": _groups([item.category for item in read], credits, families),
            "author": _groups([item.author for item in read], credits, families)[:MOST_AUTHORS],
        }
        tick(steps - 2, steps)
        words = _words(read, fitted.weights)
    tick(steps - 1, steps)
    tallied = {name: figure.as_json() for name, figure in probes.tally(read).items()}
    letters = probes.letters(read)
    tallied["letters"] = {"counts": letters, "p": round(chance.letters_p(letters), 6)}
    tick(steps, steps)
    return Found(count, fitted.learned if fitted else 0, figures, tallied, groups, words, fitted)


def _credits(chances):
    """The share of a right answer each question earns: 1 or 0, less where the likeliest options tie."""
    best = chances == chances.max(axis=1, keepdims=True)
    return (best[:, 0] / best.sum(axis=1)).tolist()


def _figure(credits, families, chosen):
    credits = [credits[index] for index in chosen]
    variances = [chance.tie_variance(1)] * len(credits)
    return chance.figure(credits, variances, [families[index] for index in chosen]).as_json()


def _groups(names, credits, families):
    """[{"name", way: figure}] for each name, those with most questions first."""
    members = defaultdict(list)
    for index, name in enumerate(names):
        members[name].append(index)
    return [
        {"name": name, **{way: _figure(credits[way], families, chosen) for way in WAYS}}
        for name, chosen in sorted(members.items(), key=lambda pair: (-len(pair[1]), str(pair[0])))
    ]


def _words(read, weights):
    """The words and pairs that stand in the key more or less often than chance, the farthest first.

    A word that m of four options hold stands in the key with probability m/4 by chance; z sums that over all questions.
    """
    from qc.baseline.features import pairs

    right = Counter()
    times = {held: Counter() for held in range(1, chance.OPTIONS)}  # {m: {word: in how many questions m options hold it}}
    for item in read:
        bags = [set(pairs(tokens(text))) & weights.keys() for text in item.options]
        held = Counter()
        for bag in bags:
            held.update(bag)
        for gram, m in held.items():
            if m < chance.OPTIONS:
                times[m][gram] += 1
        right.update(gram for gram in bags[0] if held[gram] < chance.OPTIONS)
    count, expected, variance = Counter(), defaultdict(float), defaultdict(float)
    for m, counted in times.items():
        share = m / chance.OPTIONS
        for gram, n in counted.items():
            count[gram] += n
            expected[gram] += n * share
            variance[gram] += n * share * (1 - share)
    rows = [
        {
            "word": gram,
            "n": int(count[gram]),
            "right": int(right[gram]),
            "expected": round(expected[gram], 1),
            "z": round((right[gram] - expected[gram]) / variance[gram] ** 0.5, 2),
            "weight": round(weights[gram], 3),
        }
        for gram in count
        if count[gram] >= 5
    ]
    rows.sort(key=lambda row: (-abs(row["z"]), row["word"]))
    return rows[:MOST_WORDS]


def scores(made, found, fitted):
    """The rows of a run, unsaved, one by one."""
    places, chances = {}, {}
    for way in WAYS:
        chances[way] = fitted.chances[way][:, 0].tolist()
        order = sorted(range(len(found)), key=lambda index, way=way: (-chances[way][index], index))
        places[way] = dict(zip(order, range(1, len(found) + 1), strict=True))
    for index, item in enumerate(found):
        yield BaselineScore(
            run=made,
            revision_id=item.revision,
            options_chance=chances["options"][index],
            question_chance=chances["question"][index],
            options_place=places["options"][index],
            question_place=places["question"][index],
        )
