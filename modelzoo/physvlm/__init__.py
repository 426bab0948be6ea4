"""PhysVLM in plain PyTorch, without Django: the model, its data and its training. README.md lists what is public.

Names are looked up when they are first used, so that importing the package imports neither torch nor transformers.
"""

import importlib

PUBLIC = {
    "config": ("PhysVLMConfig", "CellStatsConfig", "TokenScorerConfig"),
    "pooling": ("weighted_pool_3d", "window_weights", "pooled_size"),
    "scorer": ("patch_head", "stretch_text_positions", "PromptScorer", "TokenScorer"),
    "projector": ("Projector", "guided_tokens"),
    "tower": ("SiglipTower", "CellStatsTower"),
    "frames": (
        "train_frame_indices", "eval_frame_indices", "middle_frame_indices", "even_frame_indices", "fps_frame_indices",
        "intervals_of", "fit_frame", "normalise_frame", "prepare_frame",
    ),
    "losses": ("sequence_logps", "token_logps", "dpo_loss"),
    "merging": ("expand_placeholders", "expand_batch", "position_ids_of", "label_rows_of"),
    "prompts": (
        "render_conversation", "pooling_text", "sft_ids", "dpo_ids", "physgame_prompt", "videomme_prompt", "vcg_prompt",
    ),
    "processor": ("PhysVLMProcessor",),
    "backbones": ("Backbone", "load_backbone"),
    "modeling": ("PhysVLMForConditionalGeneration", "PhysVLMModel", "PhysVLMOutput"),
}  # fmt: skip
HOME = {name: module for module, names in PUBLIC.items() for name in names}


def __getattr__(name):
    if name not in HOME:
        raise AttributeError(f"modelzoo.physvlm has no {name}")
    return getattr(importlib.import_module(f"modelzoo.physvlm.{HOME[name]}"), name)


def __dir__():
    return sorted([*globals(), *HOME])
