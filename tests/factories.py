"""The smallest valid objects. Traits name states: `QuestionFactory(submitted=True)`."""

import hashlib
import uuid

import factory
from django.utils import timezone

from annotator import truths
from annotator.glitchworld.truth import ActorTruth, ClipTruth, GlitchTruth, Lookalike, Without
from annotator.models import Clip, Question, Revision
from modelzoo.instruct.models import InstructSample, PreferencePair
from qc.models import LeakCheck
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
            made = RevisionFactory(question=question, number=question.revision_number, **kwargs)
            if question.state == Question.State.APPROVED:
                cleared(made)


def cleared(revision):
    """Give a revision a leak check that found nothing; returns the check."""
    return LeakCheck.objects.create(
        revision=revision, state="clear", current=True, rule="rotations", endpoints=["model"], finished_at=timezone.now()
    )


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


def clip_truth(*, clip_id="gw1-meadow-7", glitch=True, twin=None, frames=300, first_frame=30, last_frame=89, seed=7):
    """A hand-made truth: the red crate hangs in the air and moves one pixel to the right in each frame."""
    boxes = tuple((100 + n % 200, 80, 160 + n % 200, 140) for n in range(frames))
    still = tuple((400, 200, 440, 320) for _ in range(frames))
    whole = tuple((0, 0, 640, 360) for _ in range(frames))
    return ClipTruth(
        clip_id=clip_id, seed=seed, world=1, theme="meadow", view="side", fps=30, frames=frames, width=640, height=360,
        video=f"clips/{clip_id}.mp4", row=None, twin=twin,
        glitch=GlitchTruth("hovering", "Gravity", "Mechanics", "floating", 0.9, 2, None, None, first_frame, last_frame)
        if glitch
        else None,
        actors=(
            ActorTruth(0, "camera", None, "the camera", (("rests", None),), whole),
            ActorTruth(1, "light", None, "the light", (("rests", None),), whole),
            ActorTruth(2, "crate", "red", "the red crate", (("slides", "right"),), boxes),
            ActorTruth(3, "ball", "blue", "the blue ball", (("rolls", "left"), ("bounces", None)), still),
            ActorTruth(4, "person", "green", "the person in green", (("walks", "left"),), still),
            ActorTruth(5, "pole", None, "the lamp post", (("rests", None),), still),
            ActorTruth(6, "water", None, "the water", (("rests", None),), still),
        ),
        scene={"mirrors": 0, "water": True, "glass": False, "lamp": True, "portal": False},
        lookalikes=(Lookalike("real bounce", 3, 40),),
        without=Without((("slides", "right"), ("falls", None)), (300, 260, 360, 320)) if glitch else None,
    )  # fmt: skip


def known_clip(*, clip=None, truth=None, **fields):
    """A ready clip whose truth is stored; `truth` as of `clip_truth`."""
    truth = truth or clip_truth()
    clip = clip or ClipFactory(**{"source": Clip.Source.GLITCHWORLD, "source_id": truth.clip_id, **fields})
    truths.store(clip, truth)
    return clip


def practice_clip(**fields):
    return known_clip(**{"purpose": Clip.Purpose.PRACTICE, "open_slots": 0, **fields})


class InstructSampleFactory(factory.django.DjangoModelFactory):
    """An accepted open question about a training clip."""

    class Meta:
        model = InstructSample

    clip = factory.SubFactory(ClipFactory, purpose=Clip.Purpose.TRAINING, open_slots=0)
    origin = "model"
    kind = "open"
    place = factory.Sequence(int)
    question = "What unusual behaviour appears in this clip?"
    answer = "The red crate hangs in the air after its shelf is gone, although nothing holds it."
    state = "accepted"
    decided_at = factory.LazyAttribute(lambda sample: None if sample.state == "generated" else timezone.now())
    reason = factory.LazyAttribute(lambda sample: "wrong" if sample.state == "rejected" else "")
    draw = factory.Sequence(lambda n: (n * 0.618034) % 1)


class PreferencePairFactory(factory.django.DjangoModelFactory):
    """An accepted pair whose misled answer the judge found wrong."""

    class Meta:
        model = PreferencePair

    sample = factory.SubFactory(InstructSampleFactory)
    clip = factory.SelfAttribute("sample.clip")
    origin = "model"
    kind = "meta"
    prompt = factory.SelfAttribute("sample.question")
    chosen = factory.SelfAttribute("sample.answer")
    rejected = "The blue ball rolls uphill by itself, although nothing pushes it."
    rejected_score = 1.0
    verdict = "wrong"
    state = "accepted"
    decided_at = factory.LazyAttribute(lambda pair: None if pair.state == "generated" else timezone.now())
    reason = factory.LazyAttribute(lambda pair: "right" if pair.state == "rejected" else "")
    draw = factory.Sequence(lambda n: (n * 0.618034) % 1)
