"""What the start page tells a writer."""

from django.utils.translation import gettext as _

from annotator.models import Question
from studio import home


@home.tell("my_work")
def returned_to_me(user):
    if Question.objects.filter(author=user, state=Question.State.RETURNED).exists():
        return _("Work came back to you with comments. It comes first.")
    return ""
