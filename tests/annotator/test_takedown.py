"""Taking a clip down: what goes at once, what a job deletes, what stays and says so."""

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from annotator import importing, queue, takedown
from annotator.ingest.refusals import Refused
from annotator.models import Clip, Lease, Question, Takedown, TakedownMark, WrongState
from modelzoo.models import Checkpoint, TrainingRun
from studio import history, jobs
from studio.models import Job
from tests import videos
from tests.factories import ClipFactory, QuestionFactory

pytestmark = pytest.mark.django_db


def run():
    return jobs.run(Job.objects.get(kind=takedown.KIND).pk)


@pytest.fixture
def clip(lead):
    """A clip whose original really lies in the storage."""
    clip, _created = importing.bring(videos.plain(), original_name="a.mp4", source=Clip.Source.REDDIT, source_id="1abc2de")
    return clip


def test_a_clip_leaves_everything_with_its_questions_and_files(client, lead, clip, annotator):
    approved = QuestionFactory(clip=clip, approved=True)
    Lease.objects.create(user=annotator, clip=clip, slot=1, expires_at="2100-01-01T00:00Z")
    client.force_login(lead)
    response = client.post(reverse("clip_takedown", args=[clip.pk]), {"reason": "Its owner asked."})
    assert response.status_code == 302
    clip.refresh_from_db()
    approved.refresh_from_db()
    assert (clip.state, approved.state, Lease.objects.count()) == ("taken_down", "rejected", 0)
    assert queue.next_clip(annotator) is None
    name = clip.original
    assert client.get(reverse("clip_media", args=[clip.pk, "original"])).status_code == 404  # before the job ran
    assert default_storage.exists(name)
    assert run() == "done"
    assert not default_storage.exists(name)
    clip.refresh_from_db()
    assert clip.original == ""
    taken = Takedown.objects.get()
    assert (taken.by, taken.reason, taken.questions) == (lead, "Its owner asked.", [[approved.pk, "approved"]])
    page = client.get(clip.get_absolute_url()).content.decode()
    assert "Taken down." in page and "Its owner asked." in page and "Its files are deleted." in page
    assert any(entry.who == "lea" and "Taken down" in str(entry.changes) for entry in history.of(clip))
    with pytest.raises(WrongState):
        takedown.take_down(clip, by=lead, reason="again")


def test_it_does_not_come_back(clip, lead):
    takedown.take_down(clip, by=lead, reason="x")
    run()
    with pytest.raises(Refused, match="was taken down"):
        importing.bring(videos.plain(), original_name="b.mp4", source=Clip.Source.UPLOAD)
    clip.refresh_from_db()
    assert clip.original == ""
    with pytest.raises(WrongState):
        importing.ingest_again(clip, by=lead)


def test_a_job_that_was_killed_half_way_is_done_again(clip, lead, monkeypatch):
    name = clip.original
    taken = takedown.take_down(clip, by=lead, reason="x")
    default_storage.delete(name)  # it had come so far
    assert run() == "done"
    taken.refresh_from_db()
    assert taken.files_gone_at


def test_a_file_that_another_clip_shows_stays(lead, clip):
    shared = clip.original
    ClipFactory(original=shared)
    takedown.take_down(clip, by=lead, reason="x")
    run()
    assert default_storage.exists(shared)


def test_runs_and_their_children_and_checkpoints_are_marked(clip, lead, settings, tmp_path, client):
    settings.RUNS_DIR = tmp_path
    used, other = TrainingRun.objects.create(name="used"), TrainingRun.objects.create(name="other")
    child = TrainingRun.objects.create(name="child", parent=used)
    for name, sha256 in (("used", clip.sha256), ("other", "0" * 64)):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / "clips.jsonl").write_text(f'{{"clip_id": "x", "sha256": "{sha256}"}}\n')
    saved = Checkpoint.objects.create(
        run=child, step=5, folder="step-5", bytes=1, sha256="0" * 64, committed_at="2026-01-01T00:00Z"
    )
    taken = takedown.take_down(clip, by=lead, reason="x")
    run()
    marks = set(TakedownMark.objects.values_list("kind", "object_id"))
    assert marks == {("run", used.pk), ("run", child.pk), ("checkpoint", saved.pk)}
    assert takedown.marks_of("run", used.pk) == [taken] and takedown.marks_of("run", other.pk) == []
    client.force_login(lead)
    page = client.get(clip.get_absolute_url()).content.decode()
    assert "child/step-5" in page and "Checkpoint</span>" in page
    assert "For training" not in page, "there is nothing left to be given a purpose"


def test_an_annotator_takes_nothing_down_and_a_reason_is_needed(client, annotator, lead, clip):
    client.force_login(annotator)
    assert client.post(reverse("clip_takedown", args=[clip.pk]), {"reason": "x"}).status_code == 403
    client.force_login(lead)
    client.post(reverse("clip_takedown", args=[clip.pk]), {"reason": " "})
    assert not Takedown.objects.exists()
    assert Question.objects.count() == 0
