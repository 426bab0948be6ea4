"""A folder of make_glitchworld comes in with what really happens in its clips."""

import io
import json
import shutil

import pytest
from django.core.management import CommandError, call_command

from annotator.glitchworld.truth import ClipTruth
from annotator.importing import latest_jobs
from annotator.models import Clip, Truth
from studio import jobs
from tests import videos
from tests.factories import clip_truth

pytestmark = pytest.mark.django_db


def command(*arguments):
    """(standard output, the error that ended it)."""
    out = io.StringIO()
    try:
        call_command("import_clips", *map(str, arguments), stdout=out)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


@pytest.fixture
def write_set(tmp_path):
    """`write_set(truth, ...)`: a folder as make_glitchworld leaves it, each video another one."""

    def write(*truths):
        folder = tmp_path / "set"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "clips").mkdir(parents=True)
        for number, truth in enumerate(truths):
            shutil.copy(videos.counter(20 + number), folder / truth.video)
        (folder / "truth.jsonl").write_text("".join(truth.to_json() + "\n" for truth in truths))
        return folder

    return write


def test_a_set_is_recognised_and_each_clip_gets_its_truth(write_set):
    pair = clip_truth(twin="gw1-meadow-7-twin"), clip_truth(clip_id="gw1-meadow-7-twin", twin="gw1-meadow-7", glitch=False)
    out, error = command(write_set(*pair))
    assert error == "" and "2 clips brought in" in out
    clips = list(Clip.objects.order_by("pk"))
    assert [(c.source, c.source_id, c.title, c.licence) for c in clips] == [
        ("glitchworld", "gw1-meadow-7", "GlitchWorld meadow 7", "CC0-1.0"),
        ("glitchworld", "gw1-meadow-7-twin", "GlitchWorld meadow 7", "CC0-1.0"),
    ]
    assert [c.expected_category for c in clips] == ["Gravity", ""]
    for clip, truth in zip(clips, pair, strict=True):
        assert ClipTruth.from_json(json.dumps(clip.truth.row)) == truth
    assert [c.truth.spans for c in clips] == [[[30, 89]], []]
    again, error = command(write_set(*pair))
    assert error == "" and "0 clips brought in, 2 were here already" in again
    assert Truth.objects.count() == 2


def test_clips_for_practice_say_nothing_of_their_category(write_set):
    folder = write_set(clip_truth())
    command(folder, "--purpose", "practice", "--licence", "CC BY 4.0")
    clip = Clip.objects.get()
    assert (clip.purpose, clip.expected_category, clip.licence) == ("practice", "", "CC BY 4.0")
    assert clip.truth.category == "Gravity"


def test_a_file_that_came_before_its_truth_gets_it_now(write_set):
    folder = write_set(clip_truth())
    command(folder / "clips" / "gw1-meadow-7.mp4")
    clip = Clip.objects.get()
    assert clip.source == "folder" and not Truth.objects.exists()
    command(folder)
    assert Truth.objects.get().clip == clip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "line 1: it is not a truth"),
        ('{"clip_id": "a"}', "line 1: it is not a truth"),
        ("", "line 1: it is not a truth"),
        ("[" * 100_000, "line 1: it is not a truth"),
    ],
)
def test_a_broken_truth_brings_nothing_in(write_set, text, says):
    folder = write_set(clip_truth())
    (folder / "truth.jsonl").write_text(text)
    _out, error = command(folder)
    assert says in error and not Clip.objects.exists()


def test_a_set_of_arrays_is_refused_in_words(write_set):
    folder = write_set(clip_truth())
    row = json.loads(clip_truth().to_json()) | {"video": None, "row": 0}
    (folder / "truth.jsonl").write_text(json.dumps(row) + "\n")
    assert "holds arrays and no videos" in command(folder)[1] and not Clip.objects.exists()


def test_a_truth_may_not_name_files_outside_its_set(write_set, tmp_path):
    folder = write_set(clip_truth())
    (tmp_path / "secret.mp4").write_bytes(videos.plain().read_bytes())
    row = json.loads(clip_truth().to_json()) | {"video": "../secret.mp4"}
    (folder / "truth.jsonl").write_text(json.dumps(row) + "\n")
    assert "outside" in command(folder)[1] and not Clip.objects.exists()


def test_a_missing_video_is_named_and_the_others_come_in(write_set):
    folder = write_set(clip_truth(), clip_truth(clip_id="gw1-meadow-8"))
    (folder / "clips/gw1-meadow-7.mp4").unlink()
    out, error = command(folder)
    assert "clips/gw1-meadow-7.mp4: No such file" in out and "1 of 2" in error
    assert Clip.objects.get().source_id == "gw1-meadow-8"


@pytest.mark.slow
def test_a_real_set_keeps_every_frame_through_ingest(tmp_path):
    """Boxes and spans count frames of the clip as it was made; the proxy must have the same ones."""
    call_command("make_glitchworld", str(tmp_path / "set"), clips=1, seed=5, stdout=io.StringIO())
    assert command(tmp_path / "set")[1] == ""
    clip = Clip.objects.get()
    assert jobs.run(latest_jobs([clip.pk])[clip.pk].pk) == "done"
    clip.refresh_from_db()
    row = clip.truth.row
    assert (clip.frame_count, clip.fps, clip.width, clip.height) == (row["frames"], row["fps"], row["width"], row["height"])
