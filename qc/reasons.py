"""Why revisions came back: reason codes counted by author and by category, a revision once for each reason."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from annotator.models import Remark
from annotator.taxonomy import CATEGORIES
from studio.models import User

DAYS = (30, 90, 365)
HOT_SHARE, HOT_COUNT = 0.2, 3  # a reason that so many of the ruled revisions met stands out
# Both tables of the page out of one reading: `part` says which of the two a row is about.
_SAID = """
SELECT CASE GROUPING(r.author_id) WHEN 0 THEN 'author' ELSE 'category' END AS part,
    CASE GROUPING(r.author_id) WHEN 0 THEN r.author_id::text ELSE r.category END AS key, m.code, count(*)
FROM (SELECT DISTINCT revision_id, code FROM annotator_remark WHERE at >= %(since)s) m
JOIN annotator_revision r ON r.id = m.revision_id
WHERE %(author)s::bigint IS NULL OR r.author_id = %(author)s
GROUP BY GROUPING SETS ((r.author_id, m.code), (r.category, m.code))
"""
_RULED = """
SELECT CASE GROUPING(r.author_id) WHEN 0 THEN 'author' ELSE 'category' END AS part,
    CASE GROUPING(r.author_id) WHEN 0 THEN r.author_id::text ELSE r.category END AS key, count(*)
FROM annotator_revision r JOIN annotator_question q ON q.id = r.question_id
WHERE r.submitted_at >= %(since)s AND (r.number < q.revision_number OR q.state IN ('approved', 'returned', 'rejected'))
  AND (%(author)s::bigint IS NULL OR r.author_id = %(author)s)
GROUP BY GROUPING SETS ((r.author_id), (r.category))
"""


def codes():
    """[(code, label), ...]: the columns of both tables."""
    return Remark.Code.choices


def counted(*, days, author=None):
    """{"author": rows, "category": rows}, each [{label, key, ruled, said, cells: [{count, hot}, ...]}, ...].

    Those most often returned come first. Three queries, however many people there are.
    """
    parameters = {"since": timezone.now() - timedelta(days=days), "author": author.pk if author else None}
    said, ruled = {"author": {}, "category": {}}, {"author": {}, "category": {}}
    with connection.cursor() as cursor:
        cursor.execute(_SAID, parameters)
        for part, key, code, count in cursor.fetchall():
            said[part][key, code] = count
        cursor.execute(_RULED, parameters)
        for part, key, count in cursor.fetchall():
            ruled[part][key] = count
    return {part: _rows(part, said[part], ruled[part]) for part in ("author", "category")}


def _rows(part, said, ruled):
    keys = {key for key, _code in said} | set(ruled)
    names = _names(part, keys)
    rows = []
    for key in keys:
        counts = [said.get((key, code), 0) for code, _label in codes()]
        total = ruled.get(key, 0)
        cells = [{"count": n, "hot": n >= HOT_COUNT and n >= HOT_SHARE * total} for n in counts]
        rows.append({"key": key, "label": names.get(key, key), "ruled": total, "said": sum(counts), "cells": cells})
    return sorted(rows, key=lambda row: (-row["said"], str(row["label"])))


def _names(part, keys):
    if part == "category":
        return {name: category.label for name, category in CATEGORIES.items()}
    return {str(pk): str(person) for pk, person in User.objects.in_bulk([int(key) for key in keys]).items()}
