"""From patch features to the tokens the language model reads: a two-layer map with the guided pooling in its middle."""

import torch
from torch import nn
from transformers.activations import ACT2FN

from modelzoo.physvlm.pooling import pool_channels_last, window_weights


class Projector(nn.Module):
    """linear_2(pool(GELU(linear_1(x)))), GELU in its erf form.

    The published order is linear_2 before the pooling. The weights of a window sum to one, so both orders are the same
    function, and this one applies the widest map to one row a window instead of to every patch.
    """

    def __init__(self, vision_hidden, hidden):
        super().__init__()
        self.linear_1 = nn.Linear(vision_hidden, hidden)
        self.act = ACT2FN["gelu"]
        self.linear_2 = nn.Linear(hidden, hidden)

    def forward(self, features, weights, kernel, temperature):
        """features (T,L,D) of one clip, weights (K,T,g,g) of K questions -> tokens (K, T',g',g', hidden).

        What fills no window is left out before the first map. Without gradients the frames of one window are done at a
        time, so that memory does not grow with the clip.
        """
        shares = window_weights(weights, kernel, temperature=temperature)
        windows, kt = shares.shape[1], kernel[0]
        grid = weights.shape[-2:]
        features = features[: windows * kt].to(self.linear_1.weight.dtype)
        steps = [features] if torch.is_grad_enabled() else features.split(kt)
        pooled, done = [], 0
        for step in steps:
            wide = self.act(self.linear_1(step)).unflatten(1, grid)
            count = len(step) // kt
            pooled.append(pool_channels_last(wide, shares[:, done : done + count]))
            done += count
        return self.linear_2(torch.cat(pooled, dim=1))


def guided_tokens(scorer, projector, features, text, *, kernel, temperature):
    """Visual tokens of K questions about one clip.

    features (T,L,D): L = g*g patches of each frame; text (K,E) from `scorer.embed_text`; kernel (frames, rows, columns)
    -> (K, T',g',g', hidden). In order of time, row, column.
    """
    weights = scorer.weights(features, text)
    return projector(features, weights, tuple(kernel), temperature)
