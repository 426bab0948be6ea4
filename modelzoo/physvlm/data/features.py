"""Features of the frozen vision tower, computed once for every clip where the frames never change."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch

_AT_ONCE = 16
FIT_CLIPS = 512  # clips from which a tower of statistics takes mean and spread of its channels


class Features:
    """`at(place, epoch)` -> (T, L, D) float16 of one clip, mapped from a file that runs share."""

    def __init__(self, frames, folder, *, tower_id):
        content = [tower_id, frames.spec(), [sha for _id, _media, sha in frames.clips]]
        name = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        self.frames, self.path = frames, Path(folder) / f"{name}.npy"
        self._array = None

    def prepare(self, model, device, *, progress=lambda done, total: None):
        """Encode every clip unless an earlier run did. The file appears whole."""
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
            total, array = len(self.frames.clips), None
            for start in range(0, total, _AT_ONCE):
                places = range(start, min(start + _AT_ONCE, total))
                pixels = torch.from_numpy(np.stack([self.frames.at(place) for place in places])).to(device)
                features = model.encode_frames(pixels).half().cpu().numpy()
                if array is None:
                    shape = (total, *features.shape[1:])
                    array = np.lib.format.open_memmap(part, mode="w+", dtype=np.float16, shape=shape)
                array[start : start + len(features)] = features
                progress(start + len(features), total)
            array.flush()
            del array
            os.replace(part, self.path)
        self._array = np.load(self.path, mmap_mode="r")

    def at(self, place, epoch=0):
        return self._array[place]


def tower_id(model):
    """What decides the features besides the frames: kind, sizes and weights of the tower."""
    digest = hashlib.sha256(model.config.vision_config.to_json_string().encode())
    for name, tensor in sorted(model.model.vision_tower.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


@torch.no_grad()
def fit_statistics(model, frames):
    """Give a tower of plain statistics the mean and spread of its channels over evenly spaced clips."""
    tower = model.model.vision_tower
    places = np.unique(np.linspace(0, len(frames.clips) - 1, FIT_CLIPS).astype(int))
    total = square = count = 0
    for start in range(0, len(places), _AT_ONCE):
        pixels = torch.from_numpy(np.stack([frames.at(int(place)) for place in places[start : start + _AT_ONCE]]))
        features = tower.raw_features(pixels).flatten(0, -2).double()
        total, square, count = total + features.sum(0), square + features.square().sum(0), count + len(features)
    mean = total / count
    tower.fit(mean.float(), (square / count - mean.square()).clamp_min(0).sqrt().float())
