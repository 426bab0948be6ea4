"""Question sets and evaluations for tests, without a model."""

from annotator.taxonomy import CATEGORIES
from modelzoo.evaluation import opening, runner, sets

NAMES = list(CATEGORIES.values())


def set_rows(count, *, start=0, **more):
    """Rows of `sets.freeze`: categories in turn, keys A to D in turn, every question about a clip of its own."""
    rows = []
    for number in range(start, start + count):
        category = NAMES[number % 12]
        rows.append(
            {
                "row_id": f"q{number:04}",
                "clip_name": f"q{number:04}",
                "clip_sha256": f"{number:064x}",
                "family": f"clip:{number}",
                "domain": category.domain,
                "category": category.name,
                "stem": f"What is wrong in clip {number}?",
                "options": [f"{number}: option {letter} is what happens." for letter in "ABCD"],
                "answer": "ABCD"[number % 4],
                **more,
            }
        )
    return rows


def make_set(count=8, *, name="Set", **more):
    return sets.freeze(name, set_rows(count, **more))


def evaluated(question_set, choose, *, name="Model", protocol="standard", kind="checkpoint", scoring="letters", **more):
    """A complete evaluation whose model chooses the set's letter `choose(question)`, "" for none."""
    model = opening.Model(kind, f"/weights/{name}", name, sha256=f"{len(name):064x}")
    evaluation = opening.open_evaluation(question_set, model, protocol, scoring=scoring)
    answered = []
    for question in question_set.questions.order_by("number"):
        answers = []
        for rotation in range(evaluation.rotations):
            order, option = runner.order_of(rotation), choose(question)
            letter = "ABCD"[order.index(option)] if option else ""
            answers.append(runner.Answer(order, letter, "" if letter else "empty", rotation, **more))
        answered.append((question, answers))
    runner.begin(evaluation, {"count": 8, "rule": "middles of equal stretches", "width": 384, "height": 384})
    runner.store(evaluation, answered)
    assert runner.complete(evaluation)
    return evaluation
