"""Pooling of a grid of patches over windows of time, rows and columns, guided by one weight a patch.

Each window gives the weighted mean of its patches; the weights of a window are softmax(w / temperature), so the one
patch that matters to a question can speak for its window. From PhysVLM (arXiv 2412.01800) and PPLLaVA
(arXiv 2411.02327).
"""

import torch

TEMPERATURE = 0.01


def window_of(size, output_size):
    """Kernel and stride that give `output_size` windows over `size` places, as three numbers each."""
    stride = tuple(n // out for n, out in zip(size, output_size, strict=True))
    kernel = tuple(n - (out - 1) * step for n, out, step in zip(size, output_size, stride, strict=True))
    return kernel, stride


def pooled_size(size, kernel, stride=None):
    """How many windows fit: floor((size - kernel) / stride) + 1 in each direction; the rest is dropped.

    ValueError if not even one window fits.
    """
    stride = stride or kernel
    for name, n, k, step in zip(("frames", "rows", "columns"), size, kernel, stride, strict=True):
        if k < 1 or step < 1:
            raise ValueError(f"A window of {k} {name} every {step} is none; both numbers must be 1 or more.")
        if n < k:
            raise ValueError(f"A window of {k} {name} does not fit into {n}; give more {name} or a smaller window.")
    return tuple((n - k) // step + 1 for n, k, step in zip(size, kernel, stride, strict=True))


def window_weights(weights, kernel, stride=None, *, temperature=TEMPERATURE):
    """softmax(w / temperature) in each window. weights (N,T,H,W) -> (N, T',H',W', kt,kh,kw), in at least float32."""
    stride = stride or kernel
    pooled_size(weights.shape[-3:], kernel, stride)
    windows = weights if weights.dtype == torch.float64 else weights.float()
    for direction, (k, step) in enumerate(zip(kernel, stride, strict=True), start=1):
        windows = windows.unfold(direction, k, step)
    shape = windows.shape
    return (windows.reshape(*shape[:4], -1) / temperature).softmax(-1).reshape(shape)


def in_windows(values, windows, kernel):
    """Patches window by window: values (N,T,H,W,C) -> (N, T',H',W', kt*kh*kw, C), for windows that do not overlap."""
    (t, h, w), (kt, kh, kw) = windows, kernel
    values = values[:, : t * kt, : h * kh, : w * kw]
    cut = values.reshape(-1, t, kt, h, kh, w, kw, values.shape[-1])
    return cut.permute(0, 1, 3, 5, 2, 4, 6, 7).flatten(4, 6)


def weighted_sums(values, shares):
    """The weighted sum of every window: values (N, T',H',W', P, C) of N clips, shares (N,K, T',H',W', kt,kh,kw) of K
    questions about each, P = kt*kh*kw -> (N,K, T',H',W', C)."""
    shares = shares.flatten(-3).movedim(1, -2).to(values.dtype)
    return (shares @ values).movedim(-2, 1)


def weighted_pool_3d(x, weights=None, kernel=None, stride=None, *, output_size=None, temperature=TEMPERATURE):
    """Weighted pooling of x (N,C,T,H,W) with one weight a patch, weights (N,T,H,W) -> (N,C,T',H',W').

    `kernel` and `stride` are (time, rows, columns), and a missing stride is the kernel; or give `output_size` alone, and
    both are derived from it. Without weights every patch counts the same. What fills no window is dropped.
    ValueError if a window does not fit, or if the sizes are given both ways.
    """
    if (output_size is None) == (kernel is None) or (output_size is not None and stride is not None):
        raise ValueError("Give either kernel (and stride) or output_size, not both and not neither.")
    size = tuple(x.shape[-3:])
    if output_size is not None:
        kernel, stride = window_of(size, output_size)
    stride = tuple(stride or kernel)
    kernel = tuple(kernel)
    pooled_size(size, kernel, stride)
    if weights is None:
        weights = torch.ones(x.shape[0], *size, dtype=x.dtype, device=x.device)
    if tuple(weights.shape) != (x.shape[0], *size):
        raise ValueError(
            f"The weights are {tuple(weights.shape)}, but x of {tuple(x.shape)} asks for {(x.shape[0], *size)}."
        )
    shares = window_weights(weights, kernel, stride, temperature=temperature)
    if kernel == stride:
        return weighted_sums(in_windows(x.movedim(1, -1), shares.shape[1:4], kernel), shares[:, None])[:, 0].movedim(-1, 1)
    windows = x
    for direction, (k, step) in enumerate(zip(kernel, stride, strict=True), start=2):
        windows = windows.unfold(direction, k, step)
    return torch.einsum("nctijabd,ntijabd->nctij", windows, shares.to(x.dtype))
