"""Questions about clips, who holds which piece of work, and what is said about a returned question."""

import pgtrigger
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from annotator.clip_models import Clip, ClipFamily, ClipNote, Fingerprint, Truth, WrongState  # noqa: F401 -- of this app
from annotator.search import QUESTION_TEXT
from annotator.source_models import Site, SourceItem, Sourcing, Takedown, TakedownMark  # noqa: F401 -- of this app
from annotator.taxonomy import CATEGORY_CHOICES, domain_of
from studio.models import history

OPTION_KEYS = ("correct", "distractor_1", "distractor_2", "distractor_3")


class QuestionContent(models.Model):
    """What an annotator writes. The four options are content; letters are dealt when shown or exported."""

    category = models.CharField(_("category"), max_length=30, choices=CATEGORY_CHOICES, blank=True)
    sub_label = models.CharField(_("kind of glitch"), max_length=60, blank=True)
    stem = models.CharField(_("question"), max_length=settings.STEM_MAX_CHARS, blank=True)
    correct = models.CharField(_("correct option"), max_length=1000, blank=True)
    distractor_1 = models.CharField(_("distractor 1"), max_length=1000, blank=True)
    distractor_2 = models.CharField(_("distractor 2"), max_length=1000, blank=True)
    distractor_3 = models.CharField(_("distractor 3"), max_length=1000, blank=True)
    spans = models.JSONField(_("glitch spans"), default=list, blank=True, help_text="[[first frame, last frame], ...]")
    note = models.TextField(_("note"), blank=True, max_length=2000)

    CONTENT_FIELDS = ("category", "sub_label", "stem", *OPTION_KEYS, "spans", "note")

    class Meta:
        abstract = True

    @property
    def options(self):
        """{option key: text}, the correct one first."""
        return {key: getattr(self, key) for key in OPTION_KEYS}

    @property
    def domain(self):
        return domain_of(self.category) if self.category else ""

    def content_dict(self):
        return {field: getattr(self, field) for field in self.CONTENT_FIELDS}


class QuestionQuerySet(models.QuerySet):
    def awaiting_review(self):
        """Submitted questions that still need verdicts, oldest first."""
        return self.filter(state=Question.State.SUBMITTED).order_by("submitted_at", "id")

    def visible_to(self, user):
        """Everything for leads; for others what they wrote. Reviewers see questions only in the review room, blind."""
        return self if user.is_lead else self.filter(author=user)


@history("QuestionEvent", fields=["clip", "author", "state", "revision_number"])
class Question(QuestionContent):
    """A question in its current wording. Each submission freezes a `Revision`; people and machines doubt revisions."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Submitted")
        DISPUTED = "disputed", _("In adjudication")
        RETURNED = "returned", _("Returned")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")

    EDITABLE = (State.DRAFT, State.RETURNED)

    clip = models.ForeignKey(Clip, on_delete=models.PROTECT, related_name="questions")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="questions")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    version = models.PositiveIntegerField(default=0, help_text="Counts saves; a save names the version it was based on.")
    revision_number = models.PositiveSmallIntegerField(default=0)
    published_id = models.CharField(max_length=200, blank=True, help_text="question_id of an imported set, kept on export.")
    published_order = models.CharField(max_length=4, blank=True, help_text="Letters of the four options in an imported set.")
    created_at = models.DateTimeField(default=timezone.now)
    saved_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    # Reviews still wanted and not leased to anybody; counted so that the queue needs no joins (annotator/queue.py)
    review_slots = models.SmallIntegerField(default=0)
    reviews_given = models.PositiveSmallIntegerField(default=0)

    objects = QuestionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            # An imported set may hold several questions about one clip, and all of them have the same author.
            models.UniqueConstraint(
                fields=["clip", "author"],
                condition=~Q(state="rejected") & Q(published_id=""),
                name="one_question_per_clip_and_author",
            ),
            models.UniqueConstraint(fields=["published_id"], condition=~Q(published_id=""), name="published_ids_differ"),
            models.CheckConstraint(condition=Q(review_slots__gte=0), name="review_slots_never_negative"),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(revision_number__gt=0), name="only_a_draft_has_no_revision"
            ),
        ]
        indexes = [
            models.Index(
                fields=["reviews_given", "submitted_at", "id"],
                condition=Q(state="submitted", review_slots__gt=0),
                name="question_to_review",
            ),
            GinIndex(QUESTION_TEXT, condition=~Q(state="draft"), name="question_text"),
            models.Index(fields=["author", "state", "-saved_at"], name="question_my_work"),
            models.Index(fields=["state", "-id"], name="question_state"),
            models.Index(fields=["category", "-id"], name="question_category"),
        ]

    def move(self, *, to, leaving, **changes):
        """Change state with one guarded UPDATE; `WrongState` if the question is not in one of the states `leaving`."""
        moved = Question.objects.filter(pk=self.pk, state__in=leaving).update(state=to, **changes)
        self.refresh_from_db(fields=["state", *changes])
        if not moved:
            raise WrongState(
                gettext("Question %(id)s is %(state)s now, so this is no longer possible. Reload to see what happened.")
                % {"id": self.pk, "state": self.get_state_display().lower()}
            )

    def get_absolute_url(self):
        return reverse("question", args=[self.pk])

    def __str__(self):
        return f"question {self.pk}"


def _options_differ():
    """SQL condition: no two of the four options are equal, ignoring case and outer blanks."""
    condition = Q()
    for index, one in enumerate(OPTION_KEYS):
        for other in OPTION_KEYS[index + 1 :]:
            condition &= ~Q(**{f"{one}__iexact": F(other)})
    return condition


class Revision(QuestionContent):
    """A question as it was submitted, never changed again. `client_key` makes a repeated submission count once."""

    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="revisions")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()
    approvals_needed = models.PositiveSmallIntegerField(default=1)
    client_key = models.UUIDField(unique=True)
    taken_at = models.DateTimeField(null=True, help_text="When its author took the clip; none for work that had come back.")
    submitted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["question", "number"]
        indexes = [
            models.Index(fields=["author", "submitted_at"], name="revision_of_a_day"),
            models.Index(fields=["author", "-id"], name="revision_of_author"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["question", "number"], name="revision_numbers_differ"),
            models.CheckConstraint(
                condition=~Q(category="")
                & ~Q(stem="")
                & ~Q(correct="")
                & ~Q(distractor_1="")
                & ~Q(distractor_2="")
                & ~Q(distractor_3=""),
                name="submitted_question_is_complete",
            ),
            models.CheckConstraint(condition=_options_differ(), name="submitted_options_differ"),
        ]
        triggers = [pgtrigger.Protect(name="revisions_never_change", operation=pgtrigger.Update)]

    def __str__(self):
        return f"question {self.question_id}, revision {self.number}"


class Lease(models.Model):
    """This person has this piece of work until then. Renewed by every autosave; expires alone.

    Exactly one of `clip` (writing) and `revision` (reviewing) is set. `slot` is unique, so the database itself refuses a
    second holder. A `reserved` lease is the one piece that is preloaded for after the current one.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="leases")
    clip = models.ForeignKey(Clip, null=True, on_delete=models.CASCADE, related_name="leases")
    revision = models.ForeignKey(Revision, null=True, on_delete=models.CASCADE, related_name="leases")
    slot = models.PositiveSmallIntegerField()
    reserved = models.BooleanField(default=False)
    taken_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(clip__isnull=False, revision__isnull=True) | Q(clip__isnull=True, revision__isnull=False),
                name="lease_is_for_one_thing",
            ),
            models.UniqueConstraint(fields=["clip", "slot"], name="one_writer_per_clip_slot"),
            models.UniqueConstraint(fields=["revision", "slot"], name="one_reviewer_per_review_slot"),
            models.UniqueConstraint(fields=["user", "clip"], condition=Q(clip__isnull=False), name="one_lease_per_writer"),
            models.UniqueConstraint(
                fields=["user", "revision"], condition=Q(revision__isnull=False), name="one_lease_per_reviewer"
            ),
        ]


class Remark(models.Model):
    """What a reviewer or lead says about one field of a revision that went back to its author."""

    class Code(models.TextChoices):
        WRONG = "wrong", _("Correct option is wrong")
        INCOMPLETE = "incomplete", _("Correct option is incomplete")
        ALSO_TRUE = "also_true", _("Distractor is also true")
        IMPLAUSIBLE = "implausible", _("Distractor is implausible")
        CATEGORY = "category", _("Wrong category")
        SPAN = "span", _("Wrong span")
        LANGUAGE = "language", _("Language")
        UNUSABLE = "unusable", _("Clip unusable")
        LEAKY = "leaky", _("Answerable without the clip")
        OTHER = "other", _("Something else")

    FIELD_CHOICES = [
        ("correct", _("correct option")),
        ("distractor_1", _("distractor 1")),
        ("distractor_2", _("distractor 2")),
        ("distractor_3", _("distractor 3")),
        ("stem", _("question")),
        ("category", _("category")),
        ("spans", _("glitch spans")),
        ("clip", _("clip")),
        ("", _("the question as a whole")),
    ]

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="remarks")
    field = models.CharField(max_length=20, choices=FIELD_CHOICES, blank=True)
    code = models.CharField(max_length=12, choices=Code.choices)
    comment = models.TextField(blank=True, max_length=2000)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]


class HiddenHabit(models.Model):
    """An author hid the hint that a reason keeps coming back (annotator/habits.py); it counts again from then on."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    place = models.CharField(max_length=20, blank=True)
    code = models.CharField(max_length=12, choices=Remark.Code.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["author", "place", "code"], name="one_hidden_habit_of_a_kind"),
        ]


class PracticeAttempt(QuestionContent):
    """What somebody wrote or answered about a practice clip, compared with its truth at once.

    A table of its own: nothing of it is a question, so queues, reviews and exports cannot meet it.
    """

    class Way(models.TextChoices):
        WRITE = "write", _("Wrote a question")
        ANSWER = "answer", _("Answered blind")

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="practice_attempts")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="practice_attempts")
    way = models.CharField(max_length=6, choices=Way.choices)
    first = models.BooleanField(help_text="This person had not seen the truth of this clip before.")
    answer = models.PositiveSmallIntegerField(null=True, help_text="Option of the truth's question; none: cannot tell.")
    # How it compares; None where there is nothing to compare
    category_right = models.BooleanField(null=True)
    overlap = models.FloatField(null=True, help_text="Frames marked and true over frames marked or true, 0 to 1.")
    answer_right = models.BooleanField(null=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "clip"], condition=Q(first=True), name="one_first_attempt_per_person_and_clip"
            ),
        ]
        indexes = [models.Index(fields=["person", "-id"], name="practice_mine")]
        triggers = [pgtrigger.Protect(name="practice_attempts_never_change", operation=pgtrigger.Update)]

    def get_absolute_url(self):
        return reverse("practice_attempt", args=[self.pk])

    def __str__(self):
        return f"practice attempt {self.pk}"
