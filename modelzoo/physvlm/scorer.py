"""How much each patch has to do with the text: the weights that guide the pooling.

A scorer embeds the text and every patch into one space and compares them by cosine. `PromptScorer` is SigLIP's text
tower with a longer position table and the value path of SigLIP's pooling head, applied to every patch; `TokenScorer` is
the same idea small enough for a CPU.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers.models.siglip.modeling_siglip import SiglipEncoder

KEPT_POSITIONS = 20
STRETCH = 4
FRAMES_AT_ONCE = 2  # without gradients: few enough to stay small, enough for a matrix product to run fast


def stretch_text_positions(table):
    """Lengthen a table of text positions (L,D) -> (4L-60, D); ValueError if it has 20 rows or fewer.

    The first 20 rows stay. Each later row becomes four, a quarter of the way to its successor apart; the last row, which
    has no successor, goes on with its last step (Long-CLIP, arXiv 2403.15378).
    """
    length = table.shape[0]
    if length <= KEPT_POSITIONS:
        raise ValueError(f"A table of {length} positions cannot be stretched; it takes more than {KEPT_POSITIONS}.")
    rest = table[KEPT_POSITIONS:]
    before_last = table[-2]
    steps = torch.cat([rest[1:] - rest[:-1], (rest[-1] - before_last)[None]])
    quarters = torch.arange(STRETCH, dtype=table.dtype, device=table.device) / STRETCH
    longer = rest[:, None] + quarters[None, :, None] * steps[:, None]
    return torch.cat([table[:KEPT_POSITIONS], longer.flatten(0, 1)])


def patch_head(x, value_weight, value_bias, norm_weight, norm_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias, *, eps=1e-6):
    """SigLIP's pooling head for single patches: y = v + MLP(LayerNorm(v)), v the value projection. x (...,D) -> (...,D).

    A single patch attends only to itself, so query, key and probe play no part, and the output projection is left out.
    The MLP's GELU is the tanh approximation.
    """
    v = F.linear(x, value_weight, value_bias)
    inner = F.linear(F.layer_norm(v, v.shape[-1:], norm_weight, norm_bias, eps), fc1_weight, fc1_bias)
    return v + F.linear(F.gelu(inner, approximate="tanh"), fc2_weight, fc2_bias)


def attention_mask_of(mask, implementation, dtype):
    """A key mask (B,L), True = a real token, as the (B,1,L,L) mask that SigLIP's attention expects; None stays None."""
    if mask is None:
        return None
    length = mask.shape[1]
    allowed = mask.bool()[:, None, None, :].expand(-1, 1, length, length)
    if implementation == "sdpa":
        return allowed
    return torch.zeros(allowed.shape, dtype=dtype, device=mask.device).masked_fill(~allowed, torch.finfo(dtype).min)


def last_real(states, mask):
    """The state of each row's last real token: states (B,L,D), mask (B,L) or None (the last place) -> (B,D)."""
    if mask is None:
        return states[:, -1]
    places = torch.arange(mask.shape[1], device=mask.device)
    return states[torch.arange(len(states), device=states.device), (mask.bool() * places).argmax(1)]


class TextPositions(nn.Module):
    """Token plus position embeddings. The first 20 positions are never trained, so they are a tensor of their own."""

    def __init__(self, config):
        super().__init__()
        kept = min(KEPT_POSITIONS, config.max_position_embeddings)
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.first_positions = nn.Parameter(torch.empty(kept, config.hidden_size))
        self.later_positions = nn.Parameter(torch.empty(config.max_position_embeddings - kept, config.hidden_size))

    def forward(self, ids):
        table = torch.cat([self.first_positions, self.later_positions])
        if ids.shape[1] > len(table):
            raise ValueError(f"The scorer's text has {ids.shape[1]} tokens, but only {len(table)} positions; cut it first.")
        return self.token_embedding(ids) + table[: ids.shape[1]]


class TextTower(nn.Module):
    """SigLIP's text tower: no causal mask, final layer norm, the last token, a linear head. ids (B,L) -> (B,D)."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embeddings = TextPositions(config)
        self.encoder = SiglipEncoder(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.head = nn.Linear(config.hidden_size, config.projection_size)

    def forward(self, ids, mask=None):
        states = self.embeddings(ids)
        allowed = attention_mask_of(mask, self.config._attn_implementation, states.dtype)
        states = self.encoder(inputs_embeds=states, attention_mask=allowed).last_hidden_state
        return self.head(self.final_layer_norm(last_real(states, mask)))


class PatchHead(nn.Module):
    """`patch_head` with its weights, for patches of `hidden` numbers."""

    def __init__(self, hidden, intermediate, eps):
        super().__init__()
        self.value = nn.Linear(hidden, hidden)
        self.layernorm = nn.LayerNorm(hidden, eps=eps)
        self.fc1 = nn.Linear(hidden, intermediate)
        self.fc2 = nn.Linear(intermediate, hidden)

    def forward(self, x):
        fc1, fc2 = self.fc1, self.fc2
        return patch_head(
            x, self.value.weight, self.value.bias, self.layernorm.weight, self.layernorm.bias,
            fc1.weight, fc1.bias, fc2.weight, fc2.bias, eps=self.layernorm.eps,
        )  # fmt: skip


class Scorer(nn.Module):
    """What both scorers share. They differ in `embed_text` (B,L) -> (B,E) and `embed_patches` (...,D) -> (...,E)."""

    def __init__(self, start_scale):
        super().__init__()
        self.start_scale = start_scale
        self.logit_scale = nn.Parameter(torch.full((1,), float(start_scale)), requires_grad=False)
        self.logit_bias = nn.Parameter(torch.zeros(1), requires_grad=False)

    def cosines(self, features, text):
        """features (C,T,L,D) of C clips, text (C,K,E) of K questions about each -> cosines (C,K,T,L), at least float32.

        Without gradients the patches of a few frames are embedded at a time, so the wide inner layer never exists whole.
        """
        wide = torch.float64 if features.dtype == torch.float64 else torch.float32
        unit = F.normalize(text.to(wide), dim=-1)
        if torch.is_grad_enabled():
            return torch.einsum("ctle,cke->cktl", F.normalize(self.embed_patches(features).to(wide), dim=-1), unit)
        cosines = unit.new_empty(*unit.shape[:2], *features.shape[1:3])
        for some, out in zip(features.split(FRAMES_AT_ONCE, dim=1), cosines.split(FRAMES_AT_ONCE, dim=2), strict=True):
            patches = self.embed_patches(some.flatten(1, 2)).to(wide)
            out.copy_((unit @ patches.mT / patches.norm(dim=-1).clamp_min(1e-12)[:, None]).view_as(out))
        return cosines

    def weights(self, features, text):
        """One weight a patch, (C,K,T,g,g), summing to one over the whole clip, later dropped frames included."""
        cosines = self.cosines(features, text)
        scores = self.logit_scale.to(cosines.dtype).exp() * cosines + self.logit_bias.to(cosines.dtype)
        grid = math.isqrt(scores.shape[-1])
        return scores.flatten(2).softmax(-1).reshape(*scores.shape[:3], grid, grid)


class PromptScorer(Scorer):
    """The scorer of PhysVLM: SigLIP's text tower, and layer norm and patch head for the tower's patches."""

    def __init__(self, config, vision_config):
        super().__init__(math.log(100))
        hidden, eps = vision_config.hidden_size, vision_config.layer_norm_eps
        self.text = TextTower(config)
        self.ln = nn.LayerNorm(hidden, eps=eps)
        self.head = PatchHead(hidden, vision_config.intermediate_size, eps)

    def embed_text(self, ids, mask=None):
        return self.text(ids, mask)

    def embed_patches(self, features):
        return self.head(self.ln(features))


class TokenScorer(Scorer):
    """A scorer of a few thousand numbers: the mean of the text's token embeddings against a linear map of the patches."""

    def __init__(self, config, vision_config):
        super().__init__(config.logit_scale)
        self.token_embedding = nn.Embedding(config.vocab_size, config.hidden_size)
        self.text = nn.Linear(config.hidden_size, config.hidden_size)
        self.patch = nn.Linear(vision_config.hidden_size, config.hidden_size)

    def embed_text(self, ids, mask=None):
        tokens = self.token_embedding(ids)
        real = torch.ones_like(ids) if mask is None else mask
        real = real.to(tokens.dtype)[..., None]
        return self.text((tokens * real).sum(1) / real.sum(1).clamp_min(1))

    def embed_patches(self, features):
        return self.patch(features)
