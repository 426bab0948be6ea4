"""Parts of a question's page that other rooms fill, so that this room need not know them.

A panel is a callable (request, question) -> HTML, "" when it has nothing to show; a room appends its own when it starts.
"""

QUESTION_PANELS = []
