"""What differs between two releases, row by row, found by the database; and the words of rows that differ."""

import json
from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext_lazy as _

from annotator import diff
from modelzoo.models import ReleaseRow

WORDS = {"added": _("added"), "changed": _("changed"), "removed": _("removed")}
_DIFFERENT = """
    FROM (SELECT row_id, sha256 FROM modelzoo_releaserow WHERE release_id = %(new)s AND row_id > %(after)s) n
    FULL JOIN (SELECT row_id, sha256 FROM modelzoo_releaserow WHERE release_id = %(old)s AND row_id > %(after)s) o
        USING (row_id)
    WHERE n.sha256 IS DISTINCT FROM o.sha256
"""
_MOST_CHARS = 1500  # of a row that are shown
_WHAT = "CASE WHEN o.sha256 IS NULL THEN 'added' WHEN n.sha256 IS NULL THEN 'removed' ELSE 'changed' END"


def of(release, *, since=None, after="", most=50):
    """[(row id, "added", "changed" or "removed"), ...] by row id after `after`, `most` at most.

    Since the release `since`, by default the one before; [] when there is none.
    """
    old = since.pk if since else release.previous_id
    if old is None:
        return []
    return _fetch(f"SELECT row_id, {_WHAT} {_DIFFERENT} ORDER BY row_id LIMIT %(most)s", release.pk, old, after, most)


def count(release, *, since):
    """{"added": n, "changed": n, "removed": n} since the release `since`; None: everything was added."""
    if since is None:
        return {"added": release.rows_count, "changed": 0, "removed": 0}
    found = dict(_fetch(f"SELECT {_WHAT} AS what, count(*) {_DIFFERENT} GROUP BY what", release.pk, since.pk, "", 0))
    return {name: found.get(name, 0) for name in WORDS}


@dataclass(frozen=True)
class Change:
    row_id: str
    what: str
    question_id: int | None
    parts: list  # as of annotator.diff.words

    @property
    def label(self):
        return WORDS[self.what]


def in_words(release, since, rows):
    """The `Change`s of rows of `of`, with their texts as they were and as they are; one query."""
    found = ReleaseRow.objects.filter(release__in=[release, since], row_id__in=[row_id for row_id, _what in rows])
    texts, asked = {}, {}
    for release_id, row_id, question_id, record in found.values_list("release", "row_id", "question", "record"):
        texts[release_id, row_id] = _text(json.loads(record))
        asked[row_id] = question_id
    told = []
    for row_id, what in rows:
        old, new = texts.get((since.pk, row_id), ""), texts.get((release.pk, row_id), "")
        parts = diff.words(old, new) if what == "changed" else [(diff.SAME, old or new)]
        told.append(Change(row_id, what, asked.get(row_id), parts))
    return told


def _text(record):
    """What a person reads of a row."""
    if "QA" in record:
        text = "\n".join(f"{turn['q']} {turn['a']}" for turn in record["QA"])
    elif "chosen" in record:
        chosen = _("Chosen: %(answer)s") % {"answer": record["chosen"]}
        rejected = _("Rejected: %(answer)s") % {"answer": record["rejected"]}
        text = f"{record['prompt']}\n{chosen}\n{rejected}"
    else:
        options = " ".join(f"({letter}) {option}" for letter, option in record["options"].items())
        spans = ", ".join(f"{first}–{last} s" for first, last in record["spans_s"])
        text = f"{record['question']} {options}\n({record['answer']}) · {record['subclass_anno']} · {spans}"
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"


def _fetch(sql, new, old, after, most):
    with connection.cursor() as cursor:
        cursor.execute(sql, {"new": new, "old": old, "after": after, "most": most})
        return cursor.fetchall()
