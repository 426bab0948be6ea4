"""Rules of thumb as models: what a question set gives away to somebody who sees no clip."""

import hashlib
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from modelzoo.evaluation.runner import Answer, order_of, shown


def _chance(question, order, options):
    return "ABCD"[hashlib.sha256(f"{question.row_id}:{order}".encode()).digest()[0] % 4]


def _longest(question, order, options):
    return max(options, key=lambda letter: (len(options[letter]), -ord(letter)))


def _first(question, order, options):
    return "A"


@dataclass(frozen=True)
class Baseline:
    label: Any
    choose: Any


BASELINES = {
    "chance": Baseline(_("Chance"), _chance),
    "longest": Baseline(_("The longest option"), _longest),
    "first": Baseline(_("Always A"), _first),
}


class BaselinePredictor:
    """Predictor (modelzoo/evaluation/runner.py) that goes by a rule of thumb."""

    chunk = 50

    def __init__(self, name, *, rotations=1):
        self.baseline, self.rotations = BASELINES[name], rotations

    def about(self):
        return {"count": 0, "rule": "none"}

    def answers(self, questions):
        for question in questions:
            found = []
            for rotation in range(self.rotations):
                order = order_of(rotation)
                letter = self.baseline.choose(question, order, shown(question, order))
                found.append(Answer(order, letter, rotation=rotation))
            yield found
