"""Published weights to ours: strict, tensor by tensor, with a report of where each one went.

Sources are folders as on the Hugging Face hub: llava-onevision with SigLIP, which PhysVLM starts from, or PhysVLM itself.
A later source replaces tensors of an earlier one, so a checkpoint that only holds what was trained goes on top of its base.
Every source tensor has a place or a known reason to have none, and every tensor of the model is filled, in its shape.
"""

import json
import os
import shutil
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from modelzoo.physvlm.config import PhysVLMConfig, full_scorer, full_text, full_vision
from modelzoo.physvlm.files import sync_folder, write_json, write_text
from modelzoo.physvlm.modeling import PhysVLMForConditionalGeneration
from modelzoo.physvlm.naming import POSITIONS, places_of, reason_to_drop
from modelzoo.physvlm.processor import CHAT_TEMPLATE

REPORT, INDEX, CONFIG = "conversion.json", "model.safetensors.index.json", "config.json"
SHARD_BYTES = 4 * 2**30
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
    "spiece.model", "generation_config.json",
)  # fmt: skip
SCORER_TOKENIZER = "scorer_tokenizer"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class CannotConvert(ValueError):
    """The sources do not make a model; the sentence says which tensors or files are wrong."""


@dataclass(frozen=True)
class Stored:
    """One tensor of a source, not read yet."""

    file: Path
    name: str
    shape: tuple
    dtype: str


@dataclass
class Source:
    folder: Path
    settings: dict
    tensors: dict = field(default_factory=dict)  # published name -> Stored

    @property
    def kind(self):
        if any(name.startswith("multi_modal_projector.clip_text_model.") for name in self.tensors):
            return "physvlm"
        if any(name.startswith("language_model.") for name in self.tensors):
            return "llava_onevision"
        if any(name.startswith("text_model.") for name in self.tensors):
            return "siglip"
        return "unknown"


@dataclass(frozen=True)
class Move:
    """Where one tensor of the model comes from; `change` cuts or stretches it, None takes it as it is."""

    stored: Stored
    source: Path
    change: object

    def read(self, opened):
        tensor = opened(self.stored.file).get_tensor(self.stored.name)
        return tensor if self.change is None else self.change(tensor)


def open_source(folder):
    """The names and shapes of a folder's tensors, from the files' headers; CannotConvert for a folder that has none."""
    folder = Path(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise CannotConvert(f"{folder} holds no .safetensors file; give the folder of a model, with its config.json.")
    settings = {}
    if (folder / CONFIG).exists():
        try:
            settings = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        except ValueError as error:
            raise CannotConvert(f"{folder / CONFIG} is not JSON: {error}.") from error
    source = Source(folder, settings)
    for path in files:
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():
                    part = file.get_slice(name)
                    if name in source.tensors:
                        raise CannotConvert(f"{name} is in {source.tensors[name].file.name} and again in {path.name}.")
                    source.tensors[name] = Stored(path, name, tuple(part.get_shape()), part.get_dtype())
        except CannotConvert:
            raise
        except Exception as error:  # the library raises a class of its own for a torn file
            raise CannotConvert(f"{path} cannot be read ({error}); download it again.") from error
    absent = sorted(set(index_of(folder)) - set(source.tensors))
    if absent:
        raise CannotConvert(
            f"{folder / INDEX} names tensors that no file holds: {listed(absent)}. Download what is missing."
        )
    return source


def index_of(folder):
    """Names that the index of a folder promises, {} without an index."""
    path = folder / INDEX
    return json.loads(path.read_text(encoding="utf-8"))["weight_map"] if path.exists() else {}


def listed(names, most=5):
    """A few names in a sentence."""
    names = list(names)
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def config_of(sources, **changes):
    """The model's settings from the sources' config.json files and tensors; the published 7B sizes where they are silent."""
    vision, scorer, text, top = full_vision(), full_scorer(), full_text(), {}
    for source in sources:
        settings = source.settings
        scorer.update(scorer_sizes(source))
        if source.kind == "siglip":
            scorer.update(known(settings.get("text_config"), ("num_attention_heads", "hidden_act", "layer_norm_eps")))
            continue
        vision.update(known(settings.get("vision_config"), (*vision, "hidden_act", "layer_norm_eps")))
        text.update(known(settings.get("text_config"), (*text, "hidden_act", "rms_norm_eps")))
        if rope := (settings.get("text_config") or {}).get("rope_theta"):
            text["rope_parameters"] = {"rope_type": "default", "rope_theta": rope}
        text["tie_word_embeddings"] |= bool(settings.get("tie_word_embeddings"))
        if embeddings := source.tensors.get("language_model.model.embed_tokens.weight"):
            text["vocab_size"] = embeddings.shape[0]  # padded beyond what the published config.json says
        top |= {
            ours: settings[theirs]
            for theirs, ours in (("image_token_index", "image_token_id"), ("image_grid_pinpoints", "image_grid_pinpoints"))
            if settings.get(theirs) is not None
        }
    return PhysVLMConfig(vision, scorer, text, **{**top, **changes})


def known(given, names):
    """Those of the given settings that decide sizes or arithmetic."""
    return {
        name: (given or {})[name] for name in names if (given or {}).get(name) is not None and not name.endswith("_token_id")
    }


def scorer_sizes(source):
    """Sizes of the scorer's text tower from a source's tensors, {} if it has none. The number of heads leaves no trace."""
    prefix = "text_model." if source.kind == "siglip" else "multi_modal_projector.clip_text_model."
    shapes = {name.removeprefix(prefix): stored.shape for name, stored in source.tensors.items() if name.startswith(prefix)}
    if not {"embeddings.token_embedding.weight", "encoder.layers.0.mlp.fc1.weight", "head.weight"} <= shapes.keys():
        return {}
    positions = source.tensors.get(POSITIONS)
    return {
        "vocab_size": shapes["embeddings.token_embedding.weight"][0],
        "hidden_size": shapes["embeddings.token_embedding.weight"][1],
        "intermediate_size": shapes["encoder.layers.0.mlp.fc1.weight"][0],
        "projection_size": shapes["head.weight"][0],
        "num_hidden_layers": len({name.split(".")[2] for name in shapes if name.startswith("encoder.layers.")}),
        "max_position_embeddings": shapes["embeddings.position_embedding"][0]
        if positions is None
        else 4 * positions.shape[0] - 60,
    }


def plan(sources, config):
    """(moves by our name, dropped, replaced) of a conversion; CannotConvert for anything unknown, missing or misshapen."""
    moves, dropped, replaced, unknown = {}, [], [], []
    for source in sources:
        for name, stored in source.tensors.items():
            try:
                places = places_of(name)
            except KeyError:
                unknown.append(f"{name} ({stored.file.name})")
                continue
            if not places:
                dropped.append({"source": str(source.folder), "name": name, "why": reason_to_drop(name)})
            for ours, change in places:
                if ours in moves:
                    replaced.append({"source": str(moves[ours].source), "name": moves[ours].stored.name, "by": name})
                moves[ours] = Move(stored, source.folder, change)
    with torch.device("meta"):
        wanted = PhysVLMForConditionalGeneration(config).state_dict()
    if config.tie_word_embeddings:
        wanted.pop("lm_head.weight")
        moves.pop("lm_head.weight", None)
    if unknown:
        raise CannotConvert(f"Tensors that have no place and no known reason to have none: {listed(unknown)}.")
    if missing := [name for name in wanted if name not in moves]:
        raise CannotConvert(f"No source has what the model needs for {listed(missing)}. Give the base model first.")
    if extra := [f"{moves[name].stored.name} (as {name})" for name in moves if name not in wanted]:
        raise CannotConvert(f"The model has no {listed(extra)}; its config.json asks for fewer or other layers.")
    wrong = []
    for name, tensor in wanted.items():
        move = moves[name]
        shape = changed_shape(move)
        if shape != tuple(tensor.shape):
            wrong.append(f"{move.stored.name} is {shape}, but {name} must be {tuple(tensor.shape)}")
    if wrong:
        raise CannotConvert(f"Wrong shapes: {listed(wrong, 3)}.")
    return {name: moves[name] for name in wanted}, dropped, replaced


def changed_shape(move):
    """The shape a tensor will have in the model, without reading it."""
    if move.change is None:
        return move.stored.shape
    return tuple(move.change(torch.empty(move.stored.shape, device="meta")).shape)


def shards_of(moves, width, limit):
    """The model's names in runs of at most `limit` bytes; `width` gives the bytes of one number."""
    run, size = [], 0
    for name, move in moves.items():
        numbers = 1
        for side in changed_shape(move):
            numbers *= side
        if run and size + numbers * width(move) > limit:
            yield run
            run, size = [], 0
        run.append(name)
        size += numbers * width(move)
    yield run


WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


def convert(sources, out, *, dtype=None, shard_bytes=SHARD_BYTES, progress=lambda done, total: None, **changes):
    """Convert the folders `sources`, a later one over an earlier, into a new folder `out`; returns the report.

    One shard of the output is in memory at a time. dtype None keeps each tensor's own, else one of DTYPES' names.
    `changes` are settings of PhysVLMConfig. The folder appears when it is whole. CannotConvert for sources that do not
    make a model; FileExistsError if `out` is there.
    """
    out = Path(out)
    if out.exists():
        raise FileExistsError(f"{out} is there already; choose another folder or delete it.")
    opened = [open_source(folder) for folder in sources]
    if strange := [source.folder for source in opened if source.kind == "unknown"]:
        raise CannotConvert(f"{strange[0]} is neither llava-onevision nor SigLIP nor PhysVLM, going by its tensors' names.")
    config = config_of(opened, **changes)
    moves, dropped, replaced = plan(opened, config)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    out.parent.mkdir(parents=True, exist_ok=True)
    part.mkdir()
    try:
        weight_map, dtypes = write_shards(moves, part, DTYPES.get(dtype), shard_bytes, progress)
        copied = copy_tokenizers(opened, part)
        report = report_of(opened, moves, dropped, replaced, copied, dtypes)
        write_json(part / REPORT, report)
        write_text(part / "chat_template.jinja", CHAT_TEMPLATE)  # the base model's own adds a system turn
        write_json(part / INDEX, {"metadata": {"total_size": report["bytes"]}, "weight_map": weight_map})
        config.dtype = max(dtypes, key=dtypes.get)
        config.architectures = [PhysVLMForConditionalGeneration.__name__]
        config.save_pretrained(part)
        sync_folder(part)
        part.rename(out)
        sync_folder(out.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return report


def write_shards(moves, folder, dtype, limit, progress):
    """Read, change and write the tensors shard by shard -> (file of each name, numbers of each dtype)."""

    def width(move):
        return WIDTHS.get(move.stored.dtype, 4) if dtype is None else dtype.itemsize

    runs = list(shards_of(moves, width, limit))
    weight_map, dtypes, done = {}, Counter(), 0
    for number, names in enumerate(runs, start=1):
        file = f"model-{number:05d}-of-{len(runs):05d}.safetensors"
        shard = {}
        with ExitStack() as stack:  # a file is mapped only while a shard is made of it
            opened = cache(lambda path, stack=stack: stack.enter_context(safe_open(path, framework="pt")))
            for name in names:
                tensor = moves[name].read(opened)
                shard[name] = (tensor if dtype is None else tensor.to(dtype)).contiguous().clone()
                del tensor
                dtypes[str(shard[name].dtype).removeprefix("torch.")] += shard[name].numel()
                weight_map[name] = file
                done += 1
                progress(done, len(moves))
        save_file(shard, folder / file, metadata={"format": "pt"})
        with open(folder / file, "rb") as written:
            os.fsync(written.fileno())
    return weight_map, dtypes


def copy_tokenizers(sources, folder):
    """Copy the language model's tokenizer into the folder and the scorer's beside it -> the copied files' names."""
    copied = []
    for source in sources:
        place = folder / SCORER_TOKENIZER if source.kind == "siglip" else folder
        for name in TOKENIZER_FILES:
            if (source.folder / name).exists():
                place.mkdir(exist_ok=True)
                shutil.copyfile(source.folder / name, place / name)
                copied.append(str((place / name).relative_to(folder)))
        if source.kind != "siglip" and (source.folder / SCORER_TOKENIZER).is_dir():
            shutil.copytree(source.folder / SCORER_TOKENIZER, folder / SCORER_TOKENIZER, dirs_exist_ok=True)
            copied.append(SCORER_TOKENIZER)
    return sorted(set(copied))


def report_of(sources, moves, dropped, replaced, copied, dtypes):
    """What happened to every tensor, as plain values."""
    moved = [
        {
            "source": str(move.source),
            "name": move.stored.name,
            "to": name,
            "shape": list(changed_shape(move)),
            "change": None if move.change is None else move.change.__name__.replace("_", " "),
        }
        for name, move in moves.items()
    ]
    widths = {name: DTYPES[name].itemsize if name in DTYPES else 8 for name in dtypes}
    return {
        "sources": [{"folder": str(s.folder), "kind": s.kind, "tensors": len(s.tensors)} for s in sources],
        "moved": moved,
        "dropped": dropped,
        "replaced": replaced,
        "tokenizer_files": copied,
        "numbers": sum(dtypes.values()),
        "bytes": sum(count * widths[name] for name, count in dtypes.items()),
        "dtypes": dict(dtypes),
    }


def in_words(report):
    """The report as a few lines."""
    why = Counter(entry["why"] for entry in report["dropped"])
    lines = [f"{source['folder']}: {source['kind']}, {source['tensors']} tensors" for source in report["sources"]]
    lines.append(f"{len(report['moved'])} tensors written, {report['numbers']:,} numbers, {report['bytes'] / 1e9:.2f} GB")
    lines += [f"{count} left out: {reason}" for reason, count in why.items()]
    if report["replaced"]:
        lines.append(f"{len(report['replaced'])} replaced by a later source")
    if "tokenizer.json" not in report["tokenizer_files"]:
        lines.append("No source has a tokenizer.json: put the language model's tokenizer into the folder before training.")
    if not any(name.startswith(SCORER_TOKENIZER) for name in report["tokenizer_files"]):
        lines.append(f"No source has SigLIP's tokenizer: put it into {SCORER_TOKENIZER}/ in the folder before training.")
    return lines
