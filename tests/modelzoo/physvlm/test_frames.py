"""Frame choice and preparation against the original."""

import random

import numpy as np
import pytest

from modelzoo.physvlm import (
    eval_frame_indices,
    even_frame_indices,
    fit_frame,
    fps_frame_indices,
    intervals_of,
    middle_frame_indices,
    prepare_frame,
    train_frame_indices,
)
from tests.modelzoo.physvlm.reference import arrays, cases, settings

RULES = settings("frame_indices")


@pytest.mark.parametrize("case", RULES["train_rand"], ids=lambda case: f"{case['num_frames']}of{case['frames_in_clip']}")
def test_training_draws_what_the_original_draws(case):
    frames, wanted = case["frames_in_clip"], case["num_frames"]
    assert [list(interval) for interval in intervals_of(frames, wanted)] == case["interval_first_last"]
    for seed, expected in case["draws"].items():
        assert train_frame_indices(frames, wanted, int(seed)) == expected


@pytest.mark.parametrize("case", RULES["dpo_reader"])
def test_dpo_draws_by_the_same_rule(case):
    wanted = 8 if case["num_frames"] == -1 else case["num_frames"]
    assert train_frame_indices(case["frames_in_clip"], wanted, case["seed"]) == case["indices"]


@pytest.mark.parametrize("case", RULES["rawframe"])
def test_a_folder_of_frames_is_drawn_from_by_the_same_rule(case):
    wanted = min(32, case["files"]) if case["num_frames"] == -1 else case["num_frames"]
    assert train_frame_indices(case["files"], wanted, case["seed"]) == case["indices"]


@pytest.mark.parametrize("case", RULES["clip_window"])
def test_a_stretch_of_a_video_is_drawn_from_by_the_same_rule(case):
    first, after = (int(seconds * case["fps"]) for seconds in case["clip_seconds"])
    drawn = train_frame_indices(after - first, case["num_frames"], case["seed"])
    assert [first + index for index in drawn] == case["indices"]


@pytest.mark.parametrize("case", RULES["eval"])
def test_evaluation_takes_the_originals_frames(case):
    first, last = 0, case["frames_in_clip"] - 1
    if "bound_seconds" in case:
        first, last = (int(seconds * case["fps"]) for seconds in case["bound_seconds"])
        last = min(last, case["frames_in_clip"] - 1)
    assert eval_frame_indices(last + 1, len(case["indices"]), first=first) == case["indices"]


@pytest.mark.parametrize("case", RULES["train_middle"])
def test_middle_frames_are_the_originals(case):
    assert middle_frame_indices(case["frames_in_clip"], case["num_frames"]) == case["indices"]


@pytest.mark.parametrize("case", RULES["seq_frames"])
def test_even_frames_are_the_originals(case):
    assert even_frame_indices(case["frames_in_clip"], case["num_frames"]) == case["indices"]


@pytest.mark.parametrize("case", RULES["fps_mode"])
def test_frames_at_a_rate_are_the_originals(case):
    rate = float(case["sample"].removeprefix("fps"))
    assert fps_frame_indices(case["frames_in_clip"], case["input_fps"], per_second=rate) == case["indices"]


def test_a_generator_given_is_used_and_no_global_state_is_touched():
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    rng = random.Random(5)
    first, second = train_frame_indices(300, 8, rng), train_frame_indices(300, 8, rng)
    assert first != second
    assert first == train_frame_indices(300, 8, random.Random(5))
    assert len(set(train_frame_indices(9, 8, rng))) == 8
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


@pytest.mark.parametrize(("frames", "wanted"), [(0, 8), (8, 0)])
@pytest.mark.parametrize("rule", [eval_frame_indices, middle_frame_indices, even_frame_indices])
def test_no_frames_are_refused(rule, frames, wanted):
    with pytest.raises(ValueError, match=f"{wanted} frames cannot be taken from a clip of {frames}"):
        rule(frames, wanted)


@pytest.mark.parametrize("name", cases("frame_preprocess"))
def test_frames_are_prepared_as_the_original_does(name):
    frame = arrays("frame_preprocess")[f"{name}/frame_u8"]
    prepared = prepare_frame(frame)
    case = cases("frame_preprocess")[name]
    assert prepared.dtype == np.float32 and prepared.shape == tuple(case["out_shape"][2:])
    assert np.abs(prepared[:, ::6, ::6] - arrays("frame_preprocess")[f"{name}/out_sub6"]).max() < 1e-6
    assert prepared.mean() == pytest.approx(case["mean"], abs=1e-6) and prepared.std() == pytest.approx(
        case["std"], abs=1e-6
    )
    shown = prepared.max(0) > -1
    rows, columns = np.flatnonzero(shown.any(1)), np.flatnonzero(shown.any(0))
    assert [rows[0], rows[-1]] == case["content_rows"] and [columns[0], columns[-1]] == case["content_cols"]


def test_a_square_of_the_right_size_is_left_alone():
    frame = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    assert (fit_frame(frame, 48) == frame).all()
