"""What a running batch has read so far: keys and values of every layer, rows padded on the left, so that rows of different
lengths can join and leave between two tokens."""

import torch
import torch.nn.functional as F
from transformers import DynamicCache


class Past:
    """layers [(keys, values)] of (B,heads,S,d); mask (B,S); following (...,B,1), the position of each row's next token."""

    def __init__(self, layers, mask, following, cache=None):
        self.layers, self.mask, self.following, self._cache = layers, mask, following, cache

    @classmethod
    def of(cls, cache, mask, following):
        return cls([(layer.keys, layer.values) for layer in cache.layers], mask, following, cache)

    def cache(self):
        """The same as the library wants it; not copied while no row joins or leaves."""
        if self._cache is not None:
            return self._cache
        made = DynamicCache()
        for number, (keys, values) in enumerate(self.layers):
            made.update(keys, values, number)
        return made

    def rows(self, places):
        """Only these rows, without the padding that they all have."""
        chosen = torch.tensor(places, device=self.mask.device)
        mask = self.mask[chosen]
        start = int(mask.any(0).int().argmax())
        layers = [(keys[chosen][:, :, start:], values[chosen][:, :, start:]) for keys, values in self.layers]
        return Past(layers, mask[:, start:], self.following.index_select(-2, chosen))

    def join(self, other):
        """The rows of both, one after the other."""
        width = max(self.mask.shape[1], other.mask.shape[1])
        one, two = self.padded(width), other.padded(width)
        layers = [
            (torch.cat([keys, more_keys]), torch.cat([values, more_values]))
            for (keys, values), (more_keys, more_values) in zip(one.layers, two.layers, strict=True)
        ]
        # A model that counts time, rows and columns counts them alike where a row shows no clip.
        places = max(one.following, two.following, key=torch.Tensor.dim).shape[:-2]
        following = [past.following.expand(*places, -1, -1) for past in (one, two)]
        return Past(layers, torch.cat([one.mask, two.mask]), torch.cat(following, dim=-2))

    def padded(self, width):
        left = width - self.mask.shape[1]
        if not left:
            return self
        layers = [(F.pad(keys, (0, 0, left, 0)), F.pad(values, (0, 0, left, 0))) for keys, values in self.layers]
        return Past(layers, F.pad(self.mask, (left, 0)), self.following)
