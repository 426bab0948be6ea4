"""The list of releases, the form that seals, and a release's own page."""

import re

import pytest
from django.urls import reverse

from annotator.models import Question
from modelzoo.models import Release
from modelzoo.releases import sealing
from studio import jobs
from studio.models import Job
from tests.factories import InstructSampleFactory, PreferencePairFactory, RevisionFactory, cleared
from tests.modelzoo.releases.test_formats import training_clip
from tests.modelzoo.releases.test_seal import questions

pytestmark = pytest.mark.django_db
ASKED = {"name": "bench-1", "kind": "benchmark"}


def test_a_lead_seals_and_sees_the_release(client, lead):
    questions(2)
    client.force_login(lead)
    assert "No releases yet" in client.get(reverse("releases")).content.decode()
    for _ in range(2):  # asked twice, it is one job
        assert client.post(reverse("releases"), ASKED).status_code == 302
    job = Job.objects.get(kind="modelzoo.seal")
    assert jobs.run(job.pk) == Job.State.DONE
    release = Release.objects.get()
    assert (release.name, release.sealed_by, release.rows_count) == ("bench-1", lead, 2)
    assert "bench-1" in client.get(reverse("releases")).content.decode()
    page = client.get(release.get_absolute_url()).content.decode()
    assert release.sha256 in page and "This is the first release of its kind." in page and "Gravity" in page


def test_what_cannot_be_sealed_is_said_at_once_or_by_the_job(client, lead):
    client.force_login(lead)
    response = client.post(reverse("releases"), ASKED | {"name": "No Spaces"})
    assert response.status_code == 422 and "small letters" in response.content.decode()
    response = client.post(reverse("releases"), ASKED | {"split": "train"})
    assert response.status_code == 422 and "one of these splits" in response.content.decode()
    client.post(reverse("releases"), ASKED)
    job = Job.objects.latest("pk")
    assert jobs.run(job.pk) == Job.State.FAILED
    job.refresh_from_db()
    assert "no approved question" in job.error


def test_the_page_names_the_rows_that_changed(client, lead):
    first, second = questions(2)
    sealing.seal("one", kind="benchmark")
    Question.objects.filter(pk=first.pk).update(state="rejected")
    cleared(RevisionFactory(question=second, number=2, stem="What best describes the fault observed in the video?"))
    Question.objects.filter(pk=second.pk).update(revision_number=2)
    (third,) = questions(1, stem="A new one?")
    two = sealing.seal("two", kind="benchmark")
    client.force_login(lead)
    page = client.get(two.get_absolute_url()).content.decode()
    assert "Since one: 1 added, 1 changed, 1 removed." in page
    for question in (first, second, third):
        assert f"pg{question.pk}" in page and reverse("question", args=[question.pk]) in page
    assert "A new one? (A)" in page and re.search("<del>.*glitch</del><ins>.*fault</ins>", page)
    assert client.get(two.get_absolute_url(), {"after": "zzz"}).status_code == 200


def test_the_changes_of_training_data_are_told_in_its_words(client, lead):
    sample = InstructSampleFactory(clip=training_clip(0), place=0, question="What breaks?", answer="The crate floats.")
    pair = PreferencePairFactory(sample=sample, rejected="Nothing is wrong with it.")
    for name, kind in (("sft", "instruct"), ("dpo", "preference")):
        sealing.seal(f"{name}-1", kind=kind)
    InstructSampleFactory(clip=sample.clip, place=1, kind="follow_up", question="Why?", answer="Nobody holds it.")
    type(pair).objects.filter(pk=pair.pk).update(state="rejected", reason="dull")
    PreferencePairFactory(sample=sample, kind="spatial", rejected="A dog barks loudly.")
    pages = []
    for name, kind in (("sft", "instruct"), ("dpo", "preference")):
        client.force_login(lead)
        pages.append(client.get(sealing.seal(f"{name}-2", kind=kind).get_absolute_url()).content.decode())
    sft, dpo = pages
    assert "Since sft-1: 0 added, 1 changed, 0 removed." in sft and "What breaks? The crate floats." in sft
    assert re.search("<ins>.*Why\\? Nobody holds it.</ins>", sft, re.S)
    assert "Since dpo-1: 1 added, 0 changed, 1 removed." in dpo
    assert "Rejected: Nothing is wrong with it." in dpo and "Rejected: A dog barks loudly." in dpo


def test_pages_cost_the_same_however_many_there_are(client, lead, django_assert_max_num_queries):
    questions(1)
    for number in range(25):
        last = sealing.seal(f"bench-{number}", kind="benchmark")
    client.force_login(lead)
    with django_assert_max_num_queries(5):
        page = client.get(reverse("releases")).content.decode()
    assert "bench-5" in page and "bench-4<" not in page and "before=" in page
    with django_assert_max_num_queries(8):
        client.get(last.get_absolute_url())
