"""Options as numbers, one row an option. Only workers import this module (numpy, scipy).

Nothing here knows which option is the key: vocabulary and scales come from the texts alone, and a row does not say at
which place its option stands.
"""

import math
import zlib
from collections import Counter
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Read:
    """A question as words: of each option all of them in order (`said`) and those with a meaning (`meant`); of its stem
    those with a meaning (`asked`)."""

    options: tuple
    said: list
    meant: list
    asked: set


def read(item):
    said = [words.tokens(text) for text in item.options]
    return Read(item.options, said, [words.without_form(found) for found in said], words.content_words(item.stem))


@dataclass(frozen=True)
class Vocabulary:
    """`place`: {word or pair of words: column}; `questions`: {word: how many questions hold it}."""

    place: dict
    questions: dict
    count: int
    scales: np.ndarray  # (words,)

    _logs: dict = field(default_factory=dict, repr=False)

    def usualness(self, word):
        """(logarithm of the share of questions that hold it, whether it is rare)."""
        known = self._logs.get(word)
        if known is None:
            times = self.questions.get(word, 0)
            known = self._logs[word] = math.log((times + 1) / (self.count + 1)), times < LEAST_QUESTIONS
        return known


def pairs(said):
    """Words in order, and their pairs of neighbours."""
    return said + [f"{one} {other}" for one, other in zip(said, said[1:], strict=False)]


def vocabulary(reads):
    """The words and pairs of words that stand in the options of most questions, and the words of their stems."""
    counts = Counter()
    stems = Counter()
    for one in reads:
        counts.update(set().union(*(pairs(said) for said in one.said)))
        stems.update(one.asked)
    kept = sorted((gram for gram, count in counts.items() if count >= LEAST_QUESTIONS), key=lambda g: (-counts[g], g))
    known = {gram: count for gram, count in counts.items() if " " not in gram and count >= LEAST_QUESTIONS}
    # A word that most questions ask with tells nothing about one of them.
    asked = {f"? {word}": count for word, count in stems.items() if LEAST_QUESTIONS <= count <= len(reads) / 2}
    kept = kept[:MOST_WORDS]
    scales = np.array([min(1.5, 0.7 * (20 / counts[gram]) ** 0.5) for gram in kept], dtype=np.float32)
    return Vocabulary({gram: n for n, gram in enumerate(kept)}, known | asked, len(reads), scales)


def bags(reads, vocabulary):
    """(4 n, words) of 0 and 1."""
    columns, ends, place = [], [0], vocabulary.place
    for one in reads:
        for said in one.said:
            columns.extend(sorted({place[gram] for gram in pairs(said) if gram in place}))
            ends.append(len(columns))
    return _ones(columns, ends, len(place))


def crossed(reads, vocabulary):
    """(4 n, CROSSED) of 0 and 1: which words of the question meet which words of the option, by a hash of the two."""
    parts, ends, hashes = [], [0], {}

    def hashed(found):
        """Hashes of words, each worked out once; of a word of the question an odd multiple is taken later."""
        for word in found:
            if word not in hashes:
                hashes[word] = zlib.crc32(word.encode())
        return np.array([hashes[word] for word in found], dtype=np.uint32)

    for one in reads:
        known = [word for word in one.asked if f"? {word}" in vocabulary.questions]
        known = sorted(known, key=lambda word: (vocabulary.questions[f"? {word}"], word))[:ASKED]
        asked = hashed(known) * np.uint32(2654435761)
        for meant in one.meant:
            if known and meant:
                mixed = asked[:, None] ^ hashed(meant)
                parts.append(np.unique((mixed ^ (mixed >> 15)) % CROSSED))
            ends.append(ends[-1] + (len(parts[-1]) if known and meant else 0))
    return _ones(np.concatenate(parts) if parts else [], ends, CROSSED)


def _ones(columns, ends, width):
    columns = np.array(columns, dtype=np.int32)
    return csr_matrix((np.ones(len(columns), dtype=np.float32), columns, np.array(ends)), shape=(len(ends) - 1, width))


def _ranks(values):
    """(n, 4): 0 to 1 for the smallest to the largest of (n, 4); equal ones share the mean of their ranks."""
    less = (values[:, None, :] < values[:, :, None]).sum(axis=2)
    same = (values[:, None, :] == values[:, :, None]).sum(axis=2)
    return (less + 0.5 * same) / values.shape[1]


def _named(values):
    """(n, 4): a share of 1 for the largest of (n, 4)."""
    best = values == values.max(axis=1, keepdims=True)
    return best / best.sum(axis=1, keepdims=True)


def _places(texts):
    """Where each of four texts stands in the alphabet; equal ones stand at one place."""
    folded = [text.casefold() for text in texts]
    order = {text: place for place, text in enumerate(sorted(set(folded)))}
    return [order[text] for text in folded]


def _likeness(meant):
    """Mean Jaccard similarity of each of four sets of words to the others."""
    a, b, c, d = meant
    ab, ac, ad = words.jaccard(a, b), words.jaccard(a, c), words.jaccard(a, d)
    bc, bd, cd = words.jaccard(b, c), words.jaccard(b, d), words.jaccard(c, d)
    return [(ab + ac + ad) / 3, (ab + bc + bd) / 3, (ac + bc + cd) / 3, (ad + bd + cd) / 3]


def _kinds(text, said, vocabulary):
    """Of one option: rare words, usual words, absolutes, hedges, numbers, commas.

    Absurd options are made of words nobody else uses: the mean logarithm of the share of questions that hold each word.
    """
    usual = rare = 0.0
    for word in said:
        log, is_rare = vocabulary.usualness(word)
        usual, rare = usual + log, rare + is_rare
    return (
        rare / (len(said) or 1),
        usual / (len(said) or 1),
        sum(word in words.ABSOLUTE for word in said),
        sum(word in words.HEDGE for word in said),
        sum(word.isdigit() for word in said),
        text.count(",") + text.count("，"),
    )


def shapes(reads, vocabulary):
    """(4 n, len(SHAPE)): lengths, ranks and kinds of words of each option beside the other three."""
    if not reads:
        return np.zeros((0, len(SHAPE)), dtype=np.float32)
    chars = np.array([[len(text.strip()) or 1 for text in one.options] for one in reads])
    counts = np.array([[len(said) or 1 for said in one.said] for one in reads])
    places = np.array([_places(one.options) for one in reads])
    likeness = np.array([_likeness(one.meant) for one in reads])
    kinds = [
        [_kinds(text, said, vocabulary) for text, said in zip(one.options, one.said, strict=True)] for one in reads
    ]  # (n, 4, 6)
    beside = [np.log(chars), np.log(counts), _named(chars), _named(-chars), _ranks(chars), _ranks(places), likeness]
    table = np.concatenate([np.stack(beside, axis=2), np.array(kinds)], axis=2)
    return table.reshape(-1, len(SHAPE)).astype(np.float32)


def overlaps(reads):
    """(4 n, len(OVERLAP)): how much of its question each option repeats."""
    rows = [(words.jaccard(meant, one.asked), len(meant & one.asked)) for one in reads for meant in one.meant]
    return np.array(rows, dtype=np.float32).reshape(-1, len(OVERLAP))


def options_alone(reads, vocabulary):
    """(4 n, features) of what the options say without their question. Rarer words weigh more: each is met less often."""
    table = bags(reads, vocabulary)
    return hstack([table @ diags(vocabulary.scales), csr_matrix(shapes(reads, vocabulary) / SCALES)], format="csr")


def with_question(reads, vocabulary):
    """(4 n, features) of what they say beside it."""
    return hstack([crossed(reads, vocabulary) * 0.5, csr_matrix(overlaps(reads))], format="csr")
