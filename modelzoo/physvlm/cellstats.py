"""A frozen vision tower of plain statistics: what a cell of a frame looks like, and how it moves and changes.

A stand-in for SigLIP that costs 30 ms a clip on a processor. Colours are counted by name, because questions name things
by their colour; motion is what is left after the scrolling of the camera was taken away.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import nn

from modelzoo.physvlm.config import CELL_CHANNELS

# red, orange, yellow, green, blue, purple, pink, white, black, grey, brown
_NAMED = (
    (0.85, 0.15, 0.15), (0.95, 0.55, 0.15), (0.95, 0.85, 0.20), (0.25, 0.65, 0.25), (0.20, 0.40, 0.85), (0.55, 0.20, 0.70),
    (0.95, 0.60, 0.75), (0.95, 0.95, 0.95), (0.05, 0.05, 0.05), (0.50, 0.50, 0.50), (0.50, 0.33, 0.20),
)  # fmt: skip
_NAMED_SPREAD = 0.02  # squared distance of colours at which the chance of a name falls to 1/e
_MOVES = 0.06  # of the brightness: less is noise
_LARGEST_SCROLL = 8  # pixels between two frames
_LAG = 3  # frames of the slow difference


@lru_cache(1)
def _cores(count):
    """Threads that each work alone: many small operations only lose by being cut up among cores."""
    return ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,), thread_name_prefix="cells")


class CellStatsTower(nn.Module):
    """Statistics of `grid` x `grid` cells of each frame, every channel z-scored by what `fit` stored with the weights.

    Channels: mean colour 3, mean change 3, share of each named colour 11, the same of moving pixels 11, largest change
    and motion 2, then 17: change to the frame before and after, motion, share that moves, slow change, gradients across,
    down and diagonal, flow right and down, spread of the brightness, centre of the motion 2, place 3, scroll.
    """

    def __init__(self, config):
        super().__init__()
        self.grid = config.grid
        self.register_buffer("mean", torch.zeros(config.hidden_size))
        self.register_buffer("std", torch.ones(config.hidden_size))

    def fit(self, mean, std):
        """Store the mean and the spread of each channel of `raw_features`, each (D,)."""
        self.mean.copy_(mean)
        self.std.copy_(std.clamp_min(1e-3))

    def forward(self, pixels):
        """pixels (C,T,3,H,W), bytes or normalised -> z-scored (C,T,g*g,D)."""
        scores = (self.raw_features(pixels) - self.mean.float()) / self.std.float()
        return scores.clamp(-8, 8).to(self.mean.dtype)

    def raw_features(self, pixels):
        """pixels (C,T,3,H,W), bytes or normalised -> float32 (C,T,g*g,D), before the z-score."""
        # one clip at a time: what is in between is fifty times its bytes, and each core has a clip of its own
        clips = pixels.split(1)
        if pixels.device.type != "cpu" or len(clips) == 1 or torch.get_num_threads() == 1:
            return torch.cat([self._features(clip) for clip in clips])
        return torch.cat(list(_cores(torch.get_num_threads()).map(self._features, clips)))

    def _features(self, pixels):
        images = pixels.float() / 255 if pixels.dtype == torch.uint8 else (pixels.float() + 1) / 2
        clips, frames, _three, height, width = images.shape
        if height % self.grid or width % self.grid:
            raise ValueError(f"Frames of {width} x {height} pixels do not divide into {self.grid} x {self.grid} cells.")
        cell = (height // self.grid, width // self.grid)
        light = images.mean(2)
        scroll = scroll_of(light)
        to_before, to_after = changes(images, scroll)
        before, after = to_before.abs().mean(2), to_after.abs().mean(2)
        if frames > 1:
            before[:, 0], after[:, -1] = after[:, 0], before[:, -1]
        motion = torch.minimum(before, after)  # a thing that moves differs from both; what it uncovered, from one
        moves = (motion > _MOVES).float()
        slow = (images - images[:, (torch.arange(frames) - _LAG).clamp(min=0)]).abs().mean(2)
        across = F.pad(light[..., 2:] - light[..., :-2], (1, 1))
        down = F.pad(light[..., 2:, :] - light[..., :-2, :], (0, 0, 1, 1))
        change = to_before.mean(2)
        right = torch.linspace(-1, 1, cell[1], device=light.device).repeat(self.grid)
        lower = torch.linspace(-1, 1, cell[0], device=light.device).repeat(self.grid)[:, None]
        products = (across * across, down * down, across * down, across * change, down * change, light * light)
        planes = [before, after, motion, moves, slow, *products, motion * right, motion * lower]
        # each by itself: to lay them side by side at full size first would cost more than the means
        planes = [images, to_before, *(plane[:, :, None] for plane in planes)]
        means = torch.cat([self._means(plane, cell) for plane in planes], dim=-1)
        largest = F.max_pool2d(torch.stack([before, motion], 2).flatten(0, 1), cell)
        largest = largest.unflatten(0, (clips, frames)).movedim(2, -1)
        before, after, motion, moving, slow, xx, yy, xy, xt, yt, squares, centre_x, centre_y = means[..., 6:].unbind(-1)
        # Lucas and Kanade: the flow that explains the change best, one for each cell
        determinant = xx * yy - xy * xy + 1e-4
        flow_x = (-(yy * xt - xy * yt) / determinant).clamp(-3, 3)
        flow_y = (-(xx * yt - xy * xt) / determinant).clamp(-3, 3)
        spread = (squares - means[..., :3].mean(-1).square()).clamp_min(0).sqrt()
        y, x = torch.meshgrid(*[torch.linspace(-1, 1, self.grid, device=light.device)] * 2, indexing="ij")
        time = torch.linspace(-1, 1, frames, device=light.device)[:, None, None]
        scalars = [
            before, after, motion, moving, slow, xx.sqrt(), yy.sqrt(), xy * 10, flow_x, flow_y, spread,
            centre_x / (motion + 0.002), centre_y / (motion + 0.002), x, y, time, scroll[:, :, None, None] / 5,
        ]  # fmt: skip
        scalars = torch.stack([scalar.expand_as(before) for scalar in scalars], dim=-1)
        features = torch.cat([means[..., :6], self._colours(images, moves, cell), largest, scalars], dim=-1)
        if features.shape[-1] != CELL_CHANNELS:
            raise AssertionError(f"{features.shape[-1]} channels were computed, {CELL_CHANNELS} are declared")
        return features.flatten(2, 3)

    @staticmethod
    def _means(planes, cell):
        """Means over cells: (C,T,n,H,W) -> (C,T,g,g,n)."""
        return F.avg_pool2d(planes.flatten(0, 1), cell).unflatten(0, planes.shape[:2]).movedim(2, -1)

    def _colours(self, images, moves, cell):
        """Share of each named colour in each cell, of all pixels and of those that move: (C,T,g,g,22).

        Counted at half the size, where a cell allows it.
        """
        half = 2 if cell[0] % 2 == 0 and cell[1] % 2 == 0 else 1
        small = F.avg_pool2d(images.flatten(0, 1), half)
        moving = F.avg_pool2d(moves.flatten(0, 1)[:, None], half)
        named = torch.tensor(_NAMED, device=images.device)  # a buffer would be left unset when weights are loaded
        # colours as channels: the softmax and all behind it go along rows of pixels, which is many times as fast
        distances = F.conv2d(small, (2 / _NAMED_SPREAD * named)[:, :, None, None], -named.square().sum(1) / _NAMED_SPREAD)
        shares = distances.softmax(1)
        both = torch.cat([shares, shares * moving], dim=1).unflatten(0, images.shape[:2])
        return self._means(both, (cell[0] // half, cell[1] // half))


def scroll_of(light):
    """Whole pixels by which each frame shows the frame before moved to the right: (C,T,H,W) -> (C,T), 0 for the first.

    The shift under which the two differ least. Differences are cut off, so that what moves by itself has little say.
    """
    width = light.shape[-1]
    rows = F.avg_pool2d(light, (min(8, light.shape[-2]), 1))
    most = min(_LARGEST_SCROLL, width // 4)
    costs = []
    for shift in range(-most, most + 1):
        before = rows[:, :-1, :, max(0, -shift) : width - max(0, shift)]
        now = rows[:, 1:, :, max(0, shift) : width + min(0, shift)]
        costs.append((before - now).abs().clamp(max=0.15).mean((-2, -1)) + 1e-4 * abs(shift))
    found = torch.stack(costs, -1).argmin(-1) - most
    return torch.cat([found.new_zeros(len(light), 1), found], dim=1)


def moved(images, shift):
    """Images (C,T,3,H,W) moved to the right by `shift` (C,T) pixels; the edge is repeated."""
    width = images.shape[-1]
    columns = (torch.arange(width, device=images.device) - shift[..., None]).clamp(0, width - 1)
    return images.gather(-1, columns[:, :, None, None].expand_as(images))


def changes(images, scroll):
    """Difference of each frame to the one before and to the one after, both without the scrolling; 0 at the ends."""
    zero = torch.zeros_like(images[:, :1])
    to_before = images[:, 1:] - moved(images[:, :-1], scroll[:, 1:])
    to_after = images[:, :-1] - moved(images[:, 1:], -scroll[:, 1:])
    return torch.cat([zero, to_before], dim=1), torch.cat([to_after, zero], dim=1)
