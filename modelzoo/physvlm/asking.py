"""Multiple-choice questions as evaluation protocols ask them: by letters, by whole options, or in the model's own words.

Every row of a clip shares its encode, so four rotations of a question cost little more than one.
"""

from dataclasses import replace

import torch

from modelzoo.physvlm import prompts
from modelzoo.physvlm.data.rows import Branch, Row, check_length
from modelzoo.physvlm.data.sources import LETTERS
from modelzoo.physvlm.losses import IGNORE
from modelzoo.physvlm.processor import PhysVLMProcessor
from modelzoo.physvlm.scoring import label_logits

WITHOUT_STEM = "Which of these is right?"  # what stands before an answer where the stem is kept from the model
WORDS = 32  # tokens of an answer in words


def rotated(question, rotation):
    """The same question with its first `rotation` options moved to the end."""
    options = question.options[rotation:] + question.options[:rotation]
    return replace(question, options=options, answer=(question.answer - rotation) % len(options))


def asked(question, prompt):
    """`prompts.Asked` of a question: "paper" as published, else our chat template; the answer goes on behind "("."""
    if prompt == "paper":
        return prompts.physgame_prompt(question.stem, dict(zip(LETTERS, question.options, strict=True)))
    text = prompts.render_conversation([(question.block, "")], open_end=True)
    return prompts.Asked(text + "(", question.block)


def letter_row(tokens, clip, question, prompt, *, name):
    """(row, ids of A to D) of a question. ValueError where the tokenizer does not keep the letters as single tokens."""
    if prompt != "paper":
        return tokens.letters(clip, question, name=name)
    whole = asked(question, prompt)
    ids = [prompts.token_ids(tokens.tokenizer, whole.prompt + letter) for letter in LETTERS]
    cut = next(place for place, four in enumerate(zip(*ids, strict=False)) if len(set(four)) > 1)
    letters = [one[cut] for one in ids]
    if len(set(letters)) < len(LETTERS) or any(len(one) != cut + 1 for one in ids):
        raise ValueError(f"{name}: the tokenizer does not keep the letters A to D as single tokens behind a bracket.")
    at = ids[0].index(tokens.placeholder) + 1
    right = letters[question.answer]
    branch = Branch((*ids[0][at:cut], right), (IGNORE,) * (cut - at) + (right,))
    row = Row(clip, tuple(ids[0][:at]), (branch,), tokens.guide(whole.pooling_text))
    return check_length(row, limit=tokens.max_text_tokens, name=name), letters


@torch.inference_mode()
def letters(evaluator, questions, *, prompt="studio"):
    """[(probabilities of the four letters among themselves, their probability among all tokens)] of every question."""
    built = [
        letter_row(evaluator.tokens, evaluator.place_of[q.clip_id], q, prompt, name=f"question {q.question_id}")
        for q in questions
    ]
    result = [None] * len(built)
    for places, batch, clips in evaluator.batches([row for row, _letters in built]):
        logps = label_logits(evaluator.bundle.model, batch, clips).float().log_softmax(-1)
        for place, line in zip(places, logps, strict=True):
            four = line[torch.tensor(built[place][1], device=line.device)]
            result[place] = four.softmax(-1).tolist(), float(four.exp().sum())
    return result


def options(evaluator, questions):
    """[probabilities of the four options, as answers to the stem alone, among themselves] of every question."""
    stems = [q if q.stem else replace(q, stem=WITHOUT_STEM) for q in questions]
    return [torch.tensor(line).softmax(-1).tolist() for line in evaluator.options(stems)]


@torch.inference_mode()
def words(evaluator, questions, *, prompt="studio"):
    """[what the model writes, with the bracket that its prompt ended with] of every question; greedy."""
    bundle = evaluator.bundle
    processor = PhysVLMProcessor(bundle.tokenizer, bundle.scorer_tokenizer, bundle.config)
    clips = [evaluator.frames_of(evaluator.place_of[q.clip_id]).transpose(0, 2, 3, 1) for q in questions]
    inputs = processor(clips, [asked(q, prompt) for q in questions])
    inputs = {key: value if value is None else value.to(evaluator.device) for key, value in inputs.items()}
    stops = [bundle.tokenizer.eos_token_id, *bundle.tokenizer.convert_tokens_to_ids(["<|im_end|>"])]
    known = sorted({stop for stop in stops if stop is not None})
    made = bundle.model.generate(
        **inputs, max_new_tokens=WORDS, do_sample=False, eos_token_id=known, pad_token_id=bundle.config.pad_token_id
    )
    return ["(" + text for text in processor.decode(made)]
