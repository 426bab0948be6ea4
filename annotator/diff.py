"""What changed between two revisions of a question, word by word."""

import difflib
import re
from dataclasses import dataclass

from annotator.models import Revision

# A run of letters and digits, one CJK character, a run of blanks, or one other sign.
_TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|\s+|[^\w\s]|_")
_REWRITTEN_BELOW = 0.4  # less in common than this reads better as all old, then all new

SAME, GONE, NEW = "same", "gone", "new"


@dataclass(frozen=True)
class Change:
    field: str
    label: str
    parts: list  # [(SAME | GONE | NEW, text), ...]


def words(old, new):
    """[(SAME | GONE | NEW, text), ...]: the old text is what is not NEW, the new text is what is not GONE."""
    if old == new:
        return [(SAME, old)] if old else []
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    if _likeness(before, after) < _REWRITTEN_BELOW:
        return [(kind, text) for kind, text in ((GONE, old), (NEW, new)) if text]
    parts, gone, fresh = [], "", ""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        old_text, new_text = "".join(before[old_from:old_to]), "".join(after[new_from:new_to])
        if tag != "equal" or ((gone or fresh) and old_text.isspace() and old_to < len(before)):
            # A blank between two changes belongs to them: one longer change reads better than two.
            gone, fresh = gone + old_text, fresh + new_text
            continue
        parts += [(GONE, gone), (NEW, fresh), (SAME, old_text)]
        gone = fresh = ""
    return [(kind, text) for kind, text in [*parts, (GONE, gone), (NEW, fresh)] if text]


def _likeness(before, after):
    """Share of words two token lists have in common, 0 to 1."""
    one, other = ([token for token in tokens if not token.isspace()] for tokens in (before, after))
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _spans_text(spans):
    return ", ".join(f"{first}–{last}" for first, last in spans)


def changes(old, new):
    """One `Change` for each content field in which two revisions differ, in the order of the form."""
    found = []
    for field in Revision.CONTENT_FIELDS:
        before, after = getattr(old, field), getattr(new, field)
        if before == after:
            continue
        if field == "spans":
            before, after = _spans_text(before), _spans_text(after)
        parts = [(GONE, before), (NEW, after)] if field in ("spans", "category", "sub_label") else words(before, after)
        label = Revision._meta.get_field(field).verbose_name
        found.append(Change(field, str(label), [(kind, text) for kind, text in parts if text]))
    return found
