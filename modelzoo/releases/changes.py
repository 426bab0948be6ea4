"""What differs between two releases, row by row, found by the database."""

from django.db import connection
from django.utils.translation import gettext_lazy as _

WORDS = {"added": _("added"), "changed": _("changed"), "removed": _("removed")}
_DIFFERENT = """
    FROM (SELECT row_id, sha256 FROM modelzoo_releaserow WHERE release_id = %(new)s AND row_id > %(after)s) n
    FULL JOIN (SELECT row_id, sha256 FROM modelzoo_releaserow WHERE release_id = %(old)s AND row_id > %(after)s) o
        USING (row_id)
    WHERE n.sha256 IS DISTINCT FROM o.sha256
"""
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


def _fetch(sql, new, old, after, most):
    with connection.cursor() as cursor:
        cursor.execute(sql, {"new": new, "old": old, "after": after, "most": most})
        return cursor.fetchall()
