"""Evaluation by likelihood: the right numbers, intervals, controls, and the command."""

import io
import json

import numpy as np
import pytest
import torch
from django.core.management import CommandError, call_command

from modelzoo.physvlm import evaluate
from modelzoo.physvlm.data import sources
from modelzoo.physvlm.losses import sequence_logps
from modelzoo.physvlm.merging import expand_placeholders
from modelzoo.physvlm.prompts import sft_ids
from tests.modelzoo.physvlm import runs
from tests.modelzoo.physvlm.sets import make_arrays


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_arrays(tmp_path_factory.mktemp("data") / "set", clips=12)


@pytest.fixture(scope="module")
def model(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "sft"
    runs.train(out, data=(data,), overrides=("max_steps=6",))
    return out / "model"


def test_intervals_are_wilsons():
    assert evaluate.wilson(0, 0) == (0.0, 1.0)
    low, high = evaluate.wilson(5, 10)
    assert (round(low, 4), round(high, 4)) == (0.2366, 0.7634)
    assert evaluate.wilson(10, 10)[1] == pytest.approx(1.0) and evaluate.wilson(10, 10)[0] == pytest.approx(0.7225, abs=1e-4)


def test_the_paired_test_counts_changes_only():
    before, after = [False] * 8 + [True] * 2 + [True] * 90, [True] * 8 + [False] * 2 + [True] * 90
    result = evaluate.paired_test(before, after)
    assert (result["better"], result["worse"]) == (8, 2)
    assert result["p"] == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert evaluate.paired_test([True], [True])["p"] == 1.0


def test_items_of_one_clip_count_once():
    # clip a: two became right; b: one right, one wrong; c: one wrong; d: nothing changed
    clips = ["a", "a", "b", "b", "c", "c", "d"]
    before = [False, False, False, True, True, True, True]
    after = [True, True, True, False, False, True, True]
    assert evaluate.paired_test(before, after, clips) == {"better": 1, "worse": 1, "p": 1.0}


def test_a_name_that_is_category_and_domain_counts_once():
    plain = sources.Question("c", "q", "?", ("a", "b", "c", "d"), 0, "Mechanics", "Gravity")
    nothing = sources.Question("c", "q", "?", ("a", "b", "c", "d"), 0, "No glitch", "No glitch")
    shares = evaluate.by_category([plain, nothing, nothing], [True, True, False])
    assert {name: result["n"] for name, result in shares.items()} == {"Gravity": 1, "Mechanics": 1, "No glitch": 2}


def test_no_answer_is_never_right():
    assert evaluate.best([1.0, 3.0, 2.0, 0.0]) == 1
    assert evaluate.best([1.0, 1.0, 0.0, 0.0]) is None and evaluate.best([float("nan"), 1.0, 0.0, 0.0]) is None


def test_controls_change_frames_as_they_say():
    pixels = np.arange(4 * 3 * 2 * 2, dtype=np.uint8).reshape(4, 3, 2, 2)
    random = np.random.default_rng(0)
    assert (evaluate.controlled(pixels, "blind", random=random) == 128).all()
    assert (evaluate.controlled(pixels, "one_frame", random=random) == pixels[2]).all()
    shuffled = evaluate.controlled(pixels, "shuffled_frames", random=random)
    assert not (shuffled == pixels).all() and sorted(shuffled[:, 0, 0, 0]) == sorted(pixels[:, 0, 0, 0])
    assert evaluate.controlled(pixels, "none", random=random) is pixels


def test_options_behind_one_prefix_score_as_four_plain_forward_passes(model, data, tmp_path):
    questions = sources.read([data])
    evaluator = evaluate.prepare(model, questions, cache=tmp_path)
    scores = evaluator.options(questions.questions)
    bundle = evaluator.bundle
    for question, line in list(zip(questions.questions, scores, strict=True))[:4]:
        pixels = torch.from_numpy(evaluator.frames.at(evaluator.place_of[question.clip_id]))[None]
        for option, score in zip(question.options, line, strict=True):
            ids, labels = sft_ids(bundle.tokenizer, ((question.stem, option),))
            count = bundle.config.visual_token_count()
            ids, labels = expand_placeholders(ids, labels, [count], bundle.config.image_token_id)
            guide = torch.tensor([evaluator.tokens.guide(question.stem)])
            with torch.no_grad():
                logits = bundle.model(torch.tensor([ids]), pixels=pixels, scorer_ids=guide).logits
            assert sequence_logps(logits, torch.tensor([labels])).item() == pytest.approx(score, abs=2e-4)


def test_letters_are_read_where_the_answer_begins(model, data, tmp_path):
    questions = sources.read([data])
    evaluator = evaluate.prepare(model, questions, cache=tmp_path)
    row, letters = evaluator.tokens.letters(0, questions.questions[0], name="q")
    assert [evaluator.bundle.tokenizer.decode([letter]) for letter in letters] == list("ABCD")
    text = evaluator.bundle.tokenizer.decode(row.prefix + row.branches[0].ids)
    assert text.endswith("assistant\n(" + "ABCD"[questions.questions[0].answer])
    assert row.label_count == 1
    assert all(len(line) == 4 for line in evaluator.letters(questions.questions))


def test_the_report_has_shares_controls_categories_and_items(model, data, tmp_path):
    report = evaluate.evaluate(model, sources.read([data]), cache=tmp_path, controls=evaluate.CONTROLS)
    for name in ("options", "letters", "pairs", "blind/options", "one_frame/options", "shuffled_frames/options"):
        assert report[name]["n"] == 12 and report[name]["low"] <= report[name]["share"] <= report[name]["high"]
    assert report["options_by_category"]["Velocity"] == report["options"]
    assert len(report["items"]) == 12 and len(report["items"][0]["options"]) == 4
    assert report["options"]["right"] == sum(int(np.argmax(item["options"])) == item["answer"] for item in report["items"])
    fewer = evaluate.evaluate(model, sources.read([data]), cache=tmp_path, controls=evaluate.CONTROLS, control_limit=5)
    assert fewer["options"]["n"] == 12 and fewer["blind/options"]["n"] == fewer["one_frame/options"]["n"] == 5
    words = evaluate.in_words(report)
    assert "control: shuffled frames" in words and "n=12" in words


def test_the_command_writes_the_report_and_compares_two(model, data, tmp_path):
    out = io.StringIO()
    arguments = ["--model", str(model), "--data", str(data), "--cache", str(tmp_path)]
    call_command("evaluate_physvlm", *arguments, "--out", str(tmp_path / "first.json"), "--limit", "6", stdout=out)
    assert (
        "options by likelihood" in out.getvalue() and json.loads((tmp_path / "first.json").read_text())["options"]["n"] == 6
    )
    out = io.StringIO()
    call_command("evaluate_physvlm", *arguments, "--limit", "6", "--against", str(tmp_path / "first.json"), stdout=out)
    assert "0 clips better, 0 worse, p = 1" in out.getvalue()
    with pytest.raises(CommandError, match="other questions or pairs"):
        call_command("evaluate_physvlm", *arguments, "--against", str(tmp_path / "first.json"))
    with pytest.raises(CommandError, match="holds neither a model"):
        call_command("evaluate_physvlm", "--model", str(tmp_path), "--data", str(data))
