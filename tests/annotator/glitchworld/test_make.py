"""The command: it goes on after being killed, refuses bad settings in one sentence and leaves nothing half-made."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from annotator.glitchworld import make, sheet, truth, video


def run(*arguments, **options):
    said = io.StringIO()
    call_command("make_glitchworld", *map(str, arguments), stdout=said, **options)
    return said.getvalue()


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_set_in_the_public_format(tmp_path):
    out = tmp_path / "set"
    said = run(out, "--clips", "2", "--seed", "4", "--theme", "snow", "--category", "Color", "--twins")
    truths = truth.read_truth(out)
    assert f"holds {len(truths)} clips" in said
    assert {one.theme for one in truths} == {"snow"}
    assert {one.glitch.category for one in truths if one.glitch} == {"Color"}
    assert all((out / one.video).stat().st_size > 20_000 for one in truths)
    assert sorted(path.name for path in (out / "clips").iterdir()) == sorted(f"{one.clip_id}.mp4" for one in truths)
    (annotation,) = out.glob("PhysGame_*_annotation.json")
    rows = json.loads(annotation.read_text())
    assert annotation.name == "PhysGame_2_annotation.json"
    assert {row["question_id"] for row in rows} == {one.clip_id for one in truths if not one.clip_id.endswith("-twin")}
    for row in rows:
        assert list(row) == ["question_id", "question", "options", "answer", "class_anno", "subclass_anno"]
        assert list(row["options"]) == ["A", "B", "C", "D"] and row["answer"] in row["options"]
    claims = json.loads((out / "option_categories.json").read_text())
    assert list(claims) == [row["question_id"] for row in rows]
    for row in rows:
        assert len(claims[row["question_id"]]) == 4
        assert claims[row["question_id"]]["ABCD".index(row["answer"])] == row["subclass_anno"]
    assert not (out / "parts").exists()


def test_the_command_touches_no_database(tmp_path):
    """In a process of its own whose database cannot be reached."""
    environment = {**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
    command = [sys.executable, "manage.py", "make_glitchworld", str(tmp_path / "set"), "--clips", "2", "--arrays"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "holds 2 clips" in done.stdout


def processes_of(parent):
    return subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True).stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arrays", "videos"])
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path, kind):
    options = ["--seed", "5", "--clips", "60" if kind == "arrays" else "3", *(["--arrays"] if kind == "arrays" else [])]
    run(tmp_path / "whole", *options)
    out = tmp_path / "killed"
    command = [sys.executable, "manage.py", "make_glitchworld", str(out), *options]
    process = subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 240
    while not list((out / "parts").glob("*.tsv")) and time.monotonic() < end:
        time.sleep(0.02)
    children = processes_of(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    ready = {path.name: path.stat().st_mtime_ns for path in (out / "parts").glob("*.tsv")}
    assert ready and not (out / "truth.jsonl").exists(), "killed too late to try this"
    while any(os.path.exists(f"/proc/{child}") for child in children) and time.monotonic() < end:
        time.sleep(0.1)
    ready = {path.name: path.stat().st_mtime_ns for path in (out / "parts").glob("*.tsv")}
    before = {path: path.stat().st_mtime_ns for path in (out / "clips").glob("*.mp4") if not path.name.startswith(".")}
    run(out, *options)
    assert files_of(out) == files_of(tmp_path / "whole")
    kept = [path for path, when in before.items() if path.stat().st_mtime_ns == when]
    assert len(kept) >= len(ready) or kind == "arrays"


def test_a_complete_set_is_left_alone(tmp_path):
    run(tmp_path / "set", "--clips", "2", "--arrays")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").iterdir()}
    run(tmp_path / "set", "--clips", "2", "--arrays")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set").iterdir()} == before
    with pytest.raises(CommandError, match="made with other settings"):
        run(tmp_path / "set", "--clips", "3", "--arrays")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--theme", "medow"], "There is no theme 'medow'. Did you mean meadow?"),
        (["--theme", "xyz"], "There is no theme 'xyz'. There are meadow, "),
        (["--category", "gravity"], "There is no category 'gravity'. Did you mean Gravity?"),
        (["--clips", "0"], "A set has 1 to 1000000 clips, not 0."),
        (["--seed", "-1"], "A seed is 0 or more, not -1."),
        (["--glitch-free", "1.5"], "The share of glitch-free clips lies between 0 and 1, not at 1.5."),
        (["--workers", "0"], "At least one process is needed, not 0."),
    ],
)
def test_bad_settings_end_in_one_sentence(tmp_path, options, sentence):
    with pytest.raises(CommandError) as error:
        run(tmp_path / "set", *options)
    assert str(error.value).startswith(sentence)
    assert not (tmp_path / "set").exists()


def test_a_foreign_folder_is_not_touched(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(CommandError, match="is not empty and holds no set of clips"):
        run(tmp_path, "--clips", "2")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(CommandError, match="is not a folder"):
        run(tmp_path / "mine.txt", "--clips", "2")


def test_without_room_nothing_is_begun(tmp_path):
    with pytest.raises(CommandError, match="GB left; free some room"):
        run(tmp_path / "set", "--clips", "1000000")
    assert not (tmp_path / "set").exists()


def test_a_folder_that_cannot_be_written(tmp_path):
    """A file system without write access, as root passes every permission."""
    with pytest.raises(CommandError) as error:
        run("/proc/glitchworld", "--clips", "2", "--arrays")
    assert len(str(error.value).splitlines()) == 1 and "/proc" in str(error.value)


def test_a_read_only_folder(tmp_path, monkeypatch):
    if os.geteuid() == 0:
        command = [sys.executable, "manage.py", "make_glitchworld", str(tmp_path / "ro" / "set"), "--clips", "2"]
        (tmp_path / "ro").mkdir(mode=0o555)
        asked = os.access
        monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(tmp_path / "ro") and asked(path, mode))
        assert command
    else:
        (tmp_path / "ro").mkdir(mode=0o555)
    with pytest.raises(CommandError, match="cannot be written to; choose another folder"):
        run(tmp_path / "ro" / "set", "--clips", "2")
    assert not list((tmp_path / "ro").iterdir())


def test_ffmpeg_that_fails_is_named(tmp_path):
    with pytest.raises(video.CannotEncode, match="ffmpeg could not write clip.mp4"):
        video.encode([], tmp_path / "missing" / "clip.mp4", width=64, height=64, fps=30, quality=0)


def test_no_output_named():
    with pytest.raises(CommandError, match="Name a folder"):
        run()


def test_the_contact_sheet(tmp_path):
    import cv2

    drawn = run("--sheet", tmp_path / "sheet.png", "--theme", "moon", "--theme", "garden", "--category", "Color")
    assert "Drew 6 clips" in drawn
    image = cv2.imread(str(tmp_path / "sheet.png"))
    assert image.shape == (3 * (18 + sheet.CELL[1]), 2 * sheet.FRAMES * sheet.CELL[0], 3)
    with pytest.raises(CommandError, match="should end with .png"):
        run("--sheet", tmp_path / "sheet.txt")
    with pytest.raises(CommandError, match="There is no folder"):
        run("--sheet", tmp_path / "none" / "sheet.png")


def test_labels_are_balanced_and_independent():
    settings = make.Settings(1200, 1, make.catalogue.THEMES, make.catalogue.CATEGORIES, 0.1, False, True)
    labels, rows = make.labels(settings)
    free = sum(label.category is None for label in labels)
    assert rows == 1200 and 80 <= free <= 165
    counts = [sum(label.category == name for label in labels) for name in make.catalogue.CATEGORIES]
    assert max(counts) - min(counts) <= 1
    again, _ = make.labels(make.Settings(600, 1, settings.themes, settings.categories, 0.1, False, True))
    assert again == labels[:600], "the first clips of a larger set are those of a smaller one"
