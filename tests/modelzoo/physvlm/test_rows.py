"""Rows with several branches: labels, masks and positions by hand, and the same results as separate rows."""

import pytest
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from modelzoo.physvlm import losses
from modelzoo.physvlm.data import rows
from modelzoo.physvlm.data.rows import Branch, Row, collate

VIDEO, PAD = 90, 0


def branch(*ids, labels_from=0):
    return Branch(ids, tuple(losses.IGNORE if place < labels_from else token for place, token in enumerate(ids)))


def pair(clip=0):
    return Row(clip, (1, VIDEO, 2), (branch(5, 6, 7), branch(8, 9)), (1,))


def test_a_row_with_two_branches_by_hand():
    batch = collate([pair()], visual_tokens=2, placeholder=VIDEO, pad_id=PAD)
    assert batch.inputs["input_ids"].tolist() == [[1, VIDEO, VIDEO, 2, 5, 6, 7, 8, 9]]
    assert batch.inputs["position_ids"].tolist() == [[0, 1, 2, 3, 4, 5, 6, 4, 5]]
    # both branches begin with what the last place of the prefix predicts
    assert batch.inputs["label_rows"].tolist() == [3, 4, 5, 3, 7]
    assert batch.targets.tolist() == [5, 6, 7, 8, 9]
    assert batch.branch_of_label.tolist() == [0, 0, 0, 1, 1]
    seen = batch.inputs["attention_mask"][0].int().tolist()
    assert seen[6] == [1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert seen[8] == [1, 1, 1, 1, 0, 0, 0, 1, 1]
    assert seen[3] == [1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert (batch.branches, batch.tokens, batch.clips) == (2, 9, [0])


def test_rows_with_one_branch_need_no_mask_not_even_for_padding():
    long = Row(2, (1, VIDEO), (branch(3, 4, 5, labels_from=1),), (1, 2))
    short = Row(1, (1, VIDEO), (branch(6, 7, labels_from=1),), (1,))
    assert collate([long], visual_tokens=1, placeholder=VIDEO, pad_id=PAD).inputs["attention_mask"] is None
    batch = collate([long, short], visual_tokens=1, placeholder=VIDEO, pad_id=PAD)
    assert batch.inputs["attention_mask"] is None and batch.inputs["position_ids"].tolist() == [[0, 1, 2, 3, 4]] * 2
    assert batch.clips == [1, 2] and batch.inputs["clip_of_row"].tolist() == [1, 0]
    assert batch.inputs["label_rows"].tolist() == [2, 3, 5 + 2]
    assert batch.inputs["scorer_ids"].tolist() == [[1, 2], [1, 0]]
    assert batch.inputs["scorer_mask"].tolist() == [[True, True], [True, False]]


def test_splitting_conversations_and_pairs():
    ids, labels = [1, VIDEO, 4, 5, 6], [-100, -100, -100, 5, 6]
    assert rows.split_at_placeholder(ids, labels, VIDEO) == ((1, VIDEO), Branch((4, 5, 6), (-100, 5, 6)))
    with pytest.raises(ValueError, match="does 2 times"):
        rows.split_at_placeholder([VIDEO, VIDEO], [-100, -100], VIDEO)
    # the answers begin alike, but a label is never part of the prefix
    no = losses.IGNORE
    prefix, chosen, rejected = rows.split_pair(
        [1, VIDEO, 4, 7, 8], [no, no, no, 7, 8], [1, VIDEO, 4, 7, 9], [no, no, no, 7, 9]
    )
    assert prefix == (1, VIDEO, 4)
    assert (chosen, rejected) == (Branch((7, 8), (7, 8)), Branch((7, 9), (7, 9)))


def test_only_rows_of_one_clip_and_prefix_share_it():
    merged = rows.merge([pair(), pair()])
    assert [b.ids for b in merged.branches] == [(5, 6, 7), (8, 9)] * 2
    with pytest.raises(ValueError, match="same clip"):
        rows.merge([pair(0), pair(1)])


def test_a_row_that_is_too_long_is_named():
    assert rows.check_length(pair(), limit=7, name="x") == pair()
    with pytest.raises(rows.RowTooLong, match="pair 3 of clip a has 7 tokens of text; max_text_tokens allows 6"):
        rows.check_length(pair(), limit=6, name="pair 3 of clip a")


def test_the_key_changes_with_everything_that_decides_the_log_probabilities():
    keys = {pair().key(), pair().key("other model"), Row(0, (1, VIDEO, 3), pair().branches, (1,)).key()}
    keys |= {Row(0, (1, VIDEO, 2), pair().branches, (2,)).key(), Row(0, (1, VIDEO, 2), pair().branches[::-1], (1,)).key()}
    assert len(keys) == 5
    assert pair(clip=0).key() == pair(clip=5).key()  # the clip counts by its content, which the caller adds


@pytest.fixture(scope="module")
def language_model():
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=100,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    return Qwen2ForCausalLM(config).double().eval()


def branch_logps(model, batch):
    """Summed log-probability of every branch, through the language model alone (the placeholder is a word to it)."""
    inputs = batch.inputs
    mask = inputs["attention_mask"]
    hidden = model.model(
        input_ids=inputs["input_ids"],
        position_ids=inputs["position_ids"],
        attention_mask={"full_attention": mask[:, None]} if mask is not None and mask.dim() == 3 else mask,
        use_cache=False,
    ).last_hidden_state
    logits = model.lm_head(hidden.flatten(0, 1)[inputs["label_rows"]])
    return losses.sum_by(losses.row_logps(logits, batch.targets), batch.branch_of_label, batch.branches)


def test_branches_behind_one_prefix_equal_separate_rows_in_value_and_gradient(language_model):
    """Also with padding: two pairs of different length in one batch. In float64, but for the norms inside."""
    other = Row(1, (1, VIDEO, 2, 3, 4), (branch(11, 12), branch(13, 14, 15, 16, labels_from=1)), (1,))
    together = collate([pair(), other], visual_tokens=3, placeholder=VIDEO, pad_id=PAD)
    apart = collate(
        [Row(row.clip, row.prefix, (one,), (1,)) for row in (pair(), other) for one in row.branches],
        visual_tokens=3,
        placeholder=VIDEO,
        pad_id=PAD,
    )
    weights = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    results = []
    for batch in (together, apart):
        language_model.zero_grad()
        logps = branch_logps(language_model, batch)
        (logps * weights).sum().backward()
        results.append((logps.detach(), [p.grad.clone() for p in language_model.parameters()]))
    torch.testing.assert_close(results[0][0], results[1][0], rtol=0, atol=1e-6)
    for together_gradient, apart_gradient in zip(results[0][1], results[1][1], strict=True):
        torch.testing.assert_close(together_gradient, apart_gradient, rtol=0, atol=2e-6)
