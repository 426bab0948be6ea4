"""Models from sizes, from weights, or from a checkpoint; and the folder that a finished run leaves."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch

from modelzoo.physvlm import backbones, checkpoint
from modelzoo.physvlm.adapters import add_adapters, merged_state
from modelzoo.physvlm.config import PhysVLMConfig
from modelzoo.physvlm.files import write_json
from modelzoo.physvlm.modeling import PhysVLMForConditionalGeneration
from modelzoo.physvlm.runfolder import RunError
from modelzoo.physvlm.vocabulary import IMAGE, train_tokenizer

SCORER_TOKENIZER, ADAPTERS = "scorer_tokenizer", "adapters.json"


@dataclass
class Bundle:
    """A model with what turns text into its numbers. The tiny model has one tokenizer for both texts."""

    model: PhysVLMForConditionalGeneration
    tokenizer: object
    scorer_tokenizer: object

    adapters: dict | None = None  # rank and alpha, while the language model has adapters

    @property
    def config(self):
        return self.model.config

    @property
    def frame_size(self):
        """Pixels along each side of a frame."""
        return self.config.vision_config.image_size

    @property
    def scorer_limit(self):
        """Tokens of the longest text that may guide the pooling."""
        return self.config.scorer_config.max_position_embeddings

    def write_small(self, folder):
        """Config and tokenizers, without weights."""
        self.config.save_pretrained(folder)
        if self.adapters:
            write_json(Path(folder) / ADAPTERS, self.adapters)
        self.tokenizer.save_pretrained(folder)
        if self.scorer_tokenizer is not self.tokenizer:
            self.scorer_tokenizer.save_pretrained(Path(folder) / SCORER_TOKENIZER)


def hush():
    """Keep the library's bars and remarks out of a run's own lines; its errors stay."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()


def adopt(config, settings):
    """Give a model's config the frames, windows and pooling text of a run."""
    config.frames = settings["frames"]
    config.video_kernel = [settings["kernel_t"], settings["kernel_hw"], settings["kernel_hw"]]
    config.pool_text = settings["pool_text"]
    config.check()


def sizes(settings, *, frame_size=None, vocabulary=None):
    """The config of a new model: "tiny" learns on a processor, "unit" has every part of the full one in small."""
    if settings["model"] == "7b":
        config = PhysVLMConfig.full()
    elif settings["model"] == "unit":
        config = PhysVLMConfig.tiny(vocab_size=vocabulary or 1500, tower="siglip")
    else:
        config = PhysVLMConfig.tiny(
            vocab_size=vocabulary or 1500,
            tower="cells",
            vision_config={"image_size": frame_size or 96},
            scorer_config={"max_position_embeddings": 256},
        )
    adopt(config, settings)
    return config


def new(settings, *, texts, frame_size):
    """A `Bundle` with random weights that depend on the seed alone, and a tokenizer made from `texts`."""
    if settings["model"] == "7b":
        raise RunError("A 7B model is not trained from nothing: give --init, a folder made by convert_physvlm.")
    tokenizer = train_tokenizer(texts)
    config = sizes(settings, frame_size=frame_size, vocabulary=len(tokenizer))
    config.image_token_id = tokenizer.convert_tokens_to_ids(IMAGE)
    config.pad_token_id, config.eos_token_id = tokenizer.pad_token_id, tokenizer.eos_token_id
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings["seed"])
        model = PhysVLMForConditionalGeneration(config)
    return Bundle(model, tokenizer, tokenizer)


def load(path, settings=None, *, dtype=torch.float32):
    """A `Bundle` from a folder of weights or from a checkpoint of a run; RunError, with the path, if it is neither."""
    from transformers import AutoTokenizer

    path = Path(path)
    small = path / "model" if (path / checkpoint.MARK).exists() or (path / "model" / "config.json").exists() else path
    if not (small / "config.json").exists():
        raise RunError(f"{path} holds neither a model (config.json) nor a whole checkpoint (COMMITTED).")
    try:
        foreign = backbones.is_backbone(small)
        make, read = (_foreign if foreign else _own)(small, settings, dtype)
        if (path / checkpoint.MARK).exists():
            checkpoint.check(path)
            model = _from_checkpoint(path, make)
        else:
            model = read()
        if foreign:
            tokenizer = backbones.load_tokenizer(small)
            return Bundle(model, tokenizer, tokenizer)
        tokenizer = AutoTokenizer.from_pretrained(small)
        own = small / SCORER_TOKENIZER
        scorer_tokenizer = AutoTokenizer.from_pretrained(own) if own.exists() else tokenizer
    except (OSError, ValueError, KeyError, checkpoint.BrokenCheckpoint) as error:
        raise RunError(f"{path} cannot be loaded: {error}") from error
    return Bundle(model, tokenizer, scorer_tokenizer)


def _own(small, settings, dtype):
    """(makes a PhysVLM with random weights, reads one) of a folder."""
    config = PhysVLMConfig.from_pretrained(small)
    if settings:
        adopt(config, settings)
    return (
        lambda: PhysVLMForConditionalGeneration(config).to(dtype),
        lambda: PhysVLMForConditionalGeneration.from_pretrained(small, config=config, dtype=dtype),
    )


def _foreign(small, settings, dtype):
    """The same for a model of the library behind PhysVLM's interface."""
    frames = settings["frames"] if settings else None
    return (
        lambda: backbones.load_backbone(small, frames=frames, dtype=dtype, weights=False),
        lambda: backbones.load_backbone(small, frames=frames, dtype=dtype),
    )


def _from_checkpoint(path, make):
    """The weights of a run's checkpoint as a plain model; adapters are folded in."""
    model = make()
    adapters = path / "model" / ADAPTERS
    if not adapters.exists():
        checkpoint.load_weights(path, model)
        return model
    settings = json.loads(adapters.read_text())
    add_adapters(model, **settings)
    checkpoint.load_weights(path, model)
    plain = make()
    plain.load_state_dict(merged_state(model.state_dict(), **settings))
    return plain


def parent_of(path):
    """{"run", "step", "path"} of the run a folder of weights comes from, None for weights from elsewhere."""
    path = Path(path).resolve()
    run = path.parent.parent if path.parent.name == "checkpoints" else path.parent if path.name == "model" else path
    try:
        spec, state = (json.loads((run / name).read_text()) for name in ("spec.json", "state.json"))
    except (OSError, ValueError):
        return None
    step = checkpoint.step_of(path)
    return {"run": spec["name"], "step": state["step"] if step is None else step, "path": str(path)}


def set_trainable(bundle, settings):
    """Let the parts learn that the run names, and prepare the switches of the language model."""
    model = bundle.model
    model.set_trainable(tuple(settings["train"].split("+")))
    if settings["lora_rank"]:
        bundle.adapters = {"rank": settings["lora_rank"], "alpha": settings["lora_alpha"]}
        add_adapters(model, **bundle.adapters)
    every = settings["activation_checkpointing"]
    if every:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        for number, layer in enumerate(model.model.language_model.layers):
            layer.gradient_checkpointing = number % every == 0
    if settings["compile"]:
        for layer in model.model.language_model.layers:
            layer.compile(dynamic=True)
