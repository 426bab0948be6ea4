"""What a verdict does to its question, whoever gives it: a reviewer, a lead, or the leak check."""

from django.utils import timezone
from django.utils.translation import gettext as _

from annotator import queue
from annotator.models import Clip, Lease, Question, Remark, WrongState


def settle(question, state, now):
    """Nobody reviews this question any more; inside the caller's transaction, as all of these."""
    question.state = state
    question.settled_at = now
    question.review_slots = 0
    question.save(update_fields=["state", "settled_at", "review_slots", "reviews_given"])
    Lease.objects.filter(revision__question=question).delete()


def approve(question, now):
    settle(question, Question.State.APPROVED, now)
    # Two people have watched the clip and found its glitch: that is the check that it is gameplay.
    Clip.objects.filter(pk=question.clip_id, content=Clip.Content.UNCHECKED).update(content=Clip.Content.ACCEPTED)


def send_back(question, revision, user, ruling, now):
    settle(question, Question.State.RETURNED, now)
    _remark(revision, user, ruling)


def reject(question, revision, user, ruling, now):
    settle(question, Question.State.REJECTED, now)
    _remark(revision, user, ruling)
    queue.give_place_back(question.clip_id)


def _remark(revision, user, ruling):
    """One remark per reason, each at its field. The general comment joins a lone reason, else it stands for itself."""
    remarks = [
        Remark(revision=revision, field=reason["field"], code=reason["code"], by=user, comment=reason.get("comment", ""))
        for reason in ruling.reasons
    ]
    if len(remarks) == 1 and not remarks[0].comment:
        remarks[0].comment = ruling.comment
    elif ruling.comment or not remarks:
        remarks.append(Remark(revision=revision, field="", code=Remark.Code.OTHER, by=user, comment=ruling.comment))
    Remark.objects.bulk_create(remarks)


def count_slots(question, revision):
    leased = Lease.objects.filter(revision=revision).count()
    question.review_slots = max(0, revision.approvals_needed - question.reviews_given - leased)
    question.save(update_fields=["review_slots"])


def ruled_first(question):
    """The refusal of a verdict that came too late; raise it."""
    return WrongState(
        _("Somebody else ruled first: this question is %(state)s now. Your verdict was not stored.")
        % {"state": question.get_state_display().lower()}
    )


def leaked(question, revision):
    """Whether the leak check returned this revision, so that a reviewer reads no "somebody else ruled first"."""
    remarks = Remark.objects.filter(revision=revision, code=Remark.Code.LEAKY)
    return question.state == Question.State.RETURNED and remarks.exists()


def lease_again(user, revision):
    """Let somebody hold a revision again, at the first place that is free."""
    used = set(Lease.objects.filter(revision=revision).values_list("slot", flat=True))
    Lease.objects.get_or_create(
        user=user,
        revision=revision,
        defaults={
            "expires_at": timezone.now() + queue.lease_length(),
            "slot": next(slot for slot in range(1, len(used) + 2) if slot not in used),
        },
    )
