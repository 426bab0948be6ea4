"""Names of tensors in the published checkpoints and in ours."""

import re

from modelzoo.physvlm.scorer import KEPT_POSITIONS, stretch_text_positions

SCORER = "model.scorer."
FIRST, LATER = SCORER + "text.embeddings.first_positions", SCORER + "text.embeddings.later_positions"

# In a pattern, the group is kept and put behind our name.
RENAMES = tuple(
    (re.compile(pattern), ours)
    for pattern, ours in (
        # llava-onevision, and what PhysVLM kept of it
        (r"vision_tower\.(?:vision_model\.)?((?:embeddings|encoder)\..+)", "model.vision_tower."),
        (r"multi_modal_projector\.(linear_[12]\..+)", "model.projector."),
        (r"language_model\.model\.(.+)", "model.language_model."),
        (r"language_model\.(lm_head\.weight)", ""),
        (r"(image_newline)", "model."),
        # PhysVLM's scorer
        (r"multi_modal_projector\.(logit_scale|logit_bias)", SCORER),
        (r"multi_modal_projector\.clip_visual_ln\.(.+)", SCORER + "ln."),
        (r"multi_modal_projector\.clip_visual_head\.(layernorm\..+)", SCORER + "head."),
        (r"multi_modal_projector\.clip_visual_head\.mlp\.(fc[12]\..+)", SCORER + "head."),
        (
            r"multi_modal_projector\.clip_text_model\.((?:embeddings\.token_embedding|encoder|final_layer_norm|head)\..+)",
            SCORER + "text.",
        ),
        # SigLIP, which the scorer starts from
        (r"(logit_scale|logit_bias)", SCORER),
        (r"vision_model\.post_layernorm\.(.+)", SCORER + "ln."),
        (r"vision_model\.head\.(layernorm\..+)", SCORER + "head."),
        (r"vision_model\.head\.mlp\.(fc[12]\..+)", SCORER + "head."),
        (r"text_model\.((?:embeddings\.token_embedding|encoder|final_layer_norm|head)\..+)", SCORER + "text."),
    )
)

HEAD = r"(?:multi_modal_projector\.clip_visual_head|vision_model\.head)\."
DROPPED = (
    (re.compile(r"vision_tower\.(?:vision_model\.)?post_layernorm\..+"), "the features are taken before it"),
    (re.compile(r"vision_tower\.(?:vision_model\.)?head\..+"), "the tower's pooled output is not used"),
    (re.compile(HEAD + r"(?:probe|attention\.out_proj\..+)"), "a patch attends only to itself, and the head ends before it"),
    (re.compile(r"vision_model\.(?:embeddings|encoder)\..+"), "the vision tower is the base model's"),
    (re.compile(r".*\.position_ids"), "a counter, not a weight"),
    (re.compile(r".*\.rotary_emb\.inv_freq"), "computed from the configuration"),
)
VALUE = re.compile(HEAD + r"attention\.in_proj_(weight|bias)")
POSITIONS = "text_model.embeddings.position_embedding.weight"
FIRST_TABLE = "multi_modal_projector.clip_text_model.embeddings.position_embedding"
SECOND_TABLE = FIRST_TABLE + "_res"


def value_third(tensor):
    """The value rows of an attention's joined query, key and value projection."""
    return tensor[2 * tensor.shape[0] // 3 :]


def first_rows(tensor):
    return tensor[:KEPT_POSITIONS]


def later_rows(tensor):
    return tensor[KEPT_POSITIONS:]


def stretched_later_rows(tensor):
    return stretch_text_positions(tensor.float())[KEPT_POSITIONS:].to(tensor.dtype)


def places_of(name):
    """[(our name, function of the tensor or None)] for one published tensor.

    Empty for a tensor that is needless; KeyError for one that is unknown. Names of llava-onevision, of PhysVLM and of
    SigLIP are known.
    """
    if reason_to_drop(name):
        return []
    if found := VALUE.fullmatch(name):
        return [(f"{SCORER}head.value.{found[1]}", value_third)]
    special = {
        FIRST_TABLE: [(FIRST, first_rows)],
        SECOND_TABLE: [(LATER, later_rows)],
        POSITIONS: [(FIRST, first_rows), (LATER, stretched_later_rows)],
    }
    if name in special:
        return special[name]
    for pattern, ours in RENAMES:
        if found := pattern.fullmatch(name):
            return [(ours + found[1], None)]
    raise KeyError(name)


def reason_to_drop(name):
    """Why a published tensor has no place in ours, or an empty text."""
    return next((reason for pattern, reason in DROPPED if pattern.fullmatch(name)), "")


def from_original(state):
    """Tensors under published names -> under ours, as `load_state_dict` takes them; KeyError for an unknown name."""
    return {
        ours: tensor if change is None else change(tensor)
        for name, tensor in state.items()
        for ours, change in places_of(name)
    }
