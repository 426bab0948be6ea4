"""Token rows: one prefix that shows a clip, and one or more branches behind it that do not see each other.

    SFT    [prefix | question and answer]            one branch, or all questions of a clip behind one visual prefix
    DPO    [prefix | chosen | rejected]
    MCQ    [prefix | option | option | option | option]

Every branch sees the prefix and itself, and its positions go on where the prefix ends. So each branch gets exactly the
logits it would get alone, while the prefix, nearly all of the tokens, is computed once.
"""

import hashlib
import json
from dataclasses import dataclass, replace

import torch

from modelzoo.physvlm.losses import IGNORE


class RowTooLong(ValueError):
    """A row has more text than the run allows; the sentence names it."""


@dataclass(frozen=True)
class Branch:
    ids: tuple[int, ...]
    labels: tuple[int, ...]  # IGNORE where no loss is

    def __post_init__(self):
        if len(self.ids) != len(self.labels):
            raise ValueError(f"A branch has {len(self.ids)} tokens and {len(self.labels)} labels.")

    @property
    def label_count(self):
        return sum(label != IGNORE for label in self.labels)


@dataclass(frozen=True)
class Row:
    """`prefix` holds the placeholder of the clip once; `scorer_ids` is the text that guides the pooling."""

    clip: int  # index into the clips of the run
    prefix: tuple[int, ...]
    branches: tuple[Branch, ...]
    scorer_ids: tuple[int, ...]

    @property
    def text_tokens(self):
        return len(self.prefix) - 1 + sum(len(branch.ids) for branch in self.branches)

    @property
    def label_count(self):
        return sum(branch.label_count for branch in self.branches)

    def key(self, *parts):
        """A hash of all that decides the row's log-probabilities; `parts` adds model, frames and kernel."""
        content = [self.prefix, [[branch.ids, branch.labels] for branch in self.branches], self.scorer_ids, parts]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def split_at_placeholder(ids, labels, placeholder):
    """(prefix up to and with the placeholder, Branch with the rest) of a conversation; ValueError unless there is one."""
    if ids.count(placeholder) != 1:
        raise ValueError(f"A conversation must show its clip once; this one does {ids.count(placeholder)} times.")
    cut = ids.index(placeholder) + 1
    if any(label != IGNORE for label in labels[:cut]):
        raise ValueError("No label may stand before the clip.")
    return tuple(ids[:cut]), Branch(tuple(ids[cut:]), tuple(labels[cut:]))


def split_pair(chosen_ids, chosen_labels, rejected_ids, rejected_labels):
    """(prefix, chosen Branch, rejected Branch): what both have in common before the first label becomes the prefix."""
    cut = 0
    for a, b, label_a, label_b in zip(chosen_ids, rejected_ids, chosen_labels, rejected_labels, strict=False):
        if a != b or label_a != IGNORE or label_b != IGNORE:
            break
        cut += 1
    return (
        tuple(chosen_ids[:cut]),
        Branch(tuple(chosen_ids[cut:]), tuple(chosen_labels[cut:])),
        Branch(tuple(rejected_ids[cut:]), tuple(rejected_labels[cut:])),
    )


def check_length(row, *, limit, name):
    if row.text_tokens > limit:
        raise RowTooLong(
            f"{name} has {row.text_tokens} tokens of text; max_text_tokens allows {limit}. Raise it, or leave the clip out."
        )
    return row


def merge(rows):
    """One row of several that have the same prefix, clip and pooling text: their branches one after the other."""
    first = rows[0]
    for row in rows[1:]:
        if (row.clip, row.prefix, row.scorer_ids) != (first.clip, first.prefix, first.scorer_ids):
            raise ValueError("Only rows with the same clip, prefix and pooling text can share a prefix.")
    return replace(first, branches=tuple(branch for row in rows for branch in row.branches))


@dataclass
class Batch:
    """`inputs` are the model's keyword arguments besides the clips; every label has its logits row, target and branch."""

    inputs: dict
    clips: list  # indices of the clips, in the order that inputs["clip_of_row"] counts
    targets: torch.Tensor  # (R,) token ids
    branch_of_label: torch.Tensor  # (R,) which of the `branches` of the batch
    branches: int
    tokens: int  # real ones, padding not counted

    def to(self, device):
        return replace(
            self,
            inputs={
                key: value if value is None else value.to(device, non_blocking=True) for key, value in self.inputs.items()
            },
            targets=self.targets.to(device, non_blocking=True),
            branch_of_label=self.branch_of_label.to(device, non_blocking=True),
        )


def collate(rows, *, visual_tokens, placeholder, pad_id):
    """A `Batch` of B rows, padded on the right to the longest: ids and positions (B, S), mask None or (B, S, S).

    `visual_tokens` is the number of tokens that stand for one clip; the placeholder is repeated so often. A mask is only
    made where a row has several branches: without one attention runs its fastest kernel. Padding needs none, because
    nothing looks at what stands behind it; positions run on there, for a step back would mean rows in one line.
    """
    clips = sorted({row.clip for row in rows})
    place_of = {clip: place for place, clip in enumerate(clips)}
    lengths = [row.text_tokens + visual_tokens for row in rows]
    longest = max(lengths)
    input_ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
    position_ids = torch.arange(longest).repeat(len(rows), 1)
    segment = torch.full((len(rows), longest), -1, dtype=torch.long)
    label_rows, targets, branch_of_label, branches = [], [], [], 0
    for place, row in enumerate(rows):
        cut = row.prefix.index(placeholder)
        prefix = row.prefix[:cut] + (placeholder,) * visual_tokens + row.prefix[cut + 1 :]
        end = len(prefix)
        input_ids[place, :end] = torch.tensor(prefix)
        segment[place, :end] = 0
        start = end
        for number, branch in enumerate(row.branches, 1):
            stop = start + len(branch.ids)
            input_ids[place, start:stop] = torch.tensor(branch.ids)
            position_ids[place, start:stop] = torch.arange(end, end + len(branch.ids))
            segment[place, start:stop] = number
            for offset, label in enumerate(branch.labels):
                if label != IGNORE:
                    before = start + offset - 1 if offset else end - 1
                    label_rows.append(place * longest + before)
                    targets.append(label)
                    branch_of_label.append(branches)
            branches += 1
            start = stop
    inputs = {
        "input_ids": input_ids,
        "position_ids": position_ids,
        "attention_mask": _mask(segment) if any(len(row.branches) > 1 for row in rows) else None,
        "label_rows": torch.tensor(label_rows),
        "clip_of_row": torch.tensor([place_of[row.clip] for row in rows]),
        **_scorer(rows, pad_id),
    }
    return Batch(inputs, clips, torch.tensor(targets), torch.tensor(branch_of_label), branches, sum(lengths))


def _mask(segment):
    length = segment.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    query, key = segment[:, :, None], segment[:, None, :]
    mask = causal & (key >= 0) & ((key == 0) | (key == query))
    return mask | torch.eye(length, dtype=torch.bool)  # a padded place looks at itself: an empty row of attention is NaN


def _scorer(rows, pad_id):
    longest = max(len(row.scorer_ids) for row in rows)
    ids = torch.full((len(rows), longest), pad_id, dtype=torch.long)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for place, row in enumerate(rows):
        ids[place, : len(row.scorer_ids)] = torch.tensor(row.scorer_ids)
        mask[place, : len(row.scorer_ids)] = True
    return {"scorer_ids": ids, "scorer_mask": None if bool(mask.all()) else mask}
