"""What the question's page shows about cross-checking: to a lead everything, to the author what was settled, nameless."""

from dataclasses import dataclass

from django.template.loader import render_to_string

from annotator.models import Question, Revision
from qc.models import Adjudication, Review


@dataclass(frozen=True)
class Round:
    revision: Revision
    reviews: list
    decision: Adjudication | None


def reviews_panel(request, question):
    """The rounds of a question, newest first, as HTML; "" for people who may not see them or when there are none."""
    user = request.user
    own = question.author_id == user.pk
    if not user.is_lead and not own:
        return ""
    sees_all = user.is_lead and not own  # nobody reads about their own question what its author may not
    unsettled = question.state in (Question.State.SUBMITTED, Question.State.DISPUTED)
    rounds = _rounds(question)
    if not sees_all:
        # Until a round is settled its author learns nothing of it; a verdict that was taken back never reached them.
        rounds = [
            Round(r.revision, [review for review in r.reviews if not review.undone_at], r.decision)
            for r in rounds
            if not (unsettled and r.revision.number == question.revision_number)
        ]
    if not any(r.reviews or r.decision for r in rounds):
        return ""
    context = {
        "question": question,
        "rounds": rounds,
        "sees_all": sees_all,
        # While reviewers disagree their names stay hidden from the lead who will decide.
        "names": sees_all and question.state != Question.State.DISPUTED,
    }
    return render_to_string("qc/_reviews_panel.html", context, request)


def _rounds(question):
    revisions = list(Revision.objects.filter(question=question).order_by("-number"))
    reviews, decisions = {}, {}
    for review in Review.objects.filter(revision__question=question).select_related("reviewer", "blind_answer"):
        reviews.setdefault(review.revision_id, []).append(review)
    for decision in Adjudication.objects.filter(revision__question=question).select_related("lead"):
        decisions[decision.revision_id] = decision
    return [Round(revision, reviews.get(revision.pk, []), decisions.get(revision.pk)) for revision in revisions]
