"""Where visual tokens go in a row of text, and which rows of the output carry loss."""

import torch
import torch.nn.functional as F

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


def check_counts(found, wanted, media):
    """ValueError naming the first row whose image tokens are neither one for each clip nor one for each visual token."""
    for row, counts in enumerate(zip(found, wanted, media, strict=True)):
        if counts[0] not in counts[1:]:
            raise ValueError(
                f"Row {row} has {counts[0]} image tokens; it must have {counts[2]}, one for each picture or clip, "
                f"or {counts[1]}, one for each visual token."
            )
    if found != media:
        raise ValueError("Some rows have one image token a clip and others one a visual token; give all rows the same way.")


def place_tokens(input_ids, attention_mask, position_ids, labels, tokens, blocks, *, embed, image_token_id, pad_token_id):
    """Put each row's visual tokens where its image tokens stand -> embeds, attention_mask, position_ids, labels.

    tokens[b] (n_b, hidden) in blocks[b] pieces. Rows with one image token for each block are widened first, those that
    already have one for each visual token are not; ValueError, naming the row, for any other count.
    """
    found = (input_ids == image_token_id).sum(1).tolist()
    wanted = [len(row) for row in tokens]
    if found != wanted:
        check_counts(found, wanted, [len(counts) for counts in blocks])
        if position_ids is not None or (attention_mask is not None and attention_mask.dim() > 2):
            raise ValueError("Rows with their own positions or a block mask must have one image token a visual token.")
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        input_ids, attention_mask, labels = expand_batch(
            input_ids, mask, labels, blocks, image_token_id=image_token_id, pad_token_id=pad_token_id
        )
    embeds = embed(input_ids)
    if sum(wanted):
        places = (input_ids == image_token_id)[..., None]
        embeds = embeds.masked_scatter(places, torch.cat(list(tokens)).to(embeds.dtype))
    if attention_mask is not None and attention_mask.dim() == 2:
        embeds = embeds * attention_mask[..., None].to(embeds.dtype)
        if position_ids is None:
            position_ids = position_ids_of(attention_mask)
    return embeds, attention_mask, position_ids, labels


def project_rows(lm_head, hidden, labels, label_rows, logits_to_keep=0):
    """(loss, logits, targets) from hidden (B,S,h), running the head only where it is asked for.

    label_rows None: logits (B,S,V), or of the last `logits_to_keep` places; flat places (R,) or a mask (B,S): logits
    (R,V) there; "labels": logits (R,V) where a label follows, and targets (R,). The loss needs labels and all their rows.
    """
    rows = targets = predicted = None
    if labels is not None:
        rows, targets = label_rows_of(labels)
    if label_rows is None:
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) and logits_to_keep else slice(None)
        logits = lm_head(hidden[:, kept])
        predicted = None if labels is None else logits.flatten(0, 1)[rows]
    elif isinstance(label_rows, str):
        logits = predicted = lm_head(hidden.flatten(0, 1)[rows])
    else:
        flat = label_rows.flatten().nonzero().squeeze(1) if label_rows.dtype == torch.bool else label_rows
        logits = lm_head(hidden.flatten(0, 1)[flat])
    loss = None if predicted is None else F.cross_entropy(predicted.float(), targets)
    return loss, logits, targets
