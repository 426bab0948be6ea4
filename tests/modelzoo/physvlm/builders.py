"""Models for the tests: the stored tiny one of the original, and small ones with random weights."""

import torch

from modelzoo.physvlm import PhysVLMConfig, PhysVLMForConditionalGeneration
from modelzoo.physvlm.naming import from_original
from tests.modelzoo.physvlm.reference import cases, tensor, weights

NO_IDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}


def scorer_settings(hidden, heads, mlp, layers, vocab):
    return {
        "model_type": "siglip_text_model", "hidden_size": hidden, "projection_size": hidden, "intermediate_size": mlp,
        "num_attention_heads": heads, "num_hidden_layers": layers, "vocab_size": vocab, "max_position_embeddings": 196,
        **NO_IDS,
    }  # fmt: skip


def original_model(kernel=(2, 3, 3), dtype=torch.float32, **changes):
    """The stored tiny model under our names, every tensor used."""
    stored = cases("e2e_tiny")
    text = {key: value for key, value in stored["text"].items() if key != "rope_theta"}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": stored["text"]["rope_theta"]}
    clip = stored["clip_text"]
    config = PhysVLMConfig(
        vision_config=stored["vision"],
        scorer_config=scorer_settings(clip["hidden"], clip["heads"], clip["mlp"], clip["layers"], clip["vocab"]),
        text_config={**text, **NO_IDS},
        video_kernel=kernel,
        image_token_id=stored["image_token_index"],
        pad_token_id=stored["pad_token_id"],
        eos_token_id=None,
        image_grid_pinpoints=stored["image_grid_pinpoints"],
        **changes,
    )
    model = PhysVLMForConditionalGeneration(config)
    model.load_state_dict(from_original(weights("e2e_tiny")), strict=True)
    return model.to(dtype).eval()


def original_inputs(name, dtype=torch.float32):
    """The stored inputs of one case, as the model's keyword arguments."""
    case = cases("e2e_tiny", "cases")[name]
    rows = len(case["T"])
    texts = [tensor("e2e_tiny", f"{name}/clip_ids_{row}").long() for row in range(rows)]
    ids, mask = padded(texts)
    inputs = {
        "input_ids": tensor("e2e_tiny", f"{name}/input_ids").long(),
        "pixels": [tensor("e2e_tiny", f"{name}/pixel_values_q_{row}", dtype).flatten(0, 1) for row in range(rows)],
        "scorer_ids": ids,
        "scorer_mask": mask,
        "media": [(case.get("media") or ["video"])[0]] * rows,
        "image_sizes": case.get("image_sizes"),
    }
    if not name.startswith("generate"):
        inputs["attention_mask"] = tensor("e2e_tiny", f"{name}/attention_mask").long()
    return inputs


def padded(rows, fill=0):
    """Rows of ids of different lengths -> (ids, mask), padded on the right."""
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=fill), mask


def random_model(tower="siglip", seed=0, dtype=torch.float32, **changes):
    """A tiny model whose weights are large enough for every part to matter."""
    torch.manual_seed(seed)
    model = PhysVLMForConditionalGeneration(PhysVLMConfig.tiny(tower=tower, **changes))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.2)
            elif "logit" not in name and "norm" not in name:
                parameter.normal_(std=0.05)
    return model.to(dtype).eval()


def random_batch(model, *, rows=2, clips=None, frames=4, text=9, seed=0, pixels="float"):
    """Rows already widened to one image token a visual token, with labels on the last tokens; no padding."""
    make = torch.Generator().manual_seed(seed)
    config = model.config
    size = config.vision_config.image_size
    clips = rows if clips is None else clips
    shape = (clips, frames, 3, size, size)
    picture = torch.randint(256, shape, generator=make, dtype=torch.uint8)
    words = torch.randint(2, config.image_token_id, (rows, text), generator=make)
    image = torch.full((rows, config.visual_token_count(frames)), config.image_token_id)
    ids = torch.cat([words[:, :2], image, words[:, 2:]], dim=1)
    labels = torch.full_like(ids, -100)
    labels[:, -4:] = ids[:, -4:]
    return {
        "input_ids": ids,
        "labels": labels,
        "pixels": picture if pixels == "uint8" else (picture.to(model.dtype) / 127.5 - 1),
        "scorer_ids": torch.randint(2, config.scorer_config.vocab_size, (rows, 6), generator=make),
        "clip_of_row": [row % clips for row in range(rows)],
    }
