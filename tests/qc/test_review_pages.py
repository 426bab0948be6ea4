"""The addresses of the review room: who may call them, what they say when they refuse, what they cost."""

import pytest
from django.urls import reverse

from annotator.media import media_url
from annotator.models import Lease
from qc.models import Review
from tests.factories import QuestionFactory, UserFactory
from tests.qc.conftest import RETURN, review, revision_of, ruling

pytestmark = pytest.mark.django_db

NUMBERED = ["review_options", "review_blind", "review_verdict", "review_ahead", "review_skip"]


@pytest.fixture
def question():
    return QuestionFactory(submitted=True)


def addresses(question):
    pk = revision_of(question).pk
    return {
        "GET": [reverse("review"), reverse("review_revision", args=[pk])],
        "POST": [reverse("review_next"), reverse("review_undo", args=[1]), *(reverse(name, args=[pk]) for name in NUMBERED)],
    }


@pytest.mark.parametrize("role", ["annotator", "lead", "admin"])
def test_only_reviewers_enter(client, question, role):
    client.force_login(UserFactory(roles=[role]))
    for method, paths in addresses(question).items():
        for path in paths:
            assert client.generic(method, path).status_code == 403, path
    assert not Lease.objects.exists()


def test_nobody_signed_in_is_sent_to_the_login_page(client, question):
    for method, paths in addresses(question).items():
        for path in paths:
            response = client.generic(method, path)
            assert (response.status_code, response["Location"].split("?")[0]) == (302, reverse("login")), path


def test_the_wrong_method_is_refused(client, reviewer, question):
    client.force_login(reviewer)
    for method, paths in addresses(question).items():
        for path in paths:
            assert client.generic("POST" if method == "GET" else "GET", path).status_code == 405, path


def test_start_leads_to_the_oldest_question_and_holds_it(client, reviewer, question):
    client.force_login(reviewer)
    pk = revision_of(question).pk
    assert client.post(reverse("review_next"))["Location"] == reverse("review_revision", args=[pk])
    assert Lease.objects.get().revision_id == pk


def test_start_with_nothing_to_do_says_so(client, reviewer):
    client.force_login(reviewer)
    response = client.post(reverse("review_next"), follow=True)
    assert "Nothing to review right now." in response.text
    assert "Nothing waits for you" in response.text


def test_ones_own_question_is_refused_in_words(client, question):
    question.author.roles = ["annotator", "reviewer"]
    question.author.save()
    client.force_login(question.author)
    response = client.get(reverse("review_revision", args=[revision_of(question).pk]))
    assert response.status_code == 403
    assert "You wrote this question" in response.text


def test_a_question_that_somebody_else_reviews_is_refused_in_words_with_a_way_on(client, reviewer, question):
    review_of_other = UserFactory(roles=["reviewer"])
    client.force_login(review_of_other)
    path = reverse("review_revision", args=[revision_of(question).pk])
    assert client.get(path).status_code == 200
    client.force_login(reviewer)
    response = client.get(path)
    assert response.status_code == 409
    assert "Somebody else is reviewing" in response.text
    assert reverse("review_next") in response.text
    part = client.get(path, headers={"HX-Request": "true"})
    assert part.status_code == 409
    assert "<html" not in part.text
    answer = client.get(path, headers={"Accept": "application/json"})
    assert answer.json()["error"]["code"] == "conflict"


def test_what_one_ruled_on_is_not_shown_again(client, reviewer, question):
    review(reviewer, question, ruling())
    client.force_login(reviewer)
    response = client.get(reverse("review_revision", args=[revision_of(question).pk]))
    assert response.status_code == 409
    assert "You have ruled on this revision already." in response.text


def test_an_unknown_revision_is_404(client, reviewer):
    client.force_login(reviewer)
    assert client.get(reverse("review_revision", args=[4711])).status_code == 404
    assert client.get("/review/99999999999999999999999/").status_code == 404
    assert client.post("/review/99999999999999999999999/skip/").status_code == 302


def test_htmx_gets_the_desk_alone(client, reviewer, question):
    client.force_login(reviewer)
    path = reverse("review_revision", args=[revision_of(question).pk])
    response = client.get(path, headers={"HX-Request": "true"})
    assert response.text.lstrip().startswith('<div id="desk"')
    assert "HX-Request" in response["Vary"]
    assert len(response.content) < 30_000


def test_the_room_lists_the_last_ten_verdicts_with_undo(client, reviewer):
    for question in QuestionFactory.create_batch(11, submitted=True):
        review(reviewer, question, ruling())
    client.force_login(reviewer)
    text = client.get(reverse("review")).text
    assert text.count("/review/undo/") == 10
    assert reverse("review_undo", args=[Review.objects.order_by("pk").first().pk]) not in text


def test_undo_from_the_room_leads_back_to_the_revision(client, reviewer, question):
    given = review(reviewer, question, ruling())
    client.force_login(reviewer)
    path = reverse("review_undo", args=[given.pk])
    assert client.post(path)["Location"] == reverse("review_revision", args=[given.revision_id])
    again = client.post(path)
    assert again.status_code == 409
    assert "last ten verdicts" in again.text


def test_nobody_undoes_the_verdict_of_somebody_else(client, reviewer, question):
    given = review(UserFactory(), question, ruling())
    client.force_login(reviewer)
    assert client.post(reverse("review_undo", args=[given.pk])).status_code == 409
    assert Review.objects.get().undone_at is None


def test_putting_back_frees_the_question_and_gives_another(client, post, reviewer, question):
    other = QuestionFactory(submitted=True)
    client.force_login(reviewer)
    client.post(reverse("review_next"))
    reply = post(reverse("review_skip", args=[revision_of(question).pk]))
    assert reply.json() == {"next": reverse("review_revision", args=[revision_of(other).pk])}
    assert Lease.objects.get().revision_id == revision_of(other).pk
    question.refresh_from_db()
    assert question.review_slots == 1


def test_exactly_one_next_question_is_reserved_and_its_video_named(client, post, reviewer):
    first, second, _third = QuestionFactory.create_batch(3, submitted=True)
    client.force_login(reviewer)
    client.post(reverse("review_next"))
    path = reverse("review_ahead", args=[revision_of(first).pk])
    for _ in range(2):
        following = post(path).json()["next"]
        assert following["address"] == reverse("review_revision", args=[revision_of(second).pk])
        assert following["proxy"] == media_url(second.clip, "proxy")
    assert Lease.objects.count() == 2


def test_without_a_lease_nothing_is_reserved(client, post, reviewer, question):
    QuestionFactory(submitted=True)
    client.force_login(reviewer)
    assert post(reverse("review_ahead", args=[revision_of(question).pk])).json() == {"held": False, "next": None}
    assert not Lease.objects.exists()


def test_what_the_pages_cost_does_not_grow(client, reviewer, django_assert_num_queries):
    for question in QuestionFactory.create_batch(11, submitted=True):
        review(reviewer, question, ruling())
    waiting = QuestionFactory.create_batch(12, submitted=True)
    client.force_login(reviewer)
    with django_assert_num_queries(4):  # session, person, what waits, last ten with clip
        client.get(reverse("review"))
    client.post(reverse("review_next"))
    path = reverse("review_revision", args=[revision_of(waiting[0]).pk])
    # session, person, revision with clip, ruled already?, renewed lease, blind answer, last ten
    with django_assert_num_queries(7):
        client.get(path)


def test_what_the_steps_cost(client, post, reviewer, django_assert_max_num_queries):
    question, _next = QuestionFactory.create_batch(2, submitted=True)
    client.force_login(reviewer)
    with django_assert_max_num_queries(6):
        client.post(reverse("review_next"))
    pk = revision_of(question).pk
    with django_assert_max_num_queries(12):  # two of them savepoints, two keep the counts of the question
        assert post(reverse("review_blind", args=[pk]), answer="two_fit", watched_s=10, seconds=1).status_code == 200
    with django_assert_max_num_queries(18):  # three of them savepoints
        reply = post(
            reverse("review_verdict", args=[pk]),
            verdict="return",
            reasons=RETURN,
            comment="",
            client_key="8c3f1b1e-5f0e-4f0c-9a55-64b8f6ad3f0a",
        )
    assert reply.status_code == 200, reply.json()
