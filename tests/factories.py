"""The smallest valid objects. Traits name states: `QuestionFactory(submitted=True)`."""

import hashlib
import uuid

import factory
from django.utils import timezone

from annotator.models import Clip, Question, Revision
from studio.models import User

PASSWORD = "correct horse battery"  # noqa: S105 -- of people who live for one test


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    double_checks_left = 0
    roles = ["annotator"]

    class Params:
        # A real password costs half a second; only tests that type one ask for it.
        with_password = factory.Trait(password=factory.django.Password(PASSWORD))


class ClipFactory(factory.django.DjangoModelFactory):
    """A ready clip of 10 s at 30 fps whose files do not exist; tests that play one ingest a real file."""

    class Meta:
        model = Clip

    source = Clip.Source.UPLOAD
    title = factory.Sequence(lambda n: f"Clip number {n}")
    original_name = factory.Sequence(lambda n: f"clip-{n}.mp4")
    sha256 = factory.Sequence(lambda n: hashlib.sha256(f"clip {n}".encode()).hexdigest())
    original = factory.LazyAttribute(lambda clip: f"originals/{clip.sha256}.mp4")
    proxy = factory.LazyAttribute(lambda clip: f"proxies/{clip.sha256}.mp4")
    poster = factory.LazyAttribute(lambda clip: f"posters/{clip.sha256}.jpg")
    filmstrip = factory.LazyAttribute(lambda clip: f"filmstrips/{clip.sha256}.jpg")
    filmstrip_tiles = 40
    filmstrip_columns = 10
    state = Clip.State.READY
    fps_num = 30
    fps_den = 1
    frame_count = 300
    width = 640
    height = 360
    open_slots = 1


CONTENT = {
    "category": "Gravity",
    "sub_label": "floating",
    "stem": "What best describes the glitch observed in the video?",
    "correct": "The crate hangs in the air after the shelf is gone.",
    "distractor_1": "The crate slides uphill without being pushed.",
    "distractor_2": "The crate turns invisible behind the pillar.",
    "distractor_3": "The crate stretches like rubber when it lands.",
    "spans": [[30, 90]],
    "note": "",
}


class QuestionFactory(factory.django.DjangoModelFactory):
    """A draft; with `submitted=True` (or approved, returned) also its revision 1."""

    class Meta:
        model = Question
        skip_postgeneration_save = True

    clip = factory.SubFactory(ClipFactory, open_slots=0)
    author = factory.SubFactory(UserFactory)
    version = 1
    category = CONTENT["category"]
    sub_label = CONTENT["sub_label"]
    stem = CONTENT["stem"]
    correct = CONTENT["correct"]
    distractor_1 = CONTENT["distractor_1"]
    distractor_2 = CONTENT["distractor_2"]
    distractor_3 = CONTENT["distractor_3"]
    spans = CONTENT["spans"]

    class Params:
        submitted = factory.Trait(
            state=Question.State.SUBMITTED,
            revision_number=1,
            review_slots=1,
            submitted_at=factory.LazyFunction(timezone.now),
        )
        approved = factory.Trait(
            state=Question.State.APPROVED,
            revision_number=1,
            submitted_at=factory.LazyFunction(timezone.now),
            settled_at=factory.LazyFunction(timezone.now),
            clip__content=Clip.Content.ACCEPTED,
        )
        returned = factory.Trait(
            state=Question.State.RETURNED,
            revision_number=1,
            submitted_at=factory.LazyFunction(timezone.now),
            settled_at=factory.LazyFunction(timezone.now),
        )

    @factory.post_generation
    def revision(question, create, extracted, **kwargs):
        if create and question.revision_number:
            RevisionFactory(question=question, number=question.revision_number, **kwargs)


class RevisionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Revision

    question = factory.SubFactory(QuestionFactory)
    author = factory.SelfAttribute("question.author")
    number = 1
    client_key = factory.LazyFunction(uuid.uuid4)
    category = factory.SelfAttribute("question.category")
    sub_label = factory.SelfAttribute("question.sub_label")
    stem = factory.SelfAttribute("question.stem")
    correct = factory.SelfAttribute("question.correct")
    distractor_1 = factory.SelfAttribute("question.distractor_1")
    distractor_2 = factory.SelfAttribute("question.distractor_2")
    distractor_3 = factory.SelfAttribute("question.distractor_3")
    spans = factory.SelfAttribute("question.spans")
