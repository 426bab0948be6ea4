"""Presets and settings: whole, consistent, and refused in words where they cannot be."""

import subprocess
import sys

import pytest

from modelzoo.physvlm import presets
from modelzoo.physvlm.presets import BadSetting, parse_overrides


@pytest.mark.parametrize("preset", presets.PRESETS.values(), ids=lambda preset: preset.name)
def test_every_preset_has_every_setting_with_a_value_that_is_allowed(preset):
    assert list(preset.settings.keys() - presets.SETTINGS.keys()) == []
    assert list(presets.SETTINGS.keys() - preset.settings.keys()) == []
    for name, value in preset.settings.items():
        presets.check_value(presets.SETTINGS[name], value)
        kind = {"int": int, "float": (int, float), "bool": bool}.get(presets.SETTINGS[name].kind, str)
        assert isinstance(value, kind), name
    presets.check(preset.settings, stage=preset.stage)


def test_the_published_recipe():
    sft, dpo = presets.PRESETS["physvlm-7b-sft"].settings, presets.PRESETS["physvlm-7b-dpo"].settings
    names = (
        "frames",
        "kernel_t",
        "kernel_hw",
        "batch",
        "epochs",
        "learning_rate",
        "schedule",
        "warmup",
        "weight_decay",
        "clip_norm",
    )
    assert [sft[name] for name in names] == [32, 2, 3, 256, 1.0, 1e-5, "cosine", 0.03, 0.0, 0.0]
    assert [dpo[name] for name in names] == [16, 1, 3, 64, 2.0, 5e-6, "linear", 0.1, 0.0, 0.0]
    assert sft["train"] == "language_model+projector+scorer" and dpo["train"] == "language_model"
    assert [dpo[name] for name in ("beta", "dpo_alpha", "gamma", "label_smoothing", "loss")] == [
        0.1,
        1.0,
        0.0,
        0.0,
        "sigmoid",
    ]
    assert sft["pool_text"] == "reference" and dpo["pool_text"] == "question"


def test_overrides_are_read_by_their_kind():
    chosen = presets.PRESETS["tiny-sft"]
    settings, overrides = parse_overrides(chosen, ["learning_rate=1e-3", "batch = 8", "compile=yes", "schedule=linear"])
    assert overrides == {"learning_rate": 1e-3, "batch": 8, "compile": True, "schedule": "linear"}
    assert settings == chosen.settings | overrides
    assert chosen.settings["batch"] != 8


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lr=1", "There is no setting 'lr'. Did you mean lora_rank or learning_rate?"),
        ("warmupp=1", "There is no setting 'warmupp'. Did you mean warmup?"),
        ("batch", "must have the form KEY=VALUE"),
        ("batch=many", "batch=many: must be a whole number"),
        ("batch=0", "batch=0: must be at least 1"),
        ("learning_rate=nan", "must be at least 0"),
        ("compile=perhaps", "must be true or false"),
        ("schedule=step", "must be one of cosine, linear, constant"),
        ("train=language_model+tower", "there is no part 'tower'"),
        ("frame_candidates=2", "cache_features keeps one set of frames"),
        ("pool_text=question", "set pool_text=fixed"),
        ("epochs=0", "nothing would be trained"),
        ("label_smoothing=0.5", "below 0.5"),
    ],
)
def test_what_cannot_be_is_refused_in_words(text, said):
    with pytest.raises(BadSetting) as refused:
        parse_overrides(presets.PRESETS["tiny-sft"], [text])
    assert said in str(refused.value)


def test_a_preset_is_found_by_name_and_stage():
    with pytest.raises(BadSetting, match="There is no preset 'tiny-stf'. Did you mean tiny-sft?"):
        presets.preset("tiny-stf", stage="sft")
    with pytest.raises(BadSetting, match="The preset tiny-sft is for sft, not for dpo; for dpo there are tiny-dpo"):
        presets.preset("tiny-sft", stage="dpo")


def test_a_page_can_show_presets_without_torch():
    code = "import sys; import modelzoo.physvlm.presets; sys.exit('torch' in sys.modules or 'django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_dpo_keeps_tokens_only_while_nothing_that_makes_them_learns():
    chosen = presets.PRESETS["physvlm-7b-dpo"]
    with pytest.raises(BadSetting, match="set train=language_model or cache_tokens=false"):
        parse_overrides(chosen, ["train=language_model+projector"])
    settings, _overrides = parse_overrides(chosen, ["train=language_model+projector", "cache_tokens=false"])
    assert settings["train"] == "language_model+projector"
