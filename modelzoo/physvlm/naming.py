"""Names of tensors in the published checkpoints and in ours."""

import re

from modelzoo.physvlm.scorer import KEPT_POSITIONS

TEXT_TOWER = "multi_modal_projector.clip_text_model."
PATCH_HEAD = "multi_modal_projector.clip_visual_head."
LANGUAGE = "language_model."

RENAMES = (
    (r"vision_tower\.vision_model\.(embeddings|encoder)\.(.+)", r"model.vision_tower.\1.\2"),
    (r"multi_modal_projector\.(linear_[12]\..+)", r"model.projector.\1"),
    (r"multi_modal_projector\.(logit_scale|logit_bias)", r"model.scorer.\1"),
    (r"multi_modal_projector\.clip_visual_ln\.(.+)", r"model.scorer.ln.\1"),
    (r"multi_modal_projector\.clip_visual_head\.layernorm\.(.+)", r"model.scorer.head.layernorm.\1"),
    (r"multi_modal_projector\.clip_visual_head\.mlp\.(fc[12]\..+)", r"model.scorer.head.\1"),
    (
        r"multi_modal_projector\.clip_text_model\.(embeddings\.token_embedding|encoder|final_layer_norm|head)\.(.+)",
        r"model.scorer.text.\1.\2",
    ),
    (r"language_model\.model\.(.+)", r"model.language_model.\1"),
    (r"language_model\.(lm_head\.weight)", r"\1"),
    (r"image_newline", r"model.image_newline"),
)
DROPPED = {
    "vision_tower.vision_model.post_layernorm.": "the features are taken before it",
    PATCH_HEAD + "probe": "a single patch attends only to itself",
    PATCH_HEAD + "attention.out_proj.": "the patch head leaves the output projection out",
}


def from_original(state):
    """Tensors under their published names -> the same under ours, as the model's `load_state_dict` takes them.

    The value third of the patch head's in_proj is kept, and the two position tables become the 20 first and the later
    rows. KeyError names a tensor that neither has a place nor is known to be needless.
    """
    ours = {}
    for name, tensor in state.items():
        for new, part in rename(name, tensor):
            ours[new] = part
    return ours


def rename(name, tensor):
    """Pairs of our name and the tensor for one published tensor; none if it is needless; KeyError if it is unknown."""
    if any(name.startswith(prefix) for prefix in DROPPED):
        return []
    if name.startswith(PATCH_HEAD + "attention.in_proj_"):
        third = tensor.shape[0] // 3
        return [("model.scorer.head.value." + name.rsplit("_", 1)[1], tensor[2 * third :])]
    if name == TEXT_TOWER + "embeddings.position_embedding":
        return [("model.scorer.text.embeddings.first_positions", tensor[:KEPT_POSITIONS])]
    if name == TEXT_TOWER + "embeddings.position_embedding_res":
        return [("model.scorer.text.embeddings.later_positions", tensor[KEPT_POSITIONS:])]
    for pattern, ours in RENAMES:
        if re.fullmatch(pattern, name):
            return [(re.sub(pattern, ours, name), tensor)]
    raise KeyError(name)
