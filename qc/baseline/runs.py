"""Starting a run of the baseline, making it in the worker, keeping what it found."""

import time
from collections import defaultdict

from django.db import transaction
from django.db.models import Max

from qc.baseline import chance, items, probes
from qc.baseline.models import BaselineRun, BaselineScore
from studio import jobs
from studio.sentences import say

KIND = "qc.baseline"
WAYS = ("options", "question")  # as in fit.py, which the web process never imports
MOST_AUTHORS = 200
MOST_WORDS = 40


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
    found = items.read(lambda done: run.check())
    if not found:
        raise jobs.JobFailed(say("There is no submitted question to read yet."))
    families = [item.family for item in found]
    fitted, figures, groups, words = None, {}, {"category": [], "author": []}, []
    from qc.baseline import fit

    if len(set(families)) >= fit.LEAST_FAMILIES:
        fitted = fit.fit(found, tick=lambda done, steps: run.progress(done, steps, unit="steps"))
        credits = {way: _credits(fitted.chances[way]) for way in WAYS}
        for way in WAYS:
            figures[way] = _figure(credits[way], families, range(len(found)))
            surest = fitted.chances[way].max(axis=1).argsort(kind="stable")[::-1][: max(1, len(found) // 10)]
            figures[f"{way}_surest"] = _figure(credits[way], families, surest.tolist())
        groups = {
            "category": _groups([item.category for item in found], credits, families),
            "author": _groups([item.author for item in found], credits, families)[:MOST_AUTHORS],
        }
        run.check()
        words = _words(found, fitted.weights)
    run.check()
    figures_of_probes = {name: figure.as_json() for name, figure in probes.tally(found).items()}
    letters = probes.letters(found)
    figures_of_probes["letters"] = {"counts": letters, "p": round(chance.letters_p(letters), 6)}
    run.check()
    with transaction.atomic():
        made = BaselineRun.objects.create(
            job=run.job,
            questions=len(found),
            families=len(set(families)),
            learned=fitted.learned if fitted else 0,
            newest_revision=max(item.revision for item in found),
            figures=figures,
            probes=figures_of_probes,
            groups=groups,
            words=words,
            seconds=round(time.monotonic() - begun, 1),
        )
        if fitted:
            BaselineScore.objects.bulk_create(_scores(made, found, fitted), batch_size=5000)
        # Of older runs the figures stay; who was how sure of which question then, nobody asks.
        BaselineScore.objects.exclude(run=made).delete()
    return {"run": made.pk, "questions": made.questions, "seconds": made.seconds}


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


def _words(found, weights):
    """The words and pairs that stand in the key more or less often than chance, the farthest first.

    A word that m of four options hold stands in the key with probability m/4 by chance; z sums that over all questions.
    """
    from qc.baseline.features import grams

    right, expected, variance, count = (defaultdict(float) for _ in range(4))
    for item in found:
        bags = [set(grams(text)) & weights.keys() for text in item.options]
        for gram in set().union(*bags):
            share = sum(gram in bag for bag in bags) / chance.OPTIONS
            if share < 1:
                count[gram] += 1
                right[gram] += gram in bags[0]
                expected[gram] += share
                variance[gram] += share * (1 - share)
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


def _scores(made, found, fitted):
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
