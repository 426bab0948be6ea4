"""Vision towers: what turns frames into one vector a patch. They are frozen, so they never carry a gradient."""

import torch
from torch import nn
from transformers import SiglipVisionConfig
from transformers.models.siglip.modeling_siglip import SiglipEncoder, SiglipVisionEmbeddings

from modelzoo.physvlm.cellstats import CellStatsTower


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


def build_tower(config):
    return SiglipTower(config) if isinstance(config, SiglipVisionConfig) else CellStatsTower(config)
