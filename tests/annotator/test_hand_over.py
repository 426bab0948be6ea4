"""A lead gives a returned question to another author."""

import pytest

from annotator import queue, services
from annotator.models import Question, WrongState
from tests.factories import QuestionFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_the_new_author_gets_it_first_and_the_old_one_no_more(client, lead):
    question = QuestionFactory(returned=True)
    old, new = question.author, UserFactory()
    client.force_login(lead)
    assert b"Hand over to another author" in client.get(f"/questions/{question.pk}/").content
    answer = client.post(f"/questions/{question.pk}/hand-over", {"to": new.pk}, follow=True)
    assert b"finds this question" in answer.content
    assert queue.next_clip(new) == question.clip_id
    assert queue.next_clip(old) is None
    events = question.events.order_by("pgh_id").values_list("author", flat=True)
    assert list(events) == [old.pk, new.pk]


def test_only_returned_questions_and_only_to_active_annotators():
    submitted, returned = QuestionFactory(submitted=True), QuestionFactory(returned=True)
    with pytest.raises(WrongState, match="is submitted now"):
        services.hand_over(question=submitted, to=UserFactory())
    for person in (UserFactory(roles=["lead"]), UserFactory(is_active=False)):
        with pytest.raises(WrongState, match="not an active annotator"):
            services.hand_over(question=returned, to=person)
    assert Question.objects.get(pk=returned.pk).author == returned.author


def test_nobody_gets_two_questions_about_one_clip():
    returned = QuestionFactory(returned=True)
    other = QuestionFactory(submitted=True, clip=returned.clip).author
    with pytest.raises(WrongState, match="about this clip already"):
        services.hand_over(question=returned, to=other)
