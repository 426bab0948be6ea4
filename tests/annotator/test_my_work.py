"""One's own questions by state."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotator.models import Question, Remark
from tests.factories import QuestionFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def writer(client, annotator):
    client.force_login(annotator, backend="django.contrib.auth.backends.ModelBackend")
    return client


def listed(response):
    return [question.pk for question in response.context["rows"]]


def test_each_tab_shows_its_states_and_only_my_own(writer, annotator):
    QuestionFactory(author=UserFactory())
    mine = {
        "returned": [QuestionFactory(author=annotator, returned=True)],
        "drafts": [QuestionFactory(author=annotator)],
        "submitted": [
            QuestionFactory(author=annotator, submitted=True),
            QuestionFactory(author=annotator, submitted=True, state=Question.State.DISPUTED),
        ],
        "approved": [QuestionFactory(author=annotator, approved=True)],
        "rejected": [QuestionFactory(author=annotator, returned=True, state=Question.State.REJECTED)],
    }
    for tab, questions in mine.items():
        response = writer.get("/work/", {"tab": tab})
        assert sorted(listed(response)) == sorted(question.pk for question in questions)
        assert {one["name"]: one["count"] for one in response.context["tabs"]} == {
            name: len(rows) for name, rows in mine.items()
        }


def test_it_opens_on_the_first_tab_that_holds_something(writer, annotator):
    assert writer.get("/work/").context["shown"] == "submitted"
    QuestionFactory(author=annotator)
    assert writer.get("/work/").context["shown"] == "drafts"
    QuestionFactory(author=annotator, returned=True)
    assert writer.get("/work/").context["shown"] == "returned"


def test_returned_work_shows_the_reasons_of_its_last_revision_only(writer, annotator, reviewer):
    question = QuestionFactory(author=annotator, returned=True)
    first = question.revisions.get()
    Remark.objects.create(revision=first, field="correct", code="wrong", comment="An old remark.", by=reviewer)
    Question.objects.filter(pk=question.pk).update(revision_number=2)
    values = {field: getattr(first, field) for field in Question.CONTENT_FIELDS}
    second = question.revisions.create(author=annotator, number=2, client_key="0" * 32, **values)
    Remark.objects.create(revision=second, field="spans", code="span", comment="It starts later.", by=reviewer)
    page = writer.get("/work/").content.decode()
    assert "It starts later." in page and "An old remark." not in page


def test_paging_by_place_shows_every_question_once(writer, annotator):
    start = timezone.now()
    made = []
    for number in range(70):
        # Several share one moment: the id decides then.
        made.append(QuestionFactory(author=annotator, saved_at=start - timedelta(seconds=number // 4)).pk)
    seen, before = [], ""
    for _page in range(5):
        response = writer.get("/work/", {"tab": "drafts", "before": before})
        seen += listed(response)
        before = response.context["before"]
        if not before:
            break
    assert sorted(seen) == sorted(made) and len(seen) == len(made)


@pytest.mark.parametrize(
    "before", ["x", "2026-01-01_", "2026-01-01T00:00:00_5", "_7", "9" * 40 + "_1", "2026-01-01T00:00:00+00:00_" + "9" * 30]
)
def test_a_nonsense_place_is_the_beginning(writer, annotator, before):
    QuestionFactory(author=annotator)
    assert len(listed(writer.get("/work/", {"tab": "drafts", "before": before}))) == 1


def test_it_costs_five_queries_however_many_rows(writer, annotator, reviewer, django_assert_num_queries):
    for _ in range(25):
        question = QuestionFactory(author=annotator, returned=True)
        Remark.objects.create(revision=question.revisions.get(), field="stem", code="language", by=reviewer)
    with django_assert_num_queries(5):  # session, person, counts, questions with clips, remarks
        writer.get("/work/", {"tab": "returned"})


def test_reviewers_have_no_such_page(client, reviewer):
    assert client.get("/work/").status_code == 302
    client.force_login(reviewer, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/work/").status_code == 403
