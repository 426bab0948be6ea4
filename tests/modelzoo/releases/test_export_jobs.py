"""Exports of a release from its page and over the API, and what a takedown takes away."""

import io
import json
import uuid
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from annotator import prints, takedown
from annotator.ingest import store
from annotator.models import Fingerprint, TakedownMark
from modelzoo.instruct.models import BuildStep, InstructSample, PreferencePair
from modelzoo.models import Checkpoint, Release, ReleaseRow, RunRelease, TrainingRun
from modelzoo.releases import export_jobs, sealing, training, writing
from studio import jobs
from studio.models import Job
from tests.factories import InstructSampleFactory, PreferencePairFactory
from tests.modelzoo.films import film
from tests.modelzoo.releases.test_formats import training_clip
from tests.modelzoo.test_export import all_bytes, approved
from tests.modelzoo.test_exports_page import body
from tests.qc.duplicates import made_up_print
from tests.studio.test_api import client_of

pytestmark = pytest.mark.django_db
CHOICE = {"formats": ["physgame", "qwen"], "videos": "copy"}


@pytest.fixture
def release():
    for mark in range(3):
        InstructSampleFactory(clip=training_clip(mark), place=0)
    return sealing.seal("sft", kind="instruct")


def made(client, release, **changes):
    """Start an export on the page, run its job, return it."""
    assert client.post(reverse("release_export", args=[release.pk]), CHOICE | changes).status_code == 302
    job = Job.objects.filter(kind=export_jobs.KIND).latest("pk")
    jobs.run(job.pk)
    job.refresh_from_db()
    return job


def archive_of(client, release, job):
    response = client.get(reverse("release_export_download", args=[release.pk, job.pk]))
    assert response.status_code == 200, response
    return zipfile.ZipFile(io.BytesIO(body(response)))


def test_a_lead_exports_a_release_and_downloads_it(client, lead, release, tmp_path):
    client.force_login(lead)
    page = client.get(release.get_absolute_url()).content.decode()
    assert "It was not exported yet." in page and "Qwen-VL conversations" in page and "lmms-eval" not in page
    job = made(client, release)
    assert (job.state, job.owner, job.done, job.total) == (Job.State.DONE, lead, 6, 6)
    archive = archive_of(client, release, job)
    writing.write(release, tmp_path / "out", wanted=["physgame", "qwen"])
    assert {name: archive.read(name) for name in archive.namelist()} == {
        f"sft/{name}": data for name, data in all_bytes(tmp_path / "out").items()
    }
    assert not list(store.work_dir().glob("*release-export-*"))
    part = client.get(release.get_absolute_url() + "?part=exports", headers={"HX-Request": "true"}).content.decode()
    assert "Download" in part and "<html" not in part
    assert client.post(reverse("release_export_delete", args=[release.pk, job.pk])).status_code == 302
    assert not default_storage.exists(job.result["file"])
    assert client.get(reverse("release_export_download", args=[release.pk, job.pk])).status_code == 404
    assert client.post(reverse("release_export_delete", args=[release.pk, job.pk])).status_code == 409


def test_a_bad_choice_comes_back_and_the_same_one_twice_is_one_job(client, lead, release):
    client.force_login(lead)
    url = reverse("release_export", args=[release.pk])
    for bad in ({"videos": "copy"}, CHOICE | {"formats": ["lmms-eval"]}, CHOICE | {"videos": "x"}):
        assert client.post(url, bad).status_code == 422
    for formats in (["qwen", "physgame"], ["physgame", "qwen"]):
        assert client.post(url, CHOICE | {"formats": formats}).status_code == 302
    assert Job.objects.filter(kind=export_jobs.KIND).count() == 1


def test_an_export_that_was_killed_goes_on_with_its_videos_and_a_cancelled_one_leaves_nothing(lead, release):
    job = export_jobs.start(release, by=lead, wanted=["physgame"])
    run = jobs.Run(jobs.claim(job.pk))
    folder = store.work_dir() / f"release-export-{job.pk}"

    class Dies(writing.Progress):
        def videos(self, done, total):
            if done == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writing.write(release, folder, progress=Dies(), videos="copy")
    (part,) = store.work_dir().glob(f".{folder.name}.*")
    inodes = {path.name: path.stat().st_ino for path in part.glob("PhysInstruct/*.mp4")}
    assert len(inodes) == 2
    writing.write(release, folder, videos="copy", replace=True)
    assert {name: (folder / "PhysInstruct" / name).stat().st_ino for name in inodes} == inodes
    run._cancel.set()
    with pytest.raises(jobs.Cancelled):
        export_jobs.export(run, **job.arguments)
    assert not list(store.work_dir().glob("*release-export-*"))
    Job.objects.filter(pk=job.pk).update(run_token=uuid.uuid4())  # the sweep took it for dead: somebody else has it now
    folder.mkdir()
    with pytest.raises((jobs.LostClaim, jobs.Cancelled)):
        export_jobs.export(run, **job.arguments)
    assert folder.exists()
    folder.rmdir()


def test_a_takedown_takes_away_what_is_not_sealed_and_marks_the_rest(client, lead, release, settings, tmp_path):
    settings.DATA_DIR, settings.RUNS_DIR = tmp_path / "data", tmp_path / "runs"
    client.force_login(lead)
    clip = InstructSample.objects.order_by("pk").first().clip
    other = InstructSample.objects.order_by("pk").last()
    prints.keep(clip.pk, made_up_print(1))
    misled = PreferencePairFactory(sample=other, conditions={"meta": True, "title": clip.title, "title_clip": clip.pk})
    kept = PreferencePairFactory(sample=other, prompt="Another?")
    step = BuildStep.objects.create(job=Job.objects.create(kind="x", queue="llm"), clip=clip)
    whole, texts = made(client, release), made(client, release, videos="none")
    folder = training.folder_of(release)
    run = TrainingRun.objects.create(name="learned")
    saved = Checkpoint.objects.create(
        run=run, step=5, folder="step-5", bytes=1, sha256="0" * 64, committed_at="2026-01-01T00:00Z"
    )
    RunRelease.objects.create(run=run, release=release, sha256=release.sha256)
    takedown.take_down(clip, by=lead, reason="Its owner asked.")
    assert archive_of(client, release, whole)  # the job has not run yet
    assert jobs.run(Job.objects.get(kind=takedown.KIND).pk) == Job.State.DONE
    for job in (whole, texts):
        assert not default_storage.exists(job.result["file"])
        assert client.get(reverse("release_export_download", args=[release.pk, job.pk])).status_code == 404
    assert not folder.exists() and not Fingerprint.objects.filter(clip=clip).exists()
    assert set(InstructSample.objects.values_list("clip", flat=True)) == set(
        release.clips.exclude(clip=clip.pk).values_list("clip_id", flat=True)
    )
    assert list(PreferencePair.objects.all()) == [kept] and misled
    step.refresh_from_db()
    assert (step.state, step.detail) == ("failed", "The clip was taken down.")
    assert ReleaseRow.objects.filter(release=release).count() == 3  # what is sealed stays
    marks = set(TakedownMark.objects.values_list("kind", "object_id"))
    assert marks == {("release", release.pk), ("run", run.pk), ("checkpoint", saved.pk)}
    page = client.get(release.get_absolute_url()).content.decode()
    assert "Its owner asked." in page and clip.get_absolute_url() in page and reverse("run", args=[run.pk]) in page
    assert "learned/step-5" in client.get(clip.get_absolute_url()).content.decode()
    again = made(client, release)
    assert (again.result["rows"], again.result["left_out"]) == (2, 1)
    assert len(json.loads(archive_of(client, release, again).read("sft/PhysInstruct_sft.json"))) == 2


def test_exports_of_what_is_approved_now_go_with_their_clip(client, lead):
    """One with its videos is looked into; one of texts goes if it may hold a question about the clip."""
    gone, stays = approved(video=film(1)), approved(video=film(2))
    client.force_login(lead)
    names = {}
    for purpose, videos in [("benchmark", "original"), ("benchmark", "none"), ("training", "none")]:
        job = Job.objects.create(kind="modelzoo.export", queue="io", state="queued", arguments={
            "purpose": purpose, "videos": "none" if videos == "none" else "copy", "video_file": "original",
        })  # fmt: skip
        if purpose == "training":
            Job.objects.filter(pk=job.pk).update(state="done", result={"file": "exports/none.zip"})
            default_storage.save("exports/none.zip", io.BytesIO(b"not ours"))
        else:
            assert jobs.run(job.pk) == Job.State.DONE
        names[purpose, videos] = Job.objects.get(pk=job.pk).result["file"]
    takedown.take_down(gone.clip, by=lead, reason="x")
    jobs.run(Job.objects.get(kind=takedown.KIND).pk)
    there = {key for key, name in names.items() if default_storage.exists(name)}
    assert there == {("training", "none")}
    assert default_storage.exists(stays.clip.original)


# ---- Over the API


@pytest.fixture
def api(admin):
    return client_of(admin)


def test_sealing_looking_and_comparing_over_the_api(api, release):
    InstructSampleFactory(clip=training_clip(9), place=0)
    told = api.post(reverse("api_releases"), {"name": "sft-2", "kind": "instruct"}, format="json")
    assert told.status_code == 202
    assert jobs.run(told.json()["id"]) == Job.State.DONE
    two = Release.objects.get(name="sft-2")
    names = [one["name"] for one in api.get(reverse("api_releases"), {"kind": "instruct"}).json()["results"]]
    assert names == ["sft-2", "sft"]
    detail = api.get(reverse("api_release", args=[two.pk])).json()
    assert (detail["rows"], detail["previous"], detail["sha256"]) == (4, release.pk, two.sha256)
    assert "qwen" in detail["formats"] and "lmms-eval" not in detail["formats"] and detail["card"].startswith("---")
    rows = api.get(reverse("api_release_rows", args=[two.pk]), {"order": "id", "page_size": 3}).json()
    assert [row["number"] for row in rows["results"]] == [0, 1, 2] and rows["next"]
    assert rows["results"][0]["record"]["QA"] and len(api.get(rows["next"]).json()["results"]) == 1
    diff = api.get(reverse("api_release_diff", args=[two.pk])).json()
    assert (diff["since"], diff["added"], diff["changed"], diff["removed"], len(diff["rows"])) == (release.pk, 1, 0, 0, 1)
    back = api.get(reverse("api_release_diff", args=[release.pk]), {"since": two.pk}).json()
    assert (back["added"], back["removed"]) == (0, 1)
    assert api.get(reverse("api_release_diff", args=[release.pk]), {"since": 10**6}).status_code == 422


@pytest.mark.parametrize(
    "body",
    [{}, {"name": "No Good", "kind": "instruct"}, {"name": "a", "kind": "x"},
     {"name": "a", "kind": "instruct", "split": "test"}, {"name": "a", "kind": "instruct", "kinds": ["x"]},
     {"name": "a", "kind": "benchmark", "categories": ["Colour"]}],
)  # fmt: skip
def test_what_cannot_be_sealed_is_refused_over_the_api(api, body):
    assert api.post(reverse("api_releases"), body, format="json").status_code == 422
    assert not Job.objects.exists()


def test_exporting_over_the_api(api, release):
    url = reverse("api_release_exports", args=[release.pk])
    for bad in ({}, {"formats": []}, {"formats": ["vlmevalkit"]}, {"formats": ["qwen"], "videos": "link"}):
        assert api.post(url, bad, format="json").status_code == 422
    told = api.post(url, {"formats": ["swift", "ms-swift"]}, format="json")
    assert told.status_code == 422
    told = api.post(url, {"formats": ["ms-swift"], "videos": "none"}, format="json")
    assert told.status_code == 202
    one = reverse("api_release_export", args=[release.pk, told.json()["id"]])
    assert jobs.run(told.json()["id"]) == Job.State.DONE
    now = api.get(one).json()
    assert (now["state"], now["rows"], now["formats"], now["videos"]) == ("done", 3, ["ms-swift"], "none")
    assert "sft/swift.jsonl" in zipfile.ZipFile(io.BytesIO(body(api.get(now["download"])))).namelist()
    assert api.get(url).json()["results"][0]["id"] == now["id"]
    assert api.delete(one).status_code == 204 and api.get(one).json()["download"] is None
    assert api.get(reverse("api_release_export", args=[release.pk + 1, now["id"]])).status_code == 404
