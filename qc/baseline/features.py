"""Options as numbers, one row an option. Only workers import this module (numpy, scipy).

Nothing here knows which option is the key: vocabulary and scales come from the texts alone, and a row does not say at
which place its option stands.
"""

import math
import zlib
from collections import Counter
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, diags, hstack

from qc.baseline import words

LEAST_QUESTIONS = 3  # with a word or pair of words, or it is not in the vocabulary
MOST_WORDS = 20_000
CROSSED = 2**17  # places for (word of the question, word of the option)
ASKED = 6  # words of a question that are crossed: its rarest
SHAPE = (
    "characters", "words", "longest", "shortest", "rank of length", "rank in the alphabet", "like the others",
    "rare words", "usual words", "absolutes", "hedges", "numbers", "commas",
)  # fmt: skip
# How much each of them usually differs between the options of a question.
SCALES = np.array([0.3, 0.3, 0.4, 0.4, 0.3, 0.3, 0.08, 0.1, 0.5, 0.2, 0.2, 0.2, 0.4], dtype=np.float32)
OVERLAP = ("share of words of the question", "words of the question")


@dataclass(frozen=True)
class Vocabulary:
    """`place`: {word or pair of words: column}; `questions`: {word: how many questions hold it}."""

    place: dict
    questions: dict
    count: int
    scales: np.ndarray  # (words,)

    def is_rare(self, word):
        return self.questions.get(word, 0) < LEAST_QUESTIONS


def grams(text):
    """Words of a text and its pairs of neighbours."""
    found = words.tokens(text)
    return found + [f"{one} {other}" for one, other in zip(found, found[1:], strict=False)]


def vocabulary(items):
    """The words and pairs of words that stand in the options of most questions, and the words of their stems."""
    counts = Counter()
    stems = Counter()
    for item in items:
        counts.update(set().union(*(grams(text) for text in item.options)))
        stems.update(words.content_words(item.stem))
    kept = sorted((gram for gram, count in counts.items() if count >= LEAST_QUESTIONS), key=lambda g: (-counts[g], g))
    known = {gram: count for gram, count in counts.items() if " " not in gram and count >= LEAST_QUESTIONS}
    # A word that most questions ask with tells nothing about one of them.
    asked = {f"? {word}": count for word, count in stems.items() if LEAST_QUESTIONS <= count <= len(items) / 2}
    kept = kept[:MOST_WORDS]
    scales = np.array([min(1.5, 0.7 * (20 / counts[gram]) ** 0.5) for gram in kept], dtype=np.float32)
    return Vocabulary({gram: n for n, gram in enumerate(kept)}, known | asked, len(items), scales)


def bags(items, vocabulary):
    """(4 n, words) of 0 and 1."""
    columns, ends = [], [0]
    for item in items:
        for text in item.options:
            columns.extend(sorted({vocabulary.place[gram] for gram in grams(text) if gram in vocabulary.place}))
            ends.append(len(columns))
    return _ones(columns, ends, len(vocabulary.place))


def crossed(items, vocabulary):
    """(4 n, CROSSED) of 0 and 1: which words of the question meet which words of the option, by a hash of the two."""
    columns, ends = [], [0]
    for item in items:
        asked = [word for word in words.content_words(item.stem) if f"? {word}" in vocabulary.questions]
        asked = sorted(asked, key=lambda word: (vocabulary.questions[f"? {word}"], word))[:ASKED]
        for text in item.options:
            met = words.content_words(text) if asked else ()
            found = {zlib.crc32(f"{one} {other}".encode()) % CROSSED for one in asked for other in met}
            columns.extend(sorted(found))
            ends.append(len(columns))
    return _ones(columns, ends, CROSSED)


def _ones(columns, ends, width):
    columns = np.array(columns, dtype=np.int32)
    return csr_matrix((np.ones(len(columns), dtype=np.float32), columns, np.array(ends)), shape=(len(ends) - 1, width))


def _ranks(values):
    """0 to 1 for the smallest to the largest; equal ones share the mean of their ranks."""
    return [sum((other < value) + 0.5 * (other == value) for other in values) / len(values) for value in values]


def _usualness(said, vocabulary):
    """Mean logarithm of the share of questions that hold each word: absurd options are made of words nobody else uses."""
    shares = [(vocabulary.questions.get(word, 0) + 1) / (vocabulary.count + 1) for word in said]
    return sum(map(math.log, shares)) / len(shares) if shares else 0.0


def _named(values):
    best = max(values)
    return [(value == best) / values.count(best) for value in values]


def shapes(items, vocabulary):
    """(4 n, len(SHAPE)): lengths, ranks and kinds of words of each option beside the other three."""
    rows = []
    for item in items:
        said = [words.tokens(text) for text in item.options]
        chars, counts = [len(text.strip()) or 1 for text in item.options], [len(found) or 1 for found in said]
        sets = [words.content_words(text) for text in item.options]
        columns = (
            np.log(chars), np.log(counts), _named(chars), _named([-n for n in chars]), _ranks(chars),
            _ranks([text.casefold() for text in item.options]),
            [sum(words.jaccard(one, other) for other in sets if other is not one) / 3 for one in sets],
            [sum(vocabulary.is_rare(word) for word in found) / (len(found) or 1) for found in said],
            [_usualness(found, vocabulary) for found in said],
            [sum(word in words.ABSOLUTE for word in found) for found in said],
            [sum(word in words.HEDGE for word in found) for found in said],
            [sum(word.isdigit() for word in found) for found in said],
            [text.count(",") + text.count("，") for text in item.options],
        )  # fmt: skip
        rows.extend(zip(*columns, strict=True))
    return np.array(rows, dtype=np.float32).reshape(-1, len(SHAPE))


def overlaps(items):
    """(4 n, len(OVERLAP)): how much of its question each option repeats."""
    rows = []
    for item in items:
        asked = words.content_words(item.stem)
        for text in item.options:
            said = words.content_words(text)
            rows.append((words.jaccard(said, asked), len(said & asked)))
    return np.array(rows, dtype=np.float32).reshape(-1, len(OVERLAP))


def options_alone(items, vocabulary):
    """(4 n, features) of what the options say without their question. Rarer words weigh more: each is met less often."""
    table = bags(items, vocabulary)
    return hstack([table @ diags(vocabulary.scales), csr_matrix(shapes(items, vocabulary) / SCALES)], format="csr")


def with_question(items, vocabulary):
    """(4 n, features) of what they say beside it."""
    return hstack([crossed(items, vocabulary) * 0.5, csr_matrix(overlaps(items))], format="csr")
