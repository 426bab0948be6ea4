"""Qwen2.5-VL and InternVL through the same training and evaluation as PhysVLM."""

import json

import pytest
import torch

from modelzoo.physvlm import build, evaluate
from modelzoo.physvlm.backbones import KINDS, Backbone
from modelzoo.physvlm.data.sources import read
from modelzoo.physvlm.runfolder import RunError
from modelzoo.physvlm.vocabulary import train_tokenizer
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays
from tests.modelzoo.physvlm.test_backbones import MAKE

SPECIAL = ["<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>", "<img>", "</img>", "<IMG_CONTEXT>"]
OWN = (
    "frames=4",
    "train=language_model+projector",
    "share_prefix=no",
    "pool_text=question",
    "cache_features=no",
    "samples=1",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_arrays(tmp_path_factory.mktemp("data") / "set", clips=8)


@pytest.fixture(params=MAKE)
def source(request, data, tmp_path):
    """A folder as the library writes it: a tiny random backbone with its tokenizer."""
    torch.manual_seed(0)
    texts = [path.read_text() for path in data.glob("*.json")]
    tokenizer = train_tokenizer([*texts, "(A) (B) (C) (D)"])
    tokenizer.add_special_tokens({"additional_special_tokens": SPECIAL})
    ids = tokenizer.convert_tokens_to_ids(SPECIAL)
    hf = MAKE[request.param](vocabulary=len(tokenizer), clip_id=ids[3] if request.param == "qwen2_5_vl" else ids[6])
    folder = tmp_path / "source"
    Backbone(hf, frames=4, frame_size=16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_sft_and_dpo_train_it_and_evaluation_reads_it(source, data, tmp_path):
    start = build.load(source)
    assert start.model.kind is KINDS[json.loads((source / "config.json").read_text())["model_type"]]
    sft = tmp_path / "sft"
    overrides = (*OWN, "max_steps=12", "checkpoint_every=6", "learning_rate=3e-3")
    assert runs.train(sft, data=(data,), init=str(source), overrides=overrides) == "finished"
    losses = runs.losses(sft)
    assert losses[-1] < losses[0] * 0.9
    final, last = build.load(sft / "model"), build.load(sft / "checkpoints" / "step-000012")
    for (name, one), (_name, other) in zip(final.model.state_dict().items(), last.model.state_dict().items(), strict=True):
        assert torch.equal(one, other), name
    tower = "visual.blocks" if "qwen" in str(start.model.kind.model_type) else "vision_tower"
    states = start.model.state_dict(), final.model.state_dict()
    changed = {name for name in states[0] if not torch.equal(states[0][name], states[1][name])}
    assert changed and not [name for name in changed if tower in name]
    dpo = tmp_path / "dpo"
    changes = dict(stage="dpo", preset="tiny-dpo", data=(data,), init=str(sft / "model"))
    assert runs.train(dpo, overrides=(*OWN, *runs.WORDS_ALONE, "gamma=0", "max_steps=3"), **changes) == "finished"
    assert runs.losses(dpo)[0] == pytest.approx(0.693147, abs=1e-3)
    report = evaluate.evaluate(str(dpo / "model"), read([data]), cache=tmp_path / "cache")
    assert report["options"]["n"] == report["letters"]["n"] == 8 and report["pairs"]["n"] > 0


def test_a_part_it_does_not_have_is_refused(source, data, tmp_path):
    with pytest.raises((RunError, ValueError), match="has no scorer to train; it has language_model, projector"):
        runs.train(
            tmp_path / "run", data=(data,), init=str(source), overrides=(*OWN, "train=language_model+scorer", "max_steps=1")
        )
