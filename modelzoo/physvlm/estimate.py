"""What a run would take, before anything is trained: parameters, tokens, operations, memory, time.

Texts are tokenized and counted as the run would; no weights are made, so the sizes of a 7B model cost nothing.
"""

import math
import time
from pathlib import Path

import torch

from modelzoo.physvlm import build, cost, presets
from modelzoo.physvlm.data import order
from modelzoo.physvlm.data.sources import BadData, read, refuse_benchmarks
from modelzoo.physvlm.modeling import PhysVLMForConditionalGeneration
from modelzoo.physvlm.tokens import CATEGORY, Tokens, training_rows
from modelzoo.physvlm.vocabulary import train_tokenizer

PLANNED_MFU = 0.35  # published figures of video models are 0.25 to 0.35, of text models above 0.5
_ROOM = 0.92  # of a device's memory; the rest goes to its context, to pieces, and to communication


def estimate(request, *, processes):
    """The estimate as a dict of plain values; raises what the run itself would raise about data and settings."""
    chosen = presets.preset(request.preset, stage=request.stage)
    settings, _ = presets.parse_overrides(chosen, request.overrides)
    data = read(request.data).without(request.without)
    refuse_benchmarks(data)
    records = data.pairs if request.stage == "dpo" else data.conversations + data.questions
    if not records:
        raise BadData(f"{', '.join(map(str, request.data))}: nothing for {request.stage} in it.")
    config, tokenizer, scorer_tokenizer = _parts(request, settings, data)
    tokens = Tokens(
        tokenizer,
        scorer_tokenizer,
        config.image_token_id,
        settings["pool_text"],
        config.scorer_config.max_position_embeddings,
        settings["max_text_tokens"],
    )
    clips = sorted({record.clip_id for record in records})
    place_of = {clip_id: place for place, clip_id in enumerate(clips)}
    which = {name: settings[name] for name in ("turns", "letters", "categories")}
    rows = training_rows(data, place_of, tokens, stage=request.stage, **which)
    return _count(config, rows, settings, processes=processes, stage=request.stage)


def _parts(request, settings, data):
    """(config, tokenizer, scorer tokenizer) of --init, or of a new model; for the 7B without weights, stand-ins.

    A stand-in tokenizer is trained on the run's texts, as long as Qwen's on average for English.
    """
    if request.init:
        from transformers import AutoTokenizer

        from modelzoo.physvlm.config import PhysVLMConfig

        path = Path(request.init)
        small = path / "model" if (path / "model" / "config.json").exists() else path
        if not (small / "config.json").exists():
            raise build.RunError(f"{path} holds neither a model (config.json) nor a whole checkpoint (COMMITTED).")
        config = PhysVLMConfig.from_pretrained(small)
        build.adopt(config, settings)
        tokenizer = AutoTokenizer.from_pretrained(small)
        own = small / build.SCORER_TOKENIZER
        return config, tokenizer, AutoTokenizer.from_pretrained(own) if own.exists() else tokenizer
    texts = [text for one in data.conversations for turn in one.turns for text in turn]
    texts += [text for one in data.pairs for text in (one.prompt, one.chosen, one.rejected)]
    texts += [text for one in data.questions for text in (one.block, *one.options, CATEGORY, one.category)]
    tokenizer = train_tokenizer(texts, size=20_000 if settings["model"] == "7b" else 1500)
    config = build.sizes(settings, vocabulary=None if settings["model"] == "7b" else len(tokenizer))
    config.image_token_id = tokenizer.convert_tokens_to_ids("<image>")
    return config, tokenizer, tokenizer


def _count(config, rows, settings, *, processes, stage):
    with torch.device("meta"):
        model = PhysVLMForConditionalGeneration(config)
    bundle = build.Bundle(model, None, None)
    build.set_trainable(bundle, {**settings, "compile": False})
    total, trained = cost.count(model)
    visual = config.visual_token_count(settings["frames"])
    parts = settings["train"].split("+")
    arithmetic = cost.Cost(config, trained=parts, lora_rank=settings["lora_rank"])
    by_clip = {}
    for row in rows:
        by_clip.setdefault(row.clip, []).append(row)
    group = settings["group"]
    items = _items(by_clip, settings)
    steps = order.total_steps(
        len(items), batch=settings["batch"], epochs=settings["epochs"], max_steps=settings["max_steps"]
    )
    per_epoch = order.steps_per_epoch(len(items), settings["batch"])
    every = settings["activation_checkpointing"]
    recompute = 1 / every if every else 0.0
    tokens = sum(text + visual for text, _labels in items)
    language = sum(arithmetic.row(text + visual, labels, recompute=recompute) for text, labels in items)
    once_only = settings["cache_features"] or settings["cache_tokens"]
    encodes = 0 if once_only else sum(-(-len(found) // group) for found in by_clip.values())
    epoch = language + encodes * arithmetic.clip()
    once = len(by_clip) * arithmetic.clip() if once_only else 0
    if stage == "dpo":
        once += sum(arithmetic.language_forward(text + visual) + arithmetic.head_forward(labels) for text, labels in items)
    flops = once + epoch * steps / per_epoch
    longest = max(text + visual for text, _labels in items)
    share = max(longest, min(settings["micro_tokens"], -(-tokens * settings["batch"] // (len(items) * processes))))
    labels_per_token = sum(labels for _text, labels in items) / tokens
    sharded = settings["sharding"] == "fsdp" and (processes > 1 or torch.cuda.is_available())
    memory = cost.memory(
        config,
        total=total,
        trained=trained,
        settings=settings,
        world=processes,
        sharded=sharded,
        micro_tokens=share,
        label_rows=share * labels_per_token,
    )
    available, device = cost.device_memory()
    if not torch.cuda.is_available():
        available //= processes
    speed = _speed(device)
    result = {
        "parameters": {"total": total, "trained": trained},
        "rows": len(rows),
        "clips": len(by_clip),
        "visual_tokens": visual,
        "tokens_per_epoch": int(tokens),
        "longest_row": int(longest),
        "steps": steps,
        "flops_total": float(flops),
        "flops_per_step": float(epoch / per_epoch),
        "memory_bytes": memory,
        "memory_available_bytes": int(available),
        "processes": processes,
        "device": device,
        "expected_s": flops / speed / processes,
        "fits": memory["total"] <= available * _ROOM,
    }
    result["advice"] = "" if result["fits"] else _advice(config, result, settings, longest, total, trained)
    return result


def _items(by_clip, settings):
    """[(text tokens, labels)] of what one epoch trains on."""
    if not settings["share_prefix"]:
        return [(row.text_tokens, row.label_count) for rows in by_clip.values() for row in rows]
    items = []
    for rows in by_clip.values():
        shown = min(len(rows), settings["group"]) / len(rows)
        branches = sum(len(row.branches[0].ids) for row in rows) * shown
        items.append((len(rows[0].prefix) - 1 + branches, sum(row.label_count for row in rows) * shown))
    return items


def _speed(device):
    """Operations a second one process can be expected to do."""
    peak = cost.peak_flops(device)
    if peak:
        return peak * PLANNED_MFU
    return measured_speed()


def measured_speed(seconds=0.3):
    """Operations a second of small matrix products on this machine, a quarter of which training reaches."""
    a, b = torch.randn(2048, 128), torch.randn(128, 256)
    begun, done = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        torch.mm(a, b)
        done += 1
    return 2 * 2048 * 128 * 256 * done / (time.monotonic() - begun) / 4


def _advice(config, result, settings, longest, total, trained):
    """One sentence: what does not fit, and the smallest change that would do."""
    need, have = result["memory_bytes"]["total"], result["memory_available_bytes"]
    said = f"The run needs about {need / 1e9:.1f} GB on each device, which has {have / 1e9:.1f} GB."
    ways = [
        ("--set activation_checkpointing=1", {"activation_checkpointing": 1}),
        ("--set moments=bf16 and activation_checkpointing=1", {"activation_checkpointing": 1, "moments": "bf16"}),
    ]
    for way, change in ways:
        changed = {**settings, **change}
        if _need(config, changed, longest, total, trained, result["processes"]) <= have * _ROOM:
            return f"{said} It would fit with {way}, and micro_tokens={int(longest)}."
    if not settings["lora_rank"]:
        with torch.device("meta"):
            model = PhysVLMForConditionalGeneration(config)
        changed = {**settings, "lora_rank": 64, "activation_checkpointing": 1, "compile": False}
        build.set_trainable(build.Bundle(model, None, None), changed)
        counted = cost.count(model)
        if _need(config, changed, longest, *counted, result["processes"]) <= have * _ROOM:
            way = f"--set lora_rank=64 --set activation_checkpointing=1 --set micro_tokens={int(longest)}"
            return f"{said} It would fit with {way}."
    for processes in (2, 4, 8, 16, 32, 64):
        if _need(config, {**settings, "activation_checkpointing": 1}, longest, total, trained, processes) <= have * _ROOM:
            return f"{said} It would fit on {processes} such devices with --set activation_checkpointing=1."
    return f"{said} No number of such devices would hold it; a smaller model would do: --preset tiny-sft or tiny-dpo."


def _need(config, settings, longest, total, trained, processes):
    return cost.memory(
        config,
        total=total,
        trained=trained,
        settings=settings,
        world=processes,
        sharded=settings["sharding"] == "fsdp" and (processes > 1 or torch.cuda.is_available()),
        micro_tokens=longest,
        label_rows=longest / 8,
    )["total"]


def in_words(result):
    """The estimate as lines for a person."""
    counted, memory = result["parameters"], result["memory_bytes"]
    parts = ", ".join(f"{name} {memory[name] / 1e9:.2f}" for name in ("weights", "optimizer", "gradients", "activations"))
    lines = {
        "parameters": f"{counted['total']:,}, of which {counted['trained']:,} are trained",
        "data": f"{result['rows']:,} rows on {result['clips']:,} clips, {result['visual_tokens']} visual tokens each",
        "tokens": f"{result['tokens_per_epoch']:,} an epoch, {result['longest_row']:,} in the longest row",
        "operations": f"{result['flops_per_step']:.3g} a step of {result['steps']:,}, {result['flops_total']:.3g} in all",
        "memory": f"{memory['total'] / 1e9:.2f} GB on each of {result['processes']} devices ({parts})",
        "there is": f"{result['memory_available_bytes'] / 1e9:.2f} GB ({result['device']})",
        "time": f"about {_duration(result['expected_s'])}",
    }
    return "\n".join(f"{name:<12} {text}" for name, text in lines.items())


def _duration(seconds):
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
