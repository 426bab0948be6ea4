"""What the question's page tells about its reviews: a lead everything, the author what was settled and no names."""

import pytest
from django.test import RequestFactory

from annotator.models import Question
from annotator.panels import QUESTION_PANELS
from qc import services
from qc.panels import reviews_panel
from tests.factories import QuestionFactory, RevisionFactory, UserFactory
from tests.qc.conftest import RETURN, review, ruling

pytestmark = pytest.mark.django_db


def seen_by(person, question):
    request = RequestFactory().get("/")
    request.user = person
    question.refresh_from_db()
    return reviews_panel(request, question)


@pytest.fixture
def doubter():
    return UserFactory(username="doubter", roles=["reviewer"])


def test_the_panel_is_on_the_question_page():
    assert reviews_panel in QUESTION_PANELS


def test_a_lead_sees_names_and_blind_answers_the_author_verdict_and_reasons(lead, doubter):
    question = QuestionFactory(submitted=True)
    review(doubter, question, ruling("return", reasons=RETURN, comment="The lamp too."), answer="two_fit")
    for_lead, for_author = seen_by(lead, question), seen_by(question.author, question)
    for said in ("Returned", "Distractor is also true", "The lamp too."):
        assert said in for_lead
        assert said in for_author
    assert "doubter" in for_lead
    assert "answered blind: two fit" in for_lead
    assert "doubter" not in for_author
    assert "answered blind" not in for_author


def test_other_people_see_nothing(doubter):
    question = QuestionFactory(submitted=True)
    review(doubter, question, ruling())
    assert seen_by(UserFactory(roles=["annotator", "reviewer", "admin"]), question) == ""


def test_the_author_learns_nothing_while_the_round_is_open(doubter, lead):
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    review(doubter, question, ruling())
    assert seen_by(question.author, question) == ""
    assert "doubter" in seen_by(lead, question)


def test_a_lead_learns_no_more_about_an_own_question_than_any_author(doubter):
    author = UserFactory(roles=["annotator", "lead"])
    question = QuestionFactory(submitted=True, author=author)
    review(doubter, question, ruling())
    assert "doubter" not in seen_by(author, question)


def test_names_are_hidden_from_the_lead_while_reviewers_disagree(doubter, lead):
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    review(UserFactory(username="yes-sayer"), question, ruling())
    review(doubter, question, ruling("return", reasons=RETURN))
    text = seen_by(lead, question)
    assert "doubter" not in text
    assert "Reviewer 2" in text
    services.adjudicate(user=lead, question_id=question.pk, decision="return", reasons=[], comment="Do it again.")
    assert "doubter" in seen_by(lead, question)
    assert "Do it again." in seen_by(question.author, question)


def test_the_history_below_names_nobody_either(client, doubter, lead):
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2)
    author = question.author
    review(UserFactory(username="yes-sayer"), question, ruling())
    revision = question.revisions.get()
    services.answer_blind(user=doubter, revision=revision, answer="correct", watched_s=10, seconds=1)
    client.force_login(doubter)
    body = {"verdict": "return", "reasons": RETURN, "client_key": "3f2b8c1e-5d7a-4e0b-9c46-0a1d2e3f4a5b"}
    assert client.post(f"/review/{revision.pk}/verdict/", body, content_type="application/json").status_code == 200

    def page(person):
        client.force_login(person)
        return client.get(f"/questions/{question.pk}/").content.decode()

    assert "In adjudication" in page(author)
    assert "doubter" not in page(author)
    assert "doubter" not in page(lead)
    services.adjudicate(user=lead, question_id=question.pk, decision="return", reasons=[], comment="Do it again.")
    assert "doubter" in page(lead)
    assert "doubter" not in page(author)


def test_a_verdict_that_was_taken_back_is_history_for_the_lead_only(doubter, lead):
    question = QuestionFactory(submitted=True)
    given = review(doubter, question, ruling("return", reasons=RETURN, comment="A slip."))
    services.undo(user=doubter, review_id=given.pk)
    review(doubter, question, ruling(comment="Fine after all."))
    assert "taken back" in seen_by(lead, question)
    assert "A slip." not in seen_by(question.author, question)
    assert "Fine after all." in seen_by(question.author, question)


def test_the_rounds_stand_newest_first_and_cost_three_queries(doubter, lead, django_assert_num_queries):
    question = QuestionFactory(submitted=True)
    review(doubter, question, ruling("return", reasons=RETURN))
    for number in (2, 3, 4):
        Question.objects.filter(pk=question.pk).update(
            state="submitted", revision_number=number, review_slots=1, reviews_given=0
        )
        question.refresh_from_db()
        RevisionFactory(question=question, number=number)
        review(UserFactory(), question, ruling("return", reasons=RETURN))
    question.refresh_from_db()
    request = RequestFactory().get("/")
    request.user = lead
    with django_assert_num_queries(3):
        text = reviews_panel(request, question)
    assert text.index("Round 4") < text.index("Round 1")
