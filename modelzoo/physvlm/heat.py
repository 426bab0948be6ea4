"""Where guided pooling looked: how much each patch counted in its window, against a plain mean."""

import torch

from modelzoo.physvlm.pooling import window_weights


def patch_weights(weights, kernel, *, temperature):
    """weights (N,T,g,g) of the scorer -> (N,T,g,g): 1 where a patch counted as in a plain mean, up to the window's size
    where it alone spoke for its window; NaN for frames, rows and columns that fill no window.
    """
    shares = window_weights(weights, kernel, temperature=temperature)  # (N, T',H',W', kt,kh,kw)
    size = shares.shape[-3] * shares.shape[-2] * shares.shape[-1]
    placed = (shares * size).permute(0, 1, 4, 2, 5, 3, 6).flatten(5, 6).flatten(3, 4).flatten(1, 2)
    full = torch.full(weights.shape, torch.nan, dtype=placed.dtype, device=placed.device)
    full[:, : placed.shape[1], : placed.shape[2], : placed.shape[3]] = placed
    return full


@torch.no_grad()
def heat_of(model, features, scorer_ids):
    """Patch weights (T,g,g) of a PhysVLM for one clip's features (T,L,D) and one text; see `patch_weights`."""
    inner, config = model.model, model.config
    text = inner.scorer.embed_text(scorer_ids[None])[:, None]
    weights = inner.scorer.weights(features[None], text)[:, 0]
    return patch_weights(weights, tuple(config.video_kernel), temperature=config.pool_temperature)[0]
