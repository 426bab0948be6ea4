"""The patch head and the text positions against the original, and what padding may not change."""

import pytest
import torch
from transformers import SiglipTextConfig, SiglipVisionConfig
from transformers.models.siglip.modeling_siglip import SiglipMultiheadAttentionPoolingHead

from modelzoo.physvlm import PromptScorer, patch_head, stretch_text_positions
from tests.modelzoo.physvlm.reference import FLOAT32, FLOAT64, far, tensor, weights


def head_weights(dtype):
    """The tensors `patch_head` takes, in its order."""
    stored = weights("patch_head", dtype=dtype)
    third = stored["attention.in_proj_weight"].shape[0] // 3
    value = [stored["attention.in_proj_weight"][2 * third :], stored["attention.in_proj_bias"][2 * third :]]
    names = ("layernorm.weight", "layernorm.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias")
    return [*value, *(stored[name] for name in names)]


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, FLOAT64), (torch.float32, FLOAT32), (torch.bfloat16, 0.03)]
)
def test_the_patch_head_gives_the_originals_numbers(dtype, tolerance):
    x = tensor("patch_head", "x_q", dtype)
    assert far(patch_head(x, *head_weights(dtype)), tensor("patch_head", "y64")) < tolerance


def test_the_patch_head_gives_the_originals_gradients():
    x = tensor("patch_head", "x_q", torch.float64).requires_grad_()
    given = [weight.requires_grad_() for weight in head_weights(torch.float64)]
    patch_head(x, *given).backward(tensor("patch_head", "G", torch.float64))
    assert far(x.grad, tensor("patch_head", "grad/x")) < FLOAT64
    third = given[0].shape[0]
    assert far(given[0].grad, tensor("patch_head", "grad/attention.in_proj_weight")[2 * third :]) < FLOAT64
    assert far(given[1].grad, tensor("patch_head", "grad/attention.in_proj_bias")[2 * third :]) < FLOAT64
    names = ("layernorm.weight", "layernorm.bias", "mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias")
    for weight, name in zip(given[2:], names, strict=True):
        assert far(weight.grad, tensor("patch_head", f"grad/{name}")) < FLOAT64


def test_the_patch_head_is_siglips_pooling_head_of_one_patch_without_its_output_projection():
    torch.manual_seed(0)
    config = SiglipVisionConfig(hidden_size=12, intermediate_size=24, num_attention_heads=3)
    head = SiglipMultiheadAttentionPoolingHead(config)
    with torch.no_grad():
        head.attention.out_proj.weight.copy_(torch.eye(12))
        head.attention.out_proj.bias.zero_()
        head.attention.in_proj_bias.normal_()
    x = torch.randn(5, 12)
    value = [head.attention.in_proj_weight[24:], head.attention.in_proj_bias[24:]]
    rest = [head.layernorm.weight, head.layernorm.bias, head.mlp.fc1.weight, head.mlp.fc1.bias]
    ours = patch_head(x, *value, *rest, head.mlp.fc2.weight, head.mlp.fc2.bias)
    assert far(ours.detach(), head(x[:, None]).detach()) < 1e-6


@pytest.mark.parametrize("length", [64, 25])
def test_the_text_positions_are_stretched_as_the_original_does(length):
    longer = stretch_text_positions(tensor("text_position", f"len{length}/before"))
    assert longer.shape[0] == 4 * length - 60
    assert far(longer, tensor("text_position", f"len{length}/after")) < FLOAT32


def test_a_stretched_table_goes_in_even_steps_and_the_last_row_goes_on():
    table = torch.arange(22.0)[:, None] ** 2
    longer = stretch_text_positions(table).squeeze(1)
    assert longer[:20].tolist() == table[:20, 0].tolist()
    assert longer[20:].tolist() == [400, 410.25, 420.5, 430.75, 441, 451.25, 461.5, 471.75]


def test_a_table_of_twenty_rows_cannot_be_stretched():
    with pytest.raises(ValueError, match="A table of 20 positions"):
        stretch_text_positions(torch.zeros(20, 4))


@pytest.fixture(scope="module")
def scorer():
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4, "num_hidden_layers": 2}
    ids = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    text = SiglipTextConfig(**sizes, **ids, vocab_size=40, max_position_embeddings=40, projection_size=16)
    text._attn_implementation = "sdpa"
    scorer = PromptScorer(text, SiglipVisionConfig(**sizes, image_size=12, patch_size=4)).double().eval()
    with torch.no_grad():
        for parameter in scorer.parameters():
            parameter.normal_(std=0.3)
        scorer.logit_scale.fill_(2)
    return scorer


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_padding_that_is_masked_changes_nothing(scorer, implementation):
    scorer.text.config._attn_implementation = implementation
    ids = torch.randint(40, (1, 7), generator=torch.Generator().manual_seed(2))
    padded = torch.cat([ids, torch.full((1, 5), 3)], dim=1)
    mask = (torch.arange(12) < 7)[None]
    assert far(scorer.embed_text(padded, mask).detach(), scorer.embed_text(ids).detach()) < 1e-12
    assert far(scorer.embed_text(padded).detach(), scorer.embed_text(ids).detach()) > 1e-3
    scorer.text.config._attn_implementation = "sdpa"


def test_the_weights_of_a_clip_sum_to_one_and_the_bias_cancels(scorer):
    features = torch.randn(1, 3, 9, 16, dtype=torch.float64)
    text = scorer.embed_text(torch.randint(40, (2, 5)))[None]
    weights = scorer.weights(features, text)
    assert weights.shape == (1, 2, 3, 3, 3)
    assert far(weights.detach().flatten(2).sum(2), torch.ones(1, 2)) < 1e-12
    with torch.no_grad():
        scorer.logit_bias.fill_(5)
        assert far(scorer.weights(features, text), weights.detach()) < 1e-12
        scorer.logit_bias.zero_()


def test_with_and_without_gradients_the_weights_are_the_same(scorer):
    features, text = torch.randn(2, 3, 9, 16, dtype=torch.float64), torch.randn(2, 4, 16, dtype=torch.float64)
    with torch.no_grad():
        frame_by_frame = scorer.weights(features, text)
    assert far(frame_by_frame, scorer.weights(features, text).detach()) < 1e-14


def test_a_text_longer_than_the_table_is_refused(scorer):
    with pytest.raises(ValueError, match="has 41 tokens, but only 40 positions"):
        scorer.embed_text(torch.zeros(1, 41, dtype=torch.long))
