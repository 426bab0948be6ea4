"""Video-MME in its published files: a small set of our own."""

import io

import pyarrow
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command

from modelzoo.evaluation import leaderboard, video_mme
from modelzoo.models import Evaluation
from modelzoo.physvlm.data.sources import BadData
from tests.modelzoo.physvlm.sets import make_videos

pytestmark = pytest.mark.django_db
ROWS = [
    {
        "video_id": f"{number:03}", "duration": duration, "domain": "Knowledge", "sub_category": "Physics",
        "url": "https://example.org", "videoID": f"vid{number}", "question_id": f"{number:03}-{question}",
        "task_type": "Counting", "question": f"How many squares, {question}?",
        "options": [f"{letter}. {count}." for letter, count in zip("ABCD", ("One", "Two", "Three", "Four"), strict=True)],
        "answer": "ABC"[number],
    }
    for number, duration in enumerate(("short", "medium", "long"))
    for question in range(1, 4)
]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Three videos of three questions each, as the data set has them."""
    made, found = tmp_path / "made", tmp_path / "Video-MME"
    make_videos(made, clips=3)
    (found / "data").mkdir(parents=True)
    for number, video in enumerate(sorted(made.glob("*/*.mp4"))[:3]):
        video.rename(found / "data" / f"vid{number}.mp4")
    write(found, ROWS)
    return found


def write(folder, rows):
    (folder / "videomme").mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "videomme/test-00000-of-00001.parquet")


def test_it_is_frozen_and_measured_by_duration(folder):
    question_set = video_mme.freeze(folder)
    one = question_set.questions.first()
    assert (one.options, one.part, one.family) == (["One.", "Two.", "Three.", "Four."], "short", "clip:vid0")
    out = io.StringIO()
    arguments = ["--model", "baseline:first", "--benchmark", "video-mme", "--data", str(folder)]
    call_command("evaluate_physvlm", *arguments, stdout=out)
    found = Evaluation.objects.get()
    assert found.is_complete and found.question_set == question_set
    assert {part: figure["share"] for part, figure in found.figures["by_part"].items()} == {
        "short": 1,
        "medium": 0,
        "long": 0,
    }
    assert found.figures["micro"]["groups"] == 3  # three questions about one video are one draw
    [row] = [row for row in leaderboard.build("video-mme") if not row.is_published]
    assert row.cells["overall"].text == "33.3" and row.cells["short"].text == "100.0" and "overall_subs" not in row.cells
    with pytest.raises(CommandError, match="about PhysGame"):
        call_command("evaluate_physvlm", *arguments, "--protocol", "paper", stdout=out)


def test_what_is_missing_is_named_with_where_to_get_it(folder, tmp_path):
    with pytest.raises(BadData, match=r"videomme/\*.parquet. Get .* from https://huggingface.co"):
        video_mme.read(tmp_path)
    (folder / "data/vid1.mp4").unlink()
    with pytest.raises(BadData, match=r"row 4: the video vid1.mp4 is not in .*data. Get it from https://huggingface.co"):
        video_mme.read(folder)
    write(folder, [{**ROWS[0], "answer": "E"}])
    with pytest.raises(BadData, match="row 1: answer 'E'"):
        video_mme.read(folder)
    write(folder, [{"question": "x"}])
    with pytest.raises(BadData, match="lacks the column videoID"):
        video_mme.read(folder)
    (folder / "videomme/test-00000-of-00001.parquet").write_bytes(b"no")
    with pytest.raises(BadData, match="is no parquet file"):
        video_mme.read(folder)
