"""Qwen2.5-VL and InternVL behind PhysVLM's interface, against the library's own forward pass and generation."""

import numpy as np
import pytest
import torch
from transformers import (
    InternVLConfig,
    InternVLForConditionalGeneration,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
)

from modelzoo.physvlm.backbones import Backbone, MediaTokenizer, Qwen25VL, load_backbone
from modelzoo.physvlm.prompts import sft_ids
from tests.modelzoo.physvlm.builders import NO_IDS
from tests.modelzoo.physvlm.reference import FOLDER, far

TEXT = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "vocab_size": 120, "tie_word_embeddings": False, **NO_IDS,
}  # fmt: skip


def qwen(vocabulary=120, clip_id=118):
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": 32, "patch_size": 4,
        "window_size": 16, "fullatt_block_indexes": [1],
    }  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
    ids = {"image_token_id": 117, "video_token_id": clip_id, "vision_start_token_id": 115, "vision_end_token_id": 116}
    config = Qwen2_5_VLConfig(
        text_config={**TEXT, "vocab_size": vocabulary, "rope_parameters": rope}, vision_config=vision, **ids
    )
    return Qwen2_5_VLForConditionalGeneration(config)


def internvl(vocabulary=120, clip_id=118):
    vision = {
        "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": [16, 16],
        "patch_size": [4, 4],
    }  # fmt: skip
    text = {"model_type": "qwen2", **TEXT, "vocab_size": vocabulary}
    config = InternVLConfig(vision_config=vision, text_config=text, image_token_id=clip_id, tie_word_embeddings=False)
    return InternVLForConditionalGeneration(config)


MAKE = {"qwen2_5_vl": qwen, "internvl": internvl}


@pytest.fixture(params=MAKE)
def backbone(request):
    torch.manual_seed(0)
    hf = MAKE[request.param]()
    with torch.no_grad():
        for parameter in hf.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.15)
    return Backbone(hf.eval(), frames=4, frame_size=16)


def batch_of(backbone, rows=2, text=8, clips=None):
    make = torch.Generator().manual_seed(1)
    clips = clips or rows
    pixels = torch.randint(256, (clips, 4, 3, 16, 16), generator=make, dtype=torch.uint8)
    words = torch.randint(1, 110, (rows, text), generator=make)
    image = torch.full((rows, backbone.config.visual_token_count()), backbone.config.image_token_id)
    ids = torch.cat([words[:, :2], image, words[:, 2:]], dim=1)
    labels = torch.full_like(ids, -100)
    labels[:, -3:] = ids[:, -3:]
    return {"input_ids": ids, "labels": labels, "pixels": pixels, "clip_of_row": [row % clips for row in range(rows)]}


def library_inputs(backbone, batch):
    """The same frames as the library's forward pass takes them."""
    mean, std = (torch.tensor(values).view(1, 1, 3, 1, 1) for values in (backbone.kind.mean, backbone.kind.std))
    pixels = (batch["pixels"] / 255 - mean) / std
    if backbone.kind.model_type == "internvl":
        return {"pixel_values": pixels.flatten(0, 1)}
    frames = [frame.permute(1, 2, 0).numpy() for frame in batch["pixels"].flatten(0, 1)]
    processor = Qwen2VLImageProcessorPil(
        patch_size=4, temporal_patch_size=1, merge_size=2, do_resize=False, image_mean=list(backbone.kind.mean),
        image_std=list(backbone.kind.std),
    )  # fmt: skip
    single = torch.as_tensor(np.asarray(processor(images=frames)["pixel_values"]))  # one step in time for each frame
    patches = single.view(len(batch["pixels"]), 2, 2, 16, 3, 1, 16)  # clip, step, frame of it, patch, colour
    pairs = patches.permute(0, 1, 3, 4, 2, 5, 6).reshape(-1, 3 * 2 * 16)
    kinds = (batch["input_ids"] == backbone.config.image_token_id).int() * 2
    grid = torch.tensor([[2, 4, 4]] * len(batch["pixels"]))
    return {"pixel_values_videos": pairs, "video_grid_thw": grid, "mm_token_type_ids": kinds}


@torch.no_grad()
def test_it_computes_what_the_library_computes(backbone):
    batch = batch_of(backbone)
    expected = backbone.hf(input_ids=batch["input_ids"], labels=batch["labels"], **library_inputs(backbone, batch))
    out = backbone(**batch)
    assert far(out.logits, expected.logits) < 1e-5
    assert far(out.loss, expected.loss) < 1e-5
    rows = backbone(**batch, label_rows="labels")
    assert rows.logits.shape == (6, 120) and far(rows.loss, expected.loss) < 1e-5


@torch.no_grad()
def test_it_writes_what_the_library_writes(backbone):
    batch = batch_of(backbone, rows=1)
    ids = batch["input_ids"]
    library = library_inputs(backbone, batch)
    cut = ids
    for _ in range(6):
        kinds = (
            {"mm_token_type_ids": (cut == backbone.config.image_token_id).int() * 2}
            if "mm_token_type_ids" in library
            else {}
        )
        backbone.hf.model.rope_deltas = None
        logits = backbone.hf(input_ids=cut, **{**library, **kinds}).logits
        cut = torch.cat([cut, logits[:, -1].argmax(-1)[:, None]], dim=1)
    words = backbone.generate(ids, pixels=batch["pixels"], max_new_tokens=6)
    assert words.tolist() == cut[:, ids.shape[1] :].tolist()
    assert backbone.generate(ids, pixels=batch["pixels"], max_new_tokens=6, eos_token_id=words[0, 0].item()).shape == (1, 1)


@torch.no_grad()
def test_a_block_mask_scores_two_answers_behind_one_prefix_as_two_rows_would(backbone):
    batch = batch_of(backbone, rows=1, text=12)
    ids, pixels = batch["input_ids"], batch["pixels"]
    prefix, answer = ids.shape[1] - 8, 4
    segment = torch.tensor([0] * prefix + [1] * answer + [2] * answer)
    causal = torch.arange(len(segment))[:, None] >= torch.arange(len(segment))
    allowed = causal & ((segment[None] == 0) | (segment[:, None] == segment[None]))
    positions = torch.cat([torch.arange(prefix + answer), torch.arange(prefix, prefix + answer)])[None]
    one = backbone(ids, attention_mask=allowed[None], position_ids=positions, pixels=pixels).logits
    chosen = backbone(ids[:, : prefix + answer], pixels=pixels).logits
    rejected = backbone(torch.cat([ids[:, :prefix], ids[:, -answer:]], dim=1), pixels=pixels).logits
    assert far(one[:, : prefix + answer], chosen) < 1e-5
    assert far(one[:, prefix + answer :], rejected[:, prefix:]) < 1e-5


def test_pixels_and_kept_tokens_give_the_same_and_rows_may_share_a_clip(backbone):
    batch = batch_of(backbone, rows=3, clips=2)
    pixels = batch.pop("pixels")
    features = backbone.encode_frames(pixels)
    with torch.no_grad():
        assert far(backbone(**batch, features=features).loss, backbone(**batch, pixels=pixels).loss) < 1e-6
        ready = {**batch, "clip_of_row": None, "visual_tokens": features[batch["clip_of_row"]]}
        assert far(backbone(**ready).loss, backbone(**batch, pixels=pixels).loss) < 1e-6


def test_padding_on_the_right_changes_no_logit(backbone):
    batch = batch_of(backbone, rows=1)
    ids = batch["input_ids"]
    padded = torch.nn.functional.pad(ids, (0, 3))
    mask = (torch.arange(padded.shape[1]) < ids.shape[1]).long()[None]
    with torch.no_grad():
        expected = backbone(ids, pixels=batch["pixels"]).logits
        assert far(backbone(padded, attention_mask=mask, pixels=batch["pixels"]).logits[:, :-3], expected) < 1e-5


@pytest.mark.parametrize("groups", [("language_model",), ("language_model", "projector")])
def test_only_what_should_learn_gets_a_gradient(backbone, groups):
    backbone.set_trainable(groups)
    backbone(**batch_of(backbone), label_rows="labels").loss.backward()
    learned = {name for name, parameter in backbone.named_parameters() if parameter.grad is not None}
    tower, projector = backbone.kind.parts(backbone.hf)
    assert all(parameter.grad is None for parameter in tower.parameters())
    assert all((parameter.grad is not None) == ("projector" in groups) for parameter in projector.parameters())
    assert "hf.lm_head.weight" in learned
    with pytest.raises(ValueError, match="has no scorer to train"):
        backbone.set_trainable(("scorer",))


def test_a_few_steps_lower_the_loss(backbone):
    batch = batch_of(backbone)
    backbone.set_trainable(("language_model", "projector"))
    optimizer = torch.optim.AdamW([p for p in backbone.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(8):
        out = backbone(**batch, label_rows="labels")
        optimizer.zero_grad()
        out.loss.backward()
        optimizer.step()
        losses.append(out.loss.item())
    assert losses[-1] < losses[0] / 2


def test_saving_and_loading_keeps_every_bit(backbone, tmp_path):
    backbone.save_pretrained(tmp_path, state_dict=backbone.state_dict())
    PreTrainedTokenizerFast(tokenizer_file=str(FOLDER / "toy_tokenizer.json")).save_pretrained(tmp_path)
    again = load_backbone(tmp_path)
    assert again.config.frames == 4 and again.config.vision_config.image_size == 16
    states = backbone.state_dict(), again.state_dict()
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_the_clip_is_shown_in_the_backbones_own_way():
    plain = PreTrainedTokenizerFast(tokenizer_file=str(FOLDER / "toy_tokenizer.json"))
    plain.add_special_tokens({"additional_special_tokens": ["<|vision_start|>", "<|video_pad|>", "<|vision_end|>"]})
    tokenizer = MediaTokenizer(plain, Qwen25VL)
    ids, _labels = sft_ids(tokenizer, [("What?", "It floats.")])
    text = plain.decode(ids, clean_up_tokenization_spaces=False)
    assert text.startswith("<|im_start|>user\n<|vision_start|><|video_pad|><|vision_end|>\n\n What?<|im_end|>")
    assert ids.count(plain.convert_tokens_to_ids("<|video_pad|>")) == 1
    assert tokenizer.eos_token_id == plain.convert_tokens_to_ids("<|im_end|>")


def test_what_does_not_fit_the_backbone_is_refused(backbone):
    batch = batch_of(backbone)
    with pytest.raises(ValueError, match="as bytes, not as torch.float32"):
        backbone(**{**batch, "pixels": batch["pixels"].float()})
    batch["input_ids"][0, 3] = 5
    with pytest.raises(ValueError, match="as many image tokens as visual tokens"):
        backbone(**batch)
    with pytest.raises(ValueError, match="pixels"):
        Backbone(backbone.hf, frames=4, frame_size=18)
