"""The settings that make a PhysVLM: three parts of the library or small stand-ins for them, and how they are joined."""

import math

from transformers import PreTrainedConfig, Qwen2Config, SiglipTextConfig, SiglipVisionConfig

from modelzoo.physvlm.pooling import TEMPERATURE, pooled_size

CELL_CHANNELS = 47
POOL_TEXTS = ("question", "reference", "stem", "fixed")
GRID_PINPOINTS = [[384 * rows, 384 * columns] for rows in range(1, 7) for columns in range(1, 7)]


class CellStatsConfig(PreTrainedConfig):
    """A frozen tower of plain statistics: `grid` x `grid` cells a frame, see cellstats.CellStatsTower."""

    model_type = "physvlm_cell_stats"
    base_config_key = "vision_config"

    def __init__(self, grid=12, image_size=96, **kwargs):
        self.grid = grid  # cells along each side
        self.image_size = image_size  # pixels along each side; a multiple of grid
        super().__init__(**kwargs)

    @property
    def hidden_size(self):
        return CELL_CHANNELS


class TokenScorerConfig(PreTrainedConfig):
    """A small scorer, see scorer.TokenScorer."""

    model_type = "physvlm_token_scorer"
    base_config_key = "scorer_config"

    def __init__(self, vocab_size=200, hidden_size=32, max_position_embeddings=64, logit_scale=2.0, **kwargs):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.max_position_embeddings = max_position_embeddings  # tokens of text at most
        self.logit_scale = logit_scale  # natural logarithm of the factor on the cosine
        super().__init__(**kwargs)


VISION = {config.model_type: config for config in (SiglipVisionConfig, CellStatsConfig)}
SCORERS = {config.model_type: config for config in (SiglipTextConfig, TokenScorerConfig)}
TEXTS = {Qwen2Config.model_type: Qwen2Config}


def part_of(value, kinds, name):
    """A part's config from a config, from a dict with its model_type, or ValueError naming what is known."""
    if isinstance(value, dict):
        settings = dict(value)
        kind = settings.pop("model_type", next(iter(kinds)))
        if kind not in kinds:
            raise ValueError(f"{name} is of the kind {kind!r}; known are {', '.join(kinds)}.")
        return kinds[kind](**settings)
    if type(value) not in kinds.values():
        raise ValueError(f"{name} is a {type(value).__name__}; give one of {', '.join(k.__name__ for k in kinds.values())}.")
    return value


class PhysVLMConfig(PreTrainedConfig):
    """Sizes of the parts, the pooling windows, and the ids of the tokens that stand for pictures, padding and the end."""

    model_type = "physvlm"
    sub_configs = {"vision_config": PreTrainedConfig, "scorer_config": PreTrainedConfig, "text_config": PreTrainedConfig}

    def __init__(
        self,
        vision_config=None,
        scorer_config=None,
        text_config=None,
        *,
        video_kernel=(2, 3, 3),  # frames, rows and columns of one window, which is also the step
        image_kernel=(1, 3, 3),  # the same for single pictures
        pool_temperature=TEMPERATURE,
        pool_text="question",  # which text guides the pooling, see prompts.pooling_text; "fixed": one sentence for all
        frames=32,  # frames a video is sampled to
        image_token_id=151646,
        pad_token_id=151643,
        eos_token_id=151645,
        image_grid_pinpoints=None,  # heights and widths, in pixels, a large picture may be tiled to
        initializer_range=0.02,
        **kwargs,
    ):
        self.vision_config = part_of(full_vision() if vision_config is None else vision_config, VISION, "vision_config")
        self.scorer_config = part_of(full_scorer() if scorer_config is None else scorer_config, SCORERS, "scorer_config")
        self.text_config = part_of(full_text() if text_config is None else text_config, TEXTS, "text_config")
        self.video_kernel = list(video_kernel)
        self.image_kernel = list(image_kernel)
        self.pool_temperature = pool_temperature
        self.pool_text = pool_text
        self.frames = frames
        self.image_token_id = image_token_id
        self.image_grid_pinpoints = GRID_PINPOINTS if image_grid_pinpoints is None else image_grid_pinpoints
        self.initializer_range = initializer_range
        kwargs.setdefault("tie_word_embeddings", self.text_config.tie_word_embeddings)
        super().__init__(pad_token_id=pad_token_id, eos_token_id=eos_token_id, **kwargs)
        self.check()

    def check(self):
        """ValueError, with the setting's name, for what cannot work."""
        if self.pool_text not in POOL_TEXTS:
            raise ValueError(f"pool_text is {self.pool_text!r}; it can be {', '.join(POOL_TEXTS)}.")
        if not self.pool_temperature > 0:
            raise ValueError(f"pool_temperature is {self.pool_temperature}; it must be above 0.")
        for name in ("video_kernel", "image_kernel"):
            kernel = getattr(self, name)
            if len(kernel) != 3 or any(not isinstance(n, int) or n < 1 for n in kernel):
                raise ValueError(f"{name} is {kernel}; it must be three whole numbers above 0: frames, rows, columns.")
            if max(kernel[1:]) > self.grid:
                raise ValueError(f"{name} is {kernel}, but a frame has only {self.grid} x {self.grid} patches.")
        if not 0 <= self.image_token_id < self.text_config.vocab_size:
            raise ValueError(
                f"image_token_id is {self.image_token_id}, but the vocabulary ends at {self.text_config.vocab_size - 1}."
            )
        siglip = isinstance(self.scorer_config, SiglipTextConfig)
        if siglip and isinstance(self.vision_config, CellStatsConfig):
            raise ValueError("scorer_config is SigLIP's text tower, but vision_config has no patch head to go with it.")

    @property
    def grid(self):
        """Patches along one side of a frame."""
        vision = self.vision_config
        return vision.grid if isinstance(vision, CellStatsConfig) else vision.image_size // vision.patch_size

    @property
    def vision_hidden(self):
        return self.vision_config.hidden_size

    def visual_token_count(self, frames=None):
        """Visual tokens of a video of so many frames (default: `self.frames`)."""
        frames = self.frames if frames is None else frames
        return math.prod(pooled_size((frames, self.grid, self.grid), self.video_kernel))

    @classmethod
    def full(cls, *, vocab_size=152128, text_config=None, **overrides):
        """The sizes of the published 7B model."""
        return cls(text_config={**full_text(), "vocab_size": vocab_size, **(text_config or {})}, **overrides)

    @classmethod
    def tiny(cls, *, vocab_size=200, tower="cells", vision_config=None, scorer_config=None, text_config=None, **overrides):
        """A model for a CPU: "cells" learns GlitchWorld in minutes, "siglip" has every part of the full one for tests."""
        if tower not in TINY:
            raise ValueError(f"tower is {tower!r}; it can be {', '.join(TINY)}.")
        parts = TINY[tower]
        given = {"vision_config": vision_config, "scorer_config": scorer_config, "text_config": text_config}
        settings = {name: {**parts[name], **(value or {})} for name, value in given.items()}
        settings["text_config"].setdefault("vocab_size", vocab_size)
        settings["scorer_config"].setdefault("vocab_size", vocab_size)
        ids = {"image_token_id": vocab_size - 1, "pad_token_id": 0, "eos_token_id": 1}
        return cls(**settings, **{**parts["top"], **ids, **overrides})


def full_vision():
    return {
        "model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 26,
        "num_attention_heads": 16, "image_size": 384, "patch_size": 14,
    }  # fmt: skip


def full_scorer():
    return {
        "model_type": "siglip_text_model", "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27,
        "num_attention_heads": 16, "max_position_embeddings": 196, "projection_size": 1152, "vocab_size": 32000,
        "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
    }  # fmt: skip


def full_text():
    return {
        "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152128, "max_position_embeddings": 32768,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}, "tie_word_embeddings": False,
        "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
    }  # fmt: skip


def small_text(hidden, intermediate, layers):
    return {
        **full_text(), "hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers,
        "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 1024,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    }  # fmt: skip


def without(settings, name):
    return {key: value for key, value in settings.items() if key != name}


TINY = {
    "cells": {
        "vision_config": {"model_type": "physvlm_cell_stats"},
        "scorer_config": {"model_type": "physvlm_token_scorer"},
        "text_config": without(small_text(96, 256, 3), "vocab_size"),
        "top": {"frames": 16, "video_kernel": (2, 4, 4), "image_kernel": (1, 4, 4), "pool_temperature": 0.01},
    },
    "siglip": {
        "vision_config": {
            "model_type": "siglip_vision_model", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 4, "image_size": 36, "patch_size": 4,
        },
        "scorer_config": {
            "model_type": "siglip_text_model", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 4, "max_position_embeddings": 196, "projection_size": 64,
            "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
        },
        "text_config": without(small_text(64, 128, 2), "vocab_size"),
        "top": {"frames": 8},
    },
}  # fmt: skip
