"""Vision towers: what turns frames into one vector a patch. They are frozen, so they never carry a gradient."""

import torch
import torch.nn.functional as F
from torch import nn
from transformers import SiglipVisionConfig
from transformers.models.siglip.modeling_siglip import SiglipEncoder, SiglipVisionEmbeddings

from modelzoo.physvlm.config import CELL_CHANNELS


def normalised(pixels, dtype):
    """Bytes as (x/255 - 0.5)/0.5 in [-1,1]; floats are taken to be that already."""
    return pixels.to(dtype) / 127.5 - 1 if pixels.dtype == torch.uint8 else pixels.to(dtype)


class SiglipTower(nn.Module):
    """SigLIP's patch embedding and encoder. The features are those BEFORE its last layer norm, all patches of them."""

    def __init__(self, config):
        super().__init__()
        self.embeddings = SiglipVisionEmbeddings(config)
        self.encoder = SiglipEncoder(config)

    def forward(self, pixels):
        """pixels (C,T,3,H,W), bytes or normalised -> (C,T,L,D)."""
        clips, frames = pixels.shape[:2]
        images = normalised(pixels.flatten(0, 1), self.embeddings.patch_embedding.weight.dtype)
        states = self.encoder(inputs_embeds=self.embeddings(images)).last_hidden_state
        return states.unflatten(0, (clips, frames))


class CellStatsTower(nn.Module):
    """Plain statistics of each cell of a frame and of how it differs from the frame before.

    A stand-in for SigLIP that costs milliseconds: mean colour (3), mean difference to the frame before (3), mean and
    largest absolute difference, spread of the luminance, gradient energy across and down, and the centre of the motion
    (2). With `summary` each cell also carries the largest, mean and smallest value of every channel in its frame.
    Each channel is divided by its spread over the training clips, which `fit` stores with the weights.
    """

    def __init__(self, config):
        super().__init__()
        self.grid, self.summary = config.grid, config.summary
        self.register_buffer("mean", torch.zeros(config.hidden_size))
        self.register_buffer("std", torch.ones(config.hidden_size))

    def fit(self, mean, std):
        """Store the mean and the spread of each channel of `raw_features`, each (D,)."""
        self.mean.copy_(mean)
        self.std.copy_(std.clamp_min(1e-4))

    def cells(self, images):
        """Cut (...,H,W) into cells: (...,g,g, h,w); ValueError if a side is no multiple of the grid."""
        height, width = images.shape[-2:]
        if height % self.grid or width % self.grid:
            raise ValueError(f"Frames of {width} x {height} pixels do not divide into {self.grid} x {self.grid} cells.")
        cut = images.unflatten(-1, (self.grid, -1)).unflatten(-3, (self.grid, -1))
        return cut.transpose(-3, -2)

    def raw_features(self, pixels):
        """pixels (C,T,3,H,W), bytes or normalised -> float32 (C,T,g*g,D), before the z-score."""
        pixels = normalised(pixels, torch.float32)
        before = torch.cat([pixels[:, :1], pixels[:, :-1]], dim=1)
        difference = pixels - before
        moved = difference.abs().mean(2)
        luminance = pixels.mean(2)
        across = F.pad(luminance[..., 1:] - luminance[..., :-1], (0, 1)).square()
        down = F.pad(luminance[..., 1:, :] - luminance[..., :-1, :], (0, 0, 0, 1)).square()
        moved_cells = self.cells(moved)
        channels = [
            self.cells(pixels).mean((-2, -1)).movedim(2, -1),
            self.cells(difference).mean((-2, -1)).movedim(2, -1),
            torch.stack([moved_cells.mean((-2, -1)), moved_cells.amax((-2, -1))], dim=-1),
            self.cells(luminance).std((-2, -1), correction=0)[..., None],
            torch.stack([self.cells(across).mean((-2, -1)), self.cells(down).mean((-2, -1))], dim=-1),
            self.centre(moved_cells),
        ]
        features = torch.cat(channels, dim=-1).flatten(2, 3)
        if features.shape[-1] != CELL_CHANNELS:
            raise AssertionError(f"{features.shape[-1]} channels were computed, {CELL_CHANNELS} are declared")
        if self.summary:
            whole = [features.amax(2), features.mean(2), features.amin(2)]
            features = torch.cat([features, *(part[:, :, None].expand_as(features) for part in whole)], dim=-1)
        return features

    def centre(self, moved):
        """Where in its cell the motion is, in [-1,1] across and down, 0 without motion: (...,h,w) -> (...,2)."""
        height, width = moved.shape[-2:]
        total = moved.sum((-2, -1)) + 1e-3
        x = (moved.sum(-2) * torch.linspace(-1, 1, width, device=moved.device)).sum(-1) / total
        y = (moved.sum(-1) * torch.linspace(-1, 1, height, device=moved.device)).sum(-1) / total
        return torch.stack([x, y], dim=-1)

    def forward(self, pixels):
        """pixels (C,T,3,H,W), bytes or normalised -> z-scored (C,T,g*g,D)."""
        return (self.raw_features(pixels).to(self.mean.dtype) - self.mean) / self.std


def build_tower(config):
    return SiglipTower(config) if isinstance(config, SiglipVisionConfig) else CellStatsTower(config)
