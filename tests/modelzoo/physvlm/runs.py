"""Runs for tests: a tiny model on a small set, in this process or in one that can be killed."""

import multiprocessing
import os

import torch

from modelzoo.physvlm.runfolder import read_lines

SMALL = (
    "frames=8",
    "kernel_hw=4",
    "batch=4",
    "micro_tokens=1500",
    "log_every=1",
    "samples=0",
    "warmup=2",
    "group=2",
    "checkpoint_minutes=0",
)

WORDS_ALONE = ("train=language_model", "cache_tokens=true")  # DPO as the published recipe does it


def request(out, **changes):
    from modelzoo.physvlm.train import Request

    overrides = (*SMALL, *changes.pop("overrides", ()))
    settings = dict(stage="sft", preset="tiny-sft", out=out, cache=out.parent / "cache", overrides=overrides) | changes
    if settings.get("resume"):
        settings |= {"overrides": (), "data": (), "init": None}
    return Request(**settings)


def train(out, **changes):
    """The end state of a run in this process, on one thread."""
    from modelzoo.physvlm import train

    torch.set_num_threads(1)
    return train.run(request(out, **changes))


def losses(out):
    return [line["loss"] for line in read_lines(out / "metrics.jsonl")]


def weights(out):
    from safetensors.torch import load_file

    return load_file(out / "model" / "model.safetensors")


def same_weights(one, other):
    one, other = weights(one), weights(other)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def processes():
    """A server that has imported everything: its children start in a moment and can be killed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["modelzoo.physvlm.train", "tests.modelzoo.physvlm.runs"])
    return context


def child(out, changes, environment):
    """What a process does: one run, in an environment of its own."""
    os.environ.update(environment)
    train(out, **changes)
