"""The same seed gives the same frames on every machine and however many processes work."""

import hashlib

import numpy as np
import pytest

from annotator.glitchworld import catalogue, clip, make, truth
from annotator.glitchworld.scene import ARRAY, VIDEO


def digest(data):
    return hashlib.sha256(np.ascontiguousarray(data).tobytes()).hexdigest()


def test_a_small_clip_has_the_frames_it_has_everywhere():
    """Fails on a machine that draws other pixels, and when the world changes: then raise truth.WORLD with the hashes."""
    found = {}
    for theme, name in (("meadow", "growing_bounce"), ("castle", "bending_pole"), ("station", "stretched_body")):
        one = clip.plan(seed=1, theme=theme, format=ARRAY, glitch=name, strength=0.8)
        found[theme] = digest(np.stack(list(one.frames())))[:16]
    assert found == HASHES


HASHES = {"meadow": "578458921e752d8a", "castle": "6bdb127f2a304e40", "station": "435dc59a6e09102d"}


def test_arrays_have_the_shape_and_the_truth_they_promise(tmp_path):
    made = make.make_set(tmp_path / "set", clips=13, seed=2, arrays=True, twins=True, workers=1)
    arrays = np.load(tmp_path / "set" / make.ARRAYS, mmap_mode="r")
    truths = truth.read_truth(tmp_path / "set")
    assert arrays.shape == (made, 16, 96, 96, 3) and arrays.dtype == np.uint8
    assert [one.row for one in truths] == list(range(made))
    by_id = {one.clip_id: one for one in truths}
    for one in truths:
        assert (one.width, one.height, one.frames, one.video) == (96, 96, 16, None)
        assert arrays[one.row].std() > 10, "an empty picture"
        for actor in one.actors:
            assert len(actor.boxes) == 16
            assert all(deed[0] in truth.VERBS and deed[1] in (None, *truth.DIRECTIONS) for deed in actor.does)
            assert all(box is None or (0 <= box[0] < box[2] <= 96 and 0 <= box[1] < box[3] <= 96) for box in actor.boxes)
        if one.glitch:
            twin = by_id[one.twin]
            assert twin.glitch is None and twin.twin == one.clip_id and twin.seed == one.seed
            early = max(0, one.glitch.first_frame - 1)
            assert np.array_equal(arrays[one.row][:early], arrays[twin.row][:early])
            assert not np.array_equal(arrays[one.row], arrays[twin.row])


def test_stills_are_the_middle_frames_of_the_clips_they_would_have_been(tmp_path):
    for name, stills in (("moving", 0), ("some", 0.4)):
        make.make_set(tmp_path / name, clips=12, seed=4, arrays=True, level="plain", stills=stills, workers=1)
    moving, some = (np.load(tmp_path / name / make.ARRAYS) for name in ("moving", "some"))
    truths = truth.read_truth(tmp_path / "some")
    still = [one.still is not None for one in truths]
    assert 2 <= sum(still) <= 8
    for row, one in enumerate(truths):
        assert np.array_equal(some[row], moving[row][[8] * 16] if still[row] else moving[row])
        assert one.still in (None, 8)
    assert "stills" not in (tmp_path / "moving" / make.SETTINGS).read_text()
    assert '"still"' not in (tmp_path / "moving" / make.TRUTH).read_text()
    for file in tmp_path.glob("moving/Phys*.json"):
        assert file.read_text() == (tmp_path / "some" / file.name).read_text(), "the same is asked"


@pytest.mark.parametrize(("stills", "arrays", "words"), [(1.2, True, "between 0 and 1"), (0.1, False, "add --arrays")])
def test_stills_that_cannot_be(tmp_path, stills, arrays, words):
    with pytest.raises(make.CannotMake, match=words):
        make.make_set(tmp_path / "set", clips=2, seed=1, arrays=arrays, stills=stills)
    assert not (tmp_path / "set").exists()


def test_processes_do_not_change_the_bytes(tmp_path):
    for name, workers in (("one", 1), ("two", 2)):
        make.make_set(tmp_path / name, clips=50, seed=6, arrays=True, workers=workers)
    for file in sorted(path.name for path in (tmp_path / "one").iterdir()):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), file


def test_videos_decode_to_the_same_frames_with_one_and_two_processes(tmp_path):
    import av

    hashes = {}
    for name, workers in (("one", 1), ("two", 2)):
        make.make_set(tmp_path / name, clips=2, seed=9, themes=["moon", "town"], workers=workers)
        hashes[name] = []
        for one in truth.read_truth(tmp_path / name):
            with av.open(str(tmp_path / name / one.video)) as file:
                frames = [frame.to_ndarray(format="gray") for frame in file.decode(video=0)]
            assert len(frames) == one.frames == VIDEO.frames and frames[0].shape == (one.height, one.width)
            hashes[name].append(digest(np.stack(frames)))
    assert hashes["one"] == hashes["two"]
    assert len(set(hashes["one"])) == 2


def test_actors_are_large_enough_to_be_seen():
    """At least 12 pixels across in the direct mode, birds across only."""
    for theme in catalogue.THEMES:
        one = clip.plan(seed=8, theme=theme, format=ARRAY)
        list(one.frames())
        for cast in one.scene.cast:
            if cast.kind in catalogue.THINGS:
                assert min(cast.width, cast.height) * ARRAY.scale >= 12, (theme, cast.words)
            if cast.kind == "person":
                assert cast.height * ARRAY.scale >= 24
