"""Prompts, tokens and label masks against the original's."""

import pytest
from transformers import PreTrainedTokenizerFast

from modelzoo.physvlm.losses import IGNORE
from modelzoo.physvlm.prompts import (
    dpo_ids,
    dpo_prompt,
    physgame_prompt,
    pooling_text,
    render_conversation,
    sft_ids,
    vcg_prompt,
    videomme_prompt,
)
from tests.modelzoo.physvlm.reference import FOLDER, settings

STORED = settings("masking_and_prompts")
SFT, DPO, PROMPTS = STORED["sft"], STORED["dpo"], STORED["prompts"]
PAIRS = {name: case for name, case in DPO.items() if "given" in case and "error" not in case}
STYLES = [name for name, case in PROMPTS.items() if "one_turn_training" in case]


@pytest.fixture(scope="module")
def tokenizer():
    return PreTrainedTokenizerFast(tokenizer_file=str(FOLDER / "toy_tokenizer.json"))


def turns_of(case):
    return [(qa["q"], qa["a"]) for qa in case["qa"]]


def loss_texts(tokenizer, ids, labels):
    """The stretches of tokens that carry loss, as text."""
    spans, inside = [], False
    for token, label in zip(ids, labels, strict=True):
        if label == IGNORE:
            inside = False
            continue
        assert token == label
        if not inside:
            spans.append([])
        spans[-1].append(token)
        inside = True
    return [tokenizer.decode(span, clean_up_tokenization_spaces=False) for span in spans]


@pytest.mark.parametrize("name", SFT)
def test_a_conversation_has_the_originals_tokens_and_labels(name, tokenizer):
    case = SFT[name]
    instruction = case["qa"][0].get("i", "")
    ids, labels = sft_ids(tokenizer, turns_of(case), instruction=instruction)
    assert ids == case["input_ids"] and labels == case["labels"]
    assert render_conversation(turns_of(case), instruction=instruction) == case["prompt"]
    assert pooling_text("reference", turns=turns_of(case), instruction=instruction) == case["clip_text"]
    assert loss_texts(tokenizer, ids, labels) == case["loss_text_spans"]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_a_pair_has_the_originals_tokens_and_labels(name, side, tokenizer):
    case = PAIRS[name]
    expected = case[side]
    ids, labels = dpo_ids(tokenizer, case["given"]["prompt"], case["given"][side])
    video = STORED["toy_special_token_ids"]["<video>"]
    corrected = [video if token == -201 else token for token in expected["input_ids"]]  # no such token exists
    assert ids == corrected
    assert labels == [video if label == -201 else label for label in expected["labels"]]
    assert dpo_prompt(case["given"]["prompt"]) == case["prompt"]
    assert [pooling_text("question", turns=[(case["given"]["prompt"], "")])] == case["clip_text"]
    if expected["text"] is not None:
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == expected["text"]
        assert loss_texts(tokenizer, ids, labels) == expected["loss_text_spans"]


def test_an_answer_that_starts_with_a_newline_trains_where_the_original_broke_off(tokenizer):
    given = DPO["answer_starts_newline"]["given"]
    chosen, labels = dpo_ids(tokenizer, given["prompt"], given["chosen"])
    rejected, _ = dpo_ids(tokenizer, given["prompt"], given["rejected"])
    prefix = labels.count(IGNORE)
    assert chosen[:prefix] == rejected[:prefix]
    assert loss_texts(tokenizer, chosen, labels) == [given["chosen"] + "<|im_end|>\n"]


def test_two_pairs_together_are_the_originals_batch(tokenizer):
    case = DPO["batch_of_two"]
    pad = STORED["toy_special_token_ids"]["<|endoftext|>"]
    for row, (ids, mask, labels) in enumerate(
        zip(case["chosen_input_ids"], case["chosen_attention_mask"], case["chosen_labels_first_columns"], strict=True)
    ):
        length = sum(mask)
        text = tokenizer.decode(ids[:length], clean_up_tokenization_spaces=False)
        question, answer = text.split("<image>\n")[1].split("<|im_end|>\n<|im_start|>assistant\n")
        ours, our_labels = dpo_ids(tokenizer, question, answer.removesuffix("<|im_end|>\n"))
        assert ours == ids[:length] and our_labels == labels[:length], row
        assert set(ids[length:]) <= {pad} and set(labels[length:]) <= {IGNORE}


@pytest.mark.parametrize("style", STYLES)
def test_each_style_writes_the_originals_text(style):
    one, two = [("Q1?", "A1.")], [("Q1?", "A1."), ("Q2?", "A2.")]
    expected = PROMPTS[style]
    assert render_conversation(one, style=style) == expected["one_turn_training"]
    assert render_conversation(two, style=style) == expected["two_turn_training"]
    assert render_conversation(one, style=style, open_end=True) == expected["one_turn_generation"]
    assert render_conversation(two, style=style, open_end=True) == expected["two_turn_generation"]


def test_physgame_is_asked_as_published():
    case = PROMPTS["physgame_eval"]
    asked = physgame_prompt(case["item"]["question"], case["item"]["options"])
    assert asked.prompt == case["full_prompt"]
    assert asked.pooling_text == case["question_block"] == case["siglip_text"]


@pytest.mark.parametrize(("name", "subtitles"), [("videomme_eval", ""), ("videomme_eval_subtitles", "hello there")])
def test_videomme_is_asked_as_published(name, subtitles):
    asked = videomme_prompt("Q?", ["A. One.", "B. Two.", "C. Three.", "D. Four."], subtitles=subtitles)
    assert asked.prompt == PROMPTS[name]["full_prompt"]
    assert asked.pooling_text == PROMPTS[name]["siglip_text"]


def test_an_open_question_is_asked_as_published():
    asked = vcg_prompt("What happens?")
    assert asked.prompt == PROMPTS["vcg_eval"]["full_prompt"]
    assert asked.pooling_text == "What happens?"


def test_the_pooling_text_of_a_question_has_neither_tags_nor_answers():
    turns = [("<video>\nWhat is odd?", "All."), ("Why?", "So.")]
    assert pooling_text("question", turns=turns) == "What is odd?\nWhy?"
    assert pooling_text("stem", turns=turns) == "What is odd?"
    assert pooling_text("stem", turns=turns, stem="Odd?") == "Odd?"


def test_an_answer_that_shows_a_clip_is_refused(tokenizer):
    with pytest.raises(ValueError, match="An answer contains <image>"):
        sft_ids(tokenizer, [("What?", "Look at <image>.")])
