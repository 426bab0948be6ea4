"""Presets of training runs as data, and the settings they are made of. Imports no torch, so that pages can show them.

`physvlm-7b-sft` and `physvlm-7b-dpo` are the published recipe (arXiv:2412.01800 and the PhysGame/PhysGame repository);
where the repository's code does something else than its configuration says, the code counts.
"""

import difflib
from dataclasses import dataclass

STAGES = ("sft", "dpo")
PARTS = ("language_model", "projector", "scorer")
MODELS = ("7b", "tiny", "unit")


class BadSetting(ValueError):
    """A setting that does not exist or cannot have this value; the sentence says which and what would do."""


@dataclass(frozen=True)
class Setting:
    """One setting of a run. `kind` is int, float, bool, str or parts; `choices` limits text, `least` numbers."""

    name: str
    kind: str
    help: str
    choices: tuple = ()
    least: float | None = None


@dataclass(frozen=True)
class Preset:
    name: str
    stage: str
    title: str
    settings: dict


_ROWS = (
    Setting("model", "str", "sizes of the model; a run with --init takes those of its weights", MODELS),
    Setting("train", "parts", "parts that are trained, joined by +: language_model, projector, scorer"),
    Setting("lora_rank", "int", "0: all weights of the language model; else low-rank adapters of this rank", least=0),
    Setting("lora_alpha", "float", "scale of the adapters", least=0),
    Setting("frames", "int", "frames of each clip", least=1),
    Setting(
        "frame_candidates", "int", "frames kept per segment, of which each epoch draws one; 1: always the same", least=1
    ),
    Setting("kernel_t", "int", "frames pooled into one", least=1),
    Setting("kernel_hw", "int", "patches pooled into one along each side", least=1),
    Setting("pool_text", "str", "the text that guides the pooling", ("reference", "question", "stem", "fixed")),
    Setting("cache_features", "bool", "encode each clip once and keep its features; only with frame_candidates=1"),
    Setting("cache_tokens", "bool", "DPO: keep the visual tokens of each pair, which nothing that learns can change"),
    Setting("turns", "int", "turns of each conversation that are trained on; 0: all", least=0),
    Setting("letters", "bool", "questions also train the letter of the right option, behind all options"),
    Setting("categories", "bool", "questions also train the name of their category"),
    Setting("share_prefix", "bool", "all questions of a clip stand behind one visual prefix; only with pool_text=fixed"),
    Setting("group", "int", "rows of one clip that stay together and share one encode; 1: none", least=1),
    Setting("batch", "int", "rows (DPO: pairs) of one update, over all processes", least=1),
    Setting("micro_tokens", "int", "tokens one process takes at a time; the rest of the batch is accumulated", least=1),
    Setting("max_text_tokens", "int", "longest row without its visual tokens; a longer one stops the run", least=8),
    Setting("epochs", "float", "passes over the data", least=0),
    Setting("max_steps", "int", "end after so many updates; 0: when the epochs are over", least=0),
    Setting("learning_rate", "float", "peak learning rate", least=0),
    Setting("schedule", "str", "how the rate falls", ("cosine", "linear", "constant")),
    Setting("warmup", "float", "steps of rising rate; below 1 a share of all steps", least=0),
    Setting("weight_decay", "float", "on matrices, not on norms and biases", least=0),
    Setting("beta1", "float", "AdamW", least=0),
    Setting("beta2", "float", "AdamW", least=0),
    Setting("clip_norm", "float", "largest norm of the gradient; 0: no limit", least=0),
    Setting("precision", "str", "of the computation; master weights are float32 either way", ("bf16", "fp32")),
    Setting("moments", "str", "precision of AdamW's moments; bf16 rounds at random", ("fp32", "bf16")),
    Setting("beta", "float", "DPO: strength of the tie to the reference", least=0),
    Setting("dpo_alpha", "float", "DPO: weight of the preference loss", least=0),
    Setting("gamma", "float", "DPO: weight of the cross entropy on chosen answers", least=0),
    Setting("label_smoothing", "float", "DPO: share of pairs taken to be the wrong way round", least=0),
    Setting("loss", "str", "DPO: the preference loss", ("sigmoid", "hinge", "ipo")),
    Setting("activation_checkpointing", "int", "recompute every n-th layer instead of keeping it; 0: none", least=0),
    Setting("compile", "bool", "torch.compile of each layer of the language model"),
    Setting("sharding", "str", "with several processes: shard all weights, or copy them", ("fsdp", "ddp")),
    Setting("seed", "int", "order, frames, new weights", least=0),
    Setting("log_every", "int", "steps between logged lines", least=1),
    Setting("checkpoint_minutes", "float", "time between checkpoints; 0: only by steps", least=0),
    Setting("checkpoint_every", "int", "steps between checkpoints; 0: only by time and at the end", least=0),
    Setting("keep_checkpoints", "int", "newest checkpoints that stay", least=1),
    Setting("samples", "int", "clips whose questions are answered at each checkpoint", least=0),
    Setting("bad_steps", "int", "steps without a finite loss in a row after which the run stops", least=1),
    Setting("shuffle_labels", "bool", "control: every clip gets the answers of another one"),
)
SETTINGS = {setting.name: setting for setting in _ROWS}

_7B_SFT = {
    "model": "7b",
    "train": "language_model+projector+scorer",
    "lora_rank": 0,
    "lora_alpha": 128.0,
    "frames": 32,
    "frame_candidates": 3,
    "kernel_t": 2,
    "kernel_hw": 3,
    "pool_text": "reference",
    "cache_features": False,
    "cache_tokens": False,
    "turns": 0,
    "letters": True,
    "categories": False,
    "share_prefix": False,
    "group": 8,
    "batch": 256,
    "micro_tokens": 12_000,
    "max_text_tokens": 3000,
    "epochs": 1.0,
    "max_steps": 0,
    "learning_rate": 1e-5,
    "schedule": "cosine",
    "warmup": 0.03,
    "weight_decay": 0.0,
    "beta1": 0.9,
    "beta2": 0.999,
    "clip_norm": 0.0,
    "precision": "bf16",
    "moments": "fp32",
    "beta": 0.1,
    "dpo_alpha": 1.0,
    "gamma": 0.0,
    "label_smoothing": 0.0,
    "loss": "sigmoid",
    "activation_checkpointing": 0,
    "compile": False,
    "sharding": "fsdp",
    "seed": 42,
    "log_every": 1,
    "checkpoint_minutes": 20.0,
    "checkpoint_every": 0,
    "keep_checkpoints": 2,
    "samples": 4,
    "bad_steps": 5,
    "shuffle_labels": False,
}
_7B_DPO = _7B_SFT | {
    "train": "language_model",
    "frames": 16,
    "frame_candidates": 1,
    "kernel_t": 1,
    "pool_text": "question",
    "cache_tokens": True,
    "batch": 64,
    "epochs": 2.0,
    "learning_rate": 5e-6,
    "schedule": "linear",
    "warmup": 0.1,
}
# One GPU of 80 GB or less holds no AdamW state of 7.6 billion weights: adapters on the language model, projector in full.
_1GPU_SFT = _7B_SFT | {"lora_rank": 64, "train": "language_model+projector", "learning_rate": 1e-4, "micro_tokens": 6_000}
_1GPU_DPO = _7B_DPO | {"lora_rank": 64, "learning_rate": 5e-5, "micro_tokens": 6_000}
_TINY_SFT = _7B_SFT | {
    "model": "tiny",
    "frames": 16,
    "frame_candidates": 1,
    "kernel_t": 2,
    "kernel_hw": 4,
    "pool_text": "fixed",
    "cache_features": True,
    "turns": 1,
    "letters": False,
    "categories": True,
    "share_prefix": True,
    "group": 3,
    "batch": 32,
    "micro_tokens": 100_000,
    "max_text_tokens": 1000,
    "epochs": 4.0,
    "learning_rate": 2e-3,
    "warmup": 40.0,
    "clip_norm": 1.0,
    "precision": "fp32",
    "sharding": "ddp",
    "log_every": 20,
    "checkpoint_minutes": 5.0,
}
_TINY_DPO = _TINY_SFT | {
    "share_prefix": False,
    # DPO learns a preference of its own and adds it, divided by beta, to what the model knew: at 0.1 a classifier of one
    # pass over few clips outshouts all of SFT, and pairs and options get worse (see README, "The tiny model")
    "beta": 0.5,
    # a model this small separates two answers by seeing more, not by a shift of its words: all of it learns, and the
    # cross entropy of the chosen answer holds what it knew
    "gamma": 1.0,
    "epochs": 2.0,
    "learning_rate": 1e-3,
    "schedule": "linear",
    "warmup": 0.1,
    "log_every": 5,
}
PRESETS = {
    preset.name: preset
    for preset in (
        Preset("tiny-sft", "sft", "0.4 million weights on a processor, minutes", _TINY_SFT),
        Preset("tiny-dpo", "dpo", "preferences for the tiny model, a minute", _TINY_DPO),
        Preset("physvlm-7b-sft", "sft", "published recipe: 7B, all weights but the vision tower", _7B_SFT),
        Preset("physvlm-7b-dpo", "dpo", "published recipe: 7B, language model only", _7B_DPO),
        Preset("physvlm-1gpu-sft", "sft", "7B on one GPU: adapters and projector", _1GPU_SFT),
        Preset("physvlm-1gpu-dpo", "dpo", "7B on one GPU: adapters", _1GPU_DPO),
    )
}
DEFAULT_PRESET = {"sft": "tiny-sft", "dpo": "tiny-dpo"}


def nearest(name, names):
    """ " Did you mean ...?" for a name that is not there, or a list of those that are."""
    initials = [known for known in names if "".join(word[0] for word in known.split("_")) == name.lower()]
    close = initials or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(names)}."


def preset(name, *, stage):
    """The preset of this name; BadSetting if there is none or it is of the other stage."""
    if name not in PRESETS:
        raise BadSetting(f"There is no preset {name!r}. {nearest(name, list(PRESETS))}")
    if PRESETS[name].stage != stage:
        fitting = ", ".join(other.name for other in PRESETS.values() if other.stage == stage)
        raise BadSetting(
            f"The preset {name} is for {PRESETS[name].stage}, not for {stage}; for {stage} there are {fitting}."
        )
    return PRESETS[name]


_YES, _NO = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def _value(setting, text):
    try:
        if setting.kind == "int":
            value = int(text)
        elif setting.kind == "float":
            value = float(text)
        elif setting.kind == "bool":
            if text.lower() not in _YES + _NO:
                raise ValueError
            value = text.lower() in _YES
        else:
            value = text
    except ValueError:
        wanted = {"int": "a whole number", "float": "a number", "bool": "true or false"}[setting.kind]
        raise BadSetting(f"{setting.name}={text}: must be {wanted} ({setting.help}).") from None
    check_value(setting, value)
    return value


def check_value(setting, value):
    """BadSetting if `value` is outside what the setting allows."""
    if setting.choices and value not in setting.choices:
        raise BadSetting(f"{setting.name}={value}: must be one of {', '.join(setting.choices)}.")
    if setting.kind == "parts":
        unknown = [part for part in value.split("+") if part not in PARTS]
        if unknown:
            raise BadSetting(f"{setting.name}: there is no part {unknown[0]!r}. {nearest(unknown[0], list(PARTS))}")
    if setting.least is not None and not value >= setting.least:
        raise BadSetting(f"{setting.name}={value}: must be at least {setting.least:g} ({setting.help}).")


def parse_overrides(chosen, texts):
    """({setting: value} of the whole run, {setting: value} of the overrides) for texts such as "learning_rate=1e-4"."""
    overrides = {}
    for text in texts:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals:
            raise BadSetting(f"--set {text}: must have the form KEY=VALUE.")
        if key not in SETTINGS:
            raise BadSetting(f"There is no setting {key!r}. {nearest(key, list(SETTINGS))}")
        overrides[key] = _value(SETTINGS[key], value.strip())
    settings = chosen.settings | overrides
    check(settings, stage=chosen.stage)
    return settings, overrides


def check(settings, *, stage):
    """BadSetting where settings do not go together."""
    if settings["cache_features"] and settings["frame_candidates"] > 1:
        raise BadSetting(
            "cache_features keeps one set of frames of each clip; set frame_candidates=1 or cache_features=false."
        )
    if settings["share_prefix"] and settings["pool_text"] != "fixed":
        raise BadSetting("share_prefix needs visual tokens that do not depend on the question; set pool_text=fixed.")
    if stage == "dpo" and settings["frame_candidates"] > 1:
        raise BadSetting("DPO computes its reference once, so each clip keeps its frames; set frame_candidates=1.")
    if settings["cache_tokens"] and settings["train"] != "language_model":
        raise BadSetting(
            "cache_tokens keeps visual tokens that projector and scorer would change;"
            " set train=language_model or cache_tokens=false."
        )
    if stage == "sft" and settings["cache_tokens"]:
        raise BadSetting("In SFT visual tokens change with what learns; set cache_tokens=false.")
    if stage == "dpo" and settings["share_prefix"]:
        raise BadSetting("share_prefix is for SFT; the two answers of a pair share their prefix anyway.")
    if settings["lora_rank"] and "language_model" not in settings["train"].split("+"):
        raise BadSetting("lora_rank adapts the language model; add language_model to train, or set lora_rank=0.")
    if not 0 <= settings["label_smoothing"] < 0.5:
        raise BadSetting(f"label_smoothing={settings['label_smoothing']}: must be at least 0 and below 0.5.")
    if not settings["epochs"] and not settings["max_steps"]:
        raise BadSetting("Neither epochs nor max_steps is above 0, so nothing would be trained.")
