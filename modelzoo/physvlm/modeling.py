"""PhysVLM: a frozen vision tower, a scorer and a projector that pool its patches by the question, and Qwen2."""

from dataclasses import dataclass

import torch
from torch import nn
from transformers import GenerationMixin, PreTrainedModel, Qwen2Model, SiglipTextConfig
from transformers import initialization as init
from transformers.models.siglip.modeling_siglip import SiglipVisionEmbeddings
from transformers.utils import ModelOutput

from modelzoo.physvlm.config import PhysVLMConfig
from modelzoo.physvlm.images import pack_tiles
from modelzoo.physvlm.merging import place_tokens, project_rows
from modelzoo.physvlm.projector import Projector, guided_tokens
from modelzoo.physvlm.scorer import PromptScorer, Scorer, TextPositions, TokenScorer
from modelzoo.physvlm.tower import CellStatsTower, build_tower

MEDIA = ("video", "image", "multi-image")
TRAINABLE = ("language_model", "projector", "scorer", "image_newline")
NEVER_TRAINED = ("logit_scale", "logit_bias", "first_positions")


@dataclass
class PhysVLMOutput(ModelOutput):
    """What a forward pass gives. Rows are B*S places in order; R of them were projected to the vocabulary."""

    loss: torch.FloatTensor | None = None  # mean cross entropy over all label tokens, float32
    logits: torch.FloatTensor | None = None  # (B,S,V), or (R,V) for chosen rows
    past_key_values: object | None = None
    hidden_states: torch.FloatTensor | None = None  # (B,S,hidden), after the last norm
    targets: torch.LongTensor | None = None  # (R,) labels of the chosen rows, with label_rows="labels"
    merged_attention_mask: torch.Tensor | None = None  # as the language model got them, visual tokens included
    merged_position_ids: torch.LongTensor | None = None
    merged_labels: torch.LongTensor | None = None
    merged_embeds: torch.FloatTensor | None = None


class PhysVLMPreTrainedModel(PreTrainedModel):
    config_class = PhysVLMConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["Qwen2DecoderLayer", "SiglipEncoderLayer"]
    _skip_keys_device_placement = ["past_key_values"]
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    @torch.no_grad()
    def _init_weights(self, module):
        super()._init_weights(module)
        if isinstance(module, TextPositions):
            init.normal_(module.first_positions, std=self.config.initializer_range)
            init.normal_(module.later_positions, std=self.config.initializer_range)
        elif isinstance(module, Scorer):
            init.constant_(module.logit_scale, module.start_scale)
            init.zeros_(module.logit_bias)
        elif isinstance(module, SiglipVisionEmbeddings):
            init.copy_(module.position_ids, torch.arange(module.num_positions)[None])
        elif isinstance(module, CellStatsTower):
            init.zeros_(module.mean)
            init.ones_(module.std)
        elif isinstance(module, PhysVLMModel):
            init.normal_(module.image_newline, std=self.config.initializer_range)


class PhysVLMModel(PhysVLMPreTrainedModel):
    """Frames and text to the language model's last hidden states."""

    def __init__(self, config):
        super().__init__(config)
        siglip = isinstance(config.scorer_config, SiglipTextConfig)
        hidden = config.text_config.hidden_size
        for part in (config.vision_config, config.scorer_config):
            if part._attn_implementation is None:  # the library sets it only where a whole model of its own is built
                part._attn_implementation = config._attn_implementation
        self.vision_tower = build_tower(config.vision_config)
        self.scorer = (PromptScorer if siglip else TokenScorer)(config.scorer_config, config.vision_config)
        self.projector = Projector(config.vision_hidden, hidden)
        self.image_newline = nn.Parameter(torch.empty(hidden))
        self.language_model = Qwen2Model(config.text_config)
        self.vision_tower.requires_grad_(False)
        self.post_init()

    def get_input_embeddings(self):
        return self.language_model.embed_tokens

    def set_input_embeddings(self, value):
        self.language_model.embed_tokens = value

    def train(self, mode=True):
        super().train(mode)
        self.vision_tower.eval()
        return self

    @torch.no_grad()
    def encode_frames(self, pixels):
        """Features of the patches of whole clips, without gradients.

        pixels (C,T,3,H,W), bytes or normalised floats -> (C,T,L,D); or a list of C tensors (T_c,3,H,W) -> a list.
        """
        if isinstance(pixels, (list, tuple)):
            return [self.vision_tower(clip[None])[0] for clip in pixels]
        if pixels.dim() != 5:
            raise ValueError(f"pixels has the shape {tuple(pixels.shape)}; it must be (clips, frames, 3, height, width).")
        return self.vision_tower(pixels)

    def pool(self, features, scorer_ids, scorer_mask=None, clip_of_row=None, media=None, image_sizes=None):
        """Visual tokens of every row, a list of B tensors (n_b, hidden).

        features (C,T,L,D) or a list of (T_c,L,D); scorer_ids (B,Lt) guide the pooling, scorer_mask (B,Lt) marks real ones
        (None: all); clip_of_row says which clip row b looks at (default: its own, -1: none); media is "video" (default),
        "image" (T tiles of one picture, with image_sizes[b] its height and width) or "multi-image" for each row.
        """
        rows = len(scorer_ids)
        clips = (
            [min(row, len(features) - 1) for row in range(rows)] if clip_of_row is None else [int(c) for c in clip_of_row]
        )
        if clip_of_row is None and len(features) != rows:
            raise ValueError(
                f"There are {len(features)} clips for {rows} rows; say with clip_of_row which row looks at which."
            )
        kinds = media or ["video"] * rows
        if unknown := set(kinds) - set(MEDIA):
            raise ValueError(f"media has {', '.join(sorted(unknown))}; it can be {', '.join(MEDIA)}.")
        text = self.scorer.embed_text(scorer_ids, scorer_mask)
        tokens = [None] * rows
        for members, group in self.grouped(clips, kinds, features):
            kernel = self.config.video_kernel if kinds[members[0][0]] == "video" else self.config.image_kernel
            pooled = guided_tokens(
                self.scorer, self.projector, group, text[torch.tensor(members, device=text.device)],
                kernel=kernel, temperature=self.config.pool_temperature,
            )  # fmt: skip
            for row, grid in zip((row for some in members for row in some), pooled.flatten(0, 1), strict=True):
                if kinds[row] == "image":
                    size = None if image_sizes is None else image_sizes[row]
                    tokens[row] = pack_tiles(grid, self.image_newline, size, self.config)
                else:
                    tokens[row] = grid.flatten(0, 2)
        empty = self.image_newline.new_zeros(0, self.image_newline.shape[0])
        return [empty if row is None else row for row in tokens]

    @staticmethod
    def grouped(clips, kinds, features):
        """(rows of each clip, features of these clips): all clips at once where they are alike, else one by one."""
        members = {}
        for row, clip in enumerate(clips):
            if clip >= 0:
                members.setdefault((clip, kinds[row] == "video"), []).append(row)
        alike = len({(len(rows), is_video) for (_clip, is_video), rows in members.items()}) == 1
        if alike and isinstance(features, torch.Tensor):
            chosen = [clip for clip, _is_video in members]
            every = chosen == list(range(len(features)))
            return [(list(members.values()), features if every else features[chosen])]
        return [([rows], features[clip][None]) for (clip, _is_video), rows in members.items()]

    def see(self, input_ids, attention_mask, position_ids, labels, *, pixels, features, visual_tokens, scorer_ids, **how):
        """Frames or features or ready tokens, and text, to what the language model reads; see `place_tokens`."""
        how["clip_of_row"] = None if how.get("clip_of_row") is None else numbers(how["clip_of_row"])
        if sum(given is not None for given in (pixels, features, visual_tokens)) > 1:
            raise ValueError("Give only one of pixels, features and visual_tokens.")
        if pixels is not None:
            features = self.encode_frames(pixels)
        if features is not None:
            if scorer_ids is None:
                raise ValueError("Pooling needs scorer_ids, the tokens of the text that guides it.")
            visual_tokens = self.pool(features, scorer_ids, **how)
        if visual_tokens is None:
            visual_tokens = [self.image_newline.new_zeros(0, self.image_newline.shape[0])] * len(input_ids)
        kinds = how.get("media") or ["video"] * len(visual_tokens)
        clips = range(len(visual_tokens)) if how.get("clip_of_row") is None else how["clip_of_row"]
        blocks = []
        for row, (tokens, kind) in enumerate(zip(visual_tokens, kinds, strict=True)):
            pictures = len(features[clips[row]]) if kind == "multi-image" and features is not None else 1
            blocks.append([len(tokens) // pictures] * pictures if len(tokens) else [])
        return place_tokens(
            input_ids, attention_mask, position_ids, labels, visual_tokens, blocks,
            embed=self.get_input_embeddings(), image_token_id=self.config.image_token_id,
            pad_token_id=self.config.pad_token_id,
        )  # fmt: skip

    def forward(
        self, inputs_embeds, attention_mask=None, position_ids=None, past_key_values=None, use_cache=False, **kwargs
    ):
        """Embeddings (B,S,hidden) -> the language model's output.

        attention_mask None, (B,S), or a block mask (B,S,S) or (B,1,S,S), True where a place may attend to another.
        """
        if attention_mask is not None and attention_mask.dim() > 2:
            allowed = attention_mask if attention_mask.dim() == 4 else attention_mask[:, None]
            attention_mask = {"full_attention": block_mask(allowed, self.language_model.config, inputs_embeds.dtype)}
        return self.language_model(
            inputs_embeds=inputs_embeds, attention_mask=attention_mask, position_ids=position_ids,
            past_key_values=past_key_values, use_cache=use_cache, **kwargs,
        )  # fmt: skip


def numbers(values):
    """A list of whole numbers from a list or a tensor, with one transfer from the device."""
    return values.tolist() if isinstance(values, torch.Tensor) else [int(value) for value in values]


def block_mask(allowed, config, dtype):
    """A mask of True and False as the attention in use expects it: as it is, or added to the scores."""
    if config._attn_implementation == "sdpa":
        return allowed.bool()
    return torch.zeros(allowed.shape, dtype=dtype, device=allowed.device).masked_fill(
        ~allowed.bool(), torch.finfo(dtype).min
    )


class PhysVLMForConditionalGeneration(PhysVLMPreTrainedModel, GenerationMixin):
    """The whole model with its head over the vocabulary: training, scoring and generation."""

    _tied_weights_keys = {"lm_head.weight": "model.language_model.embed_tokens.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.model = PhysVLMModel(config)
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self):
        return self.model.get_input_embeddings()

    def set_input_embeddings(self, value):
        self.model.set_input_embeddings(value)

    def get_output_embeddings(self):
        return self.lm_head

    def encode_frames(self, pixels):
        """See PhysVLMModel.encode_frames."""
        return self.model.encode_frames(pixels)

    def pool(self, features, scorer_ids, **how):
        """See PhysVLMModel.pool."""
        return self.model.pool(features, scorer_ids, **how)

    def set_trainable(self, groups):
        """Let these groups learn, of language_model (with lm_head), projector, scorer and image_newline, and nothing else.

        The vision tower, the scorer's scale and bias and the first 20 text positions never learn.
        """
        if unknown := set(groups) - set(TRAINABLE):
            raise ValueError(f"There is no group {', '.join(sorted(unknown))} to train; there are {', '.join(TRAINABLE)}.")
        for name, parameter in self.named_parameters():
            path = name.split(".")
            group = "language_model" if path[0] == "lm_head" else path[1]
            parameter.requires_grad_(group in groups and path[-1] not in NEVER_TRAINED)

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        labels=None,
        use_cache=False,
        logits_to_keep=0,
        *,
        pixels=None,
        features=None,
        visual_tokens=None,
        clip_of_row=None,
        scorer_ids=None,
        scorer_mask=None,
        media=None,
        image_sizes=None,
        label_rows=None,
        **kwargs,
    ):
        """One pass over a batch of B rows.

        input_ids (B,S) with one image token a clip, or one a visual token; attention_mask None, (B,S) with 1 for real
        places, or a block mask (B,S,S) or (B,1,S,S) with True where one place may attend to another (then position_ids
        are needed too). Frames come as pixels, features or visual_tokens; see `PhysVLMModel.encode_frames` and `pool`.
        labels (B,S), not shifted, -100 where there is no loss. label_rows: None for logits at every place (or at the last
        `logits_to_keep`), flat places (R,) or a mask (B,S) for logits (R,V) there alone, or "labels" for the places that
        predict a label, which is all that training needs. Returns a PhysVLMOutput.
        """
        kwargs.pop("return_dict", None)
        if inputs_embeds is None:
            inputs_embeds, attention_mask, position_ids, labels = (
                (self.get_input_embeddings()(input_ids), attention_mask, position_ids, labels)
                if past_key_values is not None and past_key_values.get_seq_length()
                else self.model.see(
                    input_ids, attention_mask, position_ids, labels,
                    pixels=pixels, features=features, visual_tokens=visual_tokens, clip_of_row=clip_of_row,
                    scorer_ids=scorer_ids, scorer_mask=scorer_mask, media=media, image_sizes=image_sizes,
                )
            )  # fmt: skip
        out = self.model(
            inputs_embeds, attention_mask=attention_mask, position_ids=position_ids,
            past_key_values=past_key_values, use_cache=use_cache, **kwargs,
        )  # fmt: skip
        hidden = out.last_hidden_state
        loss, logits, targets = project_rows(self.lm_head, hidden, labels, label_rows, logits_to_keep)
        return PhysVLMOutput(
            loss=loss, logits=logits, targets=targets, past_key_values=out.past_key_values, hidden_states=hidden,
            merged_attention_mask=attention_mask, merged_position_ids=position_ids, merged_labels=labels,
            merged_embeds=inputs_embeds,
        )  # fmt: skip

    @torch.no_grad()
    def generate(self, input_ids, attention_mask=None, **kwargs):
        """New tokens only, (B,N). Takes the frames as `forward` does and `generate`'s settings of the library.

        Rows of different lengths must be padded on the left.
        """
        names = ("pixels", "features", "visual_tokens", "clip_of_row", "scorer_ids", "scorer_mask", "media", "image_sizes")
        sight = {name: kwargs.pop(name, None) for name in names}
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        embeds, mask, _, _ = self.model.see(input_ids, mask, None, None, **sight)
        return super().generate(inputs_embeds=embeds, attention_mask=mask, **kwargs)
