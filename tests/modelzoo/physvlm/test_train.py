"""Runs from data to the final model: what they write, how they end, and what stops them."""

import json
import os
import shutil
import signal

import pytest
import torch

from modelzoo.physvlm import build, checkpoint, loop
from modelzoo.physvlm.data.sources import BadData
from modelzoo.physvlm.runfolder import RunError, RunFolder, read_json, read_lines
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays, make_videos


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_arrays(tmp_path_factory.mktemp("data") / "set", clips=12)


@pytest.fixture(scope="module")
def sft(data, tmp_path_factory):
    """A finished run of 6 steps with a checkpoint on the way."""
    out = tmp_path_factory.mktemp("runs") / "sft"
    assert runs.train(out, data=(data,), overrides=("max_steps=6", "checkpoint_every=3", "samples=2")) == "finished"
    return out


def test_a_run_leaves_what_its_folder_promises(sft, data):
    spec, state = read_json(sft / "spec.json"), read_json(sft / "state.json")
    assert (state["state"], state["step"], state["steps"], state["attempt"], state["error"]) == ("finished", 6, 6, 1, "")
    assert spec["stage"] == "sft" and spec["overrides"]["max_steps"] == 6 and spec["settings"]["learning_rate"] == 2e-3
    assert spec["data"][0]["path"] == str(data) and len(spec["data_sha256"]) == 64
    lines = read_lines(sft / "metrics.jsonl")
    assert [line["step"] for line in lines] == list(range(1, 7))
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert {"epoch", "time", "elapsed_s", "learning_rate", "grad_norm", "num_tokens", "samples_per_s", "tokens_per_s", "mfu",
            "memory_bytes", "data_wait_frac", "mean_token_accuracy"} <= set(lines[0])  # fmt: skip
    assert lines[0]["learning_rate"] == 0 and lines[2]["learning_rate"] == 2e-3
    beat = read_json(sft / "heartbeat.json")
    assert beat["pid"] == os.getpid() and beat["phase"] == "done"
    assert [path.name for path in checkpoint.committed(sft / "checkpoints")] == ["step-000003", "step-000006"]
    samples = read_lines(sft / "samples.jsonl")
    assert [sample["step"] for sample in samples] == [3, 3, 6, 6]
    assert {"clip_id", "question", "answer", "expected"} <= set(samples[0])
    assert list((sft / "tensorboard").glob("events.out.tfevents.*"))
    assert "saved step-000003" in (sft / "log.txt").read_text() and "finished" in (sft / "log.txt").read_text()


def test_tensorboard_reads_what_was_written(sft):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(sft / "tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(runs.losses(sft), rel=1e-6)


def test_the_final_model_is_that_of_the_last_checkpoint_and_has_its_tokenizer(sft):
    final, last = build.load(sft / "model"), build.load(sft / "checkpoints" / "step-000006")
    for (name, one), (_name, other) in zip(final.model.state_dict().items(), last.model.state_dict().items(), strict=True):
        assert torch.equal(one, other), name
    assert final.tokenizer("The red square").input_ids == last.tokenizer("The red square").input_ids
    assert build.parent_of(sft / "model") == {"run": "sft", "step": 6, "path": str(sft / "model")}
    assert build.parent_of(sft / "checkpoints" / "step-000003")["step"] == 3


def test_dpo_begins_from_a_run_keeps_its_reference_and_moves_margins(sft, data, tmp_path):
    out = tmp_path / "dpo"
    changes = dict(stage="dpo", preset="tiny-dpo", data=(data,), init=str(sft / "model"))
    overrides = ("epochs=3", "warmup=0", "schedule=constant", "gamma=0", *runs.WORDS_ALONE)
    assert runs.train(out, overrides=overrides, **changes) == "finished"
    lines = read_lines(out / "metrics.jsonl")
    first, last = lines[0], lines[-1]
    assert first["loss"] == pytest.approx(0.693147, abs=1e-4)  # the policy is the reference
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-4)
    assert last["rewards/margins"] > 0.02 and last["loss"] < first["loss"]
    assert last["rewards/margins"] == pytest.approx(last["rewards/chosen"] - last["rewards/rejected"], rel=1e-4)
    assert read_json(out / "spec.json")["parent"]["run"] == "sft"
    tables = list((tmp_path / "cache" / "reference").iterdir())
    assert len(tables) == 1 and len(read_lines(tables[0])) == 12
    before, after = runs.weights(sft), runs.weights(out)
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"language_model", "weight"}  # the latter is lm_head.weight

    written = tables[0].stat().st_mtime_ns
    assert runs.train(tmp_path / "again", overrides=overrides, **changes) == "finished"
    assert tables[0].stat().st_mtime_ns != 0 and len(read_lines(tables[0])) == 12 and written
    assert runs.same_weights(out, tmp_path / "again")


def test_adapters_train_a_fraction_and_are_folded_into_the_final_model(sft, data, tmp_path):
    out = tmp_path / "lora"
    overrides = ("max_steps=3", "lora_rank=4", "lora_alpha=8", "train=language_model", "warmup=0")
    assert runs.train(out, data=(data,), init=str(sft / "model"), overrides=overrides) == "finished"
    before, after = runs.weights(sft), runs.weights(out)
    assert before.keys() == after.keys()
    changed = {name.rsplit(".", 2)[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    folded, kept = build.load(out / "model"), build.load(out / "checkpoints" / "step-000003")
    for (name, one), (_n, other) in zip(folded.model.state_dict().items(), kept.model.state_dict().items(), strict=True):
        torch.testing.assert_close(one, other, msg=name)


def test_dpo_may_train_projector_and_scorer(sft, data, tmp_path):
    overrides = ("max_steps=2", "warmup=0", "gamma=0", "cache_tokens=false", "train=language_model+projector+scorer")
    changes = dict(stage="dpo", preset="tiny-dpo", data=(data,), init=str(sft / "model"), overrides=overrides)
    assert runs.train(tmp_path / "dpo", **changes) == "finished"
    lines = read_lines(tmp_path / "dpo" / "metrics.jsonl")
    assert lines[0]["loss"] == pytest.approx(0.693147, abs=1e-4)  # the policy is the reference, tokens and all
    before, after = runs.weights(sft), runs.weights(tmp_path / "dpo")
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert {"projector", "scorer", "language_model"} <= changed


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile on a processor needs a C++ compiler")
@pytest.mark.timeout(900)  # the compiler takes half a minute of an idle machine
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")
def test_compiled_layers_change_no_loss(data, tmp_path):
    overrides = ("max_steps=2", "seed=3", "activation_checkpointing=1")
    assert runs.train(tmp_path / "plain", data=(data,), overrides=overrides) == "finished"
    assert runs.train(tmp_path / "compiled", data=(data,), overrides=(*overrides, "compile=true")) == "finished"
    assert runs.losses(tmp_path / "compiled") == pytest.approx(runs.losses(tmp_path / "plain"), abs=1e-4)
    assert torch._dynamo.utils.counters["frames"]["ok"] > 0


@pytest.mark.parametrize("extra", [("activation_checkpointing=1",), ("activation_checkpointing=2",), ("micro_tokens=200",)])
def test_recomputing_and_small_micro_batches_change_no_loss(sft, data, tmp_path, extra):
    overrides = ("max_steps=3", "seed=3")
    assert runs.train(tmp_path / "plain", data=(data,), overrides=overrides) == "finished"
    assert runs.train(tmp_path / "other", data=(data,), overrides=(*overrides, *extra)) == "finished"
    assert runs.losses(tmp_path / "other") == pytest.approx(runs.losses(tmp_path / "plain"), abs=2e-5)


def test_half_precision_keeps_float32_masters(data, tmp_path):
    assert (
        runs.train(tmp_path / "half", data=(data,), overrides=("max_steps=6", "precision=bf16", "moments=bf16"))
        == "finished"
    )
    values = runs.losses(tmp_path / "half")
    assert values[-1] < values[0]


def test_videos_are_trained_on_without_cached_features(tmp_path):
    folder = make_videos(tmp_path / "videos", clips=3)
    overrides = ("max_steps=2", "cache_features=false", "frame_candidates=2", "model=unit", "kernel_hw=3")
    overrides = (*overrides, "pool_text=question", "share_prefix=false")
    assert runs.train(tmp_path / "run", data=(folder,), overrides=overrides) == "finished"
    assert len(list((tmp_path / "cache" / "frames").rglob("*.frames"))) == 3


def test_a_clip_that_cannot_be_decoded_stops_the_run_with_its_name(tmp_path):
    folder = make_videos(tmp_path / "videos", clips=2)
    (folder / "PhysInstruct" / "video0-1.mp4").write_bytes(b"broken")
    overrides = ("max_steps=2", "cache_features=false")
    with pytest.raises(BadData, match="The clip video0-1 cannot be decoded"):
        runs.train(tmp_path / "run", data=(folder,), overrides=overrides)
    state = read_json(tmp_path / "run" / "state.json")
    assert state["state"] == "failed" and "video0-1" in state["error"]
    assert runs.train(tmp_path / "without", data=(folder,), overrides=overrides, without=("video0-1",)) == "finished"
    assert read_lines(tmp_path / "without" / "data" / "left_out.jsonl") == [{"clip_id": "video0-1"}]


def test_a_gradient_that_is_not_finite_is_skipped_and_in_a_row_stops_the_run(data, tmp_path, monkeypatch):
    real, calls = loop.sft_loss, []

    def sometimes(logits, micro, step, settings):
        calls.append(step.number)
        loss, logged = real(logits, micro, step, settings)
        return (loss * float("nan") if step.number in bad else loss), logged

    monkeypatch.setitem(loop.STAGES, "sft", sometimes)
    bad = {1}
    assert runs.train(tmp_path / "once", data=(data,), overrides=("max_steps=4",)) == "finished"
    assert read_lines(tmp_path / "once" / "metrics.jsonl")[-1]["skipped_steps"] == 1
    assert "the gradient is not finite" in (tmp_path / "once" / "log.txt").read_text()
    assert all(torch.isfinite(tensor).all() for tensor in runs.weights(tmp_path / "once").values())
    bad = set(range(1, 9))
    with pytest.raises(loop.Diverged, match="3 steps in a row had no finite gradient, the last with the clips set0-"):
        runs.train(tmp_path / "often", data=(data,), overrides=("max_steps=9", "bad_steps=3"))
    assert read_json(tmp_path / "often" / "state.json")["state"] == "failed"


def test_two_trainers_never_share_a_folder(sft, data):
    with RunFolder(sft), pytest.raises(RunError, match="is being trained by another process"):
        runs.train(sft, resume=True)


def test_an_old_run_is_not_overwritten_and_a_resumed_one_keeps_its_settings(sft, data, tmp_path):
    with pytest.raises(RunError, match="already holds a run"):
        runs.train(sft, data=(data,))
    assert read_json(sft / "state.json")["state"] == "finished"
    with pytest.raises(RunError, match="holds no run to resume"):
        runs.train(tmp_path / "new", resume=True)
    with pytest.raises(RunError, match="DPO begins from a trained model"):
        runs.train(tmp_path / "dpo", stage="dpo", preset="tiny-dpo", data=(data,))
    with pytest.raises(RunError, match="neither a model"):
        runs.train(tmp_path / "init", data=(data,), init=str(tmp_path))


@pytest.mark.parametrize(("by_a_person", "expected"), [(True, "stopped"), (False, "interrupted")])
def test_sigterm_saves_and_the_run_goes_on_with_the_same_losses(data, tmp_path, monkeypatch, by_a_person, expected):
    overrides = ("max_steps=8",)
    assert runs.train(tmp_path / "whole", data=(data,), overrides=overrides) == "finished"
    out, real = tmp_path / "cut", loop.sft_loss

    def stop_in_step_4(logits, micro, step, settings):
        if step.number == 3:
            if by_a_person:
                (out / "stop").touch()
            os.kill(os.getpid(), signal.SIGTERM)
        return real(logits, micro, step, settings)

    monkeypatch.setitem(loop.STAGES, "sft", stop_in_step_4)
    assert runs.train(out, data=(data,), overrides=overrides) == expected
    state = read_json(out / "state.json")
    assert (state["state"], checkpoint.committed(out / "checkpoints")[-1].name) == (expected, "step-000004")
    monkeypatch.undo()
    assert runs.train(out, resume=True) == "finished"
    assert runs.losses(out) == runs.losses(tmp_path / "whole")
    assert runs.same_weights(out, tmp_path / "whole")


def test_shuffled_labels_show_every_clip_another_ones_frames(data, tmp_path):
    assert runs.train(tmp_path / "run", data=(data,), overrides=("max_steps=1", "shuffle_labels=true")) == "finished"
    lines = read_lines(tmp_path / "run" / "data" / "clips.jsonl")
    truth = {line["clip_id"]: line["row"] for line in map(json.loads, (data / "truth.jsonl").read_text().splitlines())}
    assert all(line["row"] != truth[line["clip_id"]] for line in lines)
