"""Two classifiers that never see the clip: one reads the options alone, one the question, too. Out of fold.

Each is a logistic regression on differences: the features of the key minus those of each distractor (a Bradley-Terry
model of the four options), so it has no place of an option to learn from, and its scores turn into chances by a softmax.
Every question is judged by a model that learned from questions about clips of other families. Only workers import this
module (numpy, scipy, scikit-learn).
"""

import random
from dataclasses import dataclass

import numpy as np
from scipy.sparse import diags, hstack, vstack
from sklearn.linear_model import LogisticRegression

from qc.baseline import features

FOLDS = 5
LEAST_FAMILIES = 10  # with fewer there is nothing to learn from
MOST_LEARNED = 20_000  # questions to learn from; beyond that, a random 20,000 of them. All are judged.
CHUNK = 2_000
REGULARISATION = 0.02  # strong: most words are met in a few questions only
SEED = 20241202
OPTIONS, QUESTION = "options", "question"
WAYS = (OPTIONS, QUESTION)


@dataclass(frozen=True)
class Fitted:
    """`chances[way]`: (n, 4), how likely each option is the key, out of fold. `weights`: {word: mean over the folds}."""

    chances: dict
    weights: dict
    learned: int
    families: int


def folds_of(families):
    """(n,) the fold of each item; items of one family share it."""
    known, codes = np.unique(np.array(families), return_inverse=True)
    dealt = np.arange(len(known)) % FOLDS
    np.random.default_rng(SEED).shuffle(dealt)
    return dealt[codes]


def learn(table):
    """Weights (columns,) out of (4 n, columns) of which each first row of four is a key's."""
    keys = table[::4]
    rows = vstack([keys - table[other::4] for other in (1, 2, 3)], format="csr")
    signs = np.where(np.arange(rows.shape[0]) % 2, -1, 1)  # the same loss, and both classes the library asks for
    rows = diags(signs.astype(np.float32)) @ rows
    model = LogisticRegression(
        C=REGULARISATION, solver="liblinear", dual=True, fit_intercept=False, max_iter=1000, random_state=SEED
    )
    return model.fit(rows, signs).coef_[0]


def softmax(scores):
    """(n, 4) of chances out of (n, 4) of scores."""
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def steps(count):
    """How many steps it takes to judge so many questions."""
    return 1 + FOLDS * len(WAYS) + -(-count // CHUNK)


def fit(items, *, tick):
    """Learn and judge; `tick(done)` is called before each of the `steps` and may raise. Needs LEAST_FAMILIES families."""
    tick(0)
    folds = folds_of([item.family for item in items])
    chosen = np.arange(len(items))
    if len(items) > MOST_LEARNED:
        chosen = np.array(sorted(random.Random(SEED).sample(range(len(items)), MOST_LEARNED)))
    sample = [features.read(items[index]) for index in chosen]
    vocabulary = features.vocabulary(sample)
    alone = features.options_alone(sample, vocabulary)
    both = hstack([alone, features.with_question(sample, vocabulary)], format="csr")
    models, done = {}, 1
    for fold in range(FOLDS):
        others = np.repeat(folds[chosen] != fold, 4)
        for way, table in ((OPTIONS, alone), (QUESTION, both)):
            tick(done)
            models[way, fold] = learn(table[others])
            done += 1
    learned = len(sample)
    del alone, both, sample
    scores = {way: np.zeros((len(items), 4), dtype=np.float32) for way in WAYS}
    for start in range(0, len(items), CHUNK):
        tick(done)
        done += 1
        part = [features.read(item) for item in items[start : start + CHUNK]]
        table = features.options_alone(part, vocabulary)
        tables = {OPTIONS: table, QUESTION: hstack([table, features.with_question(part, vocabulary)], format="csr")}
        for way in WAYS:
            every = tables[way] @ np.array([models[way, fold] for fold in range(FOLDS)]).T  # (4 n, folds)
            mine = np.repeat(folds[start : start + CHUNK], 4)
            scores[way][start : start + CHUNK] = every[np.arange(len(mine)), mine].reshape(-1, 4)
    words = sorted(vocabulary.place, key=vocabulary.place.get)
    weights = np.mean([models[OPTIONS, fold][: len(words)] for fold in range(FOLDS)], axis=0)
    return Fitted(
        chances={way: softmax(scores[way].astype(np.float64)) for way in WAYS},
        weights=dict(zip(words, weights.tolist(), strict=True)),
        learned=learned,
        families=len(set(item.family for item in items)),
    )
