"""The page of a question's health card."""

from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from annotator.models import Question, Revision
from annotator.panels import hidden_keys
from qc.dashboard import card
from studio import history
from studio.access import allow
from studio.roles import Role

EVENTS = 12


@allow(Role.LEAD)
@require_GET
def question_card(request, pk):
    """Everything known about one question; for a reviewer who has not answered it yet, the way to do that first."""
    question = get_object_or_404(Question.objects.select_related("clip", "author"), pk=pk)
    context = {"question": question, "clip": question.clip}
    if hidden_keys(request.user, [question]):
        context["blind_first"] = Revision.objects.only("pk").get(question=question, number=question.revision_number)
        return render(request, "qc/question_card.html", context)
    subject = card.Subject(request.user, question)
    named = None if not subject.own and subject.names else {question.author_id, request.user.pk}
    context |= {
        "own": subject.own,
        "options": [(key, Question._meta.get_field(key).verbose_name, text) for key, text in question.options.items()],
        "sections": card.sections(subject),
        "entries": history.of(question, limit=EVENTS, named=named),
    }
    return render(request, "qc/question_card.html", context)
