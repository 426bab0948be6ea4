"""Where visual tokens go in a row of text, and which rows of the output carry loss."""

import torch

from modelzoo.physvlm.losses import IGNORE


def expand_placeholders(ids, labels, counts, image_token_id):
    """Repeat each image token of one row as often as it has visual tokens; their labels are -100.

    ids and labels are lists (labels may be None), counts has one number for each image token, in order.
    """
    found = ids.count(image_token_id)
    if found != len(counts):
        raise ValueError(f"The text has {found} image tokens, but there are {len(counts)} pictures or clips for it.")
    counts = iter(counts)
    new_ids, new_labels = [], None if labels is None else []
    for place, token in enumerate(ids):
        times = next(counts) if token == image_token_id else 1
        new_ids += [token] * times
        if labels is not None:
            new_labels += [IGNORE] * times if token == image_token_id else [labels[place]]
    return new_ids, new_labels


def expand_batch(input_ids, attention_mask, labels, blocks, *, image_token_id, pad_token_id):
    """The same for a padded batch: input_ids, attention_mask, labels (B,S) -> the three, (B,S') each.

    blocks[b] lists how many visual tokens each picture or clip of row b has. Padding stays on its side: on the left when
    no row ends in the padding token, else on the right.
    """
    left = not bool((input_ids[:, -1] == pad_token_id).any())
    rows = []
    for row, counts in enumerate(blocks):
        real = attention_mask[row].bool()
        row_labels = None if labels is None else labels[row][real].tolist()
        rows.append(expand_placeholders(input_ids[row][real].tolist(), row_labels, counts, image_token_id))
    width = max(len(ids) for ids, _ in rows)

    def padded(values, fill):
        padding = [fill] * (width - len(values))
        return padding + values if left else values + padding

    def batch(lists, fill):
        return torch.tensor([padded(values, fill) for values in lists], dtype=torch.long, device=input_ids.device)

    new_ids = batch([ids for ids, _ in rows], pad_token_id)
    new_mask = batch([[1] * len(ids) for ids, _ in rows], 0)
    new_labels = None if labels is None else batch([row_labels for _, row_labels in rows], IGNORE)
    return new_ids, new_mask, new_labels


def position_ids_of(attention_mask):
    """Positions counted over attended places only: (B,S) -> (B,S); padding gets 1."""
    positions = attention_mask.long().cumsum(-1) - 1
    return positions.masked_fill(attention_mask == 0, 1)


def label_rows_of(labels):
    """labels (B,S) -> (rows, targets), (R,) each: the flat places whose NEXT place carries a label, and that label."""
    following = torch.full_like(labels, IGNORE)
    following[:, :-1] = labels[:, 1:]
    following = following.flatten()
    rows = (following != IGNORE).nonzero().squeeze(1)
    return rows, following[rows]
