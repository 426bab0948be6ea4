"""The tower of statistics: it names colours, sees motion behind a scrolling camera, and never changes by training."""

import pytest
import torch

from modelzoo.physvlm.cellstats import CellStatsTower, changes, moved, scroll_of
from modelzoo.physvlm.config import CELL_CHANNELS, CellStatsConfig

RED, MOVING_RED, MOTION, FLOW_X = 6, 17, 32, 38  # channels, counted in the order of the tower's docstring


def background(frames, *, scroll=0, width=96, seed=0):
    """(1,T,3,96,width) bytes: a smooth random picture that moves to the right by `scroll` pixels a frame."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randint(60, 140, (3, 12, 40), generator=generator).float()[None]
    wide = torch.nn.functional.interpolate(coarse, (96, 320), mode="bilinear")[0]
    shown = [wide[..., 100 - scroll * frame : 100 - scroll * frame + width] for frame in range(frames)]
    return torch.stack(shown)[None].to(torch.uint8)


def tower():
    return CellStatsTower(CellStatsConfig())


@pytest.mark.parametrize("scroll", [-3, 0, 2, 5])
def test_the_scroll_of_the_camera_is_found_and_taken_away(scroll):
    images = background(4, scroll=scroll).float() / 255
    found = scroll_of(images.mean(2))
    assert found.tolist() == [[0, scroll, scroll, scroll]]
    to_before, to_after = changes(images, found)
    inner = slice(10, -10)
    assert to_before[..., inner].abs().max() < 1e-6 and to_after[..., inner].abs().max() < 1e-6
    assert (moved(images[:, :1], torch.tensor([[2]]))[..., 2:] == images[:, :1, ..., :-2]).all()


@pytest.mark.parametrize("scroll", [0, 3])
def test_a_red_square_that_moves_is_seen_where_it_is(scroll):
    pixels = background(5, scroll=scroll)
    for frame in range(5):
        pixels[0, frame, :, 40:48, 16 + 16 * frame : 24 + 16 * frame] = torch.tensor([217, 38, 38], dtype=torch.uint8)[
            :, None, None
        ]
    features = tower().raw_features(pixels).unflatten(2, (12, 12))
    assert features.shape == (1, 5, 12, 12, CELL_CHANNELS)
    for frame in (1, 2, 3):
        there = features[0, frame, 5, 2 + 2 * frame]
        assert there[RED] > 0.9 and there[MOVING_RED] > 0.8 and there[MOTION] > 0.1
        others = features[0, frame].clone()
        others[5, 2 + 2 * frame] = 0
        assert others[..., RED].max() < 0.2 and others[..., MOTION].mean() < 0.01


def test_bytes_and_normalised_frames_give_the_same_and_fit_scales_to_one():
    pixels = background(4, seed=3)
    model = tower()
    raw = model.raw_features(pixels)
    torch.testing.assert_close(model.raw_features(pixels.float() / 127.5 - 1), raw, atol=2e-3, rtol=0)
    flat = raw.flatten(0, -2)
    model.fit(flat.mean(0), flat.std(0, correction=0))
    scores = model(pixels).flatten(0, -2)
    assert scores.abs().max() <= 8 and scores.mean(0).abs().max() < 0.3
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert {"mean", "std"} == set(model.state_dict())


def test_clips_do_not_influence_each_other():
    both = torch.cat([background(4, seed=1), background(4, seed=2, scroll=2)])
    model = tower()
    apart = torch.cat([model(both[:1]), model(both[1:])])
    torch.testing.assert_close(model(both), apart, atol=1e-5, rtol=0)


def test_frames_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match="100 x 96 pixels do not divide into 12 x 12 cells"):
        tower().raw_features(torch.zeros(1, 2, 3, 96, 100, dtype=torch.uint8))
