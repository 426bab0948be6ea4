"""What DPO needs of its starting model, computed once before training."""

import functools

import numpy as np
import torch

from modelzoo.physvlm import build
from modelzoo.physvlm.data.visual import VisualTokens
from modelzoo.physvlm.loop import input_name
from modelzoo.physvlm.reference import Reference, weights_id


def prepare_reference(request, spec, bundle, rows, clips, content, shape, world, hooks):
    """(table of the starting model's log-probabilities, visual tokens of the pairs or None), computed by the first process.

    `content` is the hash of each clip. Both depend on the starting model, whose hash names them.
    """
    settings, model = spec["settings"], bundle.model
    model.eval()
    half = settings["precision"] == "bf16"
    if half:
        model.to(torch.bfloat16)

    def arrays(places):
        stacked = torch.from_numpy(np.stack([clips.at(place) for place in places])).to(world.device)
        return stacked.to(model.dtype) if settings["cache_features"] else stacked

    def features(places):
        return arrays(places) if settings["cache_features"] else model.encode_frames(arrays(places))

    model_id = world.share(weights_id(model) if world.first else None)
    parts = [
        settings["frames"],
        bundle.config.video_kernel,
        settings["precision"],
        bundle.frame_size,
        settings["cache_tokens"],
    ]
    table = functools.partial(Reference, request.cache / "reference", model_id=model_id, clips=content, parts=parts)
    visual = None
    how = {"device": world.device, "budget": settings["micro_tokens"], **shape}
    if settings["cache_tokens"]:
        visual = VisualTokens(rows, request.cache / "tokens", clips=content, parts=[model_id, *parts])
        if world.first:
            visual.prepare(model, features, progress=hooks.progress("tokens"), **how)
        world.wait()
        visual.prepare(model, features, **how)

    def seen(batch_rows, places):
        if visual:
            return {"visual_tokens": visual.batch(batch_rows).to(world.device)}
        return {input_name(settings): arrays(places)}

    if world.first:
        names = list(hooks.clip_ids)
        table().compute(
            rows,
            model,
            seen,
            progress=hooks.progress("reference"),
            name_of=lambda place: f"pair {place + 1} (clip {names[rows[place].clip]})",
            **how,
        )
    world.wait()
    if half:  # the policy begins from the weights as they were stored
        bundle.model = build.load(spec["init"], settings).model.to(world.device)
    return table(), visual
