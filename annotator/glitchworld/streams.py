"""Random streams that a seed and a purpose decide, the same on every machine and in every process."""

import hashlib
import random

import numpy as np


def _key(seed, purpose):
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")


def stream(seed, *purpose):
    """A `random.Random` of its own for each purpose: what one part draws never moves another part."""
    return random.Random(_key(seed, purpose))


def noise(seed, *purpose):
    """The same for numpy; only its integers are used for pixels, which no processor rounds."""
    return np.random.Generator(np.random.PCG64(_key(seed, purpose)))
