"""Bringing files in by hand: one clip per content, whatever happens at once, and the command."""

import io
import json
import subprocess
import sys
import threading

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection

from annotator import importing
from annotator.ingest import store
from annotator.ingest.refusals import Refused
from annotator.models import Clip, ClipNote, WrongState
from studio import jobs
from studio.models import Job
from tests import videos
from tests.conftest import environment_of_a_process, wait_until
from tests.factories import ClipFactory, QuestionFactory

pytestmark = pytest.mark.django_db


def bring(path, name="a.mp4", source=Clip.Source.UPLOAD, **details):
    return importing.bring(path, original_name=name, source=source, **details)


def test_a_clip_its_file_and_its_job_come_together(lead):
    clip, created = bring(videos.plain(), by=lead, title="A title", licence="CC BY 4.0")
    assert created
    assert (clip.state, clip.title, clip.licence, clip.brought_by) == (Clip.State.INGESTING, "A title", "CC BY 4.0", lead)
    assert default_storage.open(clip.original).read() == videos.plain().read_bytes()
    job = Job.objects.get()
    assert (job.kind, job.queue, job.key, job.owner) == ("annotator.ingest", "cpu", f"ingest-{clip.pk}", lead)


def test_a_path_an_open_file_and_an_incoming_are_all_taken():
    with open(videos.plain(), "rb") as file:
        clip, created = bring(file)
    assert created
    assert bring(io.BytesIO(videos.plain().read_bytes())) == (clip, False)
    assert bring(store.Incoming.of(videos.plain())) == (clip, False)
    assert list(store.work_dir().iterdir()) == []


def test_the_same_file_again_is_the_same_clip_with_a_note(lead):
    clip, _ = bring(videos.plain(), by=lead)
    again, created = bring(videos.plain(), name="other.mov", by=lead)
    assert (again, created) == (clip, False)
    assert ClipNote.objects.get().text == "Brought again as “other.mov” from Upload by lea."
    assert Job.objects.count() == 1


def test_reading_the_same_folder_again_leaves_no_note():
    bring(videos.plain(), source=Clip.Source.FOLDER)
    bring(videos.plain(), source=Clip.Source.FOLDER)
    for _ in range(2):
        bring(videos.plain(), name="copy.mp4", source=Clip.Source.FOLDER)
    assert [note.text for note in ClipNote.objects.all()] == ["Brought again as “copy.mp4” from Folder by a command."]


def test_a_source_id_of_another_file_is_refused_and_the_file_is_not_kept():
    clip, _ = bring(videos.plain(), source_id="abc")
    with pytest.raises(Refused, match=f"belongs to clip {clip.pk}"):
        bring(videos.counter(10), source_id="abc")
    assert [name for name in _stored("originals")] == [clip.original]


def _stored(folder):
    root = settings.MEDIA_ROOT / folder
    return [str(path.relative_to(settings.MEDIA_ROOT)) for path in root.rglob("*") if path.is_file()]


@pytest.fixture(autouse=True)
def _empty_media():
    import shutil

    shutil.rmtree(settings.MEDIA_ROOT, ignore_errors=True)


def test_more_bytes_than_allowed_are_refused_while_they_come(settings):
    settings.UPLOAD_MAX_BYTES = 1000
    with pytest.raises(Refused, match="larger than"):
        bring(videos.plain())
    assert list(store.work_dir().iterdir()) == []


def test_stories_that_do_not_fit_are_cut_and_what_cannot_be_stored_is_left_out():
    clip, _ = bring(videos.plain(), title="x" * 600, text="a\x00b" + "y" * 60_000, author="\ud800z")
    clip.refresh_from_db()
    assert len(clip.title) == 500 and clip.text.startswith("aby") and len(clip.text) == 50_000
    assert clip.author == "?z"


@pytest.mark.django_db(transaction=True)
def test_eight_people_bringing_the_same_file_at_once_make_one_clip_and_one_job():
    gate, results = threading.Barrier(8), []

    def one():
        try:
            gate.wait()
            results.append(bring(videos.plain()))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert sum(created for _clip, created in results) == 1
    assert Clip.objects.count() == Job.objects.count() == 1
    assert default_storage.open(Clip.objects.get().original).read() == videos.plain().read_bytes()


def test_a_ready_clip_is_not_ingested_again():
    with pytest.raises(WrongState, match="is ready"):
        importing.ingest_again(ClipFactory(), by=None)


def test_a_lost_original_is_said_and_healed_by_bringing_the_file_again(settings):
    settings.JOB_HEARTBEAT_S = 3600
    clip, _ = bring(videos.plain())
    default_storage.delete(clip.original)
    assert jobs.run(Job.objects.get().pk) == Job.State.FAILED
    clip.refresh_from_db()
    assert clip.failure == "The original is missing from the media storage. Bring the file again."
    assert bring(videos.plain()) == (clip, False)
    assert default_storage.open(clip.original).read() == videos.plain().read_bytes()
    assert jobs.run(importing.ingest_again(clip, by=None).pk) == Job.State.DONE


def test_trying_again_twice_makes_one_job():
    clip = ClipFactory(state="failed", failure="x")
    assert importing.ingest_again(clip, by=None) == importing.ingest_again(clip, by=None)
    clip.refresh_from_db()
    assert (clip.state, clip.failure) == (Clip.State.INGESTING, "")


def test_a_clip_that_came_with_its_question_offers_no_place(settings):
    from annotator.queue import free_places

    taken = QuestionFactory(submitted=True).clip
    free = ClipFactory(open_slots=0)
    QuestionFactory(clip=free)  # a draft takes no place of its own
    Clip.objects.update(open_slots=free_places())
    assert Clip.objects.get(pk=taken.pk).open_slots == 0
    assert Clip.objects.get(pk=free.pk).open_slots == 1


# -- the command --------------------------------------------------------------------------------------------------------


def command(*arguments):
    out = io.StringIO()
    try:
        call_command("import_clips", *map(str, arguments), stdout=out)
    except CommandError as error:
        return out.getvalue(), error
    return out.getvalue(), None


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a.mp4").write_bytes(videos.plain().read_bytes())
    (tmp_path / "deep" / "er" / "B.MKV").write_bytes(videos.lavfi("import.mkv", "-c:v", "ffv1").read_bytes())
    (tmp_path / "notes.txt").write_text("not looked at")
    return tmp_path


def test_a_folder_is_read_to_its_depth_and_only_videos_are_taken(folder):
    out, error = command(folder, "--purpose", "training", "--licence", "CC0")
    assert error is None
    assert "1/2 a.mp4: clip" in out and "2/2 deep/er/B.MKV: clip" in out
    assert "2 clips brought in, 0 were here already, 0 refused." in out
    assert set(Clip.objects.values_list("source", "purpose", "licence")) == {("folder", "training", "CC0")}


def test_running_it_again_brings_nothing_twice(folder):
    command(folder)
    out, error = command(folder)
    assert error is None and "0 clips brought in, 2 were here already" in out
    assert Clip.objects.count() == 2 and not ClipNote.objects.exists()


def test_a_limit_takes_the_first_ones(folder):
    command(folder, "--limit", "1")
    assert Clip.objects.get().original_name == "a.mp4"


@pytest.mark.parametrize("name", ["a.json", "a.info.json", "a.mp4.json"])
def test_a_sidecar_tells_the_story(folder, name):
    story = {
        "id": "t3_x",
        "title": "Car stuck",
        "selftext": "It hangs",
        "permalink": "https://example.org/x",
        "uploader": "me",
        "license": "MIT",
        "epoch": 1700000000,
        "category": "Friction",
    }
    (folder / name).write_text(json.dumps(story))
    assert command(folder)[1] is None
    clip = Clip.objects.get(original_name="a.mp4")
    assert (clip.source_id, clip.title, clip.text, clip.author) == ("t3_x", "Car stuck", "It hangs", "me")
    assert (clip.permalink, clip.licence, clip.expected_category) == ("https://example.org/x", "MIT", "Friction")
    assert clip.retrieved_at.year == 2023


@pytest.mark.parametrize("content", ["{", "[]", '{"category": "Magic"}', '{"purpose": "fun"}', '{"retrieved_at": "soon"}'])
def test_a_bad_sidecar_is_named_and_the_rest_goes_on(folder, content):
    (folder / "a.json").write_text(content)
    out, error = command(folder)
    assert "a.mp4: " in out and error is not None and error.returncode == 1
    assert Clip.objects.get().original_name == "B.MKV"


def test_a_csv_names_files_beside_it_and_their_stories(folder):
    rows = folder / "clips.csv"
    rows.write_text(
        "\ufefffile,source_id,title,text,permalink,author,licence,retrieved_at,purpose,category\n"
        'a.mp4,s1,"A, with comma","two\nlines",https://example.org,me,CC0,2024-05-01,training,Gravity\n'
        "deep/er/B.MKV,s2,,,,,,,,\n"
        "missing.mp4,s3,,,,,,,,\n"
        "https://example.org/x.mp4,s4,,,,,,,,\n"
        ",s5,,,,,,,,\n",
        encoding="utf-8",
    )
    out, error = command(rows)
    assert "3 of 5 could not be taken" in str(error)
    assert "missing.mp4: No such file or directory" in out
    assert "example.org is not on the list" in out and "names no file" in out
    clip = Clip.objects.get(source_id="s1")
    assert (clip.title, clip.text, clip.purpose, clip.expected_category) == (
        "A, with comma",
        "two\nlines",
        "training",
        "Gravity",
    )
    assert (clip.source, clip.retrieved_at.date().isoformat()) == ("csv", "2024-05-01")
    assert Clip.objects.get(source_id="s2").purpose == "benchmark"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"title\nx\n", "has no column"),
        (b"file,colour\nx,y\n", "mean nothing here: colour"),
        (b"file\n\xff\xfe\n", "is not UTF-8"),
        (b"", "has no column"),
    ],
)
def test_a_csv_that_cannot_be_used_is_refused_in_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    assert sentence in str(command(path)[1])


def test_a_source_that_is_not_there_or_holds_no_videos_is_refused(tmp_path):
    assert "There is no" in str(command(tmp_path / "nowhere")[1])
    assert "There are no videos" in str(command(tmp_path)[1])
    assert "nobody called" in str(command(tmp_path, "--by", "ghost")[1])


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_waiting_says_which_ingests_failed(folder, start_worker):
    (folder / "c.mp4").write_bytes(videos.lavfi("one-frame.mp4", "-c:v", "libx264", "-frames:v", "1").read_bytes())
    start_worker("cpu")
    done = subprocess.run(
        [sys.executable, "manage.py", "import_clips", str(folder), "--wait"],
        env=environment_of_a_process(),
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert "c.mp4: The video has only one frame" in done.stdout
    assert "2 of 3 clips are ready." in done.stdout
    assert done.stderr.strip() == "CommandError: 1 of 3 could not be taken; the lines above say why."


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killing_the_worker_in_the_middle_leaves_no_half_made_clip_and_the_job_is_done_again(start_worker):
    clip, _ = bring(videos.lavfi("long.mp4", source="testsrc2=s=1280x720:r=30:d=20"))
    worker = start_worker("cpu,io")
    job = Job.objects.get()

    def is_under_way():
        job.refresh_from_db()
        return job.state == Job.State.RUNNING and job.done > 30

    wait_until(is_under_way, seconds=90, what="the ingest to be under way")
    worker.kill()
    clip.refresh_from_db()
    assert clip.state == Clip.State.INGESTING
    assert not (clip.proxy or clip.poster or clip.filmstrip or clip.frame_count or clip.open_slots)
    assert not (_stored("proxies") or _stored("posters") or _stored("filmstrips"))
    start_worker("cpu,io")

    def is_done():
        clip.refresh_from_db()
        return clip.state != Clip.State.INGESTING

    wait_until(is_done, seconds=180, what="the job to be done again")
    wait_until(lambda: not Job.objects.filter(state="running").exists(), what="the job to end")
    job.refresh_from_db()
    assert (clip.state, clip.frame_count, job.state) == (Clip.State.READY, 600, Job.State.DONE)
    assert job.attempts == 2
    assert list(store.work_dir().iterdir()) == []
    assert len(_stored("proxies")) == len(_stored("posters")) == len(_stored("filmstrips")) == 1
