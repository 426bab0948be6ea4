"""Words of a text, by the same rules as the hints of the writing page (static/js/write/hints.js)."""

import re
from functools import lru_cache

# Each Chinese or Japanese character is a word of its own.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+(?:['’][^\W\d_]+)?"
)

STOP = frozenset(
    (
        "a an the of in on at to and or is are was were be been being by with from for that this these those it its as into"
        " onto over under after before while through their his her then than which what who how does do did has have had not"
        " no but out up down off there when where 的 了 在 是 和 与 地 得 着 被 把 个 一 这 那 其 中 上 下"
    ).split()
)
ABSOLUTE = frozenset(
    (
        "always never all none every only entirely completely must cannot impossible absolutely totally nothing everything"
    ).split()
)
HEDGE = frozenset(
    (
        "may maybe might could sometimes partly partially usually often possibly perhaps probably seems somewhat slightly"
        " approximately mostly"
    ).split()
)
_ENDINGS = ("ing", "ed", "es", "s")


def tokens(text):
    """All words in lower case, in their order."""
    return _WORD.findall(text.lower())


@lru_cache(maxsize=2**18)  # of 100,000 questions every word is met many times
def _without_ending(word):
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def without_form(found):
    """Those of the words `tokens` found that carry meaning, as a set, without endings."""
    return {_without_ending(word) for word in found if word not in STOP}


@lru_cache(maxsize=16)  # the rules of thumb ask for the same five texts one after the other
def content_words(text):
    """The set of words of a text that carry meaning, without endings."""
    return frozenset(without_form(tokens(text)))


def jaccard(one, other):
    """Words in common over all words of two sets; 0 for two empty ones."""
    both = len(one & other)
    return both / (len(one) + len(other) - both) if one or other else 0.0
