"""What follows from a leak check: the verdict that counts, the way back to the author, and a lead's waiver.

A leaky question goes back to its author with the evidence, as a reviewer would send it, in the name of a person nobody can
sign in as. What people decided before stands: an approved question stays approved, and one in adjudication waits for its
lead; neither is exported until the check is clear or waived.
"""

from collections import Counter

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import Case, CharField, Exists, FilteredRelation, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotator.models import OPTION_KEYS, Lease, Question, Remark, WrongState
from annotator.services import Invalid
from qc import services, settling
from qc.leak_models import LeakAnswer, LeakCheck, LeakWaiver
from qc.models import Review
from studio.models import User
from studio.sentences import tell

PERSON = "leak-check"
REASON_MAX_CHARS = 2000


def person():
    """The person in whose name the leak check returns questions. Nobody can sign in as them."""
    found, _created = User.objects.get_or_create(
        username=PERSON,
        defaults={
            "first_name": "Leak",
            "last_name": "check",
            "is_active": False,
            "roles": [],
            "double_checks_left": 0,
            "password": make_password(None),
        },
    )
    return found


def fail(check, sentence):
    """The check could not be made; whatever verdict was there before goes on counting."""
    LeakCheck.objects.filter(pk=check.pk, state=LeakCheck.State.CHECKING).update(
        state=LeakCheck.State.FAILED, reason=sentence, finished_at=timezone.now()
    )


@transaction.atomic
def conclude(check, verdict):
    """Store a verdict and let it count; a leaky question that waits for review goes back to its author."""
    revision = check.revision
    # Leases before the question, as whoever frees them, or the two would wait for each other.
    list(Lease.objects.select_for_update().filter(revision=revision).order_by("pk").values_list("pk"))
    question = Question.objects.select_for_update().get(pk=revision.question_id)
    now = timezone.now()
    if not LeakCheck.objects.select_for_update().filter(pk=check.pk, state=LeakCheck.State.CHECKING).exists():
        return
    LeakCheck.objects.filter(revision=revision, current=True).update(current=False)
    LeakCheck.objects.filter(pk=check.pk).update(state=verdict.state, reason=verdict.reason, current=True, finished_at=now)
    waits = question.state == Question.State.SUBMITTED and question.revision_number == revision.number
    if verdict.state == LeakCheck.State.LEAKY and waits and not waived(revision):
        send_back(question, revision, check, verdict.reason, by=person(), now=now)


def send_back(question, revision, check, reason, *, by, now):
    """Return a question with the evidence as a remark, in the language of its author."""
    with translation.override(question.author.language or settings.LANGUAGE_CODE):
        told = [tell(getattr(reason, "stored", reason))]
        right = LeakAnswer.objects.filter(check_made=check, option=OPTION_KEYS[0])
        alone = set(right.filter(kind="options_only").values_list("endpoint", flat=True))
        orders = Counter(right.filter(kind="rotation").values_list("endpoint", flat=True))
        # One right answer to the options alone may be luck; beside three right orders it says something.
        for name in sorted(name for name in alone if orders[name] >= 3):
            told.append(_("%(name)s chose it from the options alone, too, without the question.") % {"name": name})
        told.append(_("The question's page shows every answer, and can find out which words give it away."))
    reasons = [{"field": "correct", "code": Remark.Code.LEAKY, "comment": " ".join(told)}]
    settling.send_back(question, revision, by, services.Ruling(Review.Verdict.RETURN, reasons, "", None), now)


def waived(revision):
    """Whether a lead waived the check of this revision, or of an earlier one with the same stem and options."""
    same = {field: getattr(revision, field) for field in ("stem", *revision.options)}
    same = {f"revision__{field}": value for field, value in same.items()}
    return LeakWaiver.objects.filter(revision__question_id=revision.question_id, **same).exists()


@transaction.atomic
def waive(*, user, revision, reason):
    """A lead lets a revision pass; a question that the check had returned, untouched since, waits for review again."""
    reason = reason.strip()
    if not reason:
        raise Invalid({"reason": _("Write why this question may pass all the same; everybody who sees the check reads it.")})
    if len(reason) > REASON_MAX_CHARS:
        raise Invalid(
            {
                "reason": _("%(count)s characters; at most %(limit)s can be kept.")
                % {"count": len(reason), "limit": REASON_MAX_CHARS}
            }
        )
    question = Question.objects.select_for_update().get(pk=revision.question_id)
    if user.pk in (question.author_id, revision.author_id):
        raise PermissionDenied(_("You wrote this question, so another lead decides about its leak check."))
    verdict = LeakCheck.objects.filter(revision=revision, current=True).first()
    if verdict is None or verdict.state == LeakCheck.State.CLEAR:
        raise WrongState(_("There is nothing to waive: the leak check of this revision found no leak."))
    try:
        with transaction.atomic():
            waiver = LeakWaiver.objects.create(revision=revision, lead=user, reason=reason)
    except IntegrityError as error:
        raise WrongState(_("Another lead has waived this check already.")) from error
    if _returned_by_the_check(question, revision):
        Remark.objects.filter(revision=revision, by__username=PERSON).delete()
        question.move(to=Question.State.SUBMITTED, leaving=[Question.State.RETURNED], settled_at=None)
        settling.count_slots(question, revision)
    return waiver


def _returned_by_the_check(question, revision):
    untouched = question.settled_at and question.saved_at <= question.settled_at
    return (
        question.state == Question.State.RETURNED
        and question.revision_number == revision.number
        and untouched
        and Remark.objects.filter(revision=revision, by__username=PERSON).exists()
    )


@transaction.atomic
def return_approved(*, user, revision):
    """A lead sends an approved question whose check found a leak back to its author, with the evidence."""
    question = Question.objects.select_for_update(of=("self",)).select_related("author").get(pk=revision.question_id)
    verdict = LeakCheck.objects.filter(revision=revision, current=True, state=LeakCheck.State.LEAKY).first()
    if question.author_id == user.pk:
        raise PermissionDenied(_("You wrote this question, so another lead decides about its leak check."))
    if question.state != Question.State.APPROVED or question.revision_number != revision.number or verdict is None:
        raise WrongState(_("Only an approved question whose leak check found a leak can be sent back from here."))
    send_back(question, revision, verdict, verdict.reason, by=user, now=timezone.now())


# ---- The gate


def passed(revisions):
    """Those of a queryset of revisions that may be released: their leak check is clear, or a lead waived it."""
    clear = LeakCheck.objects.filter(revision=OuterRef("pk"), current=True, state=LeakCheck.State.CLEAR)
    return revisions.filter(Q(Exists(clear)) | Q(Exists(_waivers())))


def _waivers():
    """Waivers that cover a revision: its own, or one of the same question with the same stem and options."""
    same = {
        f"revision__{field}": OuterRef(field)
        for field in ("stem", "correct", "distractor_1", "distractor_2", "distractor_3")
    }
    return LeakWaiver.objects.filter(revision__question_id=OuterRef("question_id"), **same)


def with_standing(revisions):
    """Annotate revisions with `leak_standing`: "clear", "waived", another verdict, "checking", "failed" or "unchecked"."""
    last = LeakCheck.objects.filter(revision=OuterRef("pk")).order_by("-id").values("state")[:1]
    verdicts = FilteredRelation("leak_checks", condition=Q(leak_checks__current=True))
    return revisions.annotate(leak_verdict=verdicts).annotate(
        leak_standing=Case(
            When(leak_verdict__state=LeakCheck.State.CLEAR, then=Value("clear")),
            When(Exists(_waivers()), then=Value("waived")),
            default=Coalesce("leak_verdict__state", Subquery(last), Value("unchecked")),
            output_field=CharField(),
        )
    )


PASSED = ("clear", "waived")
STANDINGS = {
    "unchecked": gettext_lazy("Not checked for leaks"),
    "checking": gettext_lazy("The leak check is under way"),
    "failed": gettext_lazy("The leak check failed"),
    "leaky": gettext_lazy("The leak check found a leak"),
    "unsure": gettext_lazy("The leak check is unsure"),
    "clear": gettext_lazy("The leak check is clear"),
    "waived": gettext_lazy("The leak check was waived"),
}
