"""The queue of clips to write about."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from annotator import queue, services
from annotator.curating import give_purpose
from annotator.models import Clip, Lease, Question, Revision, WrongState
from annotator.queue import free_places
from tests.factories import CONTENT, ClipFactory, QuestionFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_each_person_gets_another_clip_and_the_last_one_gets_none():
    clips = {ClipFactory().pk for _ in range(2)}
    first, second, third = UserFactory.create_batch(3)
    assert {queue.next_clip(first), queue.next_clip(second)} == clips
    assert queue.next_clip(third) is None


def test_asking_again_gives_the_same_clip(annotator):
    ClipFactory.create_batch(2)
    assert queue.next_clip(annotator) == queue.next_clip(annotator)
    assert Lease.objects.count() == 1


def test_returned_work_comes_first(annotator):
    ClipFactory()
    returned = QuestionFactory(author=annotator, returned=True)
    assert queue.next_clip(annotator) == returned.clip_id


def test_clips_of_the_category_furthest_below_its_target_come_first(annotator):
    queue._order["at"] = float("-inf")
    QuestionFactory(submitted=True, category="Friction")
    ClipFactory(expected_category="Friction")
    wanted = ClipFactory(expected_category="Velocity")
    assert queue.next_clip(annotator) == wanted.pk


def test_overlap_gives_one_clip_to_as_many_people_as_it_has_places():
    clip = ClipFactory(open_slots=2)
    people = UserFactory.create_batch(3)
    assert [queue.next_clip(person) for person in people] == [clip.pk, clip.pk, None]
    assert sorted(Lease.objects.values_list("slot", flat=True)) == [1, 2]


def test_an_expired_lease_frees_the_clip_and_keeps_the_draft(annotator):
    clip = ClipFactory()
    queue.next_clip(annotator)
    question = services.save_draft(user=annotator, clip_id=clip.pk, base_version=0, content=CONTENT)
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert queue.free_expired_leases() == 1
    other = UserFactory()
    assert queue.next_clip(other) == clip.pk
    question.refresh_from_db()
    assert question.state == Question.State.DRAFT
    with pytest.raises(WrongState, match="Somebody else"):
        queue.hold(annotator, clip.pk)


def test_a_save_after_the_lease_is_lost_keeps_the_text_and_says_so(annotator):
    clip = ClipFactory()
    queue.next_clip(annotator)
    services.save_draft(user=annotator, clip_id=clip.pk, base_version=0, content=CONTENT)
    queue.release(annotator, clip_id=clip.pk)
    queue.next_clip(UserFactory())
    with pytest.raises(WrongState, match="Somebody else"):
        services.save_draft(user=annotator, clip_id=clip.pk, base_version=1, content=CONTENT | {"note": "kept"})
    assert Question.objects.get().note == "kept"


def test_a_stale_save_is_refused_and_shows_what_is_stored(annotator):
    clip = ClipFactory()
    queue.next_clip(annotator)
    services.save_draft(user=annotator, clip_id=clip.pk, base_version=0, content=CONTENT)
    services.save_draft(user=annotator, clip_id=clip.pk, base_version=1, content=CONTENT | {"note": "first tab"})
    with pytest.raises(services.StaleSave) as stale:
        services.save_draft(user=annotator, clip_id=clip.pk, base_version=1, content=CONTENT | {"note": "second tab"})
    assert stale.value.question.note == "first tab"


def test_a_repeated_save_whose_answer_was_lost_succeeds(annotator):
    clip = ClipFactory()
    queue.next_clip(annotator)
    for _ in range(2):
        assert services.save_draft(user=annotator, clip_id=clip.pk, base_version=0, content=CONTENT).version == 1


def test_submitting_twice_counts_once(annotator):
    clip = ClipFactory()
    queue.next_clip(annotator)
    key = uuid.uuid4()
    one, two = (
        services.submit(user=annotator, clip=clip, base_version=0, content=CONTENT, client_key=key) for _ in range(2)
    )
    assert one == two
    assert Revision.objects.count() == 1
    assert not Lease.objects.exists()
    with pytest.raises(WrongState):
        services.submit(user=annotator, clip=clip, base_version=1, content=CONTENT, client_key=uuid.uuid4())


def test_a_submission_without_lease_takes_a_free_place_or_is_refused(annotator):
    clip = ClipFactory()
    services.submit(user=annotator, clip=clip, base_version=0, content=CONTENT, client_key=uuid.uuid4())
    assert Clip.objects.get(pk=clip.pk).open_slots == 0
    with pytest.raises(WrongState, match="Others have written"):
        services.submit(user=UserFactory(), clip=clip, base_version=0, content=CONTENT, client_key=uuid.uuid4())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"category": ""}, "category"),
        ({"stem": ""}, "stem"),
        ({"distractor_2": ""}, "distractor_2"),
        ({"distractor_2": CONTENT["correct"].upper()}, "distractor_2"),
        ({"correct": "x" * 301}, "correct"),
        ({"spans": []}, "spans"),
        ({"spans": [[10, 300]]}, "spans"),
    ],
)
def test_an_incomplete_question_is_refused_at_its_field(annotator, change, field):
    clip = ClipFactory()
    with pytest.raises(services.Invalid) as invalid:
        services.submit(user=annotator, clip=clip, base_version=0, content=CONTENT | change, client_key=uuid.uuid4())
    assert field in invalid.value.errors
    assert not Question.objects.exists()


def test_a_new_author_needs_two_approvals_for_the_first_questions():
    author = UserFactory(double_checks_left=1)
    needed = []
    for _ in range(2):
        revision = services.submit(user=author, clip=ClipFactory(), base_version=0, content=CONTENT, client_key=uuid.uuid4())
        author.refresh_from_db()
        needed.append(revision.approvals_needed)
    assert needed == [2, 1]
    assert author.double_checks_left == 0


def test_exactly_one_next_clip_is_reserved(annotator):
    ClipFactory.create_batch(3)
    current = queue.next_clip(annotator)
    reserved = queue.reserve_next(annotator, current=current)
    assert reserved == queue.reserve_next(annotator, current=current)
    assert Lease.objects.count() == 2
    queue.release(annotator, clip_id=current)
    assert queue.next_clip(annotator) == reserved


def test_a_returned_question_on_a_clip_that_was_set_aside_does_not_block_the_queue(annotator):
    QuestionFactory(author=annotator, returned=True, clip__content=Clip.Content.UNUSABLE)
    waiting = ClipFactory()
    assert queue.next_clip(annotator) == waiting.pk


def test_text_that_no_database_can_hold_is_mended_before_it_is_stored(annotator):
    clip = ClipFactory()
    queue.next_clip(annotator)
    content = services.clean_draft({"stem": "half\ud83d zero\x00"})
    assert services.save_draft(user=annotator, clip_id=clip.pk, base_version=0, content=content).stem == "half? zero"


def test_a_new_submission_after_a_return_keeps_what_the_first_one_needed(annotator):
    question = QuestionFactory(author=annotator, returned=True, revision__approvals_needed=2)
    revision = services.submit(
        user=annotator, clip=question.clip, base_version=1, content=CONTENT | {"note": "better"}, client_key=uuid.uuid4()
    )
    assert (revision.number, revision.approvals_needed) == (2, 2)
    question.refresh_from_db()
    assert (question.state, question.version, question.settled_at) == (Question.State.SUBMITTED, 2, None)


def test_clips_somebody_put_back_are_neither_given_nor_reserved_while_there_are_others(annotator):
    first, second, third = ClipFactory.create_batch(3)
    assert queue.next_clip(annotator, skip=[first.pk]) == second.pk
    assert queue.reserve_next(annotator, current=second.pk, skip=[first.pk]) == third.pk


def test_training_clips_are_offered_to_writers_only_where_that_is_set(settings):
    clip = ClipFactory(purpose="training")
    for purposes, places in ((["benchmark"], 0), (["benchmark", "training"], 1)):
        settings.WRITE_PURPOSES = purposes
        Clip.objects.filter(pk=clip.pk).update(open_slots=free_places())
        clip.refresh_from_db()
        assert clip.open_slots == places


def test_a_clip_that_became_training_material_offers_no_place_again_when_its_lease_ends(annotator):
    clip = ClipFactory()
    queue.next_clip(annotator)
    give_purpose([clip.pk], "training")
    queue.release(annotator, clip_id=clip.pk)
    assert Clip.objects.get(pk=clip.pk).open_slots == 0


def test_a_rejection_gives_a_place_back_only_where_one_is_missing():
    clip = QuestionFactory(approved=True).clip
    rejected = QuestionFactory(clip=clip, submitted=True, published_id="second")
    Question.objects.filter(pk=rejected.pk).update(state=Question.State.REJECTED)
    queue.give_place_back(clip.pk)
    assert Clip.objects.get(pk=clip.pk).open_slots == 0


def test_a_clip_that_was_set_aside_is_neither_offered_nor_submitted_about(annotator):
    clip = ClipFactory()
    queue.next_clip(annotator)
    services.save_draft(user=annotator, clip_id=clip.pk, base_version=0, content=CONTENT)
    Clip.objects.update(content=Clip.Content.UNUSABLE)
    assert queue.next_clip(annotator) is None
    clip.refresh_from_db()
    with pytest.raises(WrongState, match="set aside"):
        services.submit(
            user=annotator, clip=clip, base_version=1, content=CONTENT | {"note": "kept"}, client_key=uuid.uuid4()
        )
    assert Question.objects.get().note == "kept"


def test_a_key_used_for_another_clip_is_no_repetition(annotator):
    key = uuid.uuid4()
    services.submit(user=annotator, clip=ClipFactory(), base_version=0, content=CONTENT, client_key=key)
    with pytest.raises(WrongState):
        services.submit(user=annotator, clip=ClipFactory(), base_version=0, content=CONTENT, client_key=key)
    assert Revision.objects.count() == 1


def test_options_that_only_postgres_takes_for_equal_are_an_error_at_a_field(annotator):
    content = CONTENT | {"distractor_1": "I", "distractor_2": "\u0131"}
    with pytest.raises(services.Invalid, match="capital letters"):
        services.submit(user=annotator, clip=ClipFactory(), base_version=0, content=content, client_key=uuid.uuid4())


def test_an_accepted_clip_is_set_aside_by_leads_only(annotator):
    clip = QuestionFactory(author=annotator, returned=True, clip__content=Clip.Content.ACCEPTED).clip
    with pytest.raises(WrongState, match="accepted this clip already"):
        services.set_aside(user=annotator, clip_id=clip.pk, content=Clip.Content.UNUSABLE, reason="")
    assert Clip.objects.get(pk=clip.pk).content == Clip.Content.ACCEPTED


def test_nobody_holds_more_than_a_handful_of_clips(annotator):
    clips = ClipFactory.create_batch(queue.MOST_HELD + 1)
    for clip in clips[:-1]:
        queue.hold(annotator, clip.pk)
    with pytest.raises(WrongState, match="put back one"):
        queue.hold(annotator, clips[-1].pk)
