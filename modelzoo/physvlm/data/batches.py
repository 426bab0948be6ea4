"""The batches of every step, made ahead by a thread while the model computes."""

import queue
import threading
from dataclasses import dataclass

import numpy as np
import torch

from modelzoo.physvlm.data import order
from modelzoo.physvlm.data.rows import Batch, collate, merge


@dataclass(frozen=True)
class Micro:
    """One micro-batch of a step. `weight` is 0 for a row that only keeps this process in step with the others."""

    batch: Batch
    clips: torch.Tensor  # pixels (C, T, 3, H, W) bytes, features (C, T, L, D), or visual tokens (B, n, hidden)
    weight: int
    branch_key: torch.Tensor | None = None  # reference log-probabilities of the branches, where there are any


@dataclass(frozen=True)
class Step:
    """What one process does in update `number`, and the totals of that update over all processes."""

    number: int
    epoch: int
    micros: list
    rows: int
    labels: int
    chosen_labels: int
    tokens: int
    clip_ids: list


class Batches:
    """Steps of a run. Rows are merged behind one prefix for each clip when `share_prefix`, `group` of them an epoch.

    clips: an object with `at(place, epoch)` -> array of one clip. `extra(row)` gives numbers for each branch of a row
    (the reference of DPO), or is None; `tokens` the cached visual tokens of the rows, or is None.
    """

    def __init__(
        self, rows, clips, clip_ids, *, settings, visual_tokens, placeholder, pad_id, world, extra=None, tokens=None
    ):
        self.clips, self.clip_ids, self.extra, self.world, self.tokens = clips, clip_ids, extra, world, tokens
        self.seed, self.group, self.budget = settings["seed"], settings["group"], settings["micro_tokens"]
        self.shared = settings["share_prefix"]
        self.collate = {"visual_tokens": visual_tokens, "placeholder": placeholder, "pad_id": pad_id}
        self.visual_tokens = visual_tokens
        self.items = self._by_clip(rows) if self.shared else [[row] for row in rows]
        self.clip_of_item = [item[0].clip for item in self.items]
        self.order = order.Order(
            self.clip_of_item, group=1 if self.shared else self.group, batch=settings["batch"], seed=self.seed
        )
        self.total = order.total_steps(
            len(self.items), batch=settings["batch"], epochs=settings["epochs"], max_steps=settings["max_steps"]
        )

    @staticmethod
    def _by_clip(rows):
        by_clip = {}
        for row in rows:
            by_clip.setdefault(row.clip, []).append(row)
        return list(by_clip.values())

    def row(self, item, epoch):
        rows = self.items[item]
        if len(rows) == 1:
            return rows[0]
        chosen = order.choose(len(rows), self.group, seed=self.seed, epoch=epoch, item=item)
        return merge([rows[place] for place in chosen])

    def plan(self, number):
        """(epoch, {item: row}, micro-batches of all processes) of one update."""
        epoch, items = self.order.items(number)
        rows = {item: self.row(item, epoch) for item in items}
        lengths = {item: row.text_tokens + self.visual_tokens for item, row in rows.items()}
        shares = order.deal(items, lengths, self.clip_of_item, world=self.world.size, budget=self.budget)
        return epoch, rows, shares

    def step(self, number):
        epoch, rows, shares = self.plan(number)
        filler = next(iter(rows))
        micros = [
            self._micro([rows[item] for item in items or [filler]], epoch, weight=int(bool(items)))
            for items in shares[self.world.rank]
        ]
        return Step(
            number=number,
            epoch=epoch,
            micros=micros,
            rows=len(rows),
            labels=sum(row.label_count for row in rows.values()),
            chosen_labels=sum(row.branches[0].label_count for row in rows.values()),
            tokens=sum(row.text_tokens + self.visual_tokens for row in rows.values()),
            clip_ids=sorted({self.clip_ids[row.clip] for row in rows.values()}),
        )

    def _micro(self, rows, epoch, weight):
        batch = collate(rows, **self.collate)
        if self.tokens:
            clips = self.tokens.batch(rows)
        else:
            clips = torch.from_numpy(np.stack([self.clips.at(clip, epoch) for clip in batch.clips]))
        extra = torch.tensor([number for row in rows for number in self.extra(row)]) if self.extra else None
        return Micro(batch, clips, weight, extra)

    def steps(self, start, *, ahead=2):
        """Steps from `start` to the end, `ahead` of them waiting. What goes wrong in the thread is raised here."""
        waiting = queue.Queue(ahead)
        over = threading.Event()

        def put(value):
            while not over.is_set():
                try:
                    return waiting.put(value, timeout=0.5)
                except queue.Full:
                    continue

        def work():
            try:
                for number in range(start, self.total):
                    put(self.step(number))
                    if over.is_set():
                        return
                put(None)
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                put(error)

        thread = threading.Thread(target=work, daemon=True, name="batches")
        thread.start()
        try:
            while (value := waiting.get()) is not None:
                if isinstance(value, BaseException):
                    raise value
                yield value
        finally:
            over.set()
            thread.join()
