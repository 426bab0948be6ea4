"""The clip browser, a clip's page, and what leads do there."""

import pytest
from django.db import connection
from django.urls import reverse

from annotator.clip_views import PAGE
from annotator.models import Clip, ClipNote, Lease
from studio.models import Job
from tests.factories import CONTENT, ClipFactory, QuestionFactory, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def as_lead(client, lead):
    return sign_in(client, lead)


def shown(response):
    return [clip.pk for clip in response.context["clips"]]


def listed(client, **query):
    response = client.get(reverse("clips"), query)
    assert response.status_code == 200
    return shown(response)


def test_newest_first(as_lead):
    clips = ClipFactory.create_batch(3)
    assert listed(as_lead) == [clip.pk for clip in reversed(clips)]


def test_paging_by_key_shows_every_clip_once_forwards_and_backwards(as_lead):
    made = [clip.pk for clip in ClipFactory.create_batch(PAGE * 2 + 5)][::-1]
    first = as_lead.get(reverse("clips"))
    second = as_lead.get(reverse("clips"), {"before": first.context["older"]})
    third = as_lead.get(reverse("clips"), {"before": second.context["older"]})
    assert shown(first) + shown(second) + shown(third) == made
    assert (first.context["newer"], third.context["older"]) == (None, None)
    back = as_lead.get(reverse("clips"), {"after": third.context["newer"]})
    assert shown(back) == shown(second)
    start = as_lead.get(reverse("clips"), {"after": back.context["newer"]})
    assert shown(start) == shown(first)
    assert start.context["newer"] is None


def test_each_filter_leaves_only_what_it_names(as_lead):
    ClipFactory.create_batch(2)
    odd = ClipFactory(state="failed", content="unusable", purpose="training", source="csv", expected_category="Friction")
    for name, value in [
        ("state", "failed"),
        ("content", "unusable"),
        ("purpose", "training"),
        ("source", "csv"),
        ("category", "Friction"),
    ]:
        assert listed(as_lead, **{name: value}) == [odd.pk]
    assert listed(as_lead, state="failed", purpose="benchmark") == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("harbour", True),
        ("HARBOUR crane", True),
        ("crane harb", True),
        ("  ", True),
        ("level", True),
        ("t3_ab12", True),
        ("car 01", True),
        ("car_01.mp4", True),
        ("arbour", False),
        ("harbour bridge", False),
        ("'; DROP TABLE", False),
        ("q & ! ( :* \\ '", False),
        ("wand", True),
    ],
)
def test_text_is_searched_by_the_beginnings_of_words(as_lead, words, found):
    clip = ClipFactory(
        title="Crane in the Harbour", text="third level, die Wand", source_id="t3_ab12", original_name="my_car_01.mp4"
    )
    assert listed(as_lead, q=words) == ([clip.pk] if found else [])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("自行车", True),
        ("行车穿", True),
        ("墙", True),
        ("车行", False),
        ("自行车 harbour", True),
        ("汽车", False),
        ("3号", True),
    ],
)
def test_chinese_is_searched_by_any_run_of_characters(as_lead, words, found):
    clip = ClipFactory(title="自行车穿过墙", text="harbour 3号码头")
    assert listed(as_lead, q=words) == ([clip.pk] if found else [])


def test_text_search_uses_its_index(as_lead):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
    from annotator.clip_views import ClipFilter

    form = ClipFilter({"q": "harbour"})
    assert "clip_text" in form.narrow(Clip.objects.all()).explain()


@pytest.mark.parametrize(
    "query", ["before=x", "before=-1", "state=unknown", "q=a%00b", "before=99999999999999999999", "after="]
)
def test_filters_that_make_no_sense_are_no_error(as_lead, query):
    ClipFactory()
    assert as_lead.get(reverse("clips") + "?" + query).status_code == 200


def test_htmx_gets_only_the_grid(as_lead):
    ClipFactory()
    part = as_lead.get(reverse("clips"), headers={"HX-Request": "true"}).text
    assert part.strip().startswith('<section id="grid"') and "<html" not in part
    assert len(part) < 30_000


def test_a_swap_of_a_full_page_stays_small(as_lead):
    ClipFactory.create_batch(PAGE)
    assert len(as_lead.get(reverse("clips"), headers={"HX-Request": "true"}).content) < 100_000


def test_the_list_costs_three_queries_however_many_clips(as_lead, django_assert_num_queries):
    ClipFactory.create_batch(PAGE + 1)
    with django_assert_num_queries(3):  # session, person, clips
        as_lead.get(reverse("clips"))


def test_a_page_costs_the_same_however_much_happened(as_lead, lead, django_assert_max_num_queries):
    clip = ClipFactory()
    for _ in range(5):
        QuestionFactory(clip=clip)
        ClipNote.objects.create(clip=clip, text="x", by=UserFactory())
        Clip.objects.filter(pk=clip.pk).update(title=str(_))
    with django_assert_max_num_queries(7):  # session, person, clip, notes, questions, history and its people
        as_lead.get(clip.get_absolute_url())


@pytest.mark.parametrize(
    ("role", "own", "others"),
    [("lead", True, True), ("annotator", True, False), ("reviewer", False, False), ("admin", False, False)],
)
def test_who_sees_which_questions_and_nobody_their_options(client, role, own, others):
    person = UserFactory(roles=[role])
    clip = ClipFactory()
    QuestionFactory(clip=clip, author=person, stem="My very own stem?")
    QuestionFactory(clip=clip, stem="Somebody's stem?", submitted=True)
    page = sign_in(client, person).get(clip.get_absolute_url()).text
    assert ("My very own stem?" in page) == own
    assert ("Somebody&#x27;s stem?" in page) == others
    for key in ("correct", "distractor_1", "distractor_2", "distractor_3"):
        assert CONTENT[key] not in page


def test_a_failed_clip_says_why_and_can_be_tried_again(as_lead, lead):
    clip = ClipFactory(state="failed", failure="The file is empty.", proxy="")
    page = as_lead.get(clip.get_absolute_url()).text
    assert "The file is empty." in page and "Ingest again" in page
    assert as_lead.post(reverse("clip_retry", args=[clip.pk])).status_code == 302
    clip.refresh_from_db()
    assert (clip.state, Job.objects.get().owner) == (Clip.State.INGESTING, lead)
    as_lead.post(reverse("clip_retry", args=[clip.pk]))
    assert Job.objects.count() == 1


def test_trying_a_ready_clip_again_is_refused_in_words(as_lead):
    clip = ClipFactory()
    response = as_lead.post(reverse("clip_retry", args=[clip.pk]), follow=True)
    assert "there is nothing to ingest again" in response.text
    assert not Job.objects.exists()


def test_a_clip_whose_job_vanished_says_so_and_offers_to_start_again(as_lead):
    page = as_lead.get(ClipFactory(state="ingesting", proxy="").get_absolute_url()).text
    assert "The ingest stopped." in page and "Ingest again" in page


def test_a_lead_edits_the_story_and_history_says_who(as_lead):
    clip = ClipFactory()
    story = {"title": "New title", "text": "t", "permalink": "https://example.org", "author": "a", "licence": "CC0"}
    response = as_lead.post(
        reverse("clip_edit", args=[clip.pk]), story | {"expected_category": "Gravity"}, headers={"HX-Request": "true"}
    )
    assert response.status_code == 200 and "saved" in response.text
    clip.refresh_from_db()
    assert (clip.title, clip.expected_category) == ("New title", "Gravity")
    page = as_lead.get(clip.get_absolute_url())
    assert page.context["entries"][0].who == "lea"
    assert ("title", "New title") in [(name, new) for name, _old, new in page.context["entries"][0].changes]


@pytest.mark.parametrize(
    "change", [{"title": "x" * 501}, {"expected_category": "Magic"}, {"text": "x" * 50_001}, {"author": "a\x00b"}]
)
def test_a_story_that_cannot_be_stored_comes_back_with_422(as_lead, change):
    clip = ClipFactory()
    response = as_lead.post(reverse("clip_edit", args=[clip.pk]), change, headers={"HX-Request": "true"})
    assert response.status_code == 422 and 'class="error"' in response.text
    assert Clip.objects.get(pk=clip.pk).title == clip.title


def test_a_permalink_that_is_no_web_address_is_shown_but_never_a_link(as_lead):
    page = as_lead.get(ClipFactory(permalink="javascript:alert(1)").get_absolute_url()).text
    assert "javascript:alert(1)" in page and 'href="javascript' not in page


def bulk(client, action, *clips, **more):
    return client.post(reverse("clips_bulk"), {"action": action, "ids": [clip.pk for clip in clips], **more})


@pytest.mark.parametrize(
    ("action", "content"),
    [("accept", "accepted"), ("not_gameplay", "not_gameplay"), ("unusable", "unusable"), ("uncheck", "unchecked")],
)
def test_many_clips_are_judged_at_once(as_lead, action, content):
    clips = [*ClipFactory.create_batch(2, content="accepted"), ClipFactory(content="unusable")]
    ingesting = ClipFactory(state="ingesting")
    other = ClipFactory()
    assert bulk(as_lead, action, *clips, ingesting).status_code == 302
    assert {clip.content for clip in Clip.objects.filter(pk__in=[c.pk for c in clips])} == {content}
    assert Clip.objects.get(pk=ingesting.pk).content == Clip.objects.get(pk=other.pk).content == "unchecked"


def test_a_clip_for_training_offers_no_places_and_gets_back_those_that_are_free(as_lead, annotator, settings):
    settings.WRITERS_PER_CLIP = 3
    clip = ClipFactory(open_slots=1)
    QuestionFactory(clip=clip, submitted=True)
    from django.utils import timezone

    Lease.objects.create(user=annotator, clip=clip, slot=1, expires_at=timezone.now())
    bulk(as_lead, "training", clip)
    clip.refresh_from_db()
    assert (clip.purpose, clip.open_slots) == ("training", 0)
    bulk(as_lead, "benchmark", clip)
    clip.refresh_from_db()
    assert (clip.purpose, clip.open_slots) == ("benchmark", 1)


def test_failed_clips_are_ingested_again_and_ready_ones_left_alone(as_lead):
    failed = ClipFactory.create_batch(2, state="failed", failure="x")
    response = bulk(as_lead, "retry", *failed, ClipFactory())
    assert response.status_code == 302
    assert Job.objects.count() == 2
    assert set(Clip.objects.filter(pk__in=[clip.pk for clip in failed]).values_list("state", "failure")) == {
        ("ingesting", "")
    }


def test_after_a_bulk_action_one_is_back_where_one_was_and_never_elsewhere(as_lead):
    clip = ClipFactory()
    assert bulk(as_lead, "accept", clip, next="/clips/?state=ready")["Location"] == "/clips/?state=ready"
    for away in ("https://evil.example/", "//evil.example/", "javascript:alert(1)"):
        assert bulk(as_lead, "accept", clip, next=away)["Location"] == "/clips/"


def test_a_bulk_action_without_clips_or_of_an_unknown_kind_changes_nothing_and_says_so(as_lead):
    clip = ClipFactory()
    assert "Choose some clips first" in as_lead.post(reverse("clips_bulk"), {"action": "accept"}, follow=True).text
    assert "not something to do" in bulk(as_lead, "explode", clip, next="").client.get(reverse("clips")).text
    as_lead.post(reverse("clips_bulk"), {"action": "accept", "ids": ["x", "-1", "9" * 30, "²"]})
    assert Clip.objects.get().content == "unchecked"


@pytest.mark.parametrize("role", ["annotator", "reviewer", "admin"])
def test_only_leads_judge_edit_and_retry(client, role):
    clip = ClipFactory()
    sign_in(client, UserFactory(roles=[role]))
    assert bulk(client, "accept", clip).status_code == 403
    assert client.post(reverse("clip_edit", args=[clip.pk])).status_code == 403
    assert client.post(reverse("clip_retry", args=[clip.pk])).status_code == 403
    page = client.get(reverse("clips")).text
    assert 'name="ids"' not in page and 'value="accept"' not in page
    assert "Change the story" not in client.get(clip.get_absolute_url()).text


def test_changing_by_get_is_not_possible(as_lead):
    clip = ClipFactory()
    for address in (reverse("clips_bulk"), reverse("clip_edit", args=[clip.pk]), reverse("clip_retry", args=[clip.pk])):
        assert as_lead.get(address).status_code == 405
