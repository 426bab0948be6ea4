"""The list of all questions, and the page of one."""

import uuid

import pytest

from annotator import diff, services
from annotator.models import Question, Remark
from annotator.taxonomy import CATEGORIES
from tests.factories import CONTENT, ClipFactory, QuestionFactory, UserFactory

pytestmark = pytest.mark.django_db


def signed_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def listed(response):
    return {question.pk for question in response.context["rows"]}


def test_leads_filter_by_state_category_author_and_text(client, lead):
    signed_in(client, lead)
    writer = UserFactory()
    gravity = QuestionFactory(submitted=True, author=writer)
    friction = QuestionFactory(
        approved=True, category="Friction", distractor_3="The Lorry never stops.", clip__title="Highway"
    )
    QuestionFactory(author=UserFactory(is_active=False), correct="A lorry in a draft.", category="Color")
    everything = set(Question.objects.values_list("pk", flat=True))
    for query, wanted in [
        ({}, everything),
        ({"state": "submitted"}, {gravity.pk}),
        ({"category": "Friction"}, {friction.pk}),
        ({"author": writer.pk}, {gravity.pk}),
        ({"text": "lorry"}, {friction.pk}),
        ({"text": "highway"}, {friction.pk}),
        ({"text": str(gravity.pk)}, {gravity.pk}),
        ({"text": "no such words"}, set()),
        ({"state": "nonsense", "category": "nonsense", "author": "nonsense"}, everything),
        ({"author": "9" * 30, "before": "9" * 30, "text": "9" * 30}, set()),
        ({"text": "%_\x00"}, set()),
    ]:
        assert listed(client.get("/questions/", query)) == wanted, query


def test_the_list_goes_on_after_an_id(client, lead):
    signed_in(client, lead)
    author = UserFactory()
    made = [QuestionFactory(author=author).pk for _ in range(32)]
    first = client.get("/questions/")
    second = client.get("/questions/", {"before": first.context["before"]})
    assert listed(first) | listed(second) == set(made)
    assert not listed(first) & listed(second) and second.context["before"] == ""


def test_the_list_costs_four_queries_however_many_rows(client, lead, django_assert_num_queries):
    signed_in(client, lead)
    for _ in range(25):
        QuestionFactory()
    with django_assert_num_queries(4):  # session, person, questions with clip and author, authors
        client.get("/questions/")


def test_the_list_is_for_leads(client, annotator):
    assert signed_in(client, annotator).get("/questions/").status_code == 403


def test_a_question_is_seen_by_its_author_and_by_leads_only(client, annotator, lead, reviewer):
    question = QuestionFactory(author=annotator, submitted=True)
    url = question.get_absolute_url()
    assert client.get(url).status_code == 302
    for user, status in [(annotator, 200), (lead, 200), (UserFactory(), 404), (reviewer, 403)]:
        assert signed_in(client, user).get(url).status_code == status


def test_the_page_marks_the_key_and_shows_what_each_revision_changed(client, annotator, lead):
    signed_in(client, annotator)
    clip = ClipFactory()
    services.submit(user=annotator, clip=clip, base_version=0, content=CONTENT, client_key=uuid.uuid4())
    question = Question.objects.get()
    Question.objects.filter(pk=question.pk).update(state=Question.State.RETURNED)
    Remark.objects.create(revision=question.revisions.get(), field="correct", code="wrong", comment="Look again.", by=lead)
    services.save_draft(user=annotator, clip_id=clip.pk, base_version=1, content=CONTENT | {"note": "looked again"})
    page = client.get(question.get_absolute_url())
    assert "Look again." in page.content.decode()
    assert [change.field for change in page.context["unsent"]] == ["note"]
    changed = CONTENT | {"correct": "The crate hangs in the sky after the shelf is gone."}
    services.submit(user=annotator, clip=clip, base_version=2, content=changed, client_key=uuid.uuid4())
    page = client.get(question.get_absolute_url())
    newest, oldest = page.context["rounds"]
    assert oldest["changes"] is None
    assert [change.field for change in newest["changes"]] == ["correct"]
    assert (diff.NEW, "sky") in newest["changes"][0].parts
    text = page.content.decode()
    assert "sky</ins>" in text and "air</del>" in text
    assert text.count("✓") == 1


def test_other_rooms_add_panels(client, lead):
    from annotator.panels import QUESTION_PANELS

    def panel(request, question):
        return f"A panel about {question.pk}."

    question = QuestionFactory()
    QUESTION_PANELS.append(panel)
    try:
        assert f"A panel about {question.pk}." in signed_in(client, lead).get(question.get_absolute_url()).content.decode()
    finally:
        QUESTION_PANELS.remove(panel)


def test_every_category_has_its_colour_in_the_style_sheet(settings):
    sheet = (settings.BASE_DIR / "static/css/desk.css").read_text()
    for category in CATEGORIES.values():
        assert f'.dot[data-category="{category.name}"] {{ --dot: {category.colour}; }}' in sheet
