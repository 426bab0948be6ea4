"""Writing questions: saving a draft, submitting it, setting a clip aside."""

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from annotator import queue
from annotator.models import OPTION_KEYS, Clip, ClipNote, Question, Revision, WrongState
from annotator.panels import ON_SUBMISSION
from annotator.taxonomy import CATEGORIES
from studio.sentences import say

DRAFT_MAX_CHARS = 1000


class StaleSave(WrongState):
    """The save was based on an older version; `question` holds what is stored now."""

    def __init__(self, question):
        super().__init__(_("This question was changed in another window. Compare both texts and choose."))
        self.question = question


class Invalid(Exception):
    """`errors` maps a field name to the sentence shown at that field."""

    def __init__(self, errors):
        super().__init__(" ".join(errors.values()))
        self.errors = errors


def clean_draft(data):
    """Content fields out of untrusted JSON; `Invalid` for what cannot be stored at all. Missing fields are empty."""
    content, errors = {}, {}
    limits = {"category": 30, "sub_label": 60, "stem": settings.STEM_MAX_CHARS, "note": 2000}
    for field in Question.CONTENT_FIELDS:
        value = data.get(field, [] if field == "spans" else "")
        if field == "spans":
            try:
                content[field] = clean_spans(value)
            except ValueError as error:
                errors[field] = str(error)
            continue
        if not isinstance(value, str):
            errors[field] = _("This must be text.")
            continue
        # What PostgreSQL cannot store: the zero character, and half a surrogate pair.
        value = value.replace("\x00", "").encode(errors="replace").decode().strip()
        limit = limits.get(field, DRAFT_MAX_CHARS)
        if len(value) > limit:
            errors[field] = _("%(count)s characters; at most %(limit)s can be kept.") % {"count": len(value), "limit": limit}
        content[field] = value
    if content.get("category") and content["category"] not in CATEGORIES:
        errors["category"] = _("%(name)s is not one of the 12 categories.") % {"name": content["category"]}
    if errors:
        raise Invalid(errors)
    return content


def clean_spans(value):
    """[[first, last], ...] with whole frames, each span in order; sorted. ValueError otherwise."""
    if not isinstance(value, list) or len(value) > 50:
        raise ValueError(_("Spans must be a list of at most 50 pairs of frames."))
    spans = []
    for pair in value:
        whole = isinstance(pair, list) and len(pair) == 2 and all(type(frame) is int for frame in pair)
        if not whole or not 0 <= pair[0] <= pair[1] < 2**31:
            raise ValueError(_("Each span needs a first and a last frame, in this order."))
        spans.append(pair)
    return sorted(spans)


def check_complete(content, clip):
    """Errors by field for content that is to be submitted about `clip`; {} when it may be."""
    errors = {}
    if not content["category"]:
        errors["category"] = _("Choose the category of the glitch.")
    if not content["stem"]:
        errors["stem"] = _("Choose or write the question.")
    seen = {}
    for key in OPTION_KEYS:
        text = " ".join(content[key].split()).casefold()
        if not text:
            errors[key] = _("This option is empty.")
        elif len(content[key]) > settings.OPTION_MAX_CHARS:
            errors[key] = _("%(count)s characters; an option has at most %(limit)s.") % {
                "count": len(content[key]),
                "limit": settings.OPTION_MAX_CHARS,
            }
        elif text in seen:
            errors[key] = _("This is the same as another option.")
        seen.setdefault(text, key)
    if not content["spans"]:
        errors["spans"] = _("Mark where the glitch is visible: [ at its first frame, ] at its last.")
    elif max(last for first, last in content["spans"]) >= clip.frame_count:
        errors["spans"] = _("A span ends after the clip, which has %(count)s frames.") % {"count": clip.frame_count}
    return errors


def save_draft(*, user, clip_id, base_version, content):
    """Store a draft based on `base_version` (0: the first save) and renew the lease; returns the Question.

    Raises StaleSave when somebody saved in between, WrongState when the work is finished or somebody else's; a draft
    whose place is lost is stored before that is said. A repeated save (its answer was lost on the way) succeeds.
    """
    leased = queue.renew(user, clip_id)
    question = queue.question_of(user, clip_id)
    if question is None:
        if not leased:
            queue.hold(user, clip_id)
        question = Question(clip_id=clip_id, author=user, version=1, saved_at=timezone.now(), **content)
        if Question.objects.bulk_create([question], ignore_conflicts=True)[0].pk:
            return question
        question = queue.question_of(user, clip_id)  # another tab was first
    if _update_draft(question, base_version, content):
        if not leased and question.state == Question.State.DRAFT:
            queue.hold(user, clip_id)
        return question
    question.refresh_from_db()
    if question.state not in Question.EDITABLE:
        raise WrongState(_finished(question))
    if question.content_dict() != content:
        raise StaleSave(question)
    return question


def _update_draft(question, base_version, content):
    """One guarded UPDATE; False when the question is no longer at `base_version` or no longer a draft."""
    changes = {**content, "version": base_version + 1, "saved_at": timezone.now()}
    saved = Question.objects.filter(pk=question.pk, state__in=Question.EDITABLE, version=base_version).update(**changes)
    if saved:
        for field, value in changes.items():
            setattr(question, field, value)
    return bool(saved)


def _finished(question):
    return _("This question is %(state)s already, so it cannot be changed here.") % {
        "state": question.get_state_display().lower()
    }


_NOT_READ = object()


def submit(*, user, clip, base_version, content, client_key, question=_NOT_READ):
    """Freeze a new revision and send it to review; returns the Revision. The same `client_key` again returns the same.

    `question` is the author's question about the clip, or None, where the caller has just read it (`queue.work_of`).
    Raises Invalid (nothing changed), StaleSave, or WrongState (finished, lost, somebody else's; the text is kept as a
    draft where there is one).
    """
    errors = check_complete(content, clip)
    if errors:
        raise Invalid(errors)
    if question is _NOT_READ:
        question = queue.question_of(user, clip.pk)
    try:
        with transaction.atomic():
            return _submit(user, clip, question, base_version, content, client_key)
    except (WrongState, IntegrityError) as refusal:
        repeated = Revision.objects.filter(client_key=client_key, author=user, question__clip=clip)
        if found := repeated.select_related("question").first():
            return found
        if isinstance(refusal, IntegrityError):
            if "submitted_options_differ" in str(refusal):  # PostgreSQL folds some letters that Python does not
                raise Invalid({"distractor_3": _("Two options are the same but for capital letters.")})
            raise WrongState(_("This question was submitted from another window just now. Reload to see it.")) from refusal
        if question and not isinstance(refusal, StaleSave):
            _update_draft(question, base_version, content)
        raise


# What a submission takes with it: the lease, and one of the double checks of a new author; and what was asked before.
_SPEND = """
WITH gone AS (
    DELETE FROM annotator_lease WHERE user_id = %(user)s AND clip_id = %(clip)s RETURNING taken_at
), counted AS (
    UPDATE studio_user SET double_checks_left = double_checks_left - 1
    WHERE id = %(user)s AND double_checks_left > 0 AND %(first)s RETURNING id
)
SELECT (SELECT taken_at FROM gone), (SELECT count(*) FROM counted),
       (SELECT approvals_needed FROM annotator_revision WHERE question_id = %(question)s ORDER BY number DESC LIMIT 1)
"""


def _submit(user, clip, question, base_version, content, client_key):
    if question and question.state not in Question.EDITABLE:
        raise WrongState(_finished(question))
    if question and question.version != base_version and question.content_dict() != content:
        raise StaleSave(question)
    if clip.content not in Clip.WRITABLE:
        raise WrongState(queue.why_not(clip.pk))
    first = question is None or question.revision_number == 0
    with connection.cursor() as cursor:
        cursor.execute(
            _SPEND, {"user": user.pk, "clip": clip.pk, "first": first, "question": question.pk if question else None}
        )
        taken_at, counted, needed = cursor.fetchone()
    if not taken_at and first and not queue.take_place(clip.pk):
        raise WrongState(queue.why_not(clip.pk))
    if first:
        needed = max(settings.REVIEWS_NEEDED, settings.NEW_AUTHOR_REVIEWS) if counted else settings.REVIEWS_NEEDED
    question = _store_submission(user, clip, question, needed, content)
    revision = Revision.objects.create(
        question=question,
        author=user,
        number=question.revision_number,
        approvals_needed=needed,
        client_key=client_key,
        taken_at=taken_at,
        submitted_at=question.submitted_at,
        **content,
    )
    for told in ON_SUBMISSION:
        told(revision)
    return revision


def _store_submission(user, clip, question, needed, content):
    """The question as submitted: one INSERT, or one UPDATE that finds it just as it was read."""
    now = timezone.now()
    read_version, question = (question.version, question) if question else (None, Question(clip=clip, author=user))
    changes = {
        **content,
        "state": Question.State.SUBMITTED,
        "version": question.version + 1,
        "revision_number": question.revision_number + 1,
        "saved_at": now,
        "submitted_at": now,
        "settled_at": None,
        "review_slots": needed,
        "reviews_given": 0,
    }
    if read_version is not None:
        as_read = Question.objects.filter(pk=question.pk, state__in=Question.EDITABLE, version=read_version)
        if not as_read.update(**changes):
            question.refresh_from_db()
            if question.state not in Question.EDITABLE:
                raise WrongState(_finished(question))
            raise StaleSave(question)
    for field, value in changes.items():
        setattr(question, field, value)
    if read_version is None:
        question.save(force_insert=True)
    return question


@transaction.atomic
def set_aside(*, user, clip_id, content, reason):
    """An annotator reports a clip as not gameplay or unusable: it leaves the queue, with the reason on its page."""
    queue.hold(user, clip_id)
    if not Clip.objects.filter(pk=clip_id, content=Clip.Content.UNCHECKED).update(content=content):
        raise WrongState(_("Somebody has accepted this clip already. Tell a lead if it is unusable all the same."))
    label = Clip.Content(content).label
    text = gettext_noop("%(judgement)s: %(reason)s") if reason else gettext_noop("%(judgement)s")
    text = say(text, judgement=label, reason=reason)
    ClipNote.objects.create(clip_id=clip_id, text=text, by=user)
    queue.release(user, clip_id=clip_id)


def hand_over(*, question, to):
    """A lead gives a returned question to another author (its own has left, or it was imported). WrongState if it cannot."""
    if not to.is_active or not to.is_annotator:
        raise WrongState(_("%(name)s is not an active annotator.") % {"name": to})
    try:
        with transaction.atomic():
            question.move(to=Question.State.RETURNED, leaving=[Question.State.RETURNED], author=to)
    except IntegrityError as clash:
        raise WrongState(_("%(name)s has written about this clip already; choose somebody else.") % {"name": to}) from clash
