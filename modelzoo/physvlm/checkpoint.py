"""Checkpoints: everything a run needs to go on as if it had not been interrupted.

step-000123/state/          weights and optimizer by torch.distributed.checkpoint, readable by any number of processes
step-000123/model/          config and tokenizer, so that the weights can be used alone
step-000123/meta.json       step, counters, random states, hash of the data, commit
step-000123/COMMITTED       size and hash of every file, written last: without it there is no checkpoint
"""

import base64
import contextlib
import json
import os
import random
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.distributed.checkpoint as dcp

from modelzoo.physvlm.data.freeze import sha256_of
from modelzoo.physvlm.files import sync_folder, write_json

MARK = "COMMITTED"
_NAME = re.compile(r"step-(\d{6,})")


class BrokenCheckpoint(Exception):
    """A checkpoint cannot be used; the sentence says which and why."""


def folder_of(step):
    return f"step-{step:06d}"


def step_of(path):
    """The step in a checkpoint's name, None for another name."""
    match = _NAME.fullmatch(Path(path).name)
    return int(match[1]) if match else None


def committed(folder):
    """Paths of the whole checkpoints in `folder`, oldest first."""
    found = [path for path in Path(folder).glob("step-*") if step_of(path) is not None and (path / MARK).exists()]
    return sorted(found, key=step_of)


def clear_unfinished(folder):
    """Delete what a killed process left behind; only checkpoints without their mark are touched."""
    for path in Path(folder).glob("step-*"):
        if step_of(path.with_suffix("")) is not None and not (path / MARK).exists():
            shutil.rmtree(path)


def random_state():
    """States of every generator a step might use, as JSON."""
    kind, keys, *rest = np.random.get_state()
    return {
        "torch": base64.b64encode(torch.get_rng_state().numpy().tobytes()).decode(),
        "cuda": [base64.b64encode(s.numpy().tobytes()).decode() for s in torch.cuda.get_rng_state_all()],
        "numpy": [kind, keys.tolist(), *rest],
        "python": json.loads(json.dumps(random.getstate())),
    }


def set_random_state(state):
    def tensor(text):
        return torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.uint8)

    torch.set_rng_state(tensor(state["torch"]))
    if len(state["cuda"]) == torch.cuda.device_count():
        for place, text in enumerate(state["cuda"]):
            torch.cuda.set_rng_state(tensor(text), place)
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), *rest))
    version, keys, gauss = state["python"]
    random.setstate((version, tuple(keys), gauss))


def save(folder, *, step, model, optimizer, meta, write_model, world, keep):
    """Write the checkpoint of `step` and return its path; older ones beyond `keep` go afterwards.

    All processes take part. `write_model(folder)` stores config and tokenizer.
    """
    folder = Path(folder)
    path, part = folder / folder_of(step), folder / (folder_of(step) + ".part")
    if world.first:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
    world.wait()
    tensors = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    with _quiet():
        dcp.save(tensors, checkpoint_id=part / "state", no_dist=world.size == 1)
    world.wait()
    if world.first:
        write_model(part / "model")
        write_json(part / "meta.json", {"step": step, **meta, "random": random_state()})
        files = sorted(file for file in part.rglob("*") if file.is_file())
        listed = {str(f.relative_to(part)): {"bytes": f.stat().st_size, "sha256": sha256_of(f)} for f in files}
        for place in (*files, part / "state", part / "model", part):
            _sync(place)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
        sync_folder(folder)
        write_json(path / MARK, {"step": step, "files": listed})
        for old in committed(folder)[:-keep]:
            (old / MARK).unlink()  # first the mark: half a checkpoint must never look like a whole one
            shutil.rmtree(old)
    world.wait()
    return path


def _sync(path):
    if path.is_dir():
        sync_folder(path)
    else:
        with open(path, "rb") as file:
            os.fsync(file.fileno())


def check(path):
    """BrokenCheckpoint unless every file is there with its size and hash."""
    path = Path(path)
    try:
        listed = json.loads((path / MARK).read_text())["files"]
    except FileNotFoundError:
        raise BrokenCheckpoint(f"{path} is no whole checkpoint: it has no {MARK}.") from None
    for name, wanted in listed.items():
        file = path / name
        if not file.is_file() or file.stat().st_size != wanted["bytes"] or sha256_of(file) != wanted["sha256"]:
            raise BrokenCheckpoint(f"{file} is not as it was written; delete {path} to go on from the checkpoint before it.")


def load(path, *, model, optimizer):
    """Read a checkpoint into model and optimizer, whatever number of processes wrote it; returns its meta."""
    tensors = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    _read(path, tensors)
    model.load_state_dict(tensors["model"])
    return json.loads((Path(path) / "meta.json").read_text())


def load_weights(path, model):
    """Only the weights, for a run that begins from this checkpoint and for evaluation."""
    tensors = {"model": model.state_dict()}
    _read(path, tensors)
    model.load_state_dict(tensors["model"])


@contextlib.contextmanager
def _quiet():
    """Without the library's remark that one process alone is one process alone."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _read(path, tensors):
    alone = not (torch.distributed.is_available() and torch.distributed.is_initialized())
    try:
        with _quiet():
            dcp.load(tensors, checkpoint_id=Path(path) / "state", no_dist=alone)
    except (dcp.api.CheckpointException, RuntimeError, KeyError) as error:
        raise BrokenCheckpoint(f"{path} does not fit this model: {str(error).splitlines()[0]}") from error
