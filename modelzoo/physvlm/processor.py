"""Frames and words to the model's inputs, and generated tokens back to words. Needs no torchvision."""

from dataclasses import dataclass

import numpy as np
import torch

from modelzoo.physvlm.frames import fit_frame
from modelzoo.physvlm.merging import expand_placeholders
from modelzoo.physvlm.prompts import IMAGE, token_ids
from modelzoo.physvlm.tokens import GUIDE

# What a tokenizer's chat template has to be for `apply_chat_template` to write what `prompts.render_conversation` writes:
# a system text has no role marker, and the first user turn shows the clip.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message.role == 'system' -%}{{ message.content + '<|im_end|>\n' }}"
    "{%- elif message.role == 'user' -%}"
    "{%- set first = messages[:loop.index0] | selectattr('role', 'equalto', 'user') | list | length == 0 -%}"
    "{{ '<|im_start|>user\n' }}"
    "{%- if first and '<image>' not in message.content -%}{{ '<image>\n\n ' }}{%- endif -%}"
    "{{ message.content + '<|im_end|>\n' }}"
    "{%- else -%}{{ '<|im_start|>assistant\n' + message.content + '<|im_end|>\n' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)


@dataclass(frozen=True)
class PhysVLMProcessor:
    """Both tokenizers of a model and its config; makes the keyword arguments of `forward` and `generate`."""

    tokenizer: object
    scorer_tokenizer: object
    config: object

    @classmethod
    def from_pretrained(cls, folder):
        """From a model's folder; the scorer's tokenizer is beside the other, or is the same."""
        from pathlib import Path

        from transformers import AutoTokenizer

        from modelzoo.physvlm.config import PhysVLMConfig

        own = Path(folder) / "scorer_tokenizer"
        tokenizer = AutoTokenizer.from_pretrained(folder)
        scorer_tokenizer = AutoTokenizer.from_pretrained(own) if own.is_dir() else tokenizer
        return cls(tokenizer, scorer_tokenizer, PhysVLMConfig.from_pretrained(folder))

    def pixels(self, clips):
        """Clips, each a list of pictures (H,W,3) of bytes, to bytes (C,T,3,size,size); ValueError for unequal lengths."""
        size = self.config.vision_config.image_size
        lengths = {len(frames) for frames in clips}
        if len(lengths) != 1:
            raise ValueError(f"The clips have {sorted(lengths)} frames; clips of one batch must have the same number.")
        squares = np.stack([np.stack([fit_frame(np.asarray(frame), size) for frame in frames]) for frames in clips])
        return torch.from_numpy(squares).permute(0, 1, 4, 2, 3).contiguous()

    def scorer_inputs(self, texts, *, pad_to_limit=False):
        """scorer_ids (B,Lt) and scorer_mask of the texts that guide the pooling, cut at the scorer's limit. A model that
        was trained with one guide for all questions gets that one instead.

        `pad_to_limit` fills up to the limit and masks nothing, as the published evaluation does.
        """
        limit = self.config.scorer_config.max_position_embeddings
        if self.config.pool_text == "fixed":
            texts = [GUIDE] * len(texts)
        rows = [list(self.scorer_tokenizer(text).input_ids)[:limit] for text in texts]
        width = limit if pad_to_limit else max(len(row) for row in rows)
        pad = self.scorer_tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
        if pad_to_limit:
            return {"scorer_ids": ids, "scorer_mask": None}
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        return {"scorer_ids": ids, "scorer_mask": mask}

    def __call__(self, clips, asked, *, pad_to_limit=False):
        """Inputs of `generate` for clips and as many `prompts.Asked`, padded on the left.

        Returns input_ids, attention_mask, pixels, scorer_ids and scorer_mask.
        """
        clips = list(clips)
        if len(clips) != len(asked):
            raise ValueError(f"There are {len(clips)} clips for {len(asked)} prompts; give one clip for each prompt.")
        for question in asked:
            if question.prompt.count(IMAGE) != 1:
                raise ValueError(f"A prompt must show its clip once, as {IMAGE}: {question.prompt[:60]!r}.")
        pixels = self.pixels(clips)
        counts = [self.config.visual_token_count(pixels.shape[1])]
        rows = [
            expand_placeholders(token_ids(self.tokenizer, question.prompt), None, counts, self.config.image_token_id)[0]
            for question in asked
        ]
        width = max(len(row) for row in rows)
        pad = self.config.pad_token_id
        return {
            "input_ids": torch.tensor([[pad] * (width - len(row)) + row for row in rows]),
            "attention_mask": torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows]),
            "pixels": pixels,
            **self.scorer_inputs([question.pooling_text for question in asked], pad_to_limit=pad_to_limit),
        }

    def decode(self, words):
        """Generated tokens (B,N) to texts."""
        return [text.strip() for text in self.tokenizer.batch_decode(words, skip_special_tokens=True)]
