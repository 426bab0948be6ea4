"""Words of a text, and how alike two texts are by their words."""

import re

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


def words(text):
    return [word.casefold() for word in _WORD.findall(text)]


def rouge_l(one, other):
    """F1 of the longest common subsequence of words, 0 to 1 (ROUGE-L, Lin 2004)."""
    one, other = words(one), words(other)
    if not one or not other:
        return 0.0
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for place, beside in enumerate(other, 1):
            above = row[place]
            row[place] = before + 1 if word == beside else max(row[place], row[place - 1])
            before = above
    return 2 * row[-1] / (len(one) + len(other))
