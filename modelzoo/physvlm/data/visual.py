"""Visual tokens of every pair, computed once: in DPO everything below the language model is frozen."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import torch

from modelzoo.physvlm.data.order import deal
from modelzoo.physvlm.data.rows import collate


class VisualTokens:
    """`batch(rows)` -> (B, n, hidden), mapped from a file that runs share. bf16 is kept bit by bit.

    One entry for each clip with each text that guides its pooling. `parts` is what else decides them: model and frames.
    """

    def __init__(self, rows, folder, *, clips, parts):
        self.rows = {}
        for row in rows:
            self.rows.setdefault((row.clip, row.scorer_ids), row)
        self.place_of = {key: place for place, key in enumerate(self.rows)}
        content = [parts, [[clips[clip], guide] for clip, guide in self.rows]]
        name = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        self.path = Path(folder) / f"{name}.npy"
        self._array = None

    @torch.no_grad()
    def prepare(self, model, seen, *, device, budget, visual_tokens, placeholder, pad_id, progress=lambda d, t: None):
        """Compute the file unless an earlier run did. `seen(clips)` gives what the model's `pool` needs of them."""
        if not self.path.exists():
            rows = list(self.rows.values())
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
            half = model.dtype == torch.bfloat16
            array = np.lib.format.open_memmap(
                part,
                mode="w+",
                dtype=np.uint16 if half else np.float32,
                shape=(len(rows), visual_tokens, model.config.text_config.hidden_size),
            )
            lengths, clip_of = dict.fromkeys(range(len(rows)), visual_tokens), {p: r.clip for p, r in enumerate(rows)}
            done = 0
            for places in deal(list(lengths), lengths, clip_of, world=1, budget=budget)[0]:
                batch = collate(
                    [rows[p] for p in places], visual_tokens=visual_tokens, placeholder=placeholder, pad_id=pad_id
                )
                inputs = batch.to(device).inputs
                how = {name: inputs[name] for name in ("scorer_mask", "clip_of_row")}
                tokens = torch.stack(list(model.pool(seen(batch.clips), inputs["scorer_ids"], **how))).cpu()
                array[places] = tokens.view(torch.uint16).numpy() if half else tokens.float().numpy()
                done += len(places)
                progress(done, len(rows))
            array.flush()
            del array
            os.replace(part, self.path)
        self._array = np.load(self.path, mmap_mode="r")

    def batch(self, rows):
        array = self._array[[self.place_of[row.clip, row.scorer_ids] for row in rows]]
        tokens = torch.from_numpy(array)
        return tokens.view(torch.bfloat16) if tokens.dtype == torch.uint16 else tokens
