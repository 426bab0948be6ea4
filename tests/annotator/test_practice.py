"""Practice: write or answer, then compare; nothing of it reaches queues, reviews or exports."""

import json
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.urls import reverse

from annotator import curating, importing, practice, queue
from annotator.ingest.refusals import Refused
from annotator.models import Clip, Lease, PracticeAttempt, Question, WrongState
from modelzoo import exporting
from qc import handing_out
from studio.env import env_list
from studio.models import Job
from tests import videos
from tests.factories import CONTENT, ClipFactory, QuestionFactory, UserFactory, clip_truth, known_clip, practice_clip

pytestmark = pytest.mark.django_db
SAID = {**CONTENT, "spans": [[60, 119]]}


@pytest.fixture
def clip(db):
    return practice_clip()


@pytest.fixture
def as_annotator(client, annotator):
    client.force_login(annotator)
    return client


def write(client, clip, **body):
    return client.post(reverse("practice_write", args=[clip.pk]), json.dumps(body), content_type="application/json")


def test_a_question_is_compared_with_the_truth(as_annotator, annotator, clip):
    response = write(as_annotator, clip, content=SAID)
    attempt = PracticeAttempt.objects.get()
    assert response.json() == {"next": attempt.get_absolute_url()}
    assert (attempt.person, attempt.clip, attempt.first, attempt.way) == (annotator, clip, True, "write")
    assert (attempt.category_right, attempt.overlap, attempt.answer_right) == (True, 30 / 90, None)
    page = as_annotator.get(attempt.get_absolute_url()).content.decode()
    for words in (SAID["correct"], "the red crate", "33 %", "60–119", "30–89", clip.truth.question["options"][0]):
        if words != clip.truth.question["options"][0] or clip.truth.question["answer_index"] == 0:
            assert words in page


def test_what_could_not_be_submitted_cannot_be_compared(as_annotator, clip):
    response = write(as_annotator, clip, content={**SAID, "distractor_2": "", "spans": [[290, 300]]})
    assert response.status_code == 422 and set(response.json()["errors"]) == {"distractor_2", "spans"}
    assert write(as_annotator, clip, content={**SAID, "category": "Magic"}).status_code == 422
    assert write(as_annotator, clip).status_code == 422
    assert not PracticeAttempt.objects.exists()


@pytest.mark.parametrize(("glitch", "right", "overlap"), [(True, False, 0.0), (False, True, None)])
def test_one_may_say_that_nothing_is_wrong(as_annotator, glitch, right, overlap):
    write(as_annotator, practice_clip(truth=clip_truth(glitch=glitch)), nothing=True)
    attempt = PracticeAttempt.objects.get()
    assert (attempt.category_right, attempt.overlap) == (right, overlap)
    assert "Nothing is wrong" in as_annotator.get(attempt.get_absolute_url()).content.decode()


def test_a_glitch_free_clip_called_a_glitch_is_wrong(as_annotator):
    write(as_annotator, practice_clip(truth=clip_truth(glitch=False)), content=SAID)
    attempt = PracticeAttempt.objects.get()
    assert (attempt.category_right, attempt.overlap) == (False, 0.0)


def answer(client, clip, value):
    return client.post(reverse("practice_answer", args=[clip.pk]), {"answer": value})


def test_answering_blind(client, reviewer, clip):
    client.force_login(reviewer)
    key = clip.truth.question["answer_index"]
    page = client.get(reverse("practice_answer", args=[clip.pk])).content.decode()
    assert "floating" not in page and "the red crate</dd>" not in page and "truth-overlay" not in page
    for value, right, stored in (
        (str(key), True, key),
        (str((key + 1) % 4), False, (key + 1) % 4),
        ("cannot_tell", False, None),
    ):
        response = answer(client, clip, value)
        attempt = PracticeAttempt.objects.latest("pk")
        assert response.url == attempt.get_absolute_url()
        assert (attempt.answer_right, attempt.answer, attempt.way) == (right, stored, "answer")
        assert client.get(response.url).status_code == 200
    assert list(PracticeAttempt.objects.order_by("pk").values_list("first", flat=True)) == [True, False, False]


@pytest.mark.parametrize("value", ["", "4", "-1", "correct", "0 "])
def test_an_answer_that_is_none_is_refused(as_annotator, clip, value):
    response = answer(as_annotator, clip, value)
    assert response.status_code == 422 and "Choose one of the options" in response.content.decode()
    assert not PracticeAttempt.objects.exists()


def test_a_clip_without_a_question_of_its_own_is_written_about(as_annotator, annotator):
    clip = practice_clip(truth=clip_truth(frames=300))
    clip.truth.question = None
    with pytest.raises(WrongState, match="no question to answer"):
        practice.attempt_answer(person=annotator, clip=clip, answer="0")


def test_who_has_seen_the_twin_knows_this_one(annotator):
    one = practice_clip(truth=clip_truth(twin="t"))
    other = practice_clip(truth=clip_truth(clip_id="t", twin="gw1-meadow-7", glitch=False))
    assert practice.attempt_nothing_wrong(person=annotator, clip=one).first
    assert not practice.attempt_nothing_wrong(person=annotator, clip=other).first


def test_a_twin_that_waits_for_a_writer_is_not_given_away(as_annotator, annotator):
    clip = practice_clip(truth=clip_truth(twin="t"))
    twin = known_clip(truth=clip_truth(clip_id="t", twin="gw1-meadow-7", glitch=False))
    attempt = practice.attempt_nothing_wrong(person=annotator, clip=clip)
    assert as_annotator.get(attempt.get_absolute_url()).context["twin"] is None
    Clip.objects.filter(pk=twin.pk).update(purpose="practice")
    assert as_annotator.get(attempt.get_absolute_url()).context["twin"] == twin


@pytest.mark.django_db(transaction=True)
def test_two_first_attempts_at_once_are_one_first_and_one_again():
    clip, person = practice_clip(), UserFactory()
    barrier = threading.Barrier(2)

    def attempt():
        barrier.wait(10)
        practice.attempt_nothing_wrong(person=person, clip=clip)
        connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join(20) for thread in threads]
    assert sorted(PracticeAttempt.objects.values_list("first", flat=True)) == [False, True]


def test_others_attempts_are_for_leads_alone(client, annotator, reviewer, lead, clip):
    attempt = practice.attempt_nothing_wrong(person=annotator, clip=clip)
    for person, status in ((annotator, 200), (reviewer, 404), (lead, 200)):
        client.force_login(person)
        assert client.get(attempt.get_absolute_url()).status_code == status


def test_leads_see_how_everybody_s_practice_went(client, annotator, reviewer, lead, clip):
    other = practice_clip(truth=clip_truth(clip_id="b"))
    practice.attempt_question(person=annotator, clip=clip, content=SAID)
    practice.attempt_question(person=annotator, clip=clip, content=CONTENT)  # again: does not count
    practice.attempt_nothing_wrong(person=annotator, clip=other)
    practice.attempt_answer(person=reviewer, clip=clip, answer=str(clip.truth.question["answer_index"]))
    client.force_login(lead)
    rows = {row["person"]: row for row in client.get(reverse("practice_people")).context["rows"]}
    assert list(rows) == [reviewer.pk, annotator.pk]
    mine = rows[annotator.pk]
    assert [mine[name] for name in ("clips", "categories", "categories_right", "attempts", "answers")] == [2, 2, 1, 3, 0]
    assert mine["mean_overlap"] == pytest.approx((30 / 90 + 0) / 2)
    assert (rows[reviewer.pk]["answers"], rows[reviewer.pk]["answers_right"]) == (1, 1)
    page = client.get(reverse("practice_person", args=[annotator.pk]))
    assert len(page.context["attempts"]) == 3 and "again" in page.content.decode()


def test_nothing_of_practice_reaches_queues_reviews_or_exports(as_annotator, annotator, reviewer, clip, settings):
    write(as_annotator, clip, content=SAID)
    answer(as_annotator, clip, "0")
    assert PracticeAttempt.objects.count() == 2
    assert not Question.objects.exists() and not Lease.objects.exists() and not Job.objects.exists()
    assert queue.next_clip(annotator) is None and queue.next_clip(UserFactory()) is None
    with pytest.raises(WrongState, match="for practice"):
        queue.hold(annotator, clip.pk)
    assert handing_out.waiting_for(reviewer, at_most=10) == 0
    assert not exporting.approved().exists()


def test_even_an_approved_question_about_a_practice_clip_is_not_exported(clip):
    QuestionFactory(clip=clip, approved=True)
    Clip.objects.filter(pk=clip.pk).update(content="accepted")
    assert not exporting.approved().exists() and not exporting.approved("benchmark").exists()


def test_only_fit_clips_become_practice_clips(annotator):
    plain, fit, written = ClipFactory(), known_clip(expected_category="Gravity"), known_clip(truth=clip_truth(clip_id="w"))
    held = known_clip(truth=clip_truth(clip_id="h"), expected_category="Color")
    QuestionFactory(clip=written)
    queue.hold(annotator, held.pk)
    assert curating.give_purpose([plain.pk, fit.pk, written.pk, held.pk], "practice") == 1
    fit.refresh_from_db()
    assert (fit.purpose, fit.open_slots, fit.expected_category) == ("practice", 0, "")
    assert curating.give_purpose([fit.pk], "benchmark") == 1
    fit.refresh_from_db()
    assert (fit.purpose, fit.open_slots) == ("benchmark", 1)


def test_a_clip_somebody_practised_on_stays_for_practice(annotator, clip):
    practice.attempt_nothing_wrong(person=annotator, clip=clip)
    assert curating.give_purpose([clip.pk], "benchmark") == 0


def test_the_api_says_why_a_clip_cannot_be_for_practice(client, lead):
    client.force_login(lead)
    plain, fit = ClipFactory(), known_clip()
    for clip, status in ((plain, 409), (fit, 200)):
        url = reverse("api_clip", args=[clip.pk])
        changes = json.dumps({"purpose": "practice", "content": "accepted"})
        assert client.patch(url, changes, content_type="application/json").status_code == status
    plain.refresh_from_db()
    assert (plain.purpose, plain.content) == ("benchmark", "unchecked")


def test_a_clip_of_unknown_truth_is_not_taken_for_practice():
    with pytest.raises(Refused, match="nobody can practise"):
        importing.bring(videos.plain(), original_name="a.mp4", source=Clip.Source.UPLOAD, purpose="practice")


def test_a_clip_that_is_not_for_practice_is_not_there(as_annotator):
    clip = known_clip()
    for name in ("practice_write", "practice_answer"):
        assert as_annotator.get(reverse(name, args=[clip.pk])).status_code == 404


def test_the_list_tells_what_was_tried_and_costs_the_same(as_annotator, annotator, django_assert_max_num_queries):
    clips = [practice_clip(truth=clip_truth(clip_id=f"c{n}")) for n in range(10)]
    for clip in clips[:5]:
        practice.attempt_nothing_wrong(person=annotator, clip=clip)
    as_annotator.get(reverse("practice"))
    with django_assert_max_num_queries(6):
        page = as_annotator.get(reverse("practice"))
    assert page.content.decode().count("Not tried yet") == 5
    assert page.context["figures"]["clips"] == 5


def test_no_setting_can_offer_practice_clips_to_writers(monkeypatch):
    monkeypatch.setenv("STUDIO_WRITE_PURPOSES", "benchmark, practice")
    with pytest.raises(ImproperlyConfigured, match="STUDIO_WRITE_PURPOSES names 'practice'; it takes benchmark, training"):
        env_list("STUDIO_WRITE_PURPOSES", ["benchmark"], allowed=("benchmark", "training"))
