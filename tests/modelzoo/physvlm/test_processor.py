"""From frames and words to inputs and back, and the chat template."""

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from modelzoo.physvlm import PhysVLMProcessor, asking, physgame_prompt, vcg_prompt
from modelzoo.physvlm.data.sources import Question
from modelzoo.physvlm.processor import CHAT_TEMPLATE
from modelzoo.physvlm.prompts import render_conversation
from modelzoo.physvlm.tokens import Tokens
from tests.modelzoo.physvlm.builders import random_model
from tests.modelzoo.physvlm.reference import FOLDER


@pytest.fixture(scope="module")
def tokenizer():
    return PreTrainedTokenizerFast(
        tokenizer_file=str(FOLDER / "toy_tokenizer.json"),
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
    )


@pytest.fixture(scope="module")
def model(tokenizer):
    ids = {"image_token_id": 423, "pad_token_id": 421, "eos_token_id": 420}
    return random_model(vocab_size=len(tokenizer), frames=4, **ids)


def clips_of(count=2, frames=4):
    make = np.random.default_rng(0)
    return [[make.integers(0, 256, (30, 50, 3), dtype=np.uint8) for _ in range(frames)] for _ in range(count)]


def test_its_inputs_generate_and_come_back_as_text(tokenizer, model, tmp_path):
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    processor = PhysVLMProcessor.from_pretrained(tmp_path)
    asked = [physgame_prompt("What is odd?", {"A": "It floats.", "B": "It spins."}), vcg_prompt("Why?")]
    inputs = processor(clips_of(), asked)
    assert inputs["pixels"].shape == (2, 4, 3, 36, 36) and inputs["pixels"].dtype == torch.uint8
    assert (inputs["input_ids"] == 423).sum(1).tolist() == [18, 18]
    assert inputs["attention_mask"][1, 0] == 0 and inputs["attention_mask"][:, -1].tolist() == [1, 1]
    together = model.generate(**inputs, max_new_tokens=5, do_sample=False, pad_token_id=421)
    alone = [
        model.generate(**processor([clip], [question]), max_new_tokens=5, do_sample=False, pad_token_id=421)
        for clip, question in zip(clips_of(), asked, strict=True)
    ]
    assert processor.decode(together) == [processor.decode(one)[0] for one in alone]


@pytest.mark.parametrize("pool_text", ["question", "fixed"])
def test_words_are_guided_as_letters_are(tokenizer, model, pool_text, monkeypatch):
    """What guides the pooling decides what is seen, so generated words and scored letters must share it."""
    monkeypatch.setattr(model.config, "pool_text", pool_text)
    question = Question("clip", "q", "What is odd?", ("It floats.", "It spins.", "It melts.", "It grows."), 0, "d", "c")
    processor = PhysVLMProcessor(tokenizer, tokenizer, model.config)
    tokens = Tokens(tokenizer, tokenizer, 423, pool_text, 196, 1 << 20)
    [words] = processor.scorer_inputs([asking.asked(question, "studio").pooling_text])["scorer_ids"].tolist()
    assert tuple(words) == tokens.guide(question.block)
    assert (words == processor.scorer_inputs(["Why?"])["scorer_ids"][0].tolist()) == (pool_text == "fixed")


def test_the_scorers_text_is_cut_and_padded_as_published_when_asked(tokenizer, model):
    processor = PhysVLMProcessor(tokenizer, tokenizer, model.config)
    short, long = "Why?", "word " * 400
    own = processor.scorer_inputs([short, long])
    assert own["scorer_ids"].shape == (2, 196) and own["scorer_mask"].sum(1).tolist()[1] == 196
    padded = processor.scorer_inputs([short], pad_to_limit=True)
    assert padded["scorer_ids"].shape == (1, 196) and padded["scorer_mask"] is None
    assert padded["scorer_ids"][0, -1] == tokenizer.pad_token_id


@pytest.mark.parametrize("system", ["", "Answer the question."])
@pytest.mark.parametrize("open_end", [False, True])
def test_the_chat_template_writes_the_training_text(tokenizer, system, open_end):
    turns = [("Q1?", "A1."), ("Q2?", "A2.")]
    messages = [{"role": "system", "content": system}] if system else []
    for question, answer in turns:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    text = tokenizer.apply_chat_template(
        messages[:-1] if open_end else messages, tokenize=False, add_generation_prompt=open_end
    )
    assert text == render_conversation(turns, instruction=system, open_end=open_end)


@pytest.mark.parametrize(
    ("clips", "asked", "message"),
    [
        (clips_of(1), 2, "There are 1 clips for 2 prompts"),
        ([*clips_of(1), *clips_of(1, frames=2)], 2, r"have \[2, 4\] frames"),
    ],
)
def test_what_does_not_belong_together_is_refused(tokenizer, model, clips, asked, message):
    with pytest.raises(ValueError, match=message):
        PhysVLMProcessor(tokenizer, tokenizer, model.config)(clips, [vcg_prompt("Why?")] * asked)


def test_a_prompt_that_shows_no_clip_is_refused(tokenizer, model):
    with pytest.raises(ValueError, match="must show its clip once"):
        PhysVLMProcessor(tokenizer, tokenizer, model.config)(clips_of(1), [vcg_prompt("<image> and <image>?")])
