"""The training loop: steps, losses, metrics, checkpoints. One file, read from top to bottom.

Every process runs it. What it needs from outside is a batch for each step; what it leaves are lines and checkpoints.
"""

import math
import time

import torch

from modelzoo.physvlm import checkpoint, losses, schedule
from modelzoo.physvlm.scoring import label_logits

STOP, SAVE = 2, 1


class Stopped(Exception):
    """The run was asked to end; everything it needs to go on is saved, if training had begun."""


class Diverged(Exception):
    """Step after step without a finite loss; the sentence names the clips."""


def sft_loss(logits, micro, step, settings):
    """Cross entropy of a micro-batch over all label tokens of the STEP, and what is logged, both as sums.

    Summed over micro-batches and processes it is the mean over the step's label tokens, however they were dealt.
    """
    batch = micro.batch
    summed = -losses.row_logps(logits, batch.targets).sum()
    right = (logits.detach().argmax(-1) == batch.targets).sum()
    return summed / step.labels, {"loss": summed.detach(), "mean_token_accuracy": right}


def dpo_loss(logits, micro, step, settings):
    """alpha * DPO, the mean over the pairs of the step, + gamma * cross entropy over its chosen label tokens."""
    batch = micro.batch
    token_logps = losses.row_logps(logits, batch.targets)
    policy = losses.sum_by(token_logps, batch.branch_of_label, batch.branches).view(-1, 2)
    reference = micro.branch_key.to(policy).view(-1, 2)
    compared = (policy, reference)
    if settings["loss"] == "ipo":
        lengths = losses.sum_by(torch.ones_like(token_logps), batch.branch_of_label, batch.branches).view(-1, 2)
        compared = (policy / lengths, reference / lengths)
    each, _, _ = losses.dpo_loss(
        *(column for pair in compared for column in pair.T),
        beta=settings["beta"],
        label_smoothing=settings["label_smoothing"],
        kind=settings["loss"],
    )
    loss = settings["dpo_alpha"] * each.sum() / step.rows
    if settings["gamma"]:
        loss = loss - settings["gamma"] * policy[:, 0].sum() / step.chosen_labels
    rewards = settings["beta"] * (policy - reference).detach()
    logged = losses.preference_metrics(rewards[:, 0], rewards[:, 1], policy[:, 0], policy[:, 1])
    return loss, {"loss": loss.detach() * step.rows, **logged}


STAGES = {"sft": sft_loss, "dpo": dpo_loss}


def input_name(settings):
    """As what a model of this run is given its clips."""
    return "visual_tokens" if settings["cache_tokens"] else "features" if settings["cache_features"] else "pixels"


class Loop:
    """`run()` from `start` to the end, or to `Stopped`. `hooks` gives: asked (0, SAVE or STOP), show, log, saved."""

    def __init__(self, *, wrapped, optimizer, batches, world, settings, stage, folder, meta, write_model, hooks, step_flops):
        self.wrapped, self.optimizer, self.batches, self.world = wrapped, optimizer, batches, world
        self.settings, self.stage, self.folder, self.meta = settings, stage, folder, meta
        self.write_model, self.hooks, self.step_flops = write_model, hooks, step_flops
        self.loss_of = STAGES[stage]
        self.input_name = input_name(settings)
        self.warmup = schedule.warmup_steps(batches.total, settings["warmup"])
        self.counters = {"step": 0, "updates": 0, "samples": 0, "num_tokens": 0, "skipped_steps": 0, "elapsed_s": 0.0}
        self.bad_in_row = 0
        self._forget()

    def _forget(self):
        self.sums, self.weights, self.norms = {}, {"labels": 0, "rows": 0}, []
        self.window = {"tokens": 0, "rows": 0, "wait": 0.0, "flops": 0.0, "start": time.monotonic()}

    # ---- going on from a checkpoint

    def resume(self, path):
        meta = checkpoint.load(path, model=self.wrapped.model, optimizer=self.optimizer)
        self.counters = meta["counters"]
        self.bad_in_row = meta["bad_in_row"]
        checkpoint.set_random_state(meta["random"])

    def save(self):
        """A checkpoint after the step that just ended."""
        meta = {**self.meta, "counters": self.counters, "bad_in_row": self.bad_in_row}
        path = checkpoint.save(
            self.folder.checkpoints,
            step=self.counters["step"],
            model=self.wrapped.model,
            optimizer=self.optimizer,
            meta=meta,
            write_model=self.write_model,
            world=self.world,
            keep=self.settings["keep_checkpoints"],
        )
        self.hooks.saved(path, self.counters["step"])

    # ---- steps

    def run(self):
        """Train to the end. Raises `Stopped` after saving when asked to stop, `Diverged` when nothing is finite."""
        begun = time.monotonic() - self.counters["elapsed_s"]
        self.wrapped.forward.train()
        waited_from = saved_at = time.monotonic()
        self._forget()
        for step in self.batches.steps(self.counters["step"]):
            self.window["wait"] += time.monotonic() - waited_from
            self._update(step)
            self.counters["step"] = step.number + 1
            self.counters["elapsed_s"] = time.monotonic() - begun
            last = step.number + 1 == self.batches.total
            if step.number == 0 or last or (step.number + 1) % self.settings["log_every"] == 0:
                self._log(step)
            minutes = self.settings["checkpoint_minutes"]
            due = bool(minutes) and time.monotonic() - saved_at > 60 * minutes
            every = self.settings["checkpoint_every"]
            due = due or (every and (step.number + 1) % every == 0)
            asked = self.world.most(max(self.hooks.asked(), SAVE if due else 0))
            if asked and not last:
                self.save()
                saved_at = time.monotonic()
            if asked == STOP and not last:
                raise Stopped
            waited_from = time.monotonic()
        self.save()

    def _update(self, step):
        gradients_exchanged = len(step.micros) - 1
        for place, micro in enumerate(step.micros):
            batch = micro.batch.to(self.world.device)
            clips = micro.clips.to(self.world.device, non_blocking=True)
            micro = type(micro)(batch, clips, micro.weight, micro.branch_key)
            with self.wrapped.last(place == gradients_exchanged):
                logits = label_logits(self.wrapped.forward, batch, {self.input_name: self._floats(clips)})
                loss, logged = self.loss_of(logits, micro, step, self.settings)
                (loss * (micro.weight * self.world.size)).backward()
            self.optimizer.collect()
            if micro.weight:
                for name, value in logged.items():
                    self.sums[name] = self.sums.get(name, 0) + value
            self.window["flops"] += self.step_flops(batch, len(clips))
        self._apply(step)
        self.weights["labels"] += step.labels
        self.weights["rows"] += step.rows
        self.counters["samples"] += step.rows
        self.counters["num_tokens"] += step.tokens
        self.window["tokens"] += step.tokens
        self.window["rows"] += step.rows

    def _floats(self, clips):
        """What is cached may be stored in another type than the model computes in."""
        return clips if clips.dtype == torch.uint8 else clips.to(self.wrapped.model.dtype)

    def _apply(self, step):
        """Clip and apply the gradient; one that is not finite changes nothing and is counted."""
        norm = self.wrapped.norm(self.optimizer.gradients()).item()
        if math.isfinite(norm):
            limit = self.settings["clip_norm"]
            rate = self.rate(step.number)
            self.optimizer.step(
                number=self.counters["updates"],
                rate=rate,
                scale=min(1.0, limit / (norm + 1e-6)) if limit else 1.0,
            )
            self.counters["updates"] += 1
            self.norms.append(norm)
            self.bad_in_row = 0
        else:
            self.counters["skipped_steps"] += 1
            self.bad_in_row += 1
            names = ", ".join(step.clip_ids[:8]) + (" and others" if len(step.clip_ids) > 8 else "")
            self.hooks.log(f"step {step.number + 1}: the gradient is not finite, nothing was changed; clips: {names}")
            if self.bad_in_row >= self.settings["bad_steps"]:
                raise Diverged(
                    f"{self.bad_in_row} steps in a row had no finite gradient, the last with the clips {names}. Lower "
                    f"learning_rate, or leave clips out; the newest checkpoint is from before."
                )
            for name in self.sums:  # a loss that is not a number would spoil the mean of the whole line
                self.sums[name] = torch.nan_to_num(self.sums[name], nan=0.0, posinf=0.0, neginf=0.0)
        self.optimizer.zero_grad()

    def rate(self, number):
        return schedule.lr_at(
            number,
            peak=self.settings["learning_rate"],
            total_steps=self.batches.total,
            warmup=self.warmup,
            kind=self.settings["schedule"],
        )

    def _log(self, step):
        """One line of metrics: means since the last line, over all processes."""
        names = sorted(self.sums)
        values = torch.stack([self.sums[name].float() for name in names]).to(self.world.device) if names else torch.zeros(0)
        values = self.world.sum(values).tolist()
        count = self.weights["labels"] if self.stage == "sft" else self.weights["rows"]
        seconds = time.monotonic() - self.window["start"]
        flops = self.world.sum(torch.tensor(self.window["flops"], dtype=torch.float64, device=self.world.device)).item()
        line = {
            "step": step.number + 1,
            "epoch": round((step.number + 1) / self.batches.order.per_epoch, 4),
            "time": time.time(),
            "elapsed_s": round(self.counters["elapsed_s"], 3),
            **{name: value / max(1, count) for name, value in zip(names, values, strict=True)},
            "learning_rate": self.rate(step.number),
            "grad_norm": sum(self.norms) / len(self.norms) if self.norms else None,
            "num_tokens": self.counters["num_tokens"],
            "samples": self.counters["samples"],
            "samples_per_s": self.window["rows"] / seconds,
            "tokens_per_s": self.window["tokens"] / seconds,
            "flops_per_s": flops / seconds,
            "data_wait_frac": min(1.0, self.window["wait"] / seconds),
            "skipped_steps": self.counters["skipped_steps"],
        }
        self.hooks.line(line)
        self._forget()
