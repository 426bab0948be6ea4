"""From records of text to token rows: which prompt, which labels, which text guides the pooling."""

from dataclasses import dataclass

from modelzoo.physvlm import prompts
from modelzoo.physvlm.data.rows import Branch, Row, check_length, split_at_placeholder, split_pair
from modelzoo.physvlm.data.sources import LETTERS
from modelzoo.physvlm.losses import IGNORE

GUIDE = "What breaks the laws of physics in this video?"  # guides the pooling where all questions of a clip share it

CATEGORY = "Which category of glitch is it?"


@dataclass(frozen=True)
class Tokens:
    """Builds rows for one model. `pool_text` is the run's setting; scorer texts are cut at `scorer_limit` tokens."""

    tokenizer: object
    scorer_tokenizer: object
    placeholder: int
    pool_text: str
    scorer_limit: int
    max_text_tokens: int

    def guide(self, text):
        """Tokens of the text that guides the pooling."""
        ids = self.scorer_tokenizer(GUIDE if self.pool_text == "fixed" else text).input_ids[: self.scorer_limit]
        return tuple(ids)

    def conversation(self, clip, turns, *, name):
        """A row of one branch: loss on every answer and its end."""
        ids, labels = prompts.sft_ids(self.tokenizer, turns)
        prefix, branch = split_at_placeholder(list(ids), list(labels), self.placeholder)
        if self.pool_text == "reference":
            text = prompts.render_conversation(turns)
        elif self.pool_text == "stem":
            text = turns[0][0]
        else:
            text = "\n".join(question for question, _answer in turns)
        return check_length(Row(clip, prefix, (branch,), self.guide(text)), limit=self.max_text_tokens, name=name)

    def pair(self, clip, pair, *, name):
        """A row [prefix | chosen | rejected]; the prompt alone guides the pooling."""
        chosen, rejected = (prompts.dpo_ids(self.tokenizer, pair.prompt, answer) for answer in (pair.chosen, pair.rejected))
        prefix, *branches = split_pair(*map(list, chosen), *map(list, rejected))
        row = Row(clip, prefix, tuple(branches), self.guide(pair.prompt))
        return check_length(row, limit=self.max_text_tokens, name=name)

    def answers(self, clip, stem, answers, *, name):
        """A row with one branch for each possible answer to a question; all of a branch's answer is scored."""
        rows = [self.conversation(clip, ((stem, answer),), name=name) for answer in answers]
        whole = [row.prefix + row.branches[0].ids for row in rows]
        marks = [(IGNORE,) * len(row.prefix) + row.branches[0].labels for row in rows]
        cut = 0  # the question belongs to what all answers share
        while all(cut < len(ids) and ids[cut] == whole[0][cut] for ids in whole) and all(m[cut] == IGNORE for m in marks):
            cut += 1
        branches = tuple(Branch(ids[cut:], mark[cut:]) for ids, mark in zip(whole, marks, strict=True))
        return Row(clip, whole[0][:cut], branches, self.guide(stem))

    def letters(self, clip, question, *, name, guide=None):
        """(row, ids of A, B, C and D): the one label of the row is the letter of the right answer.

        The prompt shows question and options and begins the answer, "(". A tokenizer in which the four letters are not
        four single tokens behind that is refused. `guide` is the text that guides the pooling, by default what is asked.
        """
        wholes = [prompts.sft_ids(self.tokenizer, ((question.block, f"({letter})"),)) for letter in LETTERS]
        ids = [list(ids) for ids, _labels in wholes]
        cut = next(place for place, four in enumerate(zip(*ids, strict=False)) if len(set(four)) > 1)
        letters = [one[cut] for one in ids]
        if len(set(letters)) < len(LETTERS) or len({tuple(one[cut + 1 :]) for one in ids}) > 1:
            raise ValueError(f"{name}: the tokenizer does not keep the letters A to D as single tokens behind a bracket.")
        right = letters[question.answer]
        at = ids[0].index(self.placeholder) + 1
        branch = Branch((*ids[0][at:cut], right), (IGNORE,) * (cut - at) + (right,))
        row = Row(clip, tuple(ids[0][:at]), (branch,), self.guide(question.block if guide is None else guide))
        return check_length(row, limit=self.max_text_tokens, name=name), letters


def training_rows(data, place_of, tokens, *, stage, turns, letters, categories):
    """Rows of a frozen `Data`: `place_of` {clip_id: index}. DPO takes the pairs; SFT conversations and questions.

    Of a conversation the first `turns` turns (0: all). A question gives a row with its stem, answered by the right
    option, with `letters` one with stem and options, answered by the letter, and with `categories` a short one that asks
    for the category: few words that depend on the picture alone teach a small model sooner than long sentences.
    """
    if stage == "dpo":
        return [
            tokens.pair(place_of[pair.clip_id], pair, name=f"pair {number} (clip {pair.clip_id})")
            for number, pair in enumerate(data.pairs, 1)
        ]
    rows = [
        tokens.conversation(
            place_of[one.clip_id], one.turns[: turns or None], name=f"conversation {number} (clip {one.clip_id})"
        )
        for number, one in enumerate(data.conversations, 1)
    ]
    for question in data.questions:
        clip, name = place_of[question.clip_id], f"question {question.question_id}"
        right = question.options[question.answer]
        rows.append(tokens.conversation(clip, ((question.stem, right),), name=name))
        if categories:
            rows.append(tokens.conversation(clip, ((CATEGORY, f"{question.category}."),), name=name))
        if letters:
            rows.append(tokens.conversation(clip, ((question.block, f"({LETTERS[question.answer]})"),), name=name))
    return rows
