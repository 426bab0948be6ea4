"""What happened here: the truth against what annotators wrote, for leads who cannot answer blind any more."""

import json

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse

from annotator import truths
from annotator.models import Truth
from tests.factories import QuestionFactory, UserFactory, clip_truth, known_clip

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_lead(client, lead):
    client.force_login(lead)
    return client


@pytest.mark.parametrize(
    ("true", "marked", "share"),
    [
        ([[0, 9]], [[0, 9]], 1.0),
        ([[0, 9]], [[5, 14]], 5 / 15),
        ([[0, 9]], [[10, 19]], 0.0),
        ([[0, 9]], [[0, 3], [2, 5], [8, 9]], 8 / 10),  # marks that overlap count once
        ([[0, 9]], [], 0.0),
        ([], [[3, 4]], 0.0),
        ([], [], None),
    ],
)
def test_the_overlap_of_spans(true, marked, share):
    assert truths.overlap(true, marked) == share


def test_the_truth_is_stored_once_and_never_changed():
    clip = known_clip()
    truth = Truth.objects.get()
    assert (truth.category, truth.sub_label, truth.spans) == ("Gravity", "floating", [[30, 89]])
    assert truth.row["actors"][2]["words"] == "the red crate"
    assert truths.store(clip, clip_truth(first_frame=0)) == truth
    truth.refresh_from_db()
    assert truth.spans == [[30, 89]]
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE annotator_truth SET category = 'Friction'")


def test_its_own_question_is_about_this_clip_and_always_the_same():
    known_clip()
    question = Truth.objects.get().question
    assert len(set(question["options"])) == 4
    assert "crate" in question["options"][question["answer_index"]] or "box" in question["options"][question["answer_index"]]
    assert truths._own_question(clip_truth()) == question


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row.pop("actors"),
        lambda row: row["glitch"].update(category="Magic"),
        lambda row: row["glitch"].update(actor=99),
        lambda row: row["glitch"].update(last_frame=300),
        lambda row: row["actors"][2]["boxes"].pop(),
        lambda row: row.update(surprise=1),
    ],
)
def test_a_line_that_is_no_truth_is_refused_with_the_reason(spoil):
    row = json.loads(clip_truth().to_json())
    spoil(row)
    with pytest.raises(ValueError, match="truth as GlitchWorld|no category|does not lie|one box for each"):
        truths.parse(json.dumps(row))


def test_the_page_sets_truth_against_what_was_written(as_lead):
    clip = known_clip()
    good = QuestionFactory(clip=clip, approved=True, spans=[[30, 89]])
    bad = QuestionFactory(clip=clip, submitted=True, category="Friction", sub_label="invisible wall", spans=[[60, 119]])
    draft = QuestionFactory(clip=clip, correct="Nobody reads this yet.")
    page = as_lead.get(reverse("truth", args=[clip.pk]))
    said = {row["question"]: row["compared"] for row in page.context["said"]}
    assert set(said) == {good, bad}
    assert (said[good].category_right, said[good].kind_right, said[good].overlap) == (True, True, 1.0)
    assert (said[bad].category_right, said[bad].kind_right, said[bad].overlap) == (False, None, 30 / 90)
    text = page.content.decode()
    assert draft.correct not in text
    for words in ("the red crate", "floating or hovering", "Frames 30–89", "slides right, falls", "real bounce", "33 %"):
        assert words in text
    assert [lane["spans"] for lane in page.context["lanes"]] == [[[30, 89]], [[30, 89]], [[60, 119]]]
    overlay = page.context["overlay"]
    assert (overlay["width"], overlay["height"], overlay["twin"]) == (640, 360, None)
    assert [actor["boxes"][35] for actor in overlay["actors"]] == [[135, 80, 195, 140]]


def test_a_twin_stands_beside_it(as_lead):
    clip = known_clip(truth=clip_truth(twin="gw1-meadow-7-twin"))
    assert as_lead.get(reverse("truth", args=[clip.pk])).context["twin"] is None  # it was not brought in
    twin = known_clip(truth=clip_truth(clip_id="gw1-meadow-7-twin", twin="gw1-meadow-7", glitch=False))
    page = as_lead.get(reverse("truth", args=[clip.pk]))
    assert page.context["twin"] == twin and "the same seed without the glitch" in page.content.decode()
    page = as_lead.get(reverse("truth", args=[twin.pk]))
    assert page.context["twin"] == clip and "no law of physics breaks" in page.content.decode()


def test_one_goes_from_clip_to_clip(as_lead):
    clips = [known_clip(truth=clip_truth(clip_id=f"gw1-meadow-{n}")) for n in range(3)]
    context = as_lead.get(reverse("truth", args=[clips[1].pk])).context
    assert (context["newer"], context["older"]) == (clips[2].pk, clips[0].pk)
    listed = as_lead.get(reverse("truths")).context["rows"]
    assert [truth.clip for truth in listed] == clips[::-1]


def test_who_may_still_answer_blind_does_not_see_it(client):
    clip = known_clip()
    QuestionFactory(clip=clip, submitted=True)
    client.force_login(UserFactory(roles=["lead", "reviewer"]))
    for page in (client.get(reverse("truth", args=[clip.pk])), client.get(reverse("truths"))):
        text = page.content.decode()
        assert "blind" in text
        for key in ("the red crate", "floating", "Gravity", "30–89", "hangs in the air"):
            assert key not in text
    client.force_login(UserFactory(roles=["lead"]))
    assert "the red crate" in client.get(reverse("truth", args=[clip.pk])).content.decode()


def test_a_clip_without_truth_and_one_that_failed(as_lead):
    assert as_lead.get(reverse("truth", args=[known_clip().pk + 1])).status_code == 404
    failed = known_clip(truth=clip_truth(clip_id="x"), state="failed", proxy="")
    assert "is not ready" in as_lead.get(reverse("truth", args=[failed.pk])).content.decode()


def test_the_list_costs_the_same_for_many(as_lead, django_assert_max_num_queries):
    for n in range(12):
        QuestionFactory(clip=known_clip(truth=clip_truth(clip_id=f"gw1-meadow-{n}")), submitted=True)
    as_lead.get(reverse("truths"))
    with django_assert_max_num_queries(6):
        page = as_lead.get(reverse("truths"))
    assert len(page.context["rows"]) == 12 and all(len(truth.said) == 1 for truth in page.context["rows"])


def test_leads_find_it_on_the_clips_page_and_nobody_else_does(as_lead, client, annotator):
    clip = known_clip()
    address = reverse("truth", args=[clip.pk])
    assert address in as_lead.get(clip.get_absolute_url()).content.decode()
    client.force_login(annotator)
    page = client.get(clip.get_absolute_url()).content.decode()
    assert address not in page and "red crate" not in page
    assert client.get(address).status_code == 403
