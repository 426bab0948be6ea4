"""Log-probabilities of the starting model for every pair: computed once, kept by content, never a second model."""

import hashlib
import json
from pathlib import Path

import torch

from modelzoo.physvlm.data.order import deal
from modelzoo.physvlm.data.rows import collate
from modelzoo.physvlm.scoring import branch_logps


class NotFinite(Exception):
    """The starting model gives no finite log-probability for a pair; the sentence names it."""


def weights_id(model):
    """A hash of all weights of a model, the same wherever and however it was loaded."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


class Reference:
    """`of(row)` -> (chosen, rejected) log-probability. The table is one file for each starting model, a line a pair.

    Lines are appended as they are computed, so an interrupted run goes on, and the next run with the same model, clips
    and pairs computes nothing.
    """

    def __init__(self, folder, *, model_id, clips, parts):
        self.path = Path(folder) / f"{model_id}.jsonl"
        self.clips, self.parts = clips, parts  # hash of each clip's content; what else decides: frames, kernel, precision
        self.table = {}
        if self.path.exists():
            for line in self.path.read_text().split("\n")[:-1]:
                entry = json.loads(line)
                self.table[entry["key"]] = (entry["chosen"], entry["rejected"])

    def key(self, row):
        return row.key(self.clips[row.clip], *self.parts)

    def of(self, row):
        return self.table[self.key(row)]

    @torch.no_grad()
    def compute(self, rows, model, seen, *, device, budget, visual_tokens, placeholder, pad_id, progress, name_of):
        """Fill the table for all `rows`; those that are known cost nothing.

        `seen(rows, clips)` gives the model what it sees of a batch: {"pixels"}, {"features"} or {"visual_tokens"}.
        """
        keys = [self.key(row) for row in rows]
        missing = [place for place, key in enumerate(keys) if key not in self.table]
        lengths = {place: rows[place].text_tokens + visual_tokens for place in missing}
        clip_of = {place: rows[place].clip for place in missing}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        done = 0
        with open(self.path, "a") as file:
            for places in deal(missing, lengths, clip_of, world=1, budget=budget)[0] if missing else []:
                batch = collate(
                    [rows[place] for place in places], visual_tokens=visual_tokens, placeholder=placeholder, pad_id=pad_id
                )
                logps = (
                    branch_logps(model, batch.to(device), seen([rows[p] for p in places], batch.clips))
                    .view(-1, 2)
                    .double()
                    .cpu()
                )
                for place, (chosen, rejected) in zip(places, logps.tolist(), strict=True):
                    if not torch.isfinite(torch.tensor([chosen, rejected])).all():
                        raise NotFinite(
                            f"The starting model gives no finite log-probability for {name_of(place)}; leave it out."
                        )
                    self.table[keys[place]] = (chosen, rejected)
                    line = {"key": keys[place], "chosen": chosen, "rejected": rejected}
                    file.write(json.dumps(line) + "\n")
                file.flush()
                done += len(places)
                progress(done, len(missing))
