"""What the model answers about a few fixed clips: greedy, a token at a time, the same way on one process and many."""

import numpy as np
import torch

from modelzoo.physvlm.data.rows import Branch, Row, collate
from modelzoo.physvlm.losses import IGNORE

LONGEST = 40


def fixed_questions(data, count):
    """`count` records spread evenly over the data: [(clip_id, question, expected answer)]."""
    if data.conversations:
        records = [(one.clip_id, *one.turns[0]) for one in data.conversations]
    elif data.pairs:
        records = [(one.clip_id, one.prompt, one.chosen) for one in data.pairs]
    else:
        records = [(one.clip_id, one.stem, one.options[one.answer]) for one in data.questions]
    places = np.unique(np.linspace(0, len(records) - 1, min(count, len(records))).astype(int))
    return [records[place] for place in places]


@torch.no_grad()
def answer_samples(wrapped, data, clips, clip_ids, tokens, shape, *, count, cached):
    """[{"clip_id", "question", "answer", "expected"}] of the fixed questions. Every process must call it."""
    questions = fixed_questions(data, count)
    place_of = {clip_id: place for place, clip_id in enumerate(clip_ids)}
    prompts = [tokens.conversation(place_of[clip_id], ((q, a),), name=clip_id) for clip_id, q, a in questions]
    prompts = [_without_answer(row) for row in prompts]
    end = tokens.tokenizer.eos_token_id
    answers, going = [[] for _ in prompts], list(range(len(prompts)))
    model, was_training = wrapped.forward, wrapped.forward.training
    device = wrapped.world.device
    model.eval()
    try:
        for _ in range(LONGEST):
            # a finished row stays in the batch, so that processes of a sharded model do the same
            rows = [_with_next(row, answer) for row, answer in zip(prompts, answers, strict=True)]
            batch = collate(rows, **shape).to(device)
            arrays = torch.from_numpy(np.stack([clips.at(clip) for clip in batch.clips])).to(device)
            given = {"features": arrays.to(wrapped.model.dtype)} if cached else {"pixels": arrays}
            chosen = model(**batch.inputs, **given).logits.argmax(-1).tolist()
            for place in going:
                answers[place].append(chosen[place])
            going = [place for place in going if answers[place][-1] != end]
            if not going:
                break
    finally:
        model.train(was_training)
    texts = [tokens.tokenizer.decode(answer, skip_special_tokens=True).strip() for answer in answers]
    return [
        {"clip_id": clip_id, "question": question, "answer": text, "expected": expected}
        for (clip_id, question, expected), text in zip(questions, texts, strict=True)
    ]


def _without_answer(row):
    branch = row.branches[0]
    cut = next(place for place, label in enumerate(branch.labels) if label != IGNORE)
    return Row(row.clip, row.prefix, (Branch(branch.ids[:cut], branch.labels[:cut]),), row.scorer_ids)


def _with_next(row, answer):
    """The row with what was answered so far, and one label at its end: the place whose logits say the next token."""
    ids = (*row.branches[0].ids, *answer, 0)
    return Row(row.clip, row.prefix, (Branch(ids, (IGNORE,) * (len(ids) - 1) + (0,)),), row.scorer_ids)
