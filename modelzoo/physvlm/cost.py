"""Arithmetic of one run: parameters, floating point operations, memory. Products and sums of matrices only.

A linear map costs 2 operations for each of its weights and each token; the backward pass twice as much again, or as
much where the weights are frozen but something below them learns. Imports torch only to count a model's weights.
"""

import torch

PEAK_FLOPS = {"H200": 989e12, "H100": 989e12, "H800": 989e12, "A100": 312e12, "A800": 312e12, "L40S": 362e12}  # dense bf16


def peak_flops(name):
    """Datasheet bf16 operations a second of a GPU by its name, None where it is not known."""
    return next((flops for part, flops in PEAK_FLOPS.items() if part in name), None)


class Cost:
    """Operations of one model's parts. Sizes come from its config, so no weights are needed."""

    def __init__(self, config, *, trained, lora_rank=0):
        text, vision = config.text_config, config.vision_config
        heads = text.num_attention_heads
        head = getattr(text, "head_dim", None) or text.hidden_size // heads
        kv = text.num_key_value_heads * head
        hidden = text.hidden_size
        self.layers, self.hidden, self.vocabulary = text.num_hidden_layers, hidden, text.vocab_size
        self.attention_width = heads * head
        self.layer_weights = hidden * (2 * heads * head + 2 * kv) + 3 * hidden * text.intermediate_size
        self.lora_weights = 0
        if lora_rank:
            maps = [(hidden, heads * head), (hidden, kv), (hidden, kv), (heads * head, hidden)]
            maps += [(hidden, text.intermediate_size)] * 2 + [(text.intermediate_size, hidden)]
            self.lora_weights = self.layers * sum(lora_rank * (a + b) for a, b in maps)
        self.trained = set(trained)
        self.lora = bool(lora_rank)
        self.patches = config.grid**2
        self.kernel = config.video_kernel
        self.frames = config.frames
        self.vision_frame = 0
        if hasattr(vision, "intermediate_size"):
            width = vision.hidden_size
            layer = 4 * width**2 + 2 * width * vision.intermediate_size
            self.vision_frame = (
                vision.num_hidden_layers * (2 * layer * self.patches + 4 * self.patches**2 * width)
                + 2 * 3 * vision.patch_size**2 * width * self.patches
            )
        self.first_map = config.vision_hidden * hidden
        self.second_map = hidden**2
        scorer = config.vision_hidden**2 + 2 * config.vision_hidden * getattr(vision, "intermediate_size", 0)
        self.scorer_patch = scorer if hasattr(vision, "intermediate_size") else config.vision_hidden * 32
        self.visual_tokens = config.visual_token_count(config.frames)

    def clip(self):
        """Frozen tower, once a clip."""
        return self.frames * self.vision_frame

    def _passes(self, part):
        return 3 if part in self.trained else 1

    def pooling(self):
        """Scorer and projector, once a row: forward and, where they learn, backward."""
        patches = self.frames * self.patches
        scorer = 2 * self.scorer_patch * patches * self._passes("scorer")
        projector = 2 * (self.first_map * patches + self.second_map * self.visual_tokens) * self._passes("projector")
        return scorer + projector

    def language_forward(self, tokens, *, longest=None):
        """Forward of the layers over `tokens` tokens that attend causally to rows of `longest` (default: one row)."""
        longest = tokens if longest is None else longest
        attention = 2 * self.attention_width * longest * tokens * self.layers  # half of 4: causal
        return 2 * self.layer_weights * self.layers * tokens + attention

    def head_forward(self, rows):
        return 2 * self.hidden * self.vocabulary * rows

    def row(self, tokens, labels, *, recompute=0.0):
        """A training row: layers and head, forward and backward; `recompute` is the share of layers computed twice."""
        if "language_model" not in self.trained:
            passes = 2 if self.trained else 1
        else:
            passes = 2 if self.lora else 3
        forward = self.language_forward(tokens)
        adapters = 6 * self.lora_weights * tokens
        return forward * (passes + recompute) + self.head_forward(labels) * passes + adapters + self.pooling()


def count(model):
    """(all, trained) numbers of a model's weights."""
    parameters = list(model.parameters())
    return sum(p.numel() for p in parameters), sum(p.numel() for p in parameters if p.requires_grad)


def memory(config, *, total, trained, settings, world, sharded, micro_tokens, label_rows):
    """Bytes on one device: {"weights", "optimizer", "gradients", "activations", "total"}.

    Activations keep, without recomputation, about 34 + what attention and the gated layer add, in numbers of the hidden
    width, for each token and layer (Korthikanti et al., arXiv:2205.05198, for sdpa, which keeps no scores).
    """
    text = config.text_config
    half = settings["precision"] == "bf16"
    parts = world if sharded else 1
    compute = 2 if half else 4
    master = 4 if sharded or not half else 6  # float32 shards, or bf16 weights with a float32 master beside
    moments = 4 if settings["moments"] == "bf16" else 8
    weights = (total - trained) * compute / (parts if sharded else 1) + trained * master / parts
    gathered = compute * total / max(1, text.num_hidden_layers) * 2 if sharded else 0
    per_token = (
        text.hidden_size * 8
        + text.intermediate_size * 4
        + text.num_key_value_heads * 2 * (text.hidden_size // text.num_attention_heads)
    )
    layers = text.num_hidden_layers
    every = settings["activation_checkpointing"]
    recomputed = -(-layers // every) if every else 0
    kept = (layers - recomputed) * per_token + recomputed * text.hidden_size + (per_token if recomputed else 0)
    activations = micro_tokens * kept * compute + label_rows * text.vocab_size * 4 * 3
    result = {
        "weights": weights + gathered,
        "optimizer": trained * moments / parts,
        "gradients": trained * 4 / parts,
        "activations": activations,
    }
    return {**{name: float(value) for name, value in result.items()}, "total": float(sum(result.values()))}


def device_memory():
    """(bytes that can be used, name) of this process' GPU, or of the machine where there is none."""
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        return properties.total_memory, properties.name
    import psutil

    return psutil.virtual_memory().available, "processor"
