"""What a run would take: the arithmetic of the 7B by hand, and the commands that print it."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from modelzoo.physvlm import cost, estimate, presets
from modelzoo.physvlm.config import PhysVLMConfig
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_arrays(tmp_path_factory.mktemp("data") / "set", clips=12)


def test_operations_of_the_7b():
    """Published sizes: 6.525 billion weights in the layers, 1416 and 1506 tokens, 32 frames of 729 patches."""
    arithmetic = cost.Cost(PhysVLMConfig.full(), trained=("language_model", "projector", "scorer"))
    assert arithmetic.visual_tokens == 1296
    assert arithmetic.layer_weights * arithmetic.layers == pytest.approx(6.525e9, rel=1e-3)
    assert arithmetic.clip() / 32 == pytest.approx(0.642e12, rel=0.01)
    assert arithmetic.language_forward(1416) == pytest.approx(18.9e12, rel=0.01)
    assert arithmetic.head_forward(1506) * 3 == pytest.approx(4.9e12, rel=0.02)
    # a row with 150 label tokens, without recomputation, with its encode
    assert arithmetic.clip() + arithmetic.row(1506, 150) == pytest.approx(83.6e12, rel=0.03)
    lora = cost.Cost(PhysVLMConfig.full(), trained=("language_model",), lora_rank=64)
    assert lora.lora_weights == pytest.approx(161.5e6, rel=0.001)


def memory_of(**changes):
    settings = presets.PRESETS["physvlm-7b-sft"].settings | changes
    return cost.memory(
        PhysVLMConfig.full(),
        total=8.5e9,
        trained=7.6e9,
        settings=settings,
        world=1,
        sharded=True,
        micro_tokens=1506,
        label_rows=150,
    )


def test_memory_of_the_7b():
    whole = memory_of()
    assert whole["optimizer"] == pytest.approx(7.6e9 * 8) and whole["gradients"] == pytest.approx(7.6e9 * 4)
    assert memory_of(moments="bf16")["optimizer"] == pytest.approx(7.6e9 * 4)
    # 5.7 MB a token without recomputation, 0.2 MB with
    assert whole["activations"] / 1506 == pytest.approx(5.7e6, rel=0.2)
    assert memory_of(activation_checkpointing=1)["activations"] / 1506 < 0.9e6


def test_a_dry_run_counts_what_a_run_then_does(data, tmp_path):
    request = runs.request(tmp_path / "run", data=(data,), overrides=("max_steps=6",))
    result = estimate.estimate(request, processes=1)
    assert not (tmp_path / "run").exists()
    runs.train(tmp_path / "run", data=(data,), overrides=("max_steps=6",))
    from modelzoo.physvlm.runfolder import read_json

    assert result["steps"] == read_json(tmp_path / "run" / "state.json")["steps"] == 6
    total = sum(tensor.numel() for tensor in runs.weights(tmp_path / "run").values())
    assert result["parameters"]["total"] == pytest.approx(total, rel=0.01)
    assert result["fits"] and result["rows"] == 48 and result["clips"] == 12


def command(*arguments):
    out = io.StringIO()
    call_command("train_physvlm", *map(str, arguments), stdout=out)
    return out.getvalue()


def test_the_command_prints_the_estimate_in_words_and_as_json(data):
    words = command("--stage", "sft", "--data", data, "--set", "frames=8", "--set", "kernel_hw=4", "--dry-run")
    for name in ("parameters", "data", "tokens", "operations", "memory", "time"):
        assert f"\n{name} " in "\n" + words
    result = json.loads(
        command("--stage", "sft", "--data", data, "--set", "frames=8", "--set", "kernel_hw=4", "--dry-run", "--json")
    )
    assert set(result["memory_bytes"]) == {"weights", "optimizer", "gradients", "activations", "total"}


def test_a_7b_that_does_not_fit_is_refused_with_what_would_do(data):
    with pytest.raises(CommandError, match=r"needs about \d+\.\d GB on each device, which has .* It would fit (with|on)"):
        command("--stage", "sft", "--preset", "physvlm-7b-sft", "--data", data, "--set", "frames=8", "--dry-run")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--stage", "sft"), "Say what to train on: --data DIR"),
        (("--data", "/tmp"), "Say what to train: --stage sft or --stage dpo"),
        (("--stage", "sft", "--data", "/nowhere"), "/nowhere is not a folder"),
        (("--stage", "sft", "--preset", "tiny", "--data", "x"), "There is no preset 'tiny'"),
        (("--stage", "sft", "--data", "x", "--set", "stps=3"), "There is no setting 'stps'"),
        (("--resume",), "--resume needs --out"),
        (("--resume", "--out", "/nowhere"), "holds no run to resume"),
        (("--stage", "sft", "--data", "x", "--nproc", "0"), "must be 1 or more"),
        (("--stage", "sft", "--data", "x", "--without", "/nowhere"), "/nowhere cannot be read"),
    ],
)
def test_bad_input_ends_in_one_sentence(arguments, said, tmp_path):
    arguments = arguments if "--out" in arguments or "--resume" in arguments else (*arguments, "--out", tmp_path / "run")
    with pytest.raises(CommandError) as refused:
        command(*arguments, "--cache", tmp_path / "cache")
    assert said in str(refused.value) and "\n" not in str(refused.value)
    assert not (tmp_path / "run" / "spec.json").exists()
