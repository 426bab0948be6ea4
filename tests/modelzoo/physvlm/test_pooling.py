"""Weighted pooling against the original's results and against a loop over the windows."""

import itertools

import pytest
import torch

from modelzoo.physvlm import pooled_size, weighted_pool_3d
from tests.modelzoo.physvlm.reference import FLOAT32, FLOAT64, arrays, cases, far, tensor

CASES = cases("pooling_and_heads", "pool3d")


def pooled(name, dtype):
    case = CASES[name]
    x = tensor("pool3d", f"{name}/x_q", dtype)
    weights = tensor("pool3d", f"{name}/w", dtype) if f"{name}/w" in arrays("pool3d") else None
    if "output_size" in case:
        return weighted_pool_3d(x, weights, output_size=case["output_size"], temperature=case["temperature"])
    return weighted_pool_3d(x, weights, case["kernel"], case["stride"], temperature=case["temperature"])


@pytest.mark.parametrize("name", CASES)
def test_it_gives_the_originals_numbers(name):
    expected = tensor("pool3d", f"{name}/y64")
    assert pooled(name, torch.float64).shape == expected.shape
    assert far(pooled(name, torch.float64), expected) < FLOAT64
    assert far(pooled(name, torch.float32), expected) < FLOAT32


@pytest.mark.parametrize("name", CASES)
def test_in_bfloat16_it_stays_within_two_hundredths_of_the_largest_value(name):
    """bfloat16 keeps 8 bits; the weights of a window are soft-maxed in float32 whatever the input is."""
    expected = tensor("pool3d", f"{name}/y64")
    assert far(pooled(name, torch.bfloat16), expected) < 0.02 * tensor("pool3d", f"{name}/x_q").abs().max()


def by_loop(x, weights, kernel, stride, temperature):
    out = pooled_size(x.shape[-3:], kernel, stride)
    y = x.new_zeros(*x.shape[:2], *out)
    for n, t, i, j in itertools.product(range(len(x)), *map(range, out)):
        window = tuple(slice(p * s, p * s + k) for p, k, s in zip((t, i, j), kernel, stride, strict=True))
        share = (weights[n][window].flatten() / temperature).softmax(0)
        y[n, :, t, i, j] = (x[n][(slice(None), *window)].flatten(1) * share).sum(1)
    return y


@pytest.mark.parametrize(
    ("size", "kernel", "stride"),
    [((4, 6, 6), (2, 3, 3), (2, 3, 3)), ((5, 7, 8), (2, 3, 3), (2, 3, 3)), ((5, 6, 7), (2, 2, 3), (1, 2, 1)),
     ((1, 5, 5), (1, 2, 4), (3, 3, 1)), ((3, 3, 3), (3, 3, 3), (3, 3, 3))],
)  # fmt: skip
def test_it_equals_a_loop_over_the_windows_also_in_its_gradients(size, kernel, stride):
    make = torch.Generator().manual_seed(1)
    x = torch.randn(2, 3, *size, generator=make, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(2, *size, generator=make, dtype=torch.float64, requires_grad=True)
    fast = weighted_pool_3d(x, weights, kernel, stride, temperature=0.3)
    slow = by_loop(x, weights, kernel, stride, 0.3)
    assert far(fast.detach(), slow.detach()) < 1e-12
    upstream = torch.randn(fast.shape, generator=make, dtype=torch.float64)
    for one, other in zip(
        torch.autograd.grad(fast, (x, weights), upstream), torch.autograd.grad(slow, (x, weights), upstream), strict=True
    ):
        assert far(one, other) < 1e-12


def test_a_constant_picture_stays_constant_so_the_shares_of_a_window_sum_to_one():
    weights = torch.rand(1, 4, 9, 9)
    assert far(weighted_pool_3d(torch.full((1, 2, 4, 9, 9), 3.0), weights, (2, 3, 3)), torch.tensor(3.0)) < 1e-5


def test_a_very_low_temperature_takes_the_heaviest_patch():
    x, weights = torch.randn(1, 1, 2, 3, 3), torch.rand(1, 2, 3, 3)
    heaviest = x.flatten()[weights.flatten().argmax()]
    assert far(weighted_pool_3d(x, weights, (2, 3, 3), temperature=1e-6).squeeze(), heaviest) < 1e-6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": (2, 3, 3)}, "A window of 2 frames does not fit into 1"),
        ({"kernel": (1, 3, 4)}, "A window of 4 columns does not fit into 3"),
        ({"kernel": (0, 3, 3)}, "A window of 0 frames"),
        ({}, "either kernel .* or output_size"),
        ({"kernel": (1, 3, 3), "output_size": (1, 1, 1)}, "either kernel .* or output_size"),
        ({"weights": torch.ones(1, 1, 3, 4), "kernel": (1, 3, 3)}, "The weights are"),
    ],
)
def test_what_cannot_be_pooled_is_refused_in_a_sentence(arguments, message):
    with pytest.raises(ValueError, match=message):
        weighted_pool_3d(torch.ones(1, 2, 1, 3, 3), **arguments)
