"""Greedy generation against the original's, with the cache and without, alone and in padded batches."""

import pytest
import torch

from tests.modelzoo.physvlm.builders import original_inputs, original_model, random_batch, random_model
from tests.modelzoo.physvlm.reference import cases

CASES = {name: case for name, case in cases("e2e_tiny", "cases").items() if name.startswith("generate")}
GREEDY = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("use_cache", [True, False])
def test_it_writes_what_the_original_writes(name, use_cache):
    case = CASES[name]
    model = original_model(case["kernel"])
    words = model.generate(**original_inputs(name), max_new_tokens=12, use_cache=use_cache, **GREEDY)
    assert words.tolist() == [case["new_tokens"]]


def test_rows_padded_on_the_left_write_what_each_writes_alone():
    model = random_model(dtype=torch.float64)
    batch = random_batch(model, rows=2, text=12)
    sight = {"scorer_ids": batch["scorer_ids"], "pixels": batch["pixels"]}
    ids = batch["input_ids"]
    short = ids[1:, 2:]
    alone = [
        model.generate(row, max_new_tokens=6, **{key: value[i : i + 1] for key, value in sight.items()}, **GREEDY)
        for i, row in enumerate((ids[:1], short))
    ]
    padded = torch.cat([ids[:1], torch.cat([torch.zeros(1, 2, dtype=torch.long), short], dim=1)])
    mask = torch.ones_like(padded)
    mask[1, :2] = 0
    together = model.generate(padded, attention_mask=mask, max_new_tokens=6, **sight, **GREEDY)
    assert together.tolist() == [row[0].tolist() for row in alone]


def test_it_stops_at_the_end_token():
    model = original_model(CASES["generate_k233"]["kernel"])
    inputs = original_inputs("generate_k233")
    words = model.generate(**inputs, max_new_tokens=12, do_sample=False, eos_token_id=115, pad_token_id=0)
    assert words.tolist() == [[55, 94, 115]]


def test_the_cache_gives_the_logits_of_the_whole_text():
    model = random_model(dtype=torch.float64)
    batch = random_batch(model, rows=1)
    sight = {key: batch[key] for key in ("pixels", "scorer_ids", "clip_of_row")}
    ids = batch["input_ids"]
    with torch.no_grad():
        whole = model(ids, **sight).logits
        start = model(ids[:, :-3], use_cache=True, **sight)
        rest = model(ids[:, -3:], past_key_values=start.past_key_values, use_cache=True).logits
    assert (rest - whole[:, -3:]).abs().max() < 1e-12
