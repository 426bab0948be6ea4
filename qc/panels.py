"""What the question's page shows about cross-checking: to a lead everything, to the author what was settled, nameless."""

from dataclasses import dataclass

from django.db.models import F
from django.template.loader import render_to_string

from annotator.models import Question, Revision
from qc.models import Adjudication, BlindAnswer, Review


@dataclass(frozen=True)
class Round:
    revision: Revision
    reviews: list
    decision: Adjudication | None


def blind_first(user, questions):
    """Ids of the submitted questions this person may still be asked to answer blind, so must not see the key of."""
    if not user.is_reviewer:
        return set()
    submitted = [q.pk for q in questions if q.state == Question.State.SUBMITTED and q.author_id != user.pk]
    if not submitted:
        return set()
    answered = BlindAnswer.objects.filter(
        reviewer=user,
        revision__question__in=submitted,
        revision__number=F("revision__question__revision_number"),
    )
    return set(submitted) - set(answered.values_list("revision__question_id", flat=True))


def reviews_panel(request, question):
    """The rounds of a question, newest first, as HTML; "" for people who may not see them or when there are none."""
    user = request.user
    if blind_first(user, [question]):
        revision = Revision.objects.only("pk").get(question=question, number=question.revision_number)
        return render_to_string("qc/_blind_first.html", {"revision": revision}, request)
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
