"""Low-rank adapters (arXiv:2106.09685) on every linear map of the language model, and folding them in again."""

MAPS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
_BASE, _DOWN, _UP = ".base_layer.weight", ".lora_A.default.weight", ".lora_B.default.weight"


def add_adapters(model, *, rank, alpha):
    """Adapters of this rank; the language model's own weights and its head are frozen."""
    from peft import LoraConfig, inject_adapter_in_model

    model.model.language_model.requires_grad_(False)
    model.lm_head.requires_grad_(False)
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(MAPS), lora_dropout=0.0)
    inject_adapter_in_model(config, model.model.language_model)


def merged_state(state, *, rank, alpha):
    """A state dict with adapters as that of a plain model: W + alpha / rank * up @ down."""
    merged = {}
    for name, tensor in state.items():
        if name.endswith((_DOWN, _UP)):
            continue
        if ".base_layer." in name:
            if name.endswith(_BASE):
                stem = name.removesuffix(_BASE)
                change = state[stem + _UP].float() @ state[stem + _DOWN].float()
                tensor = (tensor.float() + alpha / rank * change).to(tensor.dtype)
            name = name.replace(".base_layer.", ".")
        merged[name] = tensor
    return merged
