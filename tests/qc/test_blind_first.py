"""Whoever may be asked to answer a question blind does not see its key before, on no page and not over the API."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from qc import services
from qc.models import Adjudication
from tests.factories import CONTENT, QuestionFactory, UserFactory
from tests.qc.conftest import RETURN, review, revision_of, ruling

pytestmark = pytest.mark.django_db

WORDING = ("correct", "distractor_1", "distractor_2", "distractor_3")


@pytest.fixture
def both():
    return UserFactory(roles=["lead", "reviewer"])


def shown(client, question):
    """What the question's page, the list of questions and the API say of it, one after the other."""
    page = client.get(question.get_absolute_url()).content.decode()
    rows = client.get("/questions/").content.decode()
    listed = client.get("/api/v1/questions/").json()["results"][0]
    return page, rows, listed, client.get(f"/api/v1/questions/{question.pk}/").json()


def test_a_lead_who_reviews_sees_no_key_before_answering_blind(client, both):
    question = QuestionFactory(submitted=True, spans=[[31, 47]])
    client.force_login(both)
    page, rows, listed, one = shown(client, question)
    for text in (page, rows):
        assert not [key for key in WORDING if CONTENT[key] in text]
    assert "31–47" not in page
    assert f"/review/{revision_of(question).pk}/" in page
    for answer in (listed, one):
        assert answer["key_hidden"]
        assert {answer[key] for key in (*WORDING, "spans", "note")} == {None}
    assert one["revisions"] == []

    services.answer_blind(user=both, revision=revision_of(question), answer="correct", watched_s=10, seconds=4)
    page, rows, listed, one = shown(client, question)
    assert CONTENT["correct"] in page and CONTENT["correct"] in rows
    assert one["correct"] == listed["correct"] == CONTENT["correct"]
    assert not one["key_hidden"] and one["revisions"]


def test_a_new_revision_is_hidden_again(client, both):
    question = QuestionFactory(submitted=True)
    review(both, question, ruling("return", reasons=RETURN))
    QuestionFactory._meta.model.objects.filter(pk=question.pk).update(state="submitted", revision_number=2)
    client.force_login(both)
    assert client.get(f"/api/v1/questions/{question.pk}/").json()["key_hidden"]


@pytest.mark.parametrize("roles", [["lead"], ["lead", "admin"]])
def test_a_lead_who_does_not_review_sees_it(client, roles):
    question = QuestionFactory(submitted=True)
    client.force_login(UserFactory(roles=roles))
    assert CONTENT["correct"] in shown(client, question)[0]


@pytest.mark.parametrize("state", ["approved", "returned"])
def test_what_nobody_reviews_any_more_is_shown(client, both, state):
    question = QuestionFactory(**{state: True})
    client.force_login(both)
    assert not client.get(f"/api/v1/questions/{question.pk}/").json()["key_hidden"]


def test_an_author_sees_the_own_question(client):
    author = UserFactory(roles=["annotator", "reviewer", "lead"])
    question = QuestionFactory(submitted=True, author=author)
    client.force_login(author)
    assert CONTENT["correct"] in shown(client, question)[0]


def test_a_reviewer_of_a_question_does_not_adjudicate_it(client, both):
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    review(both, question, ruling())
    review(UserFactory(roles=["reviewer"]), question, ruling("return", reasons=RETURN))
    question.refresh_from_db()
    assert question.state == "disputed"
    with pytest.raises(PermissionDenied, match="You reviewed"):
        services.adjudicate(user=both, question_id=question.pk, decision="approve", reasons=[], comment="Mine.")
    client.force_login(both)
    page = client.get(f"/adjudication/{question.pk}/").content.decode()
    assert "You reviewed this question, so another lead decides." in page
    assert client.post(f"/adjudication/{question.pk}/", {"decision": "approve", "comment": "Mine."}).status_code == 403
    with pytest.raises(IntegrityError, match="cannot adjudicate"), transaction.atomic():
        Adjudication.objects.create(revision=revision_of(question), lead=both, decision="approve", comment="Mine.")
