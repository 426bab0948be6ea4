"""What became of each clip of the demo, told by the services that tell everything else."""

import random
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from django.utils import translation

from annotator import curating, practice, queue, services
from annotator.models import Clip, Question, WrongState
from annotator.panels import ON_SUBMISSION
from annotator.taxonomy import CATEGORIES
from qc import gold, settling
from qc import services as reviewing
from qc.demo import texts
from qc.models import BlindAnswer

MINUTES_OF_A_DAY = 150  # all work falls into the hours before the time of day at which the demo is made


@dataclass(frozen=True)
class Told:
    """A story and how many days ago its clip was brought in. Each of its steps is a day or so later."""

    name: str
    days: int
    author: str = ""


# What becomes of the plain clips in turn; the longer the story, the earlier it began.
PLAIN = (
    Told("approved", 13, "annotator"),
    Told("submitted", 6, "annotator2"),
    Told("returned", 9, "annotator"),
    Told("disputed", 8, "annotator3"),
    Told("draft", 3, "annotator"),
    Told("approved_after_return", 14, "annotator2"),
    Told("half_reviewed", 5, "annotator3"),
    Told("decided_approve", 14, "annotator3"),
    Told("misfiled", 7, "annotator2"),
    Told("decided_reject", 12, "annotator3"),
    Told("accepted", 11),
    Told("old_draft", 10, "annotator2"),
    Told("waiting", 2),
    Told("accepted", 4),
)
LATER = (Told("approved", 10, "annotator2"), Told("waiting", 1), Told("submitted", 4, "annotator"), Told("waiting", 3))
TWINS = Told("padded", 12, "annotator")  # the first pair; the others are for practice
PRACTISED = (("annotator3", "write"), ("reviewer2", "answer"), ("annotator3", "nothing"), ("reviewer", "answer"))


def told_of(part):
    """The story of a part of the demo."""
    if part.sort == "plain":
        return PLAIN[part.number] if part.number < len(PLAIN) else LATER[(part.number - len(PLAIN)) % len(LATER)]
    if part.sort == "not_gameplay":
        return Told("not_gameplay", 9, "annotator2")
    if part.sort == "only_sound":
        return Told("waiting", 6)
    if part.sort == "training":
        return Told("accepted", 9)
    if part.number:
        return Told("practised", 13)
    return TWINS if part.sort == "pair" else Told("unusable", 12, "annotator2")


@dataclass
class Teller:
    """Tells the story of one clip after the other, inside one transaction with its clock."""

    people: dict
    clock: object
    seed: int

    def tell(self, part):
        """Make the rows of one part's story, which the caller guards with a savepoint: it may raise WrongState."""
        told = told_of(part)
        self.part, self.told = part, told
        self.clip = Clip.objects.get(pk=part.clip.pk)
        self.rng = random.Random(f"{self.seed}/{part.sort}/{part.number}")
        self.days = told.days
        self.clock.brought(self.clip, days=told.days)
        if self.clip.state == Clip.State.READY:
            getattr(self, f"_{told.name}")()

    # When, and who

    def moment(self):
        """The next moment of this story: about a day after the last one, never in the future."""
        self.days = max(0, self.days - 1)
        return self.clock.ago(days=self.days, minutes=self.rng.uniform(10, MINUTES_OF_A_DAY))

    def by(self, name):
        return self.people[name]

    def reviewers(self):
        names = ["reviewer", "reviewer2"]
        self.rng.shuffle(names)
        return [self.by(name) for name in names]

    # Steps

    def question(self):
        hand = texts.HANDS[self.told.author]
        return texts.question(self.part.truth, hand=hand, rng=self.rng, frame_count=self.clip.frame_count)

    def submit(self, content, *, version=0):
        author, key = self.by(self.told.author), uuid.UUID(int=self.rng.getrandbits(128), version=4)
        author.refresh_from_db(fields=["double_checks_left"])
        moment = self.moment()
        begun = moment - timedelta(minutes=self.rng.uniform(3, 11))
        with self.clock.at(moment, by=author, clip=self.clip, begun=begun):
            content = services.clean_draft(content)
            return services.submit(
                user=author, clip=self.clip, base_version=version, content=content, client_key=key
            )  # fmt: skip

    def review(self, revision, reviewer, verdict, *, reasons=(), comment="", answer="correct"):
        revision = revision.question.revisions.select_related("question__clip").get(pk=revision.pk)
        key = uuid.UUID(int=self.rng.getrandbits(128), version=4)
        moment = self.moment()
        with self.clock.at(moment, by=reviewer, clip=self.clip):
            reviewing.answer_blind(
                user=reviewer, revision=revision, answer=answer, watched_s=self.clip.duration_s,
                seconds=round(self.rng.uniform(4, 40), 1),
            )  # fmt: skip
        with self.clock.at(moment + timedelta(seconds=self.rng.uniform(20, 240)), by=reviewer, clip=self.clip):
            ruling = reviewing.Ruling(verdict, list(reasons), comment, key)
            reviewing.rule(user=reviewer, revision=revision, ruling=ruling)

    def approve(self, revision, reviewer):
        self.review(revision, reviewer, "approve", comment=self.rng.choice(texts.APPROVALS))

    # Stories

    def _waiting(self):
        pass

    def _accepted(self):
        lead = self.by("lead")
        with self.clock.at(self.moment(), by=lead, clip=self.clip):
            curating.judge([self.clip.pk], Clip.Content.ACCEPTED)

    def _submitted(self):
        self.submit(self.question())

    def _approved(self):
        self.approve(self.submit(self.question()), self.reviewers()[0])

    def _padded(self):
        self.approve(self.submit(texts.padded(self.question())), self.reviewers()[0])

    def _returned(self):
        revision = self.submit(texts.late(self.question()))
        first = self.part.truth.glitch.first_frame
        comment = self.rng.choice(texts.LATE_COMMENTS).format(first=first)
        reasons = [{"field": "spans", "code": "span", "comment": comment}]
        self.review(revision, self.reviewers()[0], "return", reasons=reasons)

    def _approved_after_return(self):
        content = self.question()
        revision = self.submit(texts.late(content))
        one, other = self.reviewers()
        comment = self.rng.choice(texts.LATE_COMMENTS).format(first=self.part.truth.glitch.first_frame)
        self.review(revision, one, "return", reasons=[{"field": "spans", "code": "span", "comment": comment}])
        revision.question.refresh_from_db()
        self.approve(self.submit(content, version=revision.question.version), other)

    def _misfiled(self):
        content = self.question()
        with translation.override("en"):
            label = str(CATEGORIES[content["category"]].label).lower()
        revision = self.submit(texts.misfiled(content, rng=self.rng))
        reasons = [
            {
                "field": "category",
                "code": "category",
                "comment": self.rng.choice(texts.CATEGORY_COMMENTS).format(label=label),
            },
            {"field": "distractor_2", "code": "implausible", "comment": "Easy to rule out without the clip."},
        ]
        self.review(revision, self.reviewers()[0], "return", reasons=reasons, comment="The rest is good; nearly there.")

    def _half_reviewed(self):
        self.approve(self.submit(self.question()), self.reviewers()[0])

    def _disputed(self):
        revision = self.submit(self.question())
        one, other = self.reviewers()
        self.approve(revision, one)
        field, code, comment = self.rng.choice(texts.DOUBTS)
        answer = field if field.startswith("distractor") and code == "also_true" else "correct"
        reasons = [{"field": field, "code": code, "comment": comment}]
        self.review(revision, other, "return", reasons=reasons, answer=answer)
        return revision

    def _decided_approve(self, decision="approve"):
        question, lead = self._disputed().question, self.by("lead")
        with self.clock.at(self.moment(), by=lead, clip=self.clip):
            comment = texts.DECISIONS[decision]
            reviewing.adjudicate(user=lead, question_id=question.pk, decision=decision, reasons=[], comment=comment)

    def _decided_reject(self):
        self._decided_approve(decision="reject")

    def _unfinished(self, moment):
        author = self.by(self.told.author)
        content = services.clean_draft(self.question() | {"distractor_3": "", "note": ""})
        with self.clock.at(moment, by=author, clip=self.clip):
            services.save_draft(user=author, clip_id=self.clip.pk, base_version=0, content=content)

    def _draft(self):
        self._unfinished(self.clock.ago(minutes=8))  # in hand this very moment

    def _old_draft(self):
        self._unfinished(self.moment())
        queue.release(self.by(self.told.author), clip_id=self.clip.pk)

    def _set_aside(self, content):
        author = self.by(self.told.author)
        with self.clock.at(self.moment(), by=author, clip=self.clip):
            services.set_aside(user=author, clip_id=self.clip.pk, content=content, reason=texts.ASIDE[content])

    def _not_gameplay(self):
        self._set_aside("not_gameplay")

    def _unusable(self):
        self._set_aside("unusable")

    def _practised(self):
        """Newcomers try what is there; the last pair is left for whoever signs in."""
        name, way = PRACTISED[(2 * self.part.number + (self.part.sort == "twin")) % len(PRACTISED)]
        if self.part.number > 2:
            return
        person = self.by(name)
        with self.clock.at(self.moment(), by=person, clip=self.clip):
            question = self.clip.truth.question
            if way == "write" and self.part.truth.glitch:
                content = services.clean_draft(texts.late(texts.question(
                    self.part.truth, hand=texts.HANDS["annotator3"], rng=self.rng, frame_count=self.clip.frame_count
                )))  # fmt: skip
                practice.attempt_question(person=person, clip=self.clip, content=content)
            elif way == "answer" and question:
                given = question["answer_index"] if self.rng.random() < 0.7 else self.rng.randrange(4)
                practice.attempt_answer(person=person, clip=self.clip, answer=str(given))
            else:
                practice.attempt_nothing_wrong(person=person, clip=self.clip)

    # Afterwards

    def promote(self, parts):
        """The lead makes gold items of what everybody approved; who has not seen one meets it, and one of them misses."""
        lead = self.by("lead")
        rows = Question.objects.filter(clip__in=[part.clip.pk for part in parts], state="approved").select_related("clip")
        answered = 0
        for question in [row for row in rows.order_by("pk") if not gold.why_not(lead, row)]:
            self.rng, self.clip = random.Random(f"{self.seed}/gold/{question.clip_id}"), question.clip
            self.days = (self.clock.now - question.settled_at).days
            with self.clock.at(self.moment(), by=lead, clip=self.clip):
                item = gold.promote(user=lead, question=question)
            seen = set(BlindAnswer.objects.filter(revision__question=question).values_list("reviewer_id", flat=True))
            for reviewer in self.reviewers():
                if reviewer.pk in seen:
                    continue
                settling.lease_again(reviewer, item.revision)
                answered += 1
                if answered == 2:
                    field, code, comment = texts.DOUBTS[0]
                    reasons = [{"field": field, "code": code, "comment": comment}]
                    self.review(item.revision, reviewer, "return", reasons=reasons, answer=field)
                else:
                    self.approve(item.revision, reviewer)


@contextmanager
def no_checks():
    """Submissions of this block start nothing: a demo asks no language model, which may cost money, by itself."""
    started = ON_SUBMISSION[:]
    ON_SUBMISSION.clear()
    try:
        yield
    finally:
        ON_SUBMISSION[:] = started


CANNOT_BE_TOLD = (WrongState, services.Invalid, ValueError)
