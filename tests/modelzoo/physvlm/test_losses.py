"""Losses against the stored results of the original code, against numbers worked out by hand, and against TRL."""

import math
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from modelzoo.physvlm import losses

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
ARRAYS = np.load(REFERENCE / "dpo.npz")
LOGP_CASES = ("plain", "large_logits", "masked_row", "single_label")
LOSS_CASES = {
    "beta01": {},
    "beta05": {"beta": 0.5},
    "smooth01": {"label_smoothing": 0.1},
    "reffree": {"reference_free": True},
    "hinge": {"kind": "hinge"},
    "ipo": {"kind": "ipo"},
    "kto_pair": {"kind": "kto_pair"},
}
COMBINED = {
    "alpha1_gamma0": (1.0, 0.0, {}, 0.6152180433273315),
    "alpha1_gamma1": (1.0, 1.0, {}, 3.757019519805908),
    "alpha05_gamma03_beta02": (0.5, 0.3, {"beta": 0.2}, 1.3672345876693726),
    "alpha1_gamma1_smooth": (1.0, 1.0, {"label_smoothing": 0.2}, 4.009416103363037),
}


def tensor(name, dtype=None):
    array = torch.from_numpy(ARRAYS[name].copy())
    return array if dtype is None else array.to(dtype)


@pytest.mark.parametrize("case", LOGP_CASES)
def test_log_probabilities_are_those_of_the_original(case):
    labels = tensor(f"logp/{case}/labels")
    for dtype, suffix, tolerance in [(torch.float64, "f64", 1e-9), (torch.float32, "f32", 1e-6)]:
        logits = tensor(f"logp/{case}/logits", dtype)
        results = {
            "per_token": losses.token_logps(logits, labels),
            "sum": losses.sequence_logps(logits, labels),
            "sft": losses.cross_entropy(logits, labels),
        }
        has_labels = (labels[:, 1:] != losses.IGNORE).any(-1)
        for name, result in results.items():
            expected = tensor(f"logp/{case}/{name}_{suffix}")
            torch.testing.assert_close(result, expected, rtol=tolerance, atol=tolerance * 50)
        mean = losses.sequence_logps(logits, labels, average=True)[has_labels]
        torch.testing.assert_close(
            mean, tensor(f"logp/{case}/mean_{suffix}")[has_labels], rtol=tolerance, atol=tolerance * 50
        )


def test_half_precision_logits_are_widened_first():
    logits, labels = tensor("logp/plain/logits").bfloat16(), tensor("logp/plain/labels")
    assert torch.equal(losses.sequence_logps(logits, labels), losses.sequence_logps(logits.float(), labels))


def test_logits_and_labels_of_different_shape_are_refused():
    with pytest.raises(ValueError, match="do not belong together"):
        losses.sequence_logps(torch.zeros(2, 5, 7), torch.zeros(2, 4))


@pytest.mark.parametrize("case", LOSS_CASES)
@pytest.mark.parametrize(("dtype", "suffix", "tolerance"), [(torch.float64, "f64", 1e-9), (torch.float32, "f32", 1e-6)])
def test_losses_and_rewards_are_those_of_the_original(case, dtype, suffix, tolerance):
    result = losses.dpo_loss(*tensor("loss/logps", dtype), **LOSS_CASES[case])
    for values, name in zip(result, ("losses", "chosen_rewards", "rejected_rewards"), strict=True):
        torch.testing.assert_close(values, tensor(f"loss/{case}/{name}_{suffix}"), rtol=tolerance, atol=tolerance * 10)


@pytest.mark.parametrize("case", COMBINED)
def test_loss_with_its_cross_entropy_term_has_the_original_gradient(case):
    alpha, gamma, settings, expected = COMBINED[case]
    logits = tensor(f"combined/{case}/policy_logits").requires_grad_()
    labels = tensor(f"combined/{case}/labels")
    policy, reference = (
        losses.sequence_logps(values, labels).chunk(2) for values in (logits, tensor(f"combined/{case}/ref_logits"))
    )
    dpo, _chosen, _rejected = losses.dpo_loss(*policy, *reference, **settings)
    half = len(labels) // 2
    loss = alpha * dpo.mean() + gamma * losses.cross_entropy(logits[:half], labels[:half])
    loss.backward()
    assert loss.item() == pytest.approx(expected, abs=2e-6)
    torch.testing.assert_close(logits.grad, tensor(f"combined/{case}/grad_policy_logits"), rtol=1e-5, atol=2e-6)


def test_at_the_start_the_loss_is_the_logarithm_of_two():
    logps = torch.tensor([-3.0, -40.0])
    result, chosen, rejected = losses.dpo_loss(logps, logps - 1, logps, logps - 1, beta=0.3)
    assert result.tolist() == pytest.approx([math.log(2)] * 2)
    assert not chosen.any() and not rejected.any()


def test_rewards_carry_no_gradient():
    logps = torch.tensor([-3.0], requires_grad=True)
    result, chosen, rejected = losses.dpo_loss(logps, logps * 2, logps.detach(), logps.detach())
    assert result.requires_grad and not chosen.requires_grad and not rejected.requires_grad


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no DPO loss 'orpo'"):
        losses.dpo_loss(*torch.zeros(4, 1), kind="orpo")


def test_label_rows_give_the_loss_and_gradient_of_all_rows():
    """The head on label rows only: same loss and same gradient of hidden states and head, in float64."""
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(3, 9, 5, generator=generator, dtype=torch.float64).requires_grad_()
    head = torch.randn(11, 5, generator=generator, dtype=torch.float64).requires_grad_()
    labels = torch.randint(0, 11, (3, 9), generator=generator)
    labels[:, :4] = losses.IGNORE
    full = losses.cross_entropy(hidden @ head.T, labels)
    expected = torch.autograd.grad(full, [hidden, head])

    keep = labels[:, 1:] != losses.IGNORE
    rows = hidden[:, :-1][keep] @ head.T
    loss = -losses.row_logps(rows, labels[:, 1:][keep]).sum() / keep.sum()
    torch.testing.assert_close(loss, full, rtol=1e-12, atol=1e-12)
    for got, wanted in zip(torch.autograd.grad(loss, [hidden, head]), expected, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-12)


def _trl(logits, labels, reference, settings):
    """What TRL's DPOTrainer makes of these log-probabilities: its own loss method, without a model around it."""
    from trl import DPOTrainer

    outputs = SimpleNamespace(
        log_probs=losses.token_logps(logits, labels),
        entropy=torch.zeros(len(logits), logits.shape[1] - 1),
        mean_logits=logits[:, :-1].mean(-1),
        is_top1=torch.zeros(len(logits), logits.shape[1] - 1, dtype=torch.bool),
    )
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=SimpleNamespace(device="cpu", gather=lambda x: x, gather_for_metrics=lambda x: x),
        aux_loss_enabled=False,
        ld_alpha=None,
        precompute_ref_logps=True,
        f_divergence_type="reverse_kl",
        loss_types=[settings.get("kind", "sigmoid")],
        loss_weights=[1.0],
        beta=settings.get("beta", 0.1),
        label_smoothing=0.0,
        use_weighting=False,
        _metrics={"train": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )
    chosen, rejected = reference.chunk(2)
    inputs = {
        "input_ids": labels.clamp(min=0),
        "attention_mask": torch.ones_like(labels),
        "completion_mask": (labels != losses.IGNORE).long(),
        "ref_chosen_logps": chosen,
        "ref_rejected_logps": rejected,
    }
    loss = DPOTrainer._compute_loss(trainer, lambda **_inputs: outputs, inputs, False)
    return {"loss": loss.item(), **{name: values[0] for name, values in trainer._metrics["train"].items()}}


@pytest.mark.parametrize("settings", [{}, {"beta": 0.5}, {"kind": "hinge"}])
def test_trl_gives_the_same_loss_and_rewards(settings):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(8, 12, 17, generator=generator)
    labels = torch.randint(0, 17, (8, 12), generator=generator)
    labels[:, :5] = losses.IGNORE
    reference = losses.sequence_logps(logits + 0.3 * torch.randn(logits.shape, generator=generator), labels)
    policy = losses.sequence_logps(logits, labels)
    ours, chosen, rejected = losses.dpo_loss(*policy.chunk(2), *reference.chunk(2), **settings)
    theirs = _trl(logits, labels, reference, settings)
    assert ours.mean().item() == pytest.approx(theirs["loss"], rel=1e-5)
    for name, values in losses.preference_metrics(chosen, rejected, *policy.chunk(2)).items():
        assert (values / 4).item() == pytest.approx(theirs[name], rel=1e-4, abs=1e-6), name
