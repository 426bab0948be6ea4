"""Questions as evaluation protocols ask them: by letters, by whole options, or in the model's own words.

Rows of a clip share its encode, and where the same text guides their pooling its visual tokens too: they become branches
behind one prefix. So four rotations of a question, guided alike, cost little more than one.
"""

from dataclasses import replace

import torch

from modelzoo.physvlm import prompts
from modelzoo.physvlm.data.rows import Branch, Row, check_length, merge
from modelzoo.physvlm.data.sources import LETTERS
from modelzoo.physvlm.losses import IGNORE
from modelzoo.physvlm.processor import PhysVLMProcessor
from modelzoo.physvlm.scoring import label_logits

WITHOUT_STEM = "Which of these is right?"  # what stands before an answer where the stem is kept from the model
WORDS = 32  # tokens of an answer in words
OPEN_WORDS = 200  # of an answer to an open question
_BRANCHES = 16  # behind one prefix: their mask grows with the square of their length


def rotated(question, rotation):
    """The same question with its first `rotation` options moved to the end."""
    options = question.options[rotation:] + question.options[:rotation]
    return replace(question, options=options, answer=(question.answer - rotation) % len(options))


def asked(question, prompt, *, subtitles=""):
    """`prompts.Asked` of a question by "paper" (PhysGame's), "video-mme" (its published one) or our chat template.

    The answer goes on behind "(", for Video-MME behind a colon. Ours shows `subtitles` where the stem would end.
    """
    options = dict(zip(LETTERS, question.options, strict=True))
    if prompt == "paper":
        return prompts.physgame_prompt(question.stem, options)
    if prompt == "video-mme":
        listed = [f"{letter}. {text}" for letter, text in options.items()]
        return prompts.videomme_prompt(question.stem, listed, subtitles=subtitles)
    text = prompts.render_conversation([(heard(question, subtitles).block, "")], open_end=True)
    return prompts.Asked(text + "(", question.block)


def heard(question, subtitles):
    """The question with subtitles behind its stem, as our own prompt shows them."""
    return replace(question, stem=f"{question.stem}\nSubtitles: {subtitles}") if subtitles else question


def letter_row(tokens, clip, question, prompt, *, name, guide=None, subtitles=""):
    """(row, ids of A to D) of a question. ValueError where the tokenizer does not keep the letters as single tokens.

    `guide` is the text that guides the pooling; None: what is asked, without subtitles.
    """
    if prompt not in ("paper", "video-mme"):
        guide = question.block if guide is None else guide
        return tokens.letters(clip, heard(question, subtitles), name=name, guide=guide)
    whole = asked(question, prompt, subtitles=subtitles)
    between = "" if whole.prompt.endswith("(") else " "
    ids = [prompts.token_ids(tokens.tokenizer, whole.prompt + between + letter) for letter in LETTERS]
    cut = next(place for place, four in enumerate(zip(*ids, strict=False)) if len(set(four)) > 1)
    letters = [one[cut] for one in ids]
    if len(set(letters)) < len(LETTERS) or any(len(one) != cut + 1 for one in ids):
        raise ValueError(f"{name}: the tokenizer does not keep the letters A to D as single tokens behind its prompt.")
    at = ids[0].index(tokens.placeholder) + 1
    right = letters[question.answer]
    branch = Branch((*ids[0][at:cut], right), (IGNORE,) * (cut - at) + (right,))
    row = Row(clip, tuple(ids[0][:at]), (branch,), tokens.guide(whole.pooling_text if guide is None else guide))
    return check_length(row, limit=tokens.max_text_tokens, name=name), letters


@torch.inference_mode()
def letters(evaluator, questions, *, prompt="studio", guides=None, subtitles=None):
    """[(probabilities of the four letters among themselves, their probability among all tokens)] of every question.

    `guides` and `subtitles` are texts, one a question: see `letter_row`.
    """
    guides, subtitles = guides or [None] * len(questions), subtitles or [""] * len(questions)
    built = [
        letter_row(
            evaluator.tokens, evaluator.place_of[question.clip_id], question, prompt,
            name=f"question {question.question_id}", guide=guide, subtitles=said,
        )
        for question, guide, said in zip(questions, guides, subtitles, strict=True)
    ]  # fmt: skip
    members = shared([row for row, _letters in built])
    rows = [merge([built[place][0] for place in some]) for some in members]
    result = [None] * len(built)
    for numbers, batch, clips in evaluator.batches(rows):
        logps = label_logits(evaluator.bundle.model, batch, clips).float().log_softmax(-1)
        places = [place for number in numbers for place in members[number]]
        for place, line in zip(places, logps, strict=True):
            four = line[torch.tensor(built[place][1], device=line.device)]
            result[place] = four.softmax(-1).tolist(), float(four.exp().sum())
    return result


def shared(rows):
    """[[places of rows that may stand behind one prefix], ...]: the same clip, prefix and guide; some at a time."""
    found = {}
    for place, row in enumerate(rows):
        found.setdefault((row.clip, row.prefix, row.scorer_ids), []).append(place)
    return [some[at : at + _BRANCHES] for some in found.values() for at in range(0, len(some), _BRANCHES)]


def options(evaluator, questions):
    """[probabilities of the four options, as answers to the stem alone, among themselves] of every question."""
    stems = [q if q.stem else replace(q, stem=WITHOUT_STEM) for q in questions]
    return [torch.tensor(line).softmax(-1).tolist() for line in evaluator.options(stems)]


def words(evaluator, questions, *, prompt="studio", guides=None, subtitles=None):
    """[what the model writes, with the bracket that its prompt may have ended with] of every question; greedy."""
    guides, subtitles = guides or [None] * len(questions), subtitles or [""] * len(questions)
    wholes = [asked(question, prompt, subtitles=said) for question, said in zip(questions, subtitles, strict=True)]
    guided = [
        whole if guide is None else replace(whole, pooling_text=guide) for whole, guide in zip(wholes, guides, strict=True)
    ]
    said = written(evaluator, [question.clip_id for question in questions], guided, most=WORDS)
    return [("(" if whole.prompt.endswith("(") else "") + text for whole, text in zip(wholes, said, strict=True)]


def open_answers(evaluator, clip_ids, questions, *, most=OPEN_WORDS):
    """[what the model writes to an open question about a clip]; questions are texts, asked as VCG's evaluation does."""
    return written(evaluator, clip_ids, [prompts.vcg_prompt(question) for question in questions], most=most)


@torch.inference_mode()
def written(evaluator, clip_ids, wholes, *, most):
    """[what the model writes behind a prompt about a clip, `most` tokens at most]; greedy, all at once."""
    bundle = evaluator.bundle
    processor = PhysVLMProcessor(bundle.tokenizer, bundle.scorer_tokenizer, bundle.config)
    clips = [evaluator.frames_of(evaluator.place_of[clip_id]).transpose(0, 2, 3, 1) for clip_id in clip_ids]
    inputs = processor(clips, wholes)
    inputs = {key: value if value is None else value.to(evaluator.device) for key, value in inputs.items()}
    stops = [bundle.tokenizer.eos_token_id, *bundle.tokenizer.convert_tokens_to_ids(["<|im_end|>"])]
    known = sorted({stop for stop in stops if stop is not None})
    made = bundle.model.generate(
        **inputs, max_new_tokens=most, do_sample=False, eos_token_id=known, pad_token_id=bundle.config.pad_token_id
    )
    return processor.decode(made)
