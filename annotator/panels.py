"""What other rooms add to a question's page or keep from it, so that this room need not know them.

A panel is a callable (request, question) -> HTML, "" when it has nothing to show; a room appends its own when it starts.
"""

QUESTION_PANELS = []

# Callables (revision), told of each new revision inside the transaction that stores it.
ON_SUBMISSION = []

# Callables (user, questions) -> ids of those among them whose key this person must not see yet.
KEY_GUARDS = []


def hidden_keys(user, questions):
    """Ids of the questions whose options, spans and verdicts stay hidden from this person for now."""
    return set().union(*(guard(user, questions) for guard in KEY_GUARDS))
