"""Log-probabilities of branches by one forward pass: the common core of training, reference and evaluation."""

from modelzoo.physvlm.losses import row_logps, sum_by


def label_logits(model, batch, clips):
    """Logits (R, V) of the label rows of a batch. `clips` holds {"pixels": ...} or {"features": ...}."""
    return model(**batch.inputs, **clips).logits


def branch_logps(model, batch, clips):
    """Summed log-probability in nats of every branch of a batch, (branches,), float32."""
    logps = row_logps(label_logits(model, batch, clips), batch.targets)
    return sum_by(logps, batch.branch_of_label, batch.branches)
