"""Which rows every step takes, and how they are dealt to processes: pure functions of (seed, epoch, index).

Nothing is carried from step to step, so a resumed run needs only the number of its next step, and a run on another
number of processes takes the same rows in the same steps.
"""

import math

import numpy as np


def _random(*key):
    """A generator that depends on `key` alone, whatever was drawn before."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([abs(int(part)) for part in key])))


def epoch_order(clip_of_item, *, group, seed, epoch):
    """Item numbers in the order of one epoch: items of a clip stand together, at most `group` of them in a row.

    Groups are shuffled, not items; an epoch cuts a clip with many items into other groups than the last one did.
    """
    random = _random(seed, 1, epoch)
    by_clip = {}
    for item in random.permutation(len(clip_of_item)).tolist():
        by_clip.setdefault(clip_of_item[item], []).append(item)
    groups = [items[start : start + group] for items in by_clip.values() for start in range(0, len(items), group)]
    return [item for place in random.permutation(len(groups)).tolist() for item in groups[place]]


def steps_per_epoch(items, batch):
    return math.ceil(items / batch)


def total_steps(items, *, batch, epochs, max_steps):
    """Updates of the whole run; a share of an epoch is rounded up to a whole step."""
    steps = math.ceil(round(steps_per_epoch(items, batch) * epochs, 6)) if epochs else max_steps
    return min(steps, max_steps) if max_steps else steps


class Order:
    """Items of each step. Keeps the order of one epoch at a time, which is all that is ever asked for."""

    def __init__(self, clip_of_item, *, group, batch, seed):
        self._clips, self._group, self._batch, self._seed = clip_of_item, group, batch, seed
        self.per_epoch = steps_per_epoch(len(clip_of_item), batch)
        self._epoch, self._order = None, None

    def items(self, step):
        """(epoch, item numbers) of update `step`, counted from 0. The last step of an epoch may be smaller."""
        epoch, place = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._order = epoch_order(self._clips, group=self._group, seed=self._seed, epoch=epoch)
            self._epoch = epoch
        return epoch, self._order[place * self._batch : (place + 1) * self._batch]


def draw(count, *, seed, epoch, clip, size):
    """`size` numbers below `count` for one clip in one epoch: which candidate of each segment is shown."""
    return _random(seed, 2, epoch, clip).integers(count, size=size)


def deal(items, lengths, clip_of_item, *, world, budget):
    """Micro-batches for each process: a list of `world` lists of lists of items, all with equally many micro-batches.

    Items of one clip go to one process. Processes are filled evenly by tokens; a micro-batch costs its number of rows
    times its longest row, and no more than `budget` tokens unless it is a single row. Where a process has fewer
    micro-batches than the others, an empty list stands: it takes part with a row of weight 0.
    """
    groups = {}
    for item in items:
        groups.setdefault(clip_of_item[item], []).append(item)
    shares, loads = [[] for _ in range(world)], [0] * world
    for group in sorted(groups.values(), key=lambda group: (-sum(lengths[item] for item in group), group)):
        rank = loads.index(min(loads))
        shares[rank] += group
        loads[rank] += sum(lengths[item] for item in group)
    cut = [_micro_batches(share, lengths, clip_of_item, budget) for share in shares]
    most = max(map(len, cut))
    return [batches + [[]] * (most - len(batches)) for batches in cut]


def _micro_batches(items, lengths, clip_of_item, budget):
    """Items of one clip stay together where they fit; clips go by their longest item, so that little is padding."""
    longest = {}
    for item in items:
        longest[clip_of_item[item]] = max(longest.get(clip_of_item[item], 0), lengths[item])
    batches, batch, width = [], [], 0
    for item in sorted(items, key=lambda item: (longest[clip_of_item[item]], clip_of_item[item], lengths[item], item)):
        wider = max(width, lengths[item])
        if batch and wider * (len(batch) + 1) > budget:
            batches.append(batch)
            batch, wider = [], lengths[item]
        batch.append(item)
        width = wider
    return batches + [batch] if batch else batches


def choose(count, most, *, seed, epoch, item):
    """At most `most` of `count` numbers for one item in one epoch, in random order."""
    return _random(seed, 3, epoch, item).permutation(count)[:most].tolist()
