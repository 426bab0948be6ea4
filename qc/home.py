"""What the start page tells a lead."""

from django.utils.translation import gettext as _

from annotator.models import Question
from studio import home


@home.tell("adjudication")
def somebody_disagrees(user):
    if Question.objects.filter(state=Question.State.DISPUTED).exists():
        return _("Reviewers disagree about a question and wait for your decision.")
    return ""
