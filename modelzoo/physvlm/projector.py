"""From patch features to the tokens the language model reads: a two-layer map with the guided pooling in its middle."""

import torch
from torch import nn
from transformers.activations import ACT2FN

from modelzoo.physvlm.pooling import in_windows, weighted_sums, window_weights


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
        """features (C,T,L,D) of C clips, weights (C,K,T,g,g) of K questions about each -> (C,K, T',g',g', hidden).

        What fills no window is left out before the first map. Without gradients the frames of one window are done at a
        time, so that memory does not grow with the clip.
        """
        shares = window_weights(weights.flatten(0, 1), kernel, temperature=temperature).unflatten(0, weights.shape[:2])
        features = features.to(self.linear_1.weight.dtype).unflatten(2, weights.shape[-2:])
        if torch.is_grad_enabled():
            return self.linear_2(self.pooled(features, shares))
        pooled = features.new_empty(*shares.shape[:5], self.linear_1.out_features)
        for window, frames in zip(range(shares.shape[2]), features.split(kernel[0], dim=1), strict=False):
            pooled[:, :, window : window + 1] = self.pooled(frames, shares[:, :, window : window + 1])
        return self.linear_2(pooled)

    def pooled(self, features, shares):
        """GELU(linear_1(x)) pooled: features (C,T,g,g,D), shares (C,K, T',g',g', kt,kh,kw) -> (C,K, T',g',g', hidden).

        The patches are put in the order of their windows while they are narrow.
        """
        windows = in_windows(features, shares.shape[2:5], shares.shape[5:])
        return weighted_sums(self.act(self.linear_1(windows)), shares)


def guided_tokens(scorer, projector, features, text, *, kernel, temperature):
    """Visual tokens of K questions about each of C clips.

    features (C,T,L,D): L = g*g patches of each frame; text (C,K,E) from `scorer.embed_text`; kernel (frames, rows,
    columns) -> (C,K, T',g',g', hidden), in order of time, row, column.
    """
    weights = scorer.weights(features, text)
    return projector(features, weights, tuple(kernel), temperature)
