"""What people decide about samples and pairs. Each decision names the version it saw; of two at once the first wins.

rulings.accept(user=lead, sample_id=5, version=0)      # WrongState tells who came first, and nothing is stored
rulings.edit(user=lead, sample_id=5, version=0, question="...", answer="...")
rulings.reject(user=lead, sample_id=5, version=0, reason="wrong")
rulings.reopen(user=lead, sample_id=5, version=1)      # takes the decision back, and an edit with it
"""

import random

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from annotator.models import WrongState
from modelzoo.instruct import reasons, rules
from modelzoo.instruct.models import TEXT_MAX_CHARS, InstructSample, Origin, PreferencePair, State
from modelzoo.instruct.replies import clean

# What a person may say of a sample and of a pair. "both_true" is about two answers.
SAMPLE_REASONS = {code: words for code, words in reasons.OF_PEOPLE.items() if code != "both_true"}
PAIR_REASONS = {code: reasons.OF_PEOPLE[code] for code in ("both_true", "unclear", "dull")}
# Faults of form, which an edit must not have. The other rules guess at what a text means; a person knows.
_FORM = ("too_short", "too_long", "no_verdict", "bad_choice")


class BadText(ValueError):
    """An edit that cannot be; `field` is question, answer or reason."""

    def __init__(self, field, sentence):
        super().__init__(sentence)
        self.field = field


def _decide(rows, what, *, user, pk, version, **changes):
    """One guarded UPDATE; returns the row as it is now. The same decision sent twice is one."""
    decided_at = None if changes["state"] == State.GENERATED else timezone.now()
    decided_by = user if decided_at else None
    moved = rows.filter(pk=pk, version=version).update(
        **changes, decided_by=decided_by, decided_at=decided_at, version=F("version") + 1
    )
    row = rows.select_related("clip", "decided_by").get(pk=pk)
    if moved:
        return row
    same = all(getattr(row, name) == value for name, value in changes.items())
    if same and row.version == version + 1 and row.decided_by == decided_by:
        return row
    if row.decided_by:
        sentence = _("%(who)s came first: %(what)s %(id)s is now “%(state)s”. Look at it again.")
    else:
        sentence = _("%(what)s %(id)s was changed in between and is now “%(state)s”. Look at it again.")
    told = {"who": row.decided_by, "what": what, "id": pk, "state": row.get_state_display()}
    raise WrongState(sentence % told)


# ---- Samples


@transaction.atomic
def accept(*, user, sample_id, version):
    return _sample(user, sample_id, version, state=State.ACCEPTED, reason="")


@transaction.atomic
def reject(*, user, sample_id, version, reason):
    if reason not in SAMPLE_REASONS:
        raise BadText("reason", _("Choose why it is rejected."))
    return _sample(user, sample_id, version, state=State.REJECTED, reason=reason)


@transaction.atomic
def edit(*, user, sample_id, version, question, answer):
    """Accept with other words; what was made first is kept. BadText where they cannot be."""
    before = InstructSample.objects.get(pk=sample_id)
    question, answer = clean(question), clean(answer)
    _check(before.kind, question, answer)
    first = before.made or {"question": before.question, "answer": before.answer}
    made = None if first == {"question": question, "answer": answer} else first
    return _sample(
        user, sample_id, version, state=State.ACCEPTED, reason="", question=question, answer=answer, made=made
    )  # fmt: skip


@transaction.atomic
def reopen(*, user, sample_id, version):
    """Let it wait for a person again, in the words it was made with."""
    before = InstructSample.objects.get(pk=sample_id)
    return _sample(user, sample_id, version, state=State.GENERATED, reason="", made=None, **(before.made or {}))


def _sample(user, pk, version, **changes):
    row = _decide(InstructSample.objects, _("sample"), user=user, pk=pk, version=version, **changes)
    _pairs_follow(row)
    return row


def _check(kind, question, answer):
    for field, text in (("question", question), ("answer", answer)):
        if not text:
            raise BadText(field, _("This is empty."))
        if len(text) > TEXT_MAX_CHARS:
            raise BadText(field, _("At most %(most)s characters.") % {"most": TEXT_MAX_CHARS})
    if (fault := rules.fault(kind, question, answer)) in _FORM:
        raise BadText("question" if fault == "bad_choice" else "answer", str(reasons.ALL[fault]) + ".")


def _pairs_follow(sample):
    """Pairs against words that are not the sample's any more are dropped; they come back with the words."""
    pairs = PreferencePair.objects.filter(sample=sample)
    theirs = Q(prompt=sample.question, chosen=sample.answer)
    now, accepted = timezone.now(), sample.state == State.ACCEPTED
    dropped = pairs.exclude(state=State.REJECTED)
    dropped = dropped.exclude(theirs) if accepted else dropped
    dropped.update(
        state=State.REJECTED, reason="chosen_changed", decided_at=now, decided_by=None, version=F("version") + 1
    )  # fmt: skip
    if accepted:
        waits = Q(origin=Origin.MODEL, verdict="", kind__in=PreferencePair.MISLED)  # no judge ever said that it is wrong
        pairs.filter(theirs, state=State.REJECTED, reason="chosen_changed").update(
            state=Case(When(waits, then=Value(State.GENERATED)), default=Value(State.ACCEPTED)),
            decided_at=Case(When(waits, then=None), default=Value(now)),
            reason="", decided_by=None, version=F("version") + 1,
        )  # fmt: skip


def next_sample(user, *, after=None):
    """A random sample that waits for a person, None where none does. `after`: one to pass over.

    Samples stand in an order that was drawn once; everybody begins at a place of their own in it, so two people at work
    rarely meet, and what each has seen is a random sample of all.
    """
    rows = InstructSample.objects.waiting().select_related("clip", "decided_by").order_by("draw", "pk")
    begin = random.Random(f"reviews of {user.pk}").random()
    if after:
        begin = InstructSample.objects.filter(pk=after).values_list("draw", flat=True).first() or begin
    rows = rows.exclude(pk=after) if after else rows
    return rows.filter(draw__gte=begin).first() or rows.first()


# ---- Pairs


@transaction.atomic
def accept_pair(*, user, pair_id, version):
    """WrongState where its true answer has changed, or where both answers score the same."""
    pair = PreferencePair.objects.select_related("sample").get(pk=pair_id)
    sample = InstructSample.objects.select_for_update().get(pk=pair.sample_id)
    if (pair.prompt, pair.chosen, sample.state) != (sample.question, sample.answer, State.ACCEPTED):
        raise WrongState(_("Its true answer was changed or is not accepted, so this pair cannot be."))
    try:
        with transaction.atomic():
            return _pair(user, pair_id, version, state=State.ACCEPTED, reason="")
    except IntegrityError:
        raise WrongState(_("Both answers say the same or score the same, so this pair cannot be accepted.")) from None


@transaction.atomic
def reject_pair(*, user, pair_id, version, reason):
    if reason not in PAIR_REASONS:
        raise BadText("reason", _("Choose why it is rejected."))
    return _pair(user, pair_id, version, state=State.REJECTED, reason=reason)


def _pair(user, pk, version, **changes):
    return _decide(PreferencePair.objects, _("pair"), user=user, pk=pk, version=version, **changes)


def next_pair(*, after=None):
    """The pk of the next pair to look at, in an order that was drawn once; those that wait for a person come first."""
    rows = PreferencePair.objects.exclude(pk=after.pk) if after else PreferencePair.objects.all()
    waiting = rows.filter(state=State.GENERATED).order_by("-pk").values_list("pk", flat=True).first()
    if waiting:
        return waiting
    rows = rows.exclude(state=State.REJECTED).order_by("draw", "pk").values_list("pk", flat=True)
    return (rows.filter(draw__gte=after.draw).first() if after else None) or rows.first()
