"""What other rooms add to a question's page or keep from it, so that this room need not know them.

A panel is a callable (request, question) -> HTML, "" when it has nothing to show; a room appends its own when it starts.
"""

from dataclasses import dataclass
from typing import Any

QUESTION_PANELS = []


@dataclass(frozen=True)
class QuestionFilter:
    """A choice above the list of all questions. `apply(rows, value, query)` narrows a queryset; `query` is all of it."""

    name: str
    label: Any
    choices: Any  # a callable -> [(value, label), ...]
    apply: Any


QUESTION_FILTERS = []

# Callables (user, question) -> (address, label) of a page of another room about a question, or None.
QUESTION_LINKS = []

# Callables (revision), told of each new revision inside the transaction that stores it.
ON_SUBMISSION = []

# Callables (clip_id), told inside the transaction that makes a clip ready and stores its print.
ON_READY = []

# Callables (user, questions) -> ids of those among them whose key this person must not see yet.
KEY_GUARDS = []


def hidden_keys(user, questions):
    """Ids of the questions whose options, spans and verdicts stay hidden from this person for now."""
    return set().union(*(guard(user, questions) for guard in KEY_GUARDS))
