"""The stored results of the original modules, see tests/data/reference/README.md."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import torch

FOLDER = Path(__file__).parents[2] / "data" / "reference"
FLOAT32 = 5e-5
FLOAT64 = 1e-9


@cache
def arrays(name):
    with np.load(FOLDER / f"{name}.npz") as stored:
        return {key: stored[key] for key in stored.files}


@cache
def settings(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def cases(*path):
    """A part of cases.json, a dict of case name to its settings."""
    found = settings("cases")
    for name in path:
        found = found[name]
    return found


def tensor(name, key, dtype=None):
    """One stored array as a tensor; what is stored as int8 comes back as the number it stands for."""
    values = torch.from_numpy(arrays(name)[key].copy())
    if "_q" in key:
        values = values.float() / (64 if "pixel_values" in key else 32)
    return values if dtype is None else values.to(dtype)


def weights(name, prefix="sd/", dtype=torch.float32):
    """All weights of one file, under their published names."""
    return {key.removeprefix(prefix): tensor(name, key, dtype) for key in arrays(name) if key.startswith(prefix)}


def far(result, expected):
    """The largest absolute difference."""
    return (torch.as_tensor(result).double() - torch.as_tensor(expected).double()).abs().max().item()
