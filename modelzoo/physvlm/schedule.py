"""Learning rates: linear warm-up from 0, then cosine or linear to 0. Pure functions of the step."""

import math

KINDS = ("cosine", "linear", "constant")


def warmup_steps(total_steps, warmup):
    """Warm-up in steps: a whole number >= 1 counts steps, a share below 1 is one of `total_steps`, rounded up."""
    return int(warmup) if warmup >= 1 else math.ceil(total_steps * warmup)


def lr_at(step, *, peak, total_steps, warmup, kind):
    """The rate that update number `step` (from 0) uses. `warmup` counts steps, `peak` and the result are per step."""
    if step < warmup:
        return peak * step / max(1, warmup)
    done = (step - warmup) / max(1, total_steps - warmup)
    if kind == "cosine":
        return peak * max(0.0, 0.5 * (1 + math.cos(math.pi * done)))
    if kind == "linear":
        return peak * max(0.0, 1 - done)
    if kind == "constant":
        return peak
    raise ValueError(f"There is no schedule {kind!r}; there are {', '.join(KINDS)}.")
