"""Losses of SFT and DPO as pure functions of tensors. All of them compute in float32 or better.

Labels follow the library's convention: the label at place i names the token that stands at place i, -100 stands for
"no loss here", and the logits at place i - 1 predict it.
"""

import torch
import torch.nn.functional as F

IGNORE = -100
DPO_KINDS = ("sigmoid", "hinge", "ipo", "kto_pair")


def _wide(tensor):
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def token_logps(logits, labels):
    """Log-probability in nats of every label token: logits (B, L, V), labels (B, L) -> (B, L - 1), 0 where no label is."""
    if logits.shape[:-1] != labels.shape:
        raise ValueError(f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)} do not belong together.")
    targets = labels[:, 1:].long()
    kept = targets != IGNORE
    logps = row_logps(logits[:, :-1].reshape(-1, logits.shape[-1]), targets.clamp(min=0).reshape(-1))
    return logps.view(targets.shape) * kept


def sequence_logps(logits, labels, *, average=False):
    """Log-probability of each row's label tokens, summed (or averaged over them): logits (B, L, V), labels (B, L) -> (B,).

    A row without any label token gives 0 as sum and as average.
    """
    summed = token_logps(logits, labels).sum(-1)
    if not average:
        return summed
    return summed / (labels[:, 1:] != IGNORE).sum(-1).clamp(min=1)


def row_logps(logits, targets):
    """Log-probability of one token per row of logits: logits (K, V), targets (K,) -> (K,)."""
    return -F.cross_entropy(_wide(logits), targets.long(), reduction="none")


def sum_by(values, groups, count):
    """Sums of `values` (K,) by `groups` (K,) int in [0, count) -> (count,)."""
    return values.new_zeros(count).index_add(0, groups, values)


def cross_entropy(logits, labels):
    """Mean cross entropy over all label tokens of the batch: logits (B, L, V), labels (B, L) -> scalar."""
    return -token_logps(logits, labels).sum() / (labels[:, 1:] != IGNORE).sum()


def dpo_loss(
    policy_chosen,
    policy_rejected,
    reference_chosen,
    reference_rejected,
    *,
    beta=0.1,
    label_smoothing=0.0,
    kind="sigmoid",
    reference_free=False,
):
    """DPO losses and rewards of B pairs; sigmoid is Eq. 7 of arXiv:2305.18290, its smoothing that of "cDPO".

    Inputs are summed log-probabilities in nats, shape (B,); for `ipo` (arXiv:2310.12036) averages over the answer's
    tokens. beta > 0, 0 <= label_smoothing < 0.5. `hinge` is arXiv:2305.10425. `kto_pair` gives 2B losses, those of the
    chosen answers first. Returns (losses, chosen rewards, rejected rewards); the rewards carry no gradient.
    """
    chosen_logratio = policy_chosen - reference_chosen
    rejected_logratio = policy_rejected - reference_rejected
    z = policy_chosen - policy_rejected if reference_free else chosen_logratio - rejected_logratio
    if kind == "sigmoid":
        losses = -(1 - label_smoothing) * F.logsigmoid(beta * z) - label_smoothing * F.logsigmoid(-beta * z)
    elif kind == "hinge":
        losses = F.relu(1 - beta * z)
    elif kind == "ipo":
        losses = (z - 1 / (2 * beta)) ** 2
    elif kind == "kto_pair":
        chosen_kl, rejected_kl = chosen_logratio.mean().clamp(min=0), rejected_logratio.mean().clamp(min=0)
        losses = torch.cat(
            [
                1 - torch.sigmoid(beta * (chosen_logratio - rejected_kl)),
                1 - torch.sigmoid(beta * (chosen_kl - rejected_logratio)),
            ]
        )
    else:
        raise ValueError(f"There is no DPO loss {kind!r}; there are {', '.join(DPO_KINDS)}.")
    return losses, (beta * chosen_logratio).detach(), (beta * rejected_logratio).detach()


def preference_metrics(chosen_rewards, rejected_rewards, policy_chosen, policy_rejected):
    """Sums over the pairs of what TRL logs as means, under TRL's names. All inputs (B,)."""
    return {
        "rewards/chosen": chosen_rewards.sum(),
        "rewards/rejected": rejected_rewards.sum(),
        "rewards/accuracies": (chosen_rewards > rejected_rewards).float().sum(),
        "rewards/margins": (chosen_rewards - rejected_rewards).sum(),
        "logps/chosen": policy_chosen.detach().sum(),
        "logps/rejected": policy_rejected.detach().sum(),
    }
