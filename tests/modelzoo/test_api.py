"""Exports over the API."""

import io
import zipfile

import pytest
from django.urls import reverse

from modelzoo import export_jobs
from studio import jobs
from studio.models import Job
from tests.modelzoo.test_export import MP4, approved
from tests.studio.test_api import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def exporter(admin):
    return client_of(admin)


def test_an_export_is_started_followed_downloaded_and_deleted(exporter):
    approved(video=MP4 + b"api")
    started = exporter.post(reverse("api_exports"), {"purpose": "all", "videos": "proxy"}, format="json")
    assert started.status_code == 202
    told = started.json()
    assert (told["state"], told["purpose"], told["videos"], told["download"]) == ("queued", "all", "proxy", None)
    download = reverse("api_export_download", args=[told["id"]])
    assert exporter.get(download).status_code == 404
    assert exporter.delete(reverse("api_export", args=[told["id"]])).status_code == 409
    jobs.run(told["id"])
    told = exporter.get(reverse("api_export", args=[told["id"]])).json()
    assert (told["state"], told["questions"], told["clips"], told["download"]) == ("done", 1, 1, download)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(exporter.get(download).streaming_content)))
    assert "PhysGame_1/PhysGame_1_annotation.json" in archive.namelist()
    assert exporter.delete(reverse("api_export", args=[told["id"]])).status_code == 204
    assert exporter.get(reverse("api_export", args=[told["id"]])).json()["download"] is None
    assert exporter.get(download).status_code == 404


def test_defaults_are_the_benchmark_with_originals_and_asking_twice_is_one_export(exporter):
    one, two = (exporter.post(reverse("api_exports"), {}, format="json").json() for _ in range(2))
    assert one["id"] == two["id"]
    assert (one["purpose"], one["videos"]) == ("benchmark", "original")


@pytest.mark.parametrize("body", [{"purpose": "x"}, {"videos": 7}, {"videos": "copy"}, {"purpose": None}, []])
def test_unknown_choices_are_refused(exporter, body):
    assert exporter.post(reverse("api_exports"), body, format="json").status_code == 422
    assert not Job.objects.exists()


def test_other_jobs_are_no_exports_and_the_list_costs_the_same_however_long(exporter, lead, django_assert_num_queries):
    other = Job.objects.create(kind="annotator.ingest", queue="cpu")
    for number in range(20):
        Job.objects.create(kind=export_jobs.KIND, queue="io", owner=lead, state="done", result={"questions": number})
    assert exporter.get(reverse("api_export", args=[other.pk])).status_code == 404
    exporter.get(reverse("api_me"))
    with django_assert_num_queries(2):  # token with person, exports with owners
        assert len(exporter.get(reverse("api_exports")).json()["results"]) == 20
    assert exporter.get(reverse("api_exports"), {"state": "failed"}).json()["results"] == []
