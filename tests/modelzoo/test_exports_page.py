"""The exports page and the background job behind it."""

import io
import json
import threading
import zipfile

import pytest
import requests
from django.core.files.storage import default_storage
from django.db import connection
from django.urls import reverse

from annotator.ingest import store
from annotator.models import Clip
from modelzoo import export_jobs, exporting
from studio import jobs
from studio.models import Job
from tests.annotator.test_media import bucket  # noqa: F401 -- a fixture
from tests.factories import UserFactory
from tests.modelzoo.test_export import MP4, all_bytes, approved

pytestmark = pytest.mark.django_db
CHOICE = {"purpose": "benchmark", "videos": "original"}


def body(response):
    return b"".join(response.streaming_content)


def make(client, **changes):
    """Start an export on the page, run its job, return it."""
    assert client.post(reverse("exports"), CHOICE | changes).status_code == 302
    job = Job.objects.latest("pk")
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


def test_a_lead_starts_an_export_and_downloads_it(client, lead, tmp_path):
    for number in range(3):
        approved(video=MP4 + b"zip%d" % number)
    client.force_login(lead)
    job = make(client)
    assert job.state == Job.State.DONE
    assert (job.done, job.total, job.owner) == (6, 6, lead)
    assert "PhysGame_3.zip" in client.get(reverse("exports")).content.decode()
    response = client.get(reverse("export_download", args=[job.pk]))
    assert response["Content-Disposition"] == 'attachment; filename="PhysGame_3.zip"'
    archive = zipfile.ZipFile(io.BytesIO(body(response)))
    assert archive.testzip() is None
    exporting.export(tmp_path / "out")
    assert {name: archive.read(name) for name in archive.namelist()} == {
        f"PhysGame_3/{name}": data for name, data in all_bytes(tmp_path / "out").items()
    }
    assert not list(store.work_dir().glob("*export-*"))


def test_the_same_export_twice_gives_the_same_bytes(client, lead):
    approved(video=MP4 + b"twice")
    client.force_login(lead)
    one, two = (default_storage.open(make(client).result["file"]).read() for _ in range(2))
    assert one == two


def test_asking_twice_while_it_waits_makes_one_job(client, lead):
    approved()
    client.force_login(lead)
    for _ in range(2):
        client.post(reverse("exports"), CHOICE)
    assert Job.objects.count() == 1


def test_a_missing_video_ends_the_job_with_a_sentence(client, lead):
    question = approved()
    client.force_login(lead)
    job = make(client)
    assert job.state == Job.State.FAILED
    assert f"The video of question {question.pk}" in job.error
    assert "Traceback" not in job.error
    assert client.get(reverse("export_download", args=[job.pk])).status_code == 404
    assert make(client, videos="none").state == Job.State.DONE


def test_a_cancelled_export_leaves_nothing(lead):
    approved(video=MP4 + b"cancel")
    job = export_jobs.start(by=lead, options=exporting.Options())
    claimed = jobs.claim(job.pk)
    run = jobs.Run(claimed)
    run._cancel.set()
    with pytest.raises(jobs.Cancelled):
        export_jobs.export(run, **job.arguments)
    assert not list(store.work_dir().glob("*export-*"))
    assert not default_storage.exists(f"exports/{job.pk}/PhysGame_1.zip")


def test_a_deleted_file_is_gone_and_deleting_it_twice_is_refused(client, lead):
    approved(video=MP4 + b"delete")
    client.force_login(lead)
    job = make(client)
    name = job.result["file"]
    assert client.post(reverse("export_delete", args=[job.pk])).status_code == 302
    assert not default_storage.exists(name)
    assert client.get(reverse("export_download", args=[job.pk])).status_code == 404
    assert "The file was deleted" in client.get(reverse("exports")).content.decode()
    assert client.post(reverse("export_delete", args=[job.pk])).status_code == 409


def test_another_kind_of_job_is_no_export(client, lead):
    job = Job.objects.create(kind="annotator.ingest", queue="cpu", state="done", result={"file": "originals/x.mp4"})
    client.force_login(lead)
    assert client.get(reverse("export_download", args=[job.pk])).status_code == 404
    assert client.post(reverse("export_delete", args=[job.pk])).status_code == 404


def test_the_page_says_what_goes_in_and_what_is_left_out_and_why(client, admin):
    approved()
    approved(clip_purpose=Clip.Purpose.TRAINING)
    approved(clip_content=Clip.Content.UNUSABLE)
    approved(clip_content=Clip.Content.UNUSABLE)
    approved(clip_state=Clip.State.FAILED)
    client.force_login(admin)
    page = client.get(reverse("exports"))
    assert page.context["purposes"] == [("Benchmark", 1), ("Training", 1)]
    assert page.context["left_out"] == [("The clip's content: unusable", 2), ("The clip is not ready: failed", 1)]
    assert "No exports yet" in page.content.decode()


@pytest.mark.parametrize("values", [{}, {"purpose": "x", "videos": "original"}, {"purpose": "all", "videos": "\x00"}])
def test_a_bad_form_comes_back_with_422(client, lead, values):
    client.force_login(lead)
    assert client.post(reverse("exports"), values).status_code == 422
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["exports", "export_download", "export_delete"])
@pytest.mark.parametrize("roles", [[], ["annotator"], ["reviewer"]])
def test_others_may_not(client, name, roles):
    client.force_login(UserFactory(roles=roles))
    url = reverse(name, args=[] if name == "exports" else [1])
    assert client.post(url, CHOICE).status_code == 403
    assert client.get(url).status_code == 403


def test_the_list_costs_the_same_however_long_it_is_and_pages_by_key(client, lead, django_assert_max_num_queries):
    client.force_login(lead)
    for number in range(25):
        Job.objects.create(kind=export_jobs.KIND, queue="io", owner=lead, state="done", result={"questions": number})
    with django_assert_max_num_queries(4):  # session, person, exports, counts
        page = client.get(reverse("exports"))
    assert len(page.context["jobs"]) == 20
    rest = client.get(reverse("exports"), {"before": page.context["older"]})
    assert len(rest.context["jobs"]) == 5
    assert client.get(reverse("exports"), {"before": "9" * 30}).status_code == 200


def test_a_real_worker_makes_it(transactional_db, start_worker, lead):
    from tests.conftest import wait_until

    approved(video=MP4 + b"worker")
    start_worker(queues="io")
    job = export_jobs.start(by=lead, options=exporting.Options())
    wait_until(lambda: Job.objects.filter(pk=job.pk, state=Job.State.DONE).exists(), what="the export")
    job.refresh_from_db()
    with zipfile.ZipFile(default_storage.open(job.result["file"])) as archive:
        assert len(json.loads(archive.read("PhysGame_1/PhysGame_1_annotation.json"))) == 1


def test_it_works_with_a_bucket(bucket, client, lead, tmp_path):  # noqa: F811
    question = approved(video=MP4 + b"bucket", clip_source_id="1abc")
    with pytest.raises(exporting.CannotExport, match="cannot be linked"):
        exporting.export(tmp_path / "out", options=exporting.Options(videos="link"))
    client.force_login(lead)
    job = make(client)
    assert job.state == Job.State.DONE, job.error
    response = client.get(reverse("export_download", args=[job.pk]))
    assert response.status_code == 302
    archive = zipfile.ZipFile(io.BytesIO(requests.get(response["Location"], timeout=10).content))
    assert archive.read("PhysGame_1/PhysGame-Benchmark/1abc.mp4") == MP4 + b"bucket"
    bucket.delete(question.clip.original)
    assert f"question {question.pk} (1abc) is missing" in make(client).error


class Met(jobs.Run):
    """A run that calls `meet` at its first check once `there()` is true."""

    def __init__(self, job, *, there, meet):
        super().__init__(job)
        self.there, self.meet = there, meet

    def check(self):
        if self.meet and self.there():
            meet, self.meet = self.meet, None
            meet()
        super().check()


@pytest.mark.django_db(transaction=True)
def test_an_attempt_that_was_taken_for_dead_does_not_spoil_the_next_one():
    approved(video=MP4 + b"twice at once")
    job = export_jobs.start(by=UserFactory(roles=["lead"]), options=exporting.Options())
    old_is_in, new_packs, old_is_out = (threading.Event() for _ in range(3))
    told = []

    def again():
        try:
            old_is_in.wait(10)
            Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED, run_token=None)  # as the sweep does

            def packing():
                new_packs.set()
                old_is_out.wait(10)

            run = Met(jobs.claim(job.pk), there=lambda: list(store.work_dir().glob("*.zip")), meet=packing)
            told.append(export_jobs.export(run, **job.arguments))
        finally:
            new_packs.set()
            connection.close()

    def meanwhile():
        old_is_in.set()
        new_packs.wait(10)
        old._lost.set()

    old = Met(jobs.claim(job.pk), there=lambda: True, meet=meanwhile)
    thread = threading.Thread(target=again)
    thread.start()
    with pytest.raises(jobs.LostClaim):
        export_jobs.export(old, **job.arguments)
    old_is_out.set()
    thread.join(20)
    assert zipfile.ZipFile(default_storage.open(told[0]["file"])).testzip() is None
    assert not list(store.work_dir().glob("*export-*"))
