"""The whole model against the original, and what its shortcuts may not change."""

import pytest
import torch
import torch.nn.functional as F

from modelzoo.physvlm import PhysVLMConfig, PhysVLMForConditionalGeneration, label_rows_of
from tests.modelzoo.physvlm.builders import original_inputs, original_model, random_batch, random_model
from tests.modelzoo.physvlm.reference import FLOAT32, arrays, cases, far, settings, tensor

CASES = {name: case for name, case in cases("e2e_tiny", "cases").items() if not name.startswith("generate")}


def run(name, dtype=torch.float32):
    model = original_model(CASES[name]["kernel"], dtype)
    labels = tensor("e2e_tiny", f"{name}/labels_in").long() if f"{name}/labels_in" in arrays("e2e_tiny") else None
    with torch.no_grad():
        return model, model(labels=labels, **original_inputs(name, dtype))


def stored(name, key):
    return tensor("e2e_tiny", f"{name}/{key}")


@pytest.mark.parametrize("name", CASES)
def test_it_gives_the_originals_numbers(name):
    model, out = run(name)
    assert out.merged_attention_mask.tolist() == stored(name, "merged_attention_mask").tolist()
    assert out.merged_position_ids.tolist() == stored(name, "merged_position_ids").tolist()
    assert far(out.merged_embeds, stored(name, "merged_embeds")) < FLOAT32
    attended = stored(name, "merged_attention_mask").bool()
    assert far(out.logits[attended], stored(name, "logits")[attended]) < FLOAT32
    if CASES[name]["loss_f32"] is not None:
        assert out.merged_labels.tolist() == stored(name, "merged_labels").tolist()
        assert out.loss.item() == pytest.approx(CASES[name]["loss_f32"], abs=FLOAT32)
    inputs = original_inputs(name)
    features = model.encode_frames(inputs["pixels"])
    with torch.no_grad():
        how = {key: inputs[key] for key in ("scorer_mask", "media", "image_sizes")}
        tokens = model.pool(features, inputs["scorer_ids"], **how)
    for row in range(len(features)):
        assert far(features[row], stored(name, f"tower_features_{row}")) < FLOAT32
        assert far(tokens[row], stored(name, f"visual_tokens_{row}").flatten(0, 1)) < FLOAT32


@pytest.mark.parametrize("name", CASES)
def test_in_bfloat16_logits_and_loss_stay_near(name):
    """bfloat16 keeps 8 bits, and near-even scores can tip a whole window: 0.5 a logit (they reach 5), 0.02 a loss."""
    _, out = run(name, torch.bfloat16)
    attended = stored(name, "merged_attention_mask").bool()
    assert far(out.logits[attended], stored(name, "logits")[attended]) < 0.5
    if CASES[name]["loss_f32"] is not None:
        assert out.loss.item() == pytest.approx(CASES[name]["loss_f32"], abs=0.02)


def test_the_head_on_label_rows_only_gives_the_same_loss_and_gradients():
    model = random_model(dtype=torch.float64)
    batch = random_batch(model)
    model.set_trainable(("language_model", "projector", "scorer"))
    gradients = []
    for rows in (None, "labels"):
        model.zero_grad()
        out = model(label_rows=rows, **batch)
        out.loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert out.logits.shape == (8, model.config.text_config.vocab_size)
    assert out.targets.tolist() == batch["labels"][:, -4:].flatten().tolist()
    assert gradients[0].keys() == gradients[1].keys()
    assert {"lm_head.weight", "model.projector.linear_1.weight", "model.scorer.head.fc1.weight"} <= gradients[0].keys()
    for name, gradient in gradients[0].items():
        assert far(gradient, gradients[1][name]) < 1e-12, name


def test_label_rows_are_the_places_before_the_labels():
    labels = torch.tensor([[-100, 5, 6, -100], [7, -100, -100, 8]])
    rows, targets = label_rows_of(labels)
    assert rows.tolist() == [0, 1, 6] and targets.tolist() == [5, 6, 8]


def test_rows_may_be_chosen_by_place_with_repeats_or_by_mask():
    model = random_model()
    batch = random_batch(model)
    width = batch["input_ids"].shape[1]
    with torch.no_grad():
        whole = model(**batch).logits.flatten(0, 1)
        chosen = torch.tensor([width - 1, 3, 3, width + 2])
        assert far(model(label_rows=chosen, **batch).logits, whole[chosen]) < 1e-5
        mask = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
        mask[0, 3] = mask[1, 2] = True
        assert far(model(label_rows=mask, **batch).logits, whole[[3, width + 2]]) < 1e-5


@pytest.mark.parametrize("tower", ["siglip", "cells"])
def test_pixels_features_and_ready_tokens_give_the_same(tower):
    model = random_model(tower)
    batch = random_batch(model, frames=model.config.frames, pixels="uint8")
    pixels = batch.pop("pixels")
    with torch.no_grad():
        expected = model(pixels=pixels, **batch)
        features = model.encode_frames(pixels)
        assert far(model(features=features, **batch).loss, expected.loss) < 1e-6
        tokens = model.pool(features, batch["scorer_ids"], clip_of_row=batch["clip_of_row"])
        ready = model(batch["input_ids"], labels=batch["labels"], visual_tokens=torch.stack(tokens))
        assert far(ready.loss, expected.loss) < 1e-6
        as_floats = model(pixels=pixels.float() / 127.5 - 1, **batch)
        assert far(as_floats.loss, expected.loss) < 1e-5


def test_questions_of_one_clip_share_its_frames_and_train_as_if_they_did_not():
    model = random_model(dtype=torch.float64)
    shared = random_batch(model, rows=3, clips=1)
    apart = {**shared, "pixels": shared["pixels"].expand(3, -1, -1, -1, -1), "clip_of_row": [0, 1, 2]}
    model.set_trainable(("language_model", "projector", "scorer"))
    gradients = []
    for batch in (shared, apart):
        model.zero_grad()
        model(**batch).loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    for name, gradient in gradients[0].items():
        assert far(gradient, gradients[1][name]) < 1e-9, name


def test_clips_with_different_numbers_of_questions_pool_as_each_question_alone():
    model = random_model(dtype=torch.float64)
    batch = random_batch(model, rows=4, clips=3)
    features = model.encode_frames(batch["pixels"])
    for clips in ([0, 0, 2, -1], [2, 1, 0, 0], [1, 1, 2, 2]):
        together = model.pool(features, batch["scorer_ids"], clip_of_row=clips)
        for row, clip in enumerate(clips):
            alone = model.pool(features, batch["scorer_ids"][row : row + 1], clip_of_row=[clip])[0]
            assert together[row].shape == alone.shape == ((18, 64) if clip >= 0 else (0, 64))
            assert clip < 0 or far(together[row].detach(), alone.detach()) < 1e-12


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_a_block_mask_scores_two_answers_behind_one_prefix_as_two_rows_would(implementation):
    model = random_model(dtype=torch.float64)
    model.set_attn_implementation(implementation)
    batch = random_batch(model, rows=1, text=12)
    ids, sight = batch["input_ids"], {key: batch[key] for key in ("pixels", "scorer_ids", "clip_of_row")}
    prefix, answer = ids.shape[1] - 8, 4
    segment = torch.tensor([0] * prefix + [1] * answer + [2] * answer)
    allowed = (torch.arange(len(segment))[:, None] >= torch.arange(len(segment))) & (
        (segment[None] == 0) | (segment[:, None] == segment[None])
    )
    positions = torch.cat([torch.arange(prefix + answer), torch.arange(prefix, prefix + answer)])[None]
    with torch.no_grad():
        one = model(ids, attention_mask=allowed[None], position_ids=positions, **sight).logits
        chosen = model(ids[:, : prefix + answer], **sight).logits
        rejected = model(torch.cat([ids[:, :prefix], ids[:, -answer:]], dim=1), **sight).logits
    tolerance = 1e-12 if implementation == "sdpa" else 1e-5  # the library's eager attention soft-maxes in float32
    assert far(one[:, : prefix + answer], chosen) < tolerance
    assert far(one[:, prefix + answer :], rejected[:, prefix:]) < tolerance


def test_gradient_checkpointing_changes_no_gradient():
    model = random_model(dtype=torch.float64)
    batch = random_batch(model)
    model.set_trainable(("language_model", "projector", "scorer", "image_newline"))
    model.train()
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            assert all(layer.gradient_checkpointing for layer in model.model.language_model.layers)
        model.zero_grad()
        model(**batch).loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        assert far(gradient, gradients[1][name]) < 1e-12, name


def test_what_is_frozen_gets_no_gradient():
    model = random_model()
    model.set_trainable(("language_model", "projector", "scorer", "image_newline"))
    model(**random_batch(model)).loss.backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    frozen = {"model.scorer.logit_scale", "model.scorer.logit_bias", "model.scorer.text.embeddings.first_positions"}
    assert without - {"model.image_newline"} == frozen | {
        f"model.vision_tower.{name}" for name, _ in model.model.vision_tower.named_parameters()
    }
    model.set_trainable(("language_model",))
    assert {name.split(".")[0] for name, p in model.named_parameters() if p.requires_grad} == {"lm_head", "model"}
    assert all("language_model" in name or "lm_head" in name for name, p in model.named_parameters() if p.requires_grad)
    with pytest.raises(ValueError, match="no group tower to train"):
        model.set_trainable(("tower",))


def plain(settings):
    """A config's settings without what the library notes about the file."""
    notes = ("dtype", "_name_or_path", "architectures", "transformers_version")
    return {key: plain(value) if isinstance(value, dict) else value for key, value in settings.items() if key not in notes}


@pytest.mark.parametrize("tower", ["siglip", "cells"])
def test_saving_and_loading_keeps_every_bit(tower, tmp_path):
    model = random_model(tower)
    model.save_pretrained(tmp_path)
    again, report = PhysVLMForConditionalGeneration.from_pretrained(tmp_path, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    states = model.state_dict(), again.state_dict()
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name
    assert plain(again.config.to_dict()) == plain(model.config.to_dict())
    batch = random_batch(model, frames=model.config.frames)
    with torch.no_grad():
        assert torch.equal(model(**batch).logits, again.eval()(**batch).logits)


def test_a_new_model_starts_with_its_scale_and_finite_weights():
    model = PhysVLMForConditionalGeneration(PhysVLMConfig.tiny(tower="siglip"))
    assert model.model.scorer.logit_scale.item() == pytest.approx(4.60517, abs=1e-4)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_padding_on_the_right_changes_no_logit():
    model = random_model(dtype=torch.float64)
    batch = random_batch(model, rows=1)
    sight = {key: batch[key] for key in ("pixels", "scorer_ids", "clip_of_row")}
    ids = batch["input_ids"]
    padded = F.pad(ids, (0, 3), value=model.config.pad_token_id)
    mask = torch.cat([torch.ones_like(ids), torch.zeros(1, 3, dtype=torch.long)], dim=1)
    with torch.no_grad():
        expected = model(ids, **sight).logits
        assert far(model(padded, attention_mask=mask, **sight).logits[:, :-3], expected) < 1e-12


def test_a_row_without_a_clip_is_plain_text():
    model = random_model(dtype=torch.float64)
    batch = random_batch(model, rows=1)
    words = torch.randint(2, 100, (1, batch["input_ids"].shape[1]), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        both = model(
            torch.cat([batch["input_ids"], words]), pixels=batch["pixels"], clip_of_row=[0, -1],
            scorer_ids=batch["scorer_ids"].expand(2, -1),
        )  # fmt: skip
        assert far(both.logits[1], model.model.language_model(words).last_hidden_state[0] @ model.lm_head.weight.T) < 1e-12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda batch: batch["input_ids"][1, 2:].fill_(5), "Row 1 has 0 image tokens"),
        (lambda batch: batch["input_ids"][0, 2:4].fill_(5), "Row 0 has"),
        (lambda batch: batch.pop("scorer_ids"), "needs scorer_ids"),
        (lambda batch: batch.update(features=[]), "only one of pixels, features and visual_tokens"),
        (lambda batch: batch.update(clip_of_row=None, pixels=batch["pixels"][:1]), "There are 1 clips for 2 rows"),
        (lambda batch: batch.update(pixels=batch["pixels"][0]), "must be .clips, frames, 3, height, width."),
        (lambda batch: batch.update(media=["film", "film"]), "media has film"),
    ],
)
def test_what_does_not_belong_together_is_refused_in_a_sentence(change, message):
    model = random_model()
    batch = random_batch(model)
    change(batch)
    with pytest.raises(ValueError, match=message):
        model(**batch)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pool_text": "answer"}, "pool_text is 'answer'"),
        ({"pool_temperature": 0}, "pool_temperature is 0"),
        ({"video_kernel": (2, 3)}, "video_kernel is"),
        ({"image_kernel": (1, 30, 3)}, "only 9 x 9 patches"),
        ({"image_token_id": 200}, "vocabulary ends at 199"),
        ({"vision_config": {"model_type": "resnet"}}, "of the kind 'resnet'"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        PhysVLMConfig.tiny(tower="siglip", **changes)


def test_the_full_configuration_has_the_published_sizes():
    config = PhysVLMConfig.full()
    with torch.device("meta"):
        model = PhysVLMForConditionalGeneration(config)
    d = 1152
    query_and_key, out_proj, probe, post_layernorm, second_position_table = 2 * (d * d + d), d * d + d, d, 2 * d, 196 * d
    unused = query_and_key + out_proj + probe + post_layernorm + second_position_table
    assert (
        sum(parameter.numel() for parameter in model.parameters())
        == settings("checkpoint_layout_7b")["n_parameters"] - unused
    )
    assert config.visual_token_count(32) == 1296
