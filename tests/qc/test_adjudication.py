"""The lead's room: disputed questions, reviewers nameless until the decision, one decision."""

import pytest
from django.urls import reverse

from annotator.models import Question, Remark
from qc.models import Adjudication
from tests.factories import QuestionFactory, UserFactory
from tests.qc.conftest import RETURN, review, ruling

pytestmark = pytest.mark.django_db


def disputed(**question):
    question = QuestionFactory(submitted=True, review_slots=2, revision__approvals_needed=2, **question)
    for person, given in (("yes-sayer", ruling()), ("doubter", ruling("return", reasons=RETURN, comment="The lamp."))):
        person = UserFactory(username=f"{person}{question.pk}", roles=["reviewer"])
        review(person, question, given, answer="correct" if given.verdict == "approve" else "two_fit")
    question.refresh_from_db()
    assert question.state == Question.State.DISPUTED
    return question


@pytest.mark.parametrize("role", ["annotator", "reviewer", "admin"])
def test_only_leads_enter(client, role):
    question = disputed()
    client.force_login(UserFactory(roles=[role]))
    for path in (reverse("adjudication"), reverse("adjudicate", args=[question.pk])):
        assert client.get(path).status_code == 403
    assert client.post(reverse("adjudicate", args=[question.pk]), {"decision": "approve"}).status_code == 403
    assert not Adjudication.objects.exists()


def test_nobody_signed_in_and_the_wrong_method(client, lead):
    path = reverse("adjudicate", args=[disputed().pk])
    assert client.get(path).status_code == 302
    client.force_login(lead)
    assert client.post(reverse("adjudication")).status_code == 405
    assert client.put(path).status_code == 405


def test_the_page_shows_verdicts_and_key_but_no_names(client, lead):
    question = disputed()
    client.force_login(lead)
    text = client.get(reverse("adjudicate", args=[question.pk])).text
    assert "yes-sayer" not in text
    assert "doubter" not in text
    for said in ("Reviewer 1", "Reviewer 2", "The lamp.", "Distractor is also true", "answered blind: two fit", "✓ key"):
        assert said in text
    assert 'data-span="30,90"' in text


def test_a_decision_settles_the_question_and_shows_the_names(client, lead):
    question = disputed()
    client.force_login(lead)
    path = reverse("adjudicate", args=[question.pk])
    assert client.post(path, {"decision": "approve", "comment": "The lamp is part of the level."}).status_code == 302
    question.refresh_from_db()
    assert question.state == Question.State.APPROVED
    text = client.get(path).text
    assert f"doubter{question.pk}" in text
    assert "The lamp is part of the level." in text
    assert "Your decision" not in text
    assert "The lamp is part of the level." in client.get(reverse("adjudication") + "?show=decided").text


def test_a_return_carries_the_reasons_to_the_fields(client, lead):
    question = disputed()
    client.force_login(lead)
    form = {
        "decision": "return",
        "comment": "Two things.",
        "reason": ["correct:incomplete", "spans:span"],
        "reason_comment_correct": "Which lamp?",
        "reason_comment_stem": "A full stop is missing.",
    }
    assert client.post(reverse("adjudicate", args=[question.pk]), form).status_code == 302
    question.refresh_from_db()
    assert question.state == Question.State.RETURNED
    remarks = Remark.objects.filter(by=lead).values_list("field", "code", "comment")
    assert list(remarks) == [
        ("correct", "incomplete", "Which lamp?"),
        ("spans", "span", ""),
        ("stem", "other", "A full stop is missing."),
        ("", "other", "Two things."),
    ]


def test_a_bad_form_comes_back_with_its_errors_and_what_was_typed(client, lead):
    path = reverse("adjudicate", args=[disputed().pk])
    client.force_login(lead)
    form = {"decision": "return", "comment": "", "reason": ["correct:wrong"], "reason_comment_correct": "Kept words"}
    page = client.post(path, form)
    part = client.post(path, form, headers={"HX-Request": "true"})
    for response in (page, part):
        assert response.status_code == 422
        assert "Write the reason of your decision" in response.text
        assert "Kept words" in response.text
        assert 'value="correct:wrong" data-field="correct" data-code="wrong" checked' in response.text
    assert "<html" in page.text
    assert "<html" not in part.text
    assert client.post(path, {"decision": "maybe", "comment": "x"}).status_code == 422
    assert client.post(path, {"decision": "approve", "comment": "x", "reason": ["a:b"]}).status_code == 422
    assert client.post(path, {"decision": "approve", "comment": "x" * 2001}).status_code == 422
    assert not Adjudication.objects.exists()


def test_who_decides_second_is_told_and_keeps_the_text(client, lead):
    question = disputed()
    client.force_login(UserFactory(roles=["lead"]))
    path = reverse("adjudicate", args=[question.pk])
    client.post(path, {"decision": "approve", "comment": "First."})
    client.force_login(lead)
    for headers in ({}, {"HX-Request": "true"}):
        response = client.post(path, {"decision": "reject", "comment": "My long argument."}, headers=headers)
        assert response.status_code == 409
        assert "needs no decision" in response.text
        assert "My long argument." in response.text
    assert Adjudication.objects.count() == 1


def test_htmx_is_sent_back_to_the_list(client, lead):
    client.force_login(lead)
    path = reverse("adjudicate", args=[disputed().pk])
    response = client.post(path, {"decision": "reject", "comment": "No."}, headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (204, reverse("adjudication"))


def test_a_lead_does_not_decide_about_an_own_question(client):
    author = UserFactory(roles=["annotator", "lead"])
    question = disputed(author=author)
    client.force_login(author)
    path = reverse("adjudicate", args=[question.pk])
    assert "another lead decides" in client.get(path).text
    assert client.post(path, {"decision": "approve", "comment": "Mine is fine."}).status_code == 403


def test_a_question_without_dispute_has_nothing_to_decide(client, lead):
    client.force_login(lead)
    response = client.get(reverse("adjudicate", args=[QuestionFactory(submitted=True).pk]))
    assert response.status_code == 409
    assert "reviewers do not disagree" in response.text
    assert client.get(reverse("adjudicate", args=[4711])).status_code == 404


def test_the_list_is_paged_by_key_and_costs_four_queries(client, lead, django_assert_num_queries):
    questions = [disputed() for _ in range(26)]
    client.force_login(lead)
    with django_assert_num_queries(4):  # session, person, questions with clip, reviews
        first = client.get(reverse("adjudication"))
    link = f"?after={questions[24].pk}"
    assert link in first.text
    assert reverse("adjudicate", args=[questions[25].pk]) not in first.text
    second = client.get(reverse("adjudication") + link)
    assert reverse("adjudicate", args=[questions[25].pk]) in second.text
    assert "?after=" not in second.text
    assert client.get(reverse("adjudication") + "?after=x%00").status_code == 200


def test_the_page_and_the_decided_list_cost_a_fixed_number(client, lead, django_assert_num_queries):
    questions = [disputed() for _ in range(3)]
    client.force_login(lead)
    with django_assert_num_queries(12):  # the question, its rounds and reviews; blind answers, alarms, leak evidence
        client.get(reverse("adjudicate", args=[questions[0].pk]))
    for question in questions:
        client.post(reverse("adjudicate", args=[question.pk]), {"decision": "approve", "comment": "Yes."})
    client.get(reverse("adjudication"))  # shows the messages
    with django_assert_num_queries(3):
        client.get(reverse("adjudication") + "?show=decided")
