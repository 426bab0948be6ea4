"""A clip is found again however it was edited, and a clip of the same scene with another glitch is no copy of it."""

import numpy as np
import pytest

from annotator.ingest import fingerprint
from qc.duplicates.compare import by_films, by_prints
from qc.duplicates.index import Index
from tests.qc import duplicates

EDITS = {
    "re-encoded": ["-crf", "34"],
    "cropped": ["-vf", "crop=iw*0.9:ih*0.9"],
    "scaled": ["-vf", "scale=426:240"],
    "mirrored": ["-vf", "hflip"],
    "cut": ["-ss", "1", "-t", "3"],
    "faster": ["-vf", "setpts=PTS/1.1,fps=30"],
    "text": ["-vf", "drawtext=text='WAIT FOR IT':fontsize=40:fontcolor=white:x=(w-tw)/2:y=h*0.08"],
    "letterboxed": ["-vf", "pad=iw:ih*4/3:0:(oh-ih)/2,scale=640:480"],
}


@pytest.fixture(scope="module")
def original():
    path = duplicates.scene("glitch")
    return path, fingerprint.of_file(path)


def compared(path, original):
    print_ = fingerprint.of_file(path)
    shared = by_prints(print_, original[1])
    return shared and by_films(shared, (path, original[0]), (30, 30), (print_, original[1]))


@pytest.mark.slow
@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_copy_is_found_and_called_a_copy(edit, original):
    shared = compared(duplicates.edited(edit, *EDITS[edit]), original)
    assert shared.most >= 0.8 and shared.picture is not None and shared.differs == (), shared
    assert shared.mirror == (edit == "mirrored")
    assert shared.speed == pytest.approx(1.1 if edit == "faster" else 1.0, abs=0.011)
    assert shared.offset_s == pytest.approx(1.0 if edit == "cut" else 0.0, abs=0.06)
    sx, tx, _sy, _ty = shared.picture
    assert (sx, tx) == pytest.approx((0.9, 0.05) if edit == "cropped" else (1, 0), abs=0.01)
    if edit == "cut":  # 3 of 5 s: all of the cut one is in the original, three fifths the other way
        assert shared.cover_one == 1.0 and shared.cover_other == pytest.approx(0.6, abs=0.11)


def test_the_same_scene_with_another_glitch_is_no_copy(original):
    shared = compared(duplicates.scene("other"), original)
    assert shared.most >= 0.8 and shared.picture is not None, "one family"
    assert shared.differs and all(0 <= first <= last <= 5 for first, last in shared.differs)


def test_another_scene_of_the_same_theme_is_nothing(original):
    assert compared(duplicates.scene("scene"), original) is None


def test_a_mirrored_print_is_nearly_that_of_the_mirrored_film(original):
    turned = fingerprint.of_file(duplicates.edited("mirrored", *EDITS["mirrored"])).hashes[:, 0]
    far = np.bitwise_count(fingerprint.mirrored(original[1].hashes[:, 0]) ^ turned).sum(axis=1)
    assert far.max() <= 31


def test_a_bar_that_stays_blank_is_no_part_of_the_picture():
    rng = np.random.default_rng(3)
    frames = rng.integers(0, 256, (4, 96, 96), dtype=np.uint8)
    frames[:, :12], frames[:, -12:] = 16, 16
    assert fingerprint.picture_of(frames) == (12, 84, 0, 96)
    assert fingerprint.picture_of(np.full((4, 96, 96), 16, np.uint8)) == (0, 96, 0, 96), "a blank clip is left whole"


def test_the_index_finds_what_comparing_every_code_finds():
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 256, (5000, 16), dtype=np.uint8)
    index = Index()
    index.add(range(100, 350), [20] * 250, codes)
    index._sort()
    index.add([7], [20], rng.integers(0, 256, (20, 16), dtype=np.uint8))  # still unsorted
    near = codes[[40, 41, 3000]] ^ np.eye(1, 16, 3, dtype=np.uint8)  # one bit each
    clips, votes = index.search(near)
    assert dict(zip(clips.tolist(), votes.tolist(), strict=True)) == {102: 2, 250: 1}
    assert index.search(index._codes[-1:].view(np.uint8).reshape(1, 16))[0].tolist() == [7]
