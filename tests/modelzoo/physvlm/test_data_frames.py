"""Frames decoded once: the right ones, small, the same for the same video, and a broken clip is named."""

import numpy as np
import pytest

from modelzoo.physvlm.data.cache import Frames, pack, unpack
from modelzoo.physvlm.data.freeze import sha256_of
from modelzoo.physvlm.data.sources import BadData, Media
from modelzoo.physvlm.frames import eval_frame_indices
from tests.modelzoo.physvlm.sets import make_arrays, make_videos


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = make_videos(tmp_path_factory.mktemp("videos") / "set", clips=2)
    return [(path.stem, Media(str(path)), sha256_of(path)) for path in sorted((folder / "PhysInstruct").iterdir())]


def frames_of(clips, folder, **changes):
    settings = dict(wanted=4, candidates=1, size=32, rule="eval", seed=0) | changes
    return Frames(clips, folder=folder, **settings)


def test_the_frames_are_those_of_the_rule_scaled_and_centred(videos, tmp_path):
    import av

    frames = frames_of(videos, tmp_path)
    frames.prepare(threads=2)
    shown = frames.at(0)
    assert shown.shape == (4, 3, 32, 32) and shown.dtype == np.uint8
    assert not shown[:, :, :8].any() and not shown[:, :, 24:].any()  # twice as wide as high: black above and below
    with av.open(videos[0][1].path) as container:
        whole = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for picture, number in zip(shown, eval_frame_indices(len(whole), 4), strict=True):
        small = whole[number].reshape(16, 4, 32, 4, 3).mean((1, 3))
        assert np.abs(picture[:, 8:24].transpose(1, 2, 0) - small).mean() < 8


def test_candidates_differ_between_epochs_and_stay_in_their_segments(videos, tmp_path):
    frames = frames_of(videos, tmp_path, candidates=3, rule="train")
    frames.prepare(threads=1)
    shown = [frames.at(0, epoch) for epoch in range(6)]
    assert len({picture.tobytes() for picture in shown}) > 1
    assert (frames.at(0, 3) == shown[3]).all()
    for candidates in zip(*frames._indices(20, "key"), strict=True):
        assert len({number // 5 for number in candidates}) == 1


def test_a_second_run_decodes_nothing_and_another_spec_does(videos, tmp_path, monkeypatch):
    frames_of(videos, tmp_path).prepare(threads=1)
    monkeypatch.setattr("modelzoo.physvlm.data.cache.decode", lambda *a, **k: pytest.fail("decoded again"))
    again = frames_of(videos, tmp_path)
    again.prepare(threads=1)
    assert again.at(1).any()
    with pytest.raises(pytest.fail.Exception, match="decoded again"):
        frames_of(videos, tmp_path, size=48).prepare(threads=1)


def test_a_broken_clip_is_named(videos, tmp_path):
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"not a video")
    with pytest.raises(BadData, match="The clip bad cannot be decoded"):
        frames_of([*videos, ("bad", Media(str(bad)), "0" * 64)], tmp_path / "cache").prepare(threads=2)


def test_a_damaged_cache_file_is_named_and_not_shown(videos, tmp_path):
    frames = frames_of(videos, tmp_path)
    frames.prepare(threads=1)
    path = frames._path(videos[0][2])
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(BadData, match="frames of the clip video0-0 are broken.*its end is missing"):
        frames.at(0)


def test_packed_frames_are_stored_once():
    from PIL import Image

    pictures = [Image.new("RGB", (16, 16), (value, 0, 0)) for value in (0, 128, 255)]
    data = pack([[pictures[0], pictures[1]], [pictures[0], pictures[2]]], [[0, 5], [0, 9]])
    assert data.count(b"\xff\xd8\xff") == 3
    assert [int(frame[0].mean()) for frame in unpack(data, [0, 1])] == [0, 254] or unpack(data, [0, 1])[1, 0].mean() > 250
    with pytest.raises(ValueError, match="not a file of frames"):
        unpack(b"else", [0])


def test_rows_of_an_array_are_shown_as_they_are(tmp_path):
    folder = make_arrays(tmp_path / "set", clips=3)
    whole = np.load(folder / "arrays.npy")
    clips = [(str(row), Media(str(folder / "arrays.npy"), row), "") for row in range(3)]
    assert (frames_of(clips, tmp_path, wanted=8, size=48).at(2) == whole[2].transpose(0, 3, 1, 2)).all()
    fewer = frames_of(clips, tmp_path, wanted=4, size=48).at(1)
    assert (fewer == whole[1][eval_frame_indices(8, 4)].transpose(0, 3, 1, 2)).all()
    with pytest.raises(BadData, match="has 8 frames a clip; the run wants 16. Set frames=8"):
        frames_of(clips, tmp_path, wanted=16)
