"""Video-MME in its published files, small: three videos of three questions each."""

import pyarrow
import pyarrow.parquet

from tests.modelzoo.physvlm.sets import make_videos

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

SRT = """\ufeff1
00:00:00,000 --> 00:00:01,500
<font color="white" size=".72c">First &amp; <b>loud</b></font>

2
00:00:01.500 --> 00:00:04,000 align:start
1999
was a year

3
00:00:05,000 --> 00:00:04,000
backwards

4
00:00:03,900 --> 00:00:07,000
{\\an8}At the top

5
00:00:09,000 --> 00:00:10,000
never shown
"""


def make_video_mme(folder):
    """The folder, with `ROWS` and videos of 80 frames, which are eight seconds; no subtitles yet."""
    made = folder.with_name("made")
    make_videos(made, clips=3, frames=80)
    (folder / "data").mkdir(parents=True)
    for number, video in enumerate(sorted(made.glob("*/*.mp4"))[:3]):
        video.rename(folder / "data" / f"vid{number}.mp4")
    write(folder, ROWS)
    return folder


def write(folder, rows):
    (folder / "videomme").mkdir(exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "videomme/test-00000-of-00001.parquet")
