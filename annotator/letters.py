"""Which option gets which letter. Options are content; letters exist only on a screen and in an exported file."""

import hashlib
import random

from django.conf import settings

from annotator.models import OPTION_KEYS

LETTERS = "ABCD"


def _generator(*parts):
    """A random generator that is the same on every machine and Python version for the same parts."""
    return random.Random(int.from_bytes(hashlib.sha256(":".join(map(str, parts)).encode()).digest()[:8], "big"))


def display_order(seed, *, revision_id, reader_id):
    """The four option keys in the order one reader sees them; the same on every reload, another for every reader.

    The seed is published with every export, so the secret key goes in too: else a reader could work out the key.
    """
    order = list(OPTION_KEYS)
    _generator("display", settings.SECRET_KEY, seed, revision_id, reader_id).shuffle(order)
    return order


def deal(seed, names):
    """Yield for each name (a stable id of a question) its option keys in letter order.

    Among every four questions in a row the correct option stands once at each letter, so letters are balanced to
    within one block of four; which block gets which arrangement depends on the seed alone.
    """
    letters = []
    for index, name in enumerate(names):
        if not letters:
            letters = list(range(4))
            _generator("block", seed, index // 4).shuffle(letters)
        distractors = list(OPTION_KEYS[1:])
        _generator("distractors", seed, name).shuffle(distractors)
        distractors.insert(letters.pop(), OPTION_KEYS[0])
        yield distractors


def rotations(seed, *parts):
    """Four orders of the option keys for one question (named by `parts`): the correct one stands once at each letter.

    Each is the one before with its first option moved to the end, so every option visits every letter.
    """
    order = list(OPTION_KEYS)
    _generator("rotations", seed, *parts).shuffle(order)
    return [order[n:] + order[:n] for n in range(len(order))]
