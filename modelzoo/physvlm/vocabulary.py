"""The tiny model's own tokenizer: words of the training texts by byte-level BPE, and Qwen's special tokens."""

SPECIAL = ("<|endoftext|>", "<|im_end|>", "<|im_start|>", "<image>")
PAD, END, _START, IMAGE = SPECIAL


def train_tokenizer(texts, *, size=1500):
    """A fast tokenizer with at most `size` entries, the same for the same texts. Pad is 0, the end of a turn 1.

    A word that never occurred falls apart into pieces, down to bytes; nothing is unknown.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[IMAGE, "<|im_start|>"],
        clean_up_tokenization_spaces=False,
    )
