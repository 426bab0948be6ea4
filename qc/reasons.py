"""Why revisions came back: reason codes counted by author and by category, a revision once for each reason."""

from datetime import timedelta

from django.db import connection
from django.utils import timezone

from annotator.models import Remark
from annotator.taxonomy import CATEGORIES
from studio.models import User

DAYS = (30, 90, 365)
HOT_SHARE, HOT_COUNT = 0.2, 3  # a reason that so many of the ruled revisions met stands out
_SAID = """
SELECT {by}, m.code, count(DISTINCT m.revision_id) FROM annotator_remark m
JOIN annotator_revision r ON r.id = m.revision_id
WHERE m.at >= %(since)s AND (%(author)s::bigint IS NULL OR r.author_id = %(author)s) GROUP BY 1, 2
"""
_RULED = """
SELECT {by}, count(*) FROM annotator_revision r JOIN annotator_question q ON q.id = r.question_id
WHERE r.submitted_at >= %(since)s AND (r.number < q.revision_number OR q.state IN ('approved', 'returned', 'rejected'))
  AND (%(author)s::bigint IS NULL OR r.author_id = %(author)s) GROUP BY 1
"""
_BY = {"author": "r.author_id", "category": "r.category"}


def codes():
    """[(code, label), ...]: the columns of both tables."""
    return Remark.Code.choices


def counted(by, *, days, author=None):
    """[{label, key, ruled, cells: [{count, hot}, ...]}, ...] by "author" or "category", most often returned first."""
    parameters = {"since": timezone.now() - timedelta(days=days), "author": author.pk if author else None}
    with connection.cursor() as cursor:
        cursor.execute(_SAID.format(by=_BY[by]), parameters)
        said = {(key, code): count for key, code, count in cursor.fetchall()}
        cursor.execute(_RULED.format(by=_BY[by]), parameters)
        ruled = dict(cursor.fetchall())
    keys = {key for key, _code in said} | set(ruled)
    names = _names(by, keys)
    rows = []
    for key in keys:
        counts = [said.get((key, code), 0) for code, _label in codes()]
        total = ruled.get(key, 0)
        cells = [{"count": n, "hot": n >= HOT_COUNT and n >= HOT_SHARE * total} for n in counts]
        rows.append({"key": key, "label": names.get(key, str(key)), "ruled": total, "said": sum(counts), "cells": cells})
    return sorted(rows, key=lambda row: (-row["said"], str(row["label"])))


def _names(by, keys):
    if by == "category":
        return {name: category.label for name, category in CATEGORIES.items()}
    return {pk: str(person) for pk, person in User.objects.in_bulk(keys).items()}
