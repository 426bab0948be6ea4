"""One training run from its spec to its last checkpoint: data, model, reference, loop, final weights."""

import functools
import os
import platform
import random
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers

from modelzoo.physvlm import build, checkpoint, cost, presets
from modelzoo.physvlm.adapters import merged_state
from modelzoo.physvlm.data.batches import Batches
from modelzoo.physvlm.data.cache import Frames
from modelzoo.physvlm.data.features import Features, fit_statistics, tower_id
from modelzoo.physvlm.data.freeze import freeze, open_array, thaw
from modelzoo.physvlm.data.sources import BadData, read, refuse_benchmarks
from modelzoo.physvlm.hooks import Hooks
from modelzoo.physvlm.loop import Diverged, Loop, Stopped
from modelzoo.physvlm.optimizer import AdamW
from modelzoo.physvlm.parallel import World, Wrapped
from modelzoo.physvlm.preference import prepare_reference
from modelzoo.physvlm.reference import NotFinite
from modelzoo.physvlm.runfolder import RunError, RunFolder, now, read_lines
from modelzoo.physvlm.samples import answer_samples
from modelzoo.physvlm.tokens import CATEGORY, Tokens, training_rows

KNOWN = (RunError, BadData, Diverged, NotFinite, presets.BadSetting, checkpoint.BrokenCheckpoint)


@dataclass(frozen=True)
class Request:
    """What a person asked for. `out` is the run's folder, `cache` the folder that runs share."""

    stage: str
    preset: str
    out: Path
    cache: Path
    data: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    init: str | None = None
    without: tuple[str, ...] = ()
    resume: bool = False


def commit():
    """The commit of the code that trains, None outside a checkout; "+" says that files were changed since."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10)
        changed = subprocess.run(["git", "status", "--porcelain", "."], cwd=here, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() + ("+" if changed.stdout.strip() else "") if not found.returncode else None


# ---- the spec of a run


def make_spec(request, world):
    """A new run's spec, complete but for the data."""
    chosen = presets.preset(request.preset, stage=request.stage)
    settings, overrides = presets.parse_overrides(chosen, request.overrides)
    return {
        "name": request.out.name,
        "created": now(),
        "stage": request.stage,
        "preset": request.preset,
        "overrides": overrides,
        "settings": settings,
        "init": request.init and str(Path(request.init).resolve()),
        "parent": request.init and build.parent_of(request.init),
        "commit": commit(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        },
        "processes": world.size,
        "device": world.device.type,
        "hardware": cost.device_memory()[1],
    }


def open_run(request, folder, world):
    """The spec of the run in `folder`: read when it goes on, made from the request, with its data frozen, when new."""
    spec = folder.spec
    if request.resume:
        if spec is None:
            raise RunError(f"{folder.path} holds no run to resume (no spec.json). Start it without --resume.")
        if request.overrides or request.data or request.init:
            raise RunError(
                "A resumed run keeps its data and settings; leave out --data, --init and --set, or start a new run."
            )
        return spec
    if spec is not None:
        raise RunError(f"{folder.path} already holds a run. Go on with --resume, or choose another --out.")
    return make_spec(request, world)


def freeze_data(request, spec, folder, hooks):
    data = read(request.data)
    refuse_benchmarks(data)
    rows = data.pairs if spec["stage"] == "dpo" else data.conversations + data.questions
    if not rows:
        wanted = "pairs (PhysDPO*.json)" if spec["stage"] == "dpo" else "conversations or questions"
        raise BadData(f"{', '.join(map(str, request.data))}: no {wanted} to train on.")
    data = data.without(request.without)
    used = {row.clip_id for row in (data.pairs if spec["stage"] == "dpo" else data.conversations + data.questions)}
    data.clips = {clip_id: media for clip_id, media in data.clips.items() if clip_id in used}
    if spec["stage"] == "dpo":
        data.conversations, data.questions = [], []
    else:
        data.pairs = []
    if spec["settings"]["shuffle_labels"]:
        data.clips = shuffled(data.clips, seed=spec["settings"]["seed"])
    manifest = freeze(data, folder.data, left_out=request.without, progress=hooks.progress("freezing"))
    return {"data": manifest["sources"], "data_sha256": manifest["sha256"]}


def shuffled(clips, *, seed):
    """The control: every clip_id shows another clip's frames, so no answer fits but by chance."""
    names = list(clips)
    random.Random(seed).shuffle(names)
    return {name: clips[other] for name, other in zip(names, names[1:] + names[:1], strict=True)}


# ---- the run


def run(request, *, show=lambda text, done: None, device=None):
    """Train. Returns the final state: "finished", "stopped" or "interrupted"; raises one of `KNOWN` after noting it."""
    build.hush()
    world = World(device=device)
    world.start()
    try:
        folder = RunFolder(request.out)
        if world.first:
            with folder:
                return _guarded(request, folder, world, show)
        return _guarded(request, folder, world, show)
    finally:
        world.stop()


def _guarded(request, folder, world, show):
    """The run with its signals, and its end written down."""
    hooks = Hooks(folder=folder, first=world.first, show=show)
    previous = {}

    def on_signal(_number, _frame):
        hooks.asked_signal["stop"] = True

    for number in (signal.SIGTERM, signal.SIGINT):
        previous[number] = signal.signal(number, on_signal)
    try:
        _train(request, folder, world, hooks)
        state, error = "finished", ""
    except Stopped:
        state, error = ("stopped" if folder.asked_to_stop() else "interrupted"), ""
    except torch.OutOfMemoryError as problem:
        state, error = "failed", f"The device has too little memory: {str(problem).split('.')[0]}. Set micro_tokens lower."
        raise RunError(error) from problem
    except KNOWN as problem:
        state, error = "failed", str(problem)
        raise
    except BaseException as problem:
        state, error = "failed", f"{type(problem).__name__}: {problem}"
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if world.first and hooks.opened:
            folder.write_state(state, error=error)
            folder.beat(phase="done", eta_s=None)
            folder.log(f"{state}{': ' + error if error else ''}")
    return state


def _train(request, folder, world, hooks):
    spec = open_run(request, folder, world)
    hooks.opened = True
    settings = spec["settings"]
    if world.first:
        (folder.path / "stop").unlink(missing_ok=True)
        checkpoint.clear_unfinished(folder.checkpoints)
        if not request.resume:
            frozen = freeze_data(request, spec, folder, hooks)
            spec |= frozen
            folder.write_spec(spec)
        folder.write_state("running", attempt=folder.state["attempt"] + 1)
    spec = world.share(spec)
    data, hashes, manifest = thaw(folder.data)
    if manifest["sha256"] != spec["data_sha256"]:
        raise RunError(f"{folder.data} is not the data of this run; begin a new run.")
    random.seed(settings["seed"])
    np.random.seed(settings["seed"])
    torch.manual_seed(settings["seed"])

    newest = checkpoint.committed(folder.checkpoints)
    clip_ids = list(data.clips)
    bundle = load_or_make(spec, data, newest[-1] if newest else None)
    frames = Frames(
        [(clip_id, data.clips[clip_id], hashes[clip_id]) for clip_id in clip_ids],
        folder=request.cache / "frames",
        wanted=settings["frames"],
        candidates=settings["frame_candidates"],
        size=bundle.frame_size,
        rule="train",
        seed=settings["seed"],
    )
    if world.first:
        frames.prepare(threads=max(2, os.cpu_count() or 2), progress=hooks.progress("frames"))
    world.wait()
    if spec["init"] is None and not newest and hasattr(bundle.model.model.vision_tower, "fit"):
        fit_statistics(bundle.model, frames)
    clips = frames
    bundle.model.to(world.device)
    if settings["cache_features"]:
        clips = Features(frames, request.cache / "features", tower_id=tower_id(bundle.model))
        if world.first:
            clips.prepare(bundle.model, world.device, progress=hooks.progress("features"))
        world.wait()
        clips.prepare(bundle.model, world.device)
    tokens = Tokens(
        bundle.tokenizer,
        bundle.scorer_tokenizer,
        bundle.config.image_token_id,
        settings["pool_text"],
        bundle.scorer_limit,
        settings["max_text_tokens"],
    )
    place_of = {clip_id: place for place, clip_id in enumerate(clip_ids)}
    which = {name: settings[name] for name in ("turns", "letters", "categories")}
    rows = training_rows(data, place_of, tokens, stage=spec["stage"], **which)
    shape = {
        "visual_tokens": bundle.config.visual_token_count(settings["frames"]),
        "placeholder": bundle.config.image_token_id,
        "pad_id": bundle.config.pad_token_id,
    }
    reference = visual = None
    if spec["stage"] == "dpo":
        content = [hashes[clip_id] for clip_id in clip_ids]
        hooks.clip_ids = clip_ids
        reference, visual = prepare_reference(request, spec, bundle, rows, clips, content, shape, world, hooks)
    batches = Batches(
        rows,
        clips,
        clip_ids,
        settings=settings,
        world=world,
        extra=reference.of if reference else None,
        tokens=visual,
        **shape,
    )
    build.set_trainable(bundle, settings)
    wrapped = Wrapped(bundle.model, world, sharding=settings["sharding"], precision=settings["precision"])
    optimizer = AdamW(
        wrapped.model.named_parameters(),
        beta1=settings["beta1"],
        beta2=settings["beta2"],
        weight_decay=settings["weight_decay"],
        moments=torch.bfloat16 if settings["moments"] == "bf16" else torch.float32,
        seed=settings["seed"],
    )
    arithmetic = cost.Cost(bundle.config, trained=settings["train"].split("+"), lora_rank=settings["lora_rank"])
    loop = Loop(
        wrapped=wrapped,
        optimizer=optimizer,
        batches=batches,
        world=world,
        settings=settings,
        stage=spec["stage"],
        folder=folder,
        meta={
            "data_sha256": spec["data_sha256"],
            "releases": [source["release"] for source in spec["data"] if "release" in source],
            "commit": spec["commit"],
            "settings": settings,
        },
        write_model=bundle.write_small,
        hooks=hooks,
        step_flops=functools.partial(micro_flops, arithmetic, cached=settings["cache_features"]),
    )
    if newest:
        checkpoint.check(newest[-1])
        loop.resume(newest[-1])
        hooks.log(f"going on from {newest[-1].name}")
    hooks.begin(world, steps=batches.total, step=loop.counters["step"])
    hooks.on_saved = functools.partial(_sample, folder, wrapped, data, clips, clip_ids, tokens, shape, loop, settings, world)
    if world.first:
        folder.cut_after(loop.counters["step"])
        folder.beat(phase="training", steps=batches.total, step=loop.counters["step"], total=batches.total)
        folder.write_state("running", step=loop.counters["step"], steps=batches.total)
    try:
        if loop.counters["step"] < batches.total:
            loop.run()
    finally:
        if hooks.board:
            hooks.board.close()
    save_model(bundle, wrapped, folder, world, settings)
    if world.first:
        folder.write_state("running", step=loop.counters["step"], steps=batches.total)


def load_or_make(spec, data, newest):
    """The model that the run began with, from --init or new; one that goes on without --init is its newest checkpoint.

    DPO always needs its starting model, for the reference; the loop then puts the newest checkpoint's weights in.
    """
    settings = spec["settings"]
    if spec["init"]:
        return build.load(spec["init"], settings)
    if newest:
        return build.load(newest, settings)
    texts = [text for one in data.conversations for turn in one.turns for text in turn]
    texts += [text for one in data.pairs for text in (one.prompt, one.chosen, one.rejected)]
    texts += [text for one in data.questions for text in (one.block, *one.options, CATEGORY, one.category)]
    if spec["stage"] == "dpo":
        raise RunError("DPO begins from a trained model: give --init, the model folder or a checkpoint of an SFT run.")
    array = next((media for media in data.clips.values() if media.row is not None), None)
    size = open_array(array.path).shape[2] if array else None
    return build.new(settings, texts=texts, frame_size=size)


def micro_flops(arithmetic, batch, clips, *, cached):
    """Operations of one micro-batch, forward and backward; what is recomputed does not count, as is usual for MFU."""
    rows = len(batch.inputs["input_ids"])
    vision = 0 if cached else clips * arithmetic.clip()
    return vision + rows * arithmetic.row(batch.tokens / rows, len(batch.targets) / rows)


def _sample(folder, wrapped, data, clips, clip_ids, tokens, shape, loop, settings, world, step):
    """Answers on fixed clips, after a checkpoint. All processes take part; the first writes."""
    if not settings["samples"]:
        return
    lines = answer_samples(
        wrapped, data, clips, clip_ids, tokens, shape, count=settings["samples"], cached=settings["cache_features"]
    )
    if world.first:
        seen = {line["step"] for line in read_lines(folder.path / "samples.jsonl")}
        for line in lines if step not in seen else []:
            folder.append("samples.jsonl", {"step": step, **line})


def save_model(bundle, wrapped, folder, world, settings):
    """The final weights as a plain model with config and tokenizer; adapters are folded in."""
    if wrapped.sharded and world.size > 1:
        from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

        state = get_model_state_dict(wrapped.model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
    else:
        state = {name: getattr(t, "full_tensor", lambda t=t: t)() for name, t in wrapped.model.state_dict().items()}
    if world.first:
        if bundle.adapters:
            state = merged_state(state, **bundle.adapters)
            bundle.adapters = None
        part = folder.path / ".model.part"
        shutil.rmtree(part, ignore_errors=True)
        bundle.model.save_pretrained(part, state_dict=state)
        bundle.write_small(part)
        shutil.rmtree(folder.model, ignore_errors=True)
        part.rename(folder.model)
    world.wait()
