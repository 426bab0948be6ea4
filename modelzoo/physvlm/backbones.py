"""A door for other video language models: Qwen2.5-VL and InternVL of the library behind PhysVLM's interface.

They answer to the same calls as `PhysVLMForConditionalGeneration` (encode_frames, pool, forward with label_rows and block
masks, generate, set_trainable, save_pretrained), so training and evaluation do not know the difference. Their visual
tokens do not depend on the question: `features` are finished visual tokens, and the scorer's text is ignored. Frames are
given as bytes and cut into patches here, so no torchvision is needed.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import torch
from torch import nn
from transformers import InternVLForConditionalGeneration, Qwen2_5_VLForConditionalGeneration

from modelzoo.physvlm.merging import place_tokens, project_rows
from modelzoo.physvlm.modeling import PhysVLMOutput, block_mask, numbers

SETTINGS = "backbone.json"
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class BackboneConfig:
    """What training and evaluation ask a config for, read from the library's config."""

    scorer_config = SimpleNamespace(max_position_embeddings=256)  # the scorer's text is cut there, and not used
    video_kernel, image_kernel = [1, 1, 1], [1, 1, 1]
    pool_text = "fixed"  # the questions of a clip share its visual tokens

    def __init__(self, kind, library, *, frames, frame_size):
        self.kind, self.library, self.frames = kind, library, frames
        self.text_config = library.text_config
        self.vision_config = SimpleNamespace(
            image_size=frame_size,
            to_json_string=lambda: f"{self.kind} {frame_size} {library.vision_config.to_json_string()}",
        )
        self.image_token_id = getattr(library, kind.clip_id)
        self.pad_token_id = self.text_config.pad_token_id or 0
        self.eos_token_id = self.text_config.eos_token_id

    @property
    def grid(self):
        """Visual tokens along one side of a frame, which is what pooling would see."""
        return self.kind.grid(self.library, self.frames, self.vision_config.image_size)[1]

    @property
    def vision_hidden(self):
        return self.text_config.hidden_size

    def check(self):
        """ValueError if frames of this size do not divide into the backbone's patches."""
        self.kind.grid(self.library, self.frames, self.vision_config.image_size)

    def visual_token_count(self, frames=None):
        """Visual tokens of a clip of so many frames."""
        t, h, w = self.kind.grid(self.library, self.frames if frames is None else frames, self.vision_config.image_size)
        return t * h * w

    def save_pretrained(self, folder):
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.library.save_pretrained(folder)
        settings = {"frames": self.frames, "frame_size": self.vision_config.image_size}
        (Path(folder) / SETTINGS).write_text(json.dumps(settings) + "\n", encoding="utf-8")


class Qwen25VL:
    """Two frames make one step in time; patches are merged two by two, and positions count time, rows and columns."""

    model_type, model_class = "qwen2_5_vl", Qwen2_5_VLForConditionalGeneration
    clip_id = "video_token_id"
    shown, turn_end = "<|vision_start|><|video_pad|><|vision_end|>", "<|im_end|>"
    frame_size = 336
    mean, std = CLIP_MEAN, CLIP_STD

    @staticmethod
    def parts(model):
        """(frozen tower, projector): the patch merger is part of the library's tower, but it learns."""
        visual = model.model.visual
        return nn.ModuleList([visual.patch_embed, visual.blocks]), visual.merger

    @staticmethod
    def grid(config, frames, size):
        """Visual tokens in time, down and across."""
        vision = config.vision_config
        side = vision.patch_size * vision.spatial_merge_size
        if frames % vision.temporal_patch_size or size % side:
            raise ValueError(
                f"Qwen2.5-VL takes {vision.temporal_patch_size} frames at a time and sides of a multiple of {side} pixels, "
                f"not {frames} frames of {size} pixels."
            )
        return frames // vision.temporal_patch_size, size // side, size // side

    @staticmethod
    def encode(model, pixels):
        """Normalised pixels (C,T,3,H,W) -> visual tokens (C,n,hidden)."""
        vision = model.config.vision_config
        step, patch, merge = vision.temporal_patch_size, vision.patch_size, vision.spatial_merge_size
        clips, frames, _, height, width = pixels.shape
        t, h, w = frames // step, height // patch, width // patch
        cut = pixels.reshape(clips, t, step, 3, h // merge, merge, patch, w // merge, merge, patch)
        patches = cut.permute(0, 1, 4, 7, 5, 8, 3, 2, 6, 9).reshape(clips * t * h * w, -1)
        grid = torch.tensor([[t, h, w]] * clips, device=pixels.device)
        tokens = model.model.get_video_features(patches, grid, return_dict=True).pooler_output
        return torch.stack(list(tokens))

    @staticmethod
    def positions(model, input_ids, position_ids, grid):
        """Plain positions (B,S) -> positions in time, rows and columns (3,B,S), as the library counts them.

        What stands behind the clip moves up by what the clip's places take less than one each; so rows with branches
        that begin again at the same position keep doing so.
        """
        config, count = model.config, grid[0] * grid[1] * grid[2]
        merge = config.vision_config.spatial_merge_size
        ids = torch.tensor([[config.video_token_id] * count + [0]], device=input_ids.device)
        shape = torch.tensor([[grid[0], grid[1] * merge, grid[2] * merge]], device=input_ids.device)
        kinds = torch.tensor([[2] * count + [0]], device=input_ids.device)
        pattern = model.model.get_rope_index(ids, video_grid_thw=shape, mm_token_type_ids=kinds)[0][:, 0]
        at_clip = input_ids == config.video_token_id
        start = torch.where(at_clip, position_ids, torch.iinfo(torch.long).max).amin(1, keepdim=True)
        offset = (position_ids - start).clamp(0, count - 1)
        inside = start + pattern[:, :count][:, offset]
        behind = position_ids - count + pattern[0, count]
        return torch.where(at_clip, inside, torch.where(position_ids > start, behind, position_ids))


class InternVL:
    """Each frame is a picture of its own; positions are plain."""

    model_type, model_class = "internvl", InternVLForConditionalGeneration
    clip_id = "image_token_id"
    shown, turn_end = "<img><IMG_CONTEXT></img>", "<|im_end|>"
    frame_size = 448
    mean, std = IMAGENET_MEAN, IMAGENET_STD

    @staticmethod
    def parts(model):
        return model.model.vision_tower, model.model.multi_modal_projector

    @staticmethod
    def grid(config, frames, size):
        vision = config.vision_config
        sides = vision.image_size if isinstance(vision.image_size, (list, tuple)) else [vision.image_size] * 2
        patches = vision.patch_size if isinstance(vision.patch_size, (list, tuple)) else [vision.patch_size] * 2
        if size != sides[0]:
            raise ValueError(f"This InternVL takes frames of {sides[0]} pixels, not of {size}.")
        side = int(sides[0] // patches[0] * config.downsample_ratio)
        return frames, side, side

    @staticmethod
    def encode(model, pixels):
        tokens = model.model.get_image_features(pixels.flatten(0, 1), return_dict=True).pooler_output
        return tokens.unflatten(0, pixels.shape[:2]).flatten(1, 2)

    @staticmethod
    def positions(model, input_ids, position_ids, grid):
        return position_ids


KINDS = {kind.model_type: kind for kind in (Qwen25VL, InternVL)}


class Backbone(nn.Module):
    """A library model behind PhysVLM's interface. `hf` is the library's own model."""

    def __init__(self, hf, *, frames=16, frame_size=None):
        super().__init__()
        self.kind = KINDS[hf.config.model_type]
        self.hf = hf
        self.config = BackboneConfig(self.kind, hf.config, frames=frames, frame_size=frame_size or self.kind.frame_size)
        self.config.check()
        self.set_trainable(("language_model", "projector"))

    @property
    def model(self):
        """The parts by PhysVLM's names."""
        tower, projector = self.kind.parts(self.hf)
        return SimpleNamespace(vision_tower=tower, projector=projector, language_model=self.hf.model.language_model)

    @property
    def dtype(self):
        return self.hf.dtype

    @property
    def lm_head(self):
        return self.hf.lm_head

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs=None):
        self.hf.gradient_checkpointing_enable(gradient_checkpointing_kwargs)

    def set_trainable(self, groups):
        """Let language_model (with the head), projector, or both learn; the vision tower never does."""
        if unknown := set(groups) - {"language_model", "projector"}:
            raise ValueError(
                f"{self.kind.__name__} has no {', '.join(sorted(unknown))} to train; it has language_model, projector."
            )
        self.hf.requires_grad_(False)
        if "language_model" in groups:
            self.hf.model.language_model.requires_grad_(True)
            self.hf.lm_head.requires_grad_(True)
        if "projector" in groups:
            self.model.projector.requires_grad_(True)

    def encode(self, pixels):
        if pixels.dtype != torch.uint8:
            raise ValueError(f"Frames are given to {self.kind.__name__} as bytes, not as {pixels.dtype}.")
        colours = (1, 1, 3, 1, 1)
        mean = torch.tensor(self.kind.mean, device=pixels.device).view(colours)
        std = torch.tensor(self.kind.std, device=pixels.device).view(colours)
        return self.kind.encode(self.hf, ((pixels / 255 - mean) / std).to(self.dtype))

    @torch.no_grad()
    def encode_frames(self, pixels):
        """Bytes (C,T,3,H,W) -> visual tokens (C,n,hidden), without gradients: only while the projector is frozen."""
        return self.encode(pixels)

    def pool(self, features, scorer_ids=None, scorer_mask=None, clip_of_row=None):
        """Visual tokens of every row, a list of B tensors (n_b,hidden); the question plays no part."""
        clips = range(len(features)) if clip_of_row is None else numbers(clip_of_row)
        return [features[clip] if clip >= 0 else features[0][:0] for clip in clips]

    def see(self, input_ids, attention_mask, position_ids, labels, *, pixels, features, visual_tokens, clip_of_row):
        """embeds, attention_mask, position_ids, labels as the language model gets them, and its positions."""
        if sum(given is not None for given in (pixels, features, visual_tokens)) > 1:
            raise ValueError("Give only one of pixels, features and visual_tokens.")
        if pixels is not None:
            features = self.encode(pixels)
        if features is not None:
            visual_tokens = self.pool(features, clip_of_row=clip_of_row)
        if visual_tokens is None:
            visual_tokens = [self.hf.lm_head.weight.new_zeros(0, self.config.text_config.hidden_size)] * len(input_ids)
        counts = [len(tokens) for tokens in visual_tokens]
        if (input_ids == self.config.image_token_id).sum(1).tolist() != counts:
            raise ValueError(f"Each row must have as many image tokens as visual tokens, here {counts}.")
        embeds, attention_mask, position_ids, labels = place_tokens(
            input_ids, attention_mask, position_ids, labels, visual_tokens, [[n] if n else [] for n in counts],
            embed=self.hf.get_input_embeddings(), image_token_id=self.config.image_token_id,
            pad_token_id=self.config.pad_token_id,
        )  # fmt: skip
        if position_ids is None:
            position_ids = torch.arange(embeds.shape[1], device=embeds.device).expand(len(embeds), -1)
        if sum(counts):
            frames = self.frames_of(max(counts))
            grid = self.kind.grid(self.hf.config, frames, self.config.vision_config.image_size)
            position_ids = self.kind.positions(self.hf, input_ids, position_ids, grid)
        return embeds, attention_mask, position_ids, labels

    def frames_of(self, count):
        """How many frames have so many visual tokens."""
        step = getattr(self.hf.config.vision_config, "temporal_patch_size", 1)
        return count * step // self.config.visual_token_count(step)

    def forward(
        self, input_ids, attention_mask=None, position_ids=None, labels=None, label_rows=None, *,
        pixels=None, features=None, visual_tokens=None, clip_of_row=None, scorer_ids=None, scorer_mask=None,
        logits_to_keep=0,
    ):  # fmt: skip
        """As PhysVLMForConditionalGeneration.forward, for rows with one image token a visual token."""
        embeds, attention_mask, position_ids, labels = self.see(
            input_ids, attention_mask, position_ids, labels,
            pixels=pixels, features=features, visual_tokens=visual_tokens, clip_of_row=clip_of_row,
        )  # fmt: skip
        mask = attention_mask
        if mask is not None and mask.dim() > 2:
            allowed = mask if mask.dim() == 4 else mask[:, None]
            mask = {"full_attention": block_mask(allowed, self.hf.model.language_model.config, embeds.dtype)}
        elif mask is None:
            mask = torch.ones(embeds.shape[:2], dtype=torch.long, device=embeds.device)  # positions alone would mean packing
        out = self.hf.model.language_model(
            inputs_embeds=embeds, attention_mask=mask, position_ids=position_ids, use_cache=False
        )
        hidden = out.last_hidden_state
        loss, logits, targets = project_rows(self.hf.lm_head, hidden, labels, label_rows, logits_to_keep)
        return PhysVLMOutput(
            loss=loss, logits=logits, targets=targets, hidden_states=hidden, merged_attention_mask=attention_mask,
            merged_position_ids=position_ids, merged_labels=labels, merged_embeds=embeds,
        )  # fmt: skip

    @torch.no_grad()
    def generate(self, input_ids, attention_mask=None, *, max_new_tokens=32, eos_token_id=None, **sight):
        """Greedy: new tokens only (B,N), padded with the padding token; rows of different lengths are padded on the left."""
        sight = {name: sight.get(name) for name in ("pixels", "features", "visual_tokens", "clip_of_row")}
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        embeds, mask, positions, _ = self.see(input_ids, mask, None, None, **sight)
        cache, words, going = None, [], torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)
        following = positions.amax(-1, keepdim=True) + 1
        for _ in range(max_new_tokens):
            out = self.hf.model.language_model(
                inputs_embeds=embeds, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True
            )
            cache = out.past_key_values
            word = self.hf.lm_head(out.last_hidden_state[:, -1]).argmax(-1)
            words.append(torch.where(going, word, self.config.pad_token_id))
            going = going & (word != eos_token_id) if eos_token_id is not None else going
            if not going.any():
                break
            embeds, positions = self.hf.get_input_embeddings()(words[-1])[:, None], following
            following = following + 1
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
        return torch.stack(words, dim=1)

    def save_pretrained(self, folder, state_dict=None):
        """The library's own folder, and what frames it was trained on beside it."""
        own = None if state_dict is None else {name.removeprefix("hf."): value for name, value in state_dict.items()}
        self.hf.save_pretrained(folder, state_dict=own)
        self.config.save_pretrained(folder)


class MediaTokenizer:
    """A backbone's tokenizer that writes `<image>` in its model's way."""

    def __init__(self, tokenizer, kind):
        self.tokenizer, self.kind = tokenizer, kind
        self.eos_token_id = tokenizer.convert_tokens_to_ids(kind.turn_end)

    def __call__(self, text, **how):
        return self.tokenizer(text.replace("<image>", self.kind.shown), **how)

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)


def is_backbone(folder):
    """Whether a folder's config.json is of one of the library's models here."""
    return json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")).get("model_type") in KINDS


def kind_of(folder):
    return KINDS[json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))["model_type"]]


def trained_on(folder):
    """What frames a folder's backbone was trained on, {} for one straight from the library."""
    path = Path(folder) / SETTINGS
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def load_backbone(folder, *, frames=None, dtype=None, weights=True):
    """A Backbone from a folder of the library's model, or of one that training wrote; without weights: random ones."""
    kind, settings = kind_of(folder), trained_on(folder)
    if weights:
        hf = kind.model_class.from_pretrained(folder, dtype=dtype or "auto")
    else:
        hf = kind.model_class(kind.model_class.config_class.from_pretrained(folder)).to(dtype or torch.float32)
    return Backbone(hf, frames=frames or settings.get("frames", 16), frame_size=settings.get("frame_size"))


def load_tokenizer(folder):
    """The tokenizer of a folder's backbone, which writes `<image>` in its model's way."""
    from transformers import AutoTokenizer

    return MediaTokenizer(AutoTokenizer.from_pretrained(folder), kind_of(folder))
