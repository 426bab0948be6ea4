"""Text search that knows no language: words by their beginnings; Chinese, Japanese and Korean by any run of characters.

Such scripts put no blanks between words, so each of their characters counts as a word, and a run is a phrase.
"""

import re

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import F, Func, TextField, Value

_UNSPACED = "\u2e80-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"


def _spaced(name):
    return Func(
        F(name), Value(f"([{_UNSPACED}])"), Value(r" \1 "), Value("g"), function="regexp_replace", output_field=TextField()
    )


def _parts_of_name(name):
    """Names of files are taken apart, or `car_01.mp4` would be one word."""
    return Func(_spaced(name), Value("_-."), Value("   "), function="translate", output_field=TextField())


CLIP_TEXT = SearchVector(
    _spaced("title"), _spaced("text"), _parts_of_name("source_id"), _parts_of_name("original_name"), config="simple"
)

# Of questions that were submitted; drafts change with every save and are not searched.
QUESTION_TEXT = SearchVector(
    *map(_spaced, ("stem", "correct", "distractor_1", "distractor_2", "distractor_3")), config="simple"
)


def text_query(text):
    """Every word must occur, the beginning of one is enough; None when there is no word in `text`."""
    words = re.findall(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+", text)
    parts = [
        " <-> ".join(f"'{sign}'" for sign in word) if re.match(f"[{_UNSPACED}]", word) else f"'{word}':*" for word in words
    ]
    return SearchQuery(" & ".join(f"({part})" for part in parts), config="simple", search_type="raw") if parts else None
