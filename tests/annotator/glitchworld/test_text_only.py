"""A reader without the clip stays at chance: 2,000 questions about really made clips, and text-only classifiers.

Truths of `manage.py make_glitchworld OUT --clips 2000 --seed 77 --arrays` (its truth.jsonl through `xz -9e`). The
questions are written anew here. To see the figures: pytest -s.
"""

import lzma
import random
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from annotator.glitchworld.misled import KINDS, misled_answers
from annotator.glitchworld.questions import write_question
from annotator.glitchworld.truth import ClipTruth

TRUTHS = Path(__file__).parents[2] / "data" / "glitchworld" / "truths.jsonl.xz"
SIGMAS = 2.576  # of a 99 % interval


@pytest.fixture(scope="module")
def truths():
    with lzma.open(TRUTHS, "rt", encoding="utf-8") as lines:
        return [ClipTruth.from_json(line) for line in lines]


@pytest.fixture(scope="module")
def questions(truths):
    return [write_question(truth, rng=random.Random(number)) for number, truth in enumerate(truths)]


@pytest.fixture(scope="module")
def answers(questions):
    return np.array([question.answer_index for question in questions])


def at_chance(name, accuracy, count, chance=0.25):
    """Print a figure and whether it lies within the 99 % interval around chance."""
    half = SIGMAS * (chance * (1 - chance) / count) ** 0.5
    print(f"{name:34s} {100 * accuracy:5.1f} %   chance {100 * chance:.0f} ± {100 * half:.1f} % (n = {count})")
    return abs(accuracy - chance) <= half


def words(text):
    return re.findall(r"\w+", text.lower())


def features(question):
    """For each option: lengths, ranks, place, and words shared with the others and with the stem, (4, 11)."""
    options = question.options
    lengths, counts = [len(text) for text in options], [len(words(text)) for text in options]
    alphabet = np.argsort(np.argsort(options))
    bags, stem = [set(words(text)) for text in options], set(words(question.stem))
    rows = []
    for i in range(4):
        shared = np.mean([len(bags[i] & bags[j]) / len(bags[i] | bags[j]) for j in range(4) if j != i])
        ranks = [sum(one < lengths[i] for one in lengths), sum(one < counts[i] for one in counts), alphabet[i]]
        place = [float(i == one) for one in range(3)]
        long = [lengths[i] / 50, counts[i] / 10, lengths[i] / np.mean(lengths)]
        rows.append([*long, *ranks, 4 * shared, len(bags[i] & stem), *place])
    return np.array(rows)


def cross_validated(texts, extra, answers):
    """Accuracy of a logistic regression per option on 1- and 2-grams and features: best of four, 5 folds by clip."""
    count, vectors = len(answers), CountVectorizer(ngram_range=(1, 2), min_df=3, binary=True)
    grams = vectors.fit_transform([text for four in texts for text in four])
    table = hstack([grams, csr_matrix(extra.reshape(4 * count, -1))]).tocsr()
    right = np.zeros((count, 4))
    right[np.arange(count), answers] = 1
    right, clips, hits = right.ravel(), np.repeat(np.arange(count), 4), 0
    for train, test in GroupKFold(5).split(table, right, clips):
        model = LogisticRegression(C=0.3, solver="liblinear", max_iter=300).fit(table[train], right[train])
        picked = model.decision_function(table[test]).reshape(-1, 4).argmax(axis=1)
        hits += (picked == answers[clips[test].reshape(-1, 4)[:, 0]]).sum()
    return hits / count


def test_single_cues_say_nothing(questions, answers):
    table = np.array([features(question) for question in questions])
    cues = {
        "longest": table[:, :, 0],
        "shortest": -table[:, :, 0],
        "most words": table[:, :, 1],
        "first in the alphabet": -table[:, :, 5],
        "most words shared with the others": table[:, :, 6],
        "odd one out": -table[:, :, 6],
        "most words shared with the stem": table[:, :, 7],
        "names the actor most options name": named_most(questions, of_actor),
        "names an actor nobody else names": -named_most(questions, of_actor),
    }
    good = []
    for name, score in cues.items():
        best = score == score.max(axis=1, keepdims=True)
        good.append(at_chance(name, (best[np.arange(len(answers)), answers] / best.sum(axis=1)).mean(), len(answers)))
    for place in range(4):
        good.append(at_chance(f"place {place + 1}", (answers == place).mean(), len(answers)))
    assert sum(good) >= len(good) - 1  # thirteen figures at 99 %: one may stray


def of_actor(text):
    """Colour and kind of the first actor a text names, or its first noun."""
    found = re.search(r"\b(?:in )?(red|blue|green|yellow|orange|purple|white|pink|black)\b(?: (\w+))?", text)
    return found[0] if found else text.split()[1]


def named_most(questions, of):
    return np.array([[[of(text) for text in q.options].count(of(one)) for one in q.options] for q in questions])


def test_bags_of_words_and_lengths_of_options_alone(questions, answers):
    extra = np.array([features(question) for question in questions])
    accuracy = cross_validated([question.options for question in questions], extra, answers)
    assert at_chance("options alone", accuracy, len(answers))


def test_bags_of_words_and_lengths_of_question_with_options(questions, answers):
    extra = np.array([features(question) for question in questions])
    texts = [[f"{one} {' '.join('q' + word for word in words(q.stem))}" for one in q.options] for q in questions]
    assert at_chance("question with options", cross_validated(texts, extra, answers), len(answers))


def test_this_reader_finds_a_cue_where_there_is_one(questions, answers):
    """The same reader on the same questions, in which one right option in three ends with the same words."""
    dice = random.Random(1)
    texts = [list(question.options) for question in questions]
    for four, answer in zip(texts, answers, strict=True):
        if dice.random() < 0.33:
            four[answer] += " Look for it."
    extra = np.zeros((len(answers), 4, 1))
    assert cross_validated(texts, extra, answers) > 0.4


def test_questions_are_varied(questions):
    stems, options = {q.stem for q in questions}, {text for q in questions for text in q.options}
    named = re.compile(r"\w+ (ball|crate|box|barrel|car|bird)\b|(person|figure|character) in \w+")
    phrasings = {named.sub("X", text) for text in options}
    print(f"{len(questions)} questions: {len(stems)} stems, {len(options)} options, {len(phrasings)} with all actors alike")
    assert len(stems) > 250 and len(options) > 0.7 * 4 * len(questions) and len(phrasings) > 2000


def test_nothing_is_wrong_is_right_one_time_in_four(questions):
    offered = [q for q in questions if "nothing" in q.distractor_kinds or q.category == ""]
    right = sum(q.category == "" for q in offered)
    assert at_chance("nothing is wrong, where offered", right / len(offered), len(offered))


def test_chosen_and_rejected_cannot_be_told_apart_by_text(truths):
    """Preference pairs: a logistic regression on the difference of two bags of words and lengths, and the longer text."""
    dice, pairs, clips = random.Random(5), [], []
    for number, truth in enumerate(truths):
        other = dice.choice(truths).glitch
        told = misled_answers(truth, rng=random.Random(number), other=other and other.name)
        pairs += told
        clips += [number] * len(told)
    clips = np.array(clips)
    good = []
    for kind in (None, *KINDS):
        these = np.array([i for i, pair in enumerate(pairs) if kind in (None, pair["kind"])])
        chosen, rejected = ([pairs[i][side] for i in these] for side in ("chosen", "rejected"))
        longer = np.mean([(len(a) > len(b)) + 0.5 * (len(a) == len(b)) for a, b in zip(chosen, rejected, strict=True)])
        good.append(at_chance(f"longer text, {kind or 'all pairs'}", longer, len(these), 0.5))
        accuracy = told_apart(chosen, rejected, clips[these])
        good.append(at_chance(f"bag of words, {kind or 'all pairs'}", accuracy, len(these), 0.5))
    assert sum(good) >= len(good) - 1


def told_apart(chosen, rejected, clips):
    count = len(chosen)
    grams = CountVectorizer(ngram_range=(1, 2), min_df=3, binary=True).fit([*chosen, *rejected])
    lengths = np.array([[len(a) - len(b), len(a.split()) - len(b.split())] for a, b in zip(chosen, rejected, strict=True)])
    table = hstack([grams.transform(chosen) - grams.transform(rejected), csr_matrix(lengths / 20)]).tocsr()
    sign = np.random.default_rng(1).integers(0, 2, count) * 2 - 1  # which text stands first
    table, hits = csr_matrix(table.multiply(sign[:, None])), 0
    for train, test in GroupKFold(5).split(table, sign, clips):
        model = LogisticRegression(C=0.1, solver="liblinear", fit_intercept=False).fit(table[train], sign[train])
        hits += (model.predict(table[test]) == sign[test]).sum()
    return hits / count
