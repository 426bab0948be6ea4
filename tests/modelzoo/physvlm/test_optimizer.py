"""AdamW with float32 masters: equal to the library's in float32, and moving where plain bf16 stands still."""

import pytest
import torch

from modelzoo.physvlm.optimizer import AdamW, round_at_random

SETTINGS = {"beta1": 0.9, "beta2": 0.999}


def parameters(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    matrix = torch.nn.Parameter((0.02 * torch.randn(40, 30, generator=generator)).to(dtype))
    return [("matrix", matrix), ("bias", torch.nn.Parameter(torch.ones(30, dtype=dtype)))]


def gradients(step):
    generator = torch.Generator().manual_seed(100 + step)
    return torch.randn(40, 30, generator=generator), torch.randn(30, generator=generator)


def run(named, optimizer, steps, rate):
    for step in range(steps):
        for (_name, parameter), gradient in zip(named, gradients(step), strict=True):
            parameter.grad = gradient.to(parameter.dtype)
        optimizer.collect()
        optimizer.step(number=step, rate=rate)
        optimizer.zero_grad()


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_in_float32_it_is_the_librarys_adamw(weight_decay):
    ours, theirs = parameters(), parameters()
    run(ours, AdamW(ours, weight_decay=weight_decay, **SETTINGS), 20, 1e-3)
    reference = torch.optim.AdamW(
        [{"params": [theirs[0][1]], "weight_decay": weight_decay}, {"params": [theirs[1][1]], "weight_decay": 0.0}], lr=1e-3
    )
    for step in range(20):
        for (_name, parameter), gradient in zip(theirs, gradients(step), strict=True):
            parameter.grad = gradient
        reference.step()
    for (_n, one), (_m, other) in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)


def test_bf16_weights_follow_their_masters_where_plain_bf16_stands_still():
    """At a rate of 1e-5 an update is below half of bf16's last place for weights above 0.004."""
    steps, rate = 60, 1e-5
    exact, half, plain = parameters(), parameters(torch.bfloat16), parameters(torch.bfloat16)
    start = plain[0][1].detach().clone()
    run(exact, AdamW(exact, weight_decay=0, **SETTINGS), steps, rate)
    optimizer = AdamW(half, weight_decay=0, **SETTINGS)
    run(half, optimizer, steps, rate)
    reference = torch.optim.AdamW([plain[0][1]], lr=rate, weight_decay=0)
    for step in range(steps):
        plain[0][1].grad = gradients(step)[0].bfloat16()
        reference.step()
    large = start.abs() > 0.01
    assert (plain[0][1][large] == start[large]).all()  # this is what must not happen to a run
    master = optimizer.state["matrix"]["master"]
    assert torch.equal(half[0][1], master.bfloat16())
    moved, wanted = master - start.float(), exact[0][1].detach() - parameters()[0][1].detach()
    assert torch.nn.functional.cosine_similarity(moved.flatten(), wanted.flatten(), dim=0) > 0.99


def test_bf16_gradients_of_micro_batches_are_summed_in_float32():
    half = parameters(torch.bfloat16)
    optimizer = AdamW(half, weight_decay=0, **SETTINGS)
    for value in (256.0, 1.0, 1.0, 1.0):  # in bf16 256 + 1 is 256
        for _name, parameter in half:
            parameter.grad = torch.full_like(parameter, value)
        optimizer.collect()
    assert all((gradient == 259).all() for gradient in optimizer.gradients())


def test_rounding_at_random_is_right_on_average_and_repeats_by_its_seed():
    values = torch.full((100_000,), 1.0 + 1 / 512)  # a quarter of the way between two bf16 numbers
    results = []
    for seed in (1, 1, 2):
        out = torch.empty_like(values, dtype=torch.bfloat16)
        round_at_random(values, out, torch.Generator().manual_seed(seed))
        results.append(out)
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])
    assert set(results[0].tolist()) == {1.0, 1.0078125}
    assert results[0].double().mean().item() == pytest.approx(1 + 1 / 512, abs=1e-4)


def test_bf16_moments_lead_to_the_same_place():
    exact, rough = parameters(), parameters()
    run(exact, AdamW(exact, weight_decay=0, **SETTINGS), 200, 1e-3)
    run(rough, AdamW(rough, weight_decay=0, moments=torch.bfloat16, **SETTINGS), 200, 1e-3)
    start = parameters()[0][1].detach()
    moved, wanted = rough[0][1].detach() - start, exact[0][1].detach() - start
    assert (moved - wanted).norm() < 0.05 * wanted.norm()
