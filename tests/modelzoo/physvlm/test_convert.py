"""Published weights to ours, from small random checkpoints written in each published layout."""

import json
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    Qwen2ForCausalLM,
    SiglipConfig,
    SiglipModel,
)

from modelzoo.physvlm import PhysVLMForConditionalGeneration, stretch_text_positions
from modelzoo.physvlm.convert import CannotConvert, convert, in_words
from modelzoo.physvlm.naming import places_of, reason_to_drop
from tests.modelzoo.physvlm.builders import NO_IDS
from tests.modelzoo.physvlm.reference import far, settings

VISION = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4, "image_size": 36, "patch_size": 4}
WINDOW = {"video_kernel": (1, 3, 3), "frames": 2}


def randomise(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.3)
    return model.eval()


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A small llava-onevision as the library writes it, with tokenizer files."""
    torch.manual_seed(0)
    text = {
        "model_type": "qwen2", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "vocab_size": 170,
        "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False, **NO_IDS,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
    }  # fmt: skip
    config = LlavaOnevisionConfig(
        vision_config={"model_type": "siglip_vision_model", **VISION, "num_hidden_layers": 2, "vision_use_head": False},
        text_config=text,
        image_token_index=161,
        video_token_index=162,
    )
    folder = tmp_path_factory.mktemp("base")
    model = randomise(LlavaOnevisionForConditionalGeneration(config))
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}")
    return folder, model


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    torch.manual_seed(1)
    text = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 60}
    config = SiglipConfig(
        text_config={**text, "projection_size": 16, **NO_IDS}, vision_config={**VISION, "num_hidden_layers": 3}
    )
    folder = tmp_path_factory.mktemp("siglip")
    model = randomise(SiglipModel(config))
    model.save_pretrained(folder)
    (folder / "spiece.model").write_text("x")
    return folder, model


def published(base, siglip, folder, seed=2, only=lambda name: True, **dtypes):
    """A checkpoint in PhysVLM's published layout: names of the stored list, shapes of the small model, random numbers."""
    torch.manual_seed(seed)
    small = load_file(base[0] / "model.safetensors") | load_file(siglip[0] / "model.safetensors")
    layers = {"vision_tower": 2, "multi_modal_projector": 2, "language_model": 2}
    state = {}
    for pattern in settings("checkpoint_layout_7b")["patterns"]:
        for number in range(layers[pattern.split(".")[0]] if "{i}" in pattern else 1):
            name = pattern.replace("{i}", str(number))
            shape = (196, 16) if "position_embedding" in name and "clip_text" in name else small[twin(name)].shape
            if only(name):
                state[name] = torch.randn(shape).to(dtypes.get("dtype", torch.float32)) * 0.3
    folder.mkdir(exist_ok=True)
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text((base[0] / "config.json").read_text())
    return folder, state


def twin(name):
    """The name of the tensor of the same shape in the small library checkpoints."""
    for old, new in (
        ("vision_tower.vision_model.", "vision_tower."),
        ("multi_modal_projector.clip_text_model.", "text_model."),
        ("multi_modal_projector.clip_visual_head.", "vision_model.head."),
        ("multi_modal_projector.clip_visual_ln.", "vision_model.post_layernorm."),
        ("multi_modal_projector.logit", "logit"),
    ):
        name = name.replace(old, new)
    return name


def load(folder):
    model, report = PhysVLMForConditionalGeneration.from_pretrained(folder, output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"]
    return model.eval()


def test_every_published_name_has_a_place_or_a_reason_to_have_none():
    places = Counter()
    for pattern in settings("checkpoint_layout_7b")["patterns"]:
        name = pattern.replace("{i}", "0")
        assert bool(places_of(name)) != bool(reason_to_drop(name)), name
        places.update(ours for ours, _change in places_of(name))
    assert set(places.values()) == {1}


@torch.no_grad()
def test_llava_onevision_and_siglip_make_a_model_with_the_librarys_outputs(base, siglip, tmp_path):
    report = convert([base[0], siglip[0]], tmp_path / "out", shard_bytes=20_000, **WINDOW)
    model = load(tmp_path / "out")
    pixels = torch.rand(1, 2, 3, 36, 36) * 2 - 1
    hidden = base[1].model.vision_tower(pixels[0], output_hidden_states=True).hidden_states[-1]
    assert far(model.encode_frames(pixels)[0], hidden) < 1e-5
    projected = base[1].model.multi_modal_projector(hidden)
    assert (
        far(model.model.projector.linear_2(model.model.projector.act(model.model.projector.linear_1(hidden))), projected)
        < 1e-5
    )
    ids = torch.randint(160, (1, 9))
    assert far(model(ids).logits, base[1](input_ids=ids).logits) < 1e-5
    words = torch.randint(60, (2, 20))  # the first 20 positions are SigLIP's own
    assert far(model.model.scorer.embed_text(words), siglip[1].text_model(words).pooler_output) < 1e-5
    positions = model.model.scorer.text.embeddings
    table = torch.cat([positions.first_positions, positions.later_positions])
    assert far(table, stretch_text_positions(siglip[1].text_model.embeddings.position_embedding.weight)) < 1e-6
    one = torch.randn(4, 1, 16)
    head = siglip[1].vision_model.head
    with_projection = head.attention.out_proj
    with_projection.weight.copy_(torch.eye(16))
    with_projection.bias.zero_()
    normal = siglip[1].vision_model.post_layernorm(one)
    assert far(model.model.scorer.embed_patches(one)[:, 0], head(normal)) < 1e-5
    assert model.model.scorer.logit_scale.item() == siglip[1].logit_scale.item()
    assert len(list((tmp_path / "out").glob("model-*.safetensors"))) > 3
    assert report["numbers"] == sum(parameter.numel() for parameter in model.parameters())
    assert (tmp_path / "out" / "tokenizer.json").exists() and (
        tmp_path / "out" / "scorer_tokenizer" / "spiece.model"
    ).exists()
    assert model.config.video_kernel == [1, 3, 3] and model.config.image_token_id == 161


def test_the_report_names_every_tensor_once(base, siglip, tmp_path):
    report = convert([base[0], siglip[0]], tmp_path / "out", **WINDOW)
    assert report == json.loads((tmp_path / "out" / "conversion.json").read_text())
    sources = {name for folder in (base[0], siglip[0]) for name in load_file(folder / "model.safetensors")}
    moved, dropped = {entry["name"] for entry in report["moved"]}, {entry["name"] for entry in report["dropped"]}
    assert moved | dropped == sources and not moved & dropped
    assert {entry["to"] for entry in report["moved"]} == set(load(tmp_path / "out").state_dict())
    text = "\n".join(in_words(report))
    assert "llava_onevision" in text and "left out: the vision tower is the base model's" in text


@torch.no_grad()
def test_a_whole_published_checkpoint_converts_alone(base, siglip, tmp_path):
    folder, state = published(base, siglip, tmp_path / "physvlm")
    report = convert([siglip[0], folder], tmp_path / "out", **WINDOW)
    model = load(tmp_path / "out")
    scorer = model.model.scorer
    clip = "multi_modal_projector.clip_"
    assert torch.equal(scorer.head.value.weight, state[clip + "visual_head.attention.in_proj_weight"][32:])
    assert torch.equal(scorer.text.embeddings.first_positions, state[clip + "text_model.embeddings.position_embedding"][:20])
    assert torch.equal(
        scorer.text.embeddings.later_positions, state[clip + "text_model.embeddings.position_embedding_res"][20:]
    )
    assert torch.equal(model.lm_head.weight, state["language_model.lm_head.weight"])
    qwen = Qwen2ForCausalLM(model.config.text_config).eval()
    language = {
        name.removeprefix("language_model."): value for name, value in state.items() if name.startswith("language_model.")
    }
    qwen.load_state_dict(language)
    ids = torch.randint(160, (1, 7))
    assert far(model(ids).logits, qwen(ids).logits) < 1e-5
    assert {entry["name"] for entry in report["replaced"]} >= {"text_model.head.weight", "logit_scale"}


@torch.no_grad()
def test_a_checkpoint_of_what_was_trained_goes_on_top_of_its_base(base, siglip, tmp_path):
    trained = lambda name: name.startswith("language_model.")  # noqa: E731
    folder, state = published(base, siglip, tmp_path / "dpo", only=trained)
    convert([base[0], siglip[0], folder], tmp_path / "out", **WINDOW)
    model = load(tmp_path / "out")
    assert torch.equal(model.lm_head.weight, state["language_model.lm_head.weight"])
    assert torch.equal(model.model.image_newline, base[1].model.image_newline)


def test_the_dtype_may_be_chosen(base, siglip, tmp_path):
    report = convert([base[0], siglip[0]], tmp_path / "out", dtype="bfloat16", **WINDOW)
    assert report["dtypes"] == {"bfloat16": report["numbers"]}
    assert load(tmp_path / "out").dtype == torch.bfloat16


def changed(source, folder, change):
    """A copy of a source whose tensors went through `change`."""
    folder.mkdir()
    state = load_file(source[0] / "model.safetensors")
    change(state)
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text((source[0] / "config.json").read_text())
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("image_newline"), "No source has what the model needs for model.image_newline"),
        (lambda state: state.update(strange=torch.zeros(2)), r"no known reason to have none: strange \(model.safetensors\)"),
        (
            lambda state: state.update({"multi_modal_projector.linear_1.bias": torch.zeros(31)}),
            r"linear_1.bias is \(31,\), but model.projector.linear_1.bias must be \(32,\)",
        ),
        (
            lambda state: state.update({"language_model.model.layers.2.mlp.up_proj.weight": torch.zeros(48, 32)}),
            "The model has no language_model.model.layers.2.mlp.up_proj.weight",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_it_and_leaves_nothing(base, siglip, tmp_path, change, message):
    folder = changed(base, tmp_path / "changed", change)
    with pytest.raises(CannotConvert, match=message):
        convert([folder, siglip[0]], tmp_path / "out", **WINDOW)
    assert {path.name for path in tmp_path.iterdir()} == {"changed"}


def test_a_torn_file_a_missing_shard_and_a_strange_folder_are_errors(base, siglip, tmp_path):
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "model.safetensors").write_bytes((base[0] / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(CannotConvert, match="model.safetensors cannot be read .*; download it again"):
        convert([torn, siglip[0]], tmp_path / "out")
    partial = changed(base, tmp_path / "partial", lambda state: state.pop("image_newline"))
    (partial / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"image_newline": "b.safetensors"}}))
    with pytest.raises(CannotConvert, match="names tensors that no file holds: image_newline"):
        convert([partial, siglip[0]], tmp_path / "out")
    with pytest.raises(CannotConvert, match="holds no .safetensors file"):
        convert([tmp_path], tmp_path / "out")
    other = tmp_path / "other"
    other.mkdir()
    save_file({"a": torch.zeros(1)}, other / "model.safetensors")
    with pytest.raises(CannotConvert, match="neither llava-onevision nor SigLIP nor PhysVLM"):
        convert([other], tmp_path / "out")


def test_an_interrupted_conversion_leaves_no_folder(base, siglip, tmp_path):
    def interrupt(done, total):
        if done > 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        convert([base[0], siglip[0]], tmp_path / "out", shard_bytes=20_000, progress=interrupt, **WINDOW)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_overwritten(base, siglip, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="is there already"):
        convert([base[0], siglip[0]], tmp_path / "out", **WINDOW)
