"""Reasons that recur: counted for leads and for their author, a hint beside the field, hidden until they come back."""

import pytest
from django.urls import reverse

from annotator import habits
from annotator.models import Remark
from qc.reasons import counted
from tests.factories import ClipFactory, QuestionFactory, UserFactory

pytestmark = pytest.mark.django_db


def came_back(author, field, code, *, times, by):
    for _ in range(times):
        question = QuestionFactory(returned=True, author=author)
        Remark.objects.create(revision=question.revisions.get(), field=field, code=code, by=by)


def test_three_of_the_last_twenty_are_a_habit(annotator, lead):
    came_back(annotator, "spans", "span", times=2, by=lead)
    assert habits.of(annotator) == []
    came_back(annotator, "distractor_1", "also_true", times=1, by=lead)
    came_back(annotator, "distractor_3", "also_true", times=2, by=lead)
    came_back(annotator, "spans", "span", times=2, by=lead)
    found = [(habit.place, habit.code, habit.count, habit.of) for habit in habits.of(annotator)]
    assert found == [("spans", "span", 4, 7), ("distractor", "also_true", 3, 7)]
    QuestionFactory.create_batch(18, approved=True, author=annotator)  # what came back lies further behind now
    assert [(habit.count, habit.of) for habit in habits.of(annotator)] == []
    assert habits.of(UserFactory()) == []


def test_what_waits_for_its_verdict_does_not_count(annotator, lead, settings):
    settings.HABIT_COUNT = 1
    question = QuestionFactory(submitted=True, author=annotator)
    Remark.objects.create(revision=question.revisions.get(), field="stem", code="language", by=lead)
    assert habits.of(annotator) == []


def test_the_hint_stands_at_its_field_and_can_be_hidden_until_it_comes_back(client, annotator, lead):
    came_back(annotator, "correct", "incomplete", times=3, by=lead)
    client.force_login(annotator)
    path = reverse("write_clip", args=[ClipFactory().pk])
    page = client.get(path).text
    said = "3 of your last 3 questions came back with: Correct option is incomplete."
    assert said in page
    assert page.index('data-field="correct"') < page.index(said) < page.index('data-field="distractor_1"')
    hide = reverse("write_habit_hide")
    assert client.post(hide, {"place": "nonsense", "code": "incomplete"}).status_code == 422
    assert client.post(hide, {"place": "correct", "code": "incomplete"}).status_code == 200
    assert said not in client.get(path).text
    came_back(annotator, "correct", "incomplete", times=1, by=lead)
    assert "4 of your last 4 questions" in client.get(path).text


def test_counts_for_leads_and_ones_own_for_an_author(client, annotator, lead):
    other = UserFactory(username="other")
    came_back(annotator, "spans", "span", times=3, by=lead)
    came_back(other, "stem", "language", times=1, by=lead)
    twice = annotator.questions.first().revisions.get()
    Remark.objects.create(revision=twice, field="spans", code="span", by=lead)  # said twice, one revision
    rows = counted(days=30)["author"]
    assert [(row["label"], row["ruled"], row["said"]) for row in rows] == [("ann", 3, 3), ("other", 1, 1)]
    assert [row["said"] for row in counted(days=30)["category"]] == [4]
    assert [row["said"] for row in counted(days=30, author=other)["category"]] == [1]
    client.force_login(lead)
    assert "other" in client.get(reverse("reasons")).text
    client.force_login(annotator)
    page = client.get(reverse("my_reasons")).text
    assert "Wrong span" in page and "other" not in page.split("<main")[1]
    assert client.get(reverse("reasons")).status_code == 403
