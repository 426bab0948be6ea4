"""Which clips have a frame that looks like one of these: multi-index hashing in memory, filled from PostgreSQL.

A code has 128 bits. Four groups of 16, taken from the lowest frequencies, are looked up exactly; what is found there is
compared in full. A frame that was re-coded, scaled or written on keeps at least one of its groups almost always, and a clip
has many frames. A million clips of ten seconds are 20 million codes: 36 bytes each.

The index is a cache of this process: it reads rows of `Fingerprint` with a higher id than it has seen, and those become
visible in the order of their ids (annotator/prints.py). Rows of clips that were made anew or deleted stay in it until the
process ends; whoever asks looks the found clips up in the database anyway.
"""

import threading

import numpy as np

CODE_BYTES = 16
GROUPS = 4
RADIUS = 20  # of 128 bits; two frames that have nothing in common differ in 64, give or take 6
CROWDED = 50_000  # codes that share one group: blank frames and menus, which say nothing about a clip
_TAIL = 200_000  # codes that are compared one by one before they are sorted in


class Index:
    """Codes and whose they are. `add` and `search` may be called from several threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self.clips = np.empty(0, np.int64)  # by owner number
        self._codes = np.empty((0, 2), np.uint64)
        self._owners = np.empty(0, np.int32)
        self._orders, self._starts = [], []
        self._sorted = 0

    def __len__(self):
        return len(self._codes)

    @property
    def bytes(self):
        return sum(array.nbytes for array in (self.clips, self._codes, self._owners, *self._orders, *self._starts))

    def add(self, clip_ids, counts, codes):
        """`codes` is uint8 (n, 16), `counts` says how many of them each clip has."""
        with self._lock:
            owners = np.repeat(np.arange(len(clip_ids), dtype=np.int32), counts) + np.int32(len(self.clips))
            self.clips = np.concatenate([self.clips, np.asarray(clip_ids, np.int64)])
            self._codes = np.concatenate([self._codes, np.ascontiguousarray(codes).view(np.uint64)])
            self._owners = np.concatenate([self._owners, owners])
            if len(self._codes) - self._sorted > max(_TAIL, self._sorted // 50):
                self._sort()

    def sort(self):
        """Make what was added quick to search. `add` does so by itself once it is much."""
        with self._lock:
            self._sort()

    def _sort(self):
        self._orders, self._starts = [], []
        for group in range(GROUPS):
            words = _group(self._codes, group)
            self._orders.append(np.argsort(words, kind="stable").astype(np.int32))
            counts = np.bincount(words, minlength=1 << 16)
            self._starts.append(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
        self._sorted = len(self._codes)

    def search(self, codes, *, radius=RADIUS):
        """(clip ids, votes): how many of the codes uint8 (n, 16) are near one of each clip's; most votes first."""
        with self._lock:
            wanted = np.ascontiguousarray(codes).view(np.uint64)
            pairs = [self._near_tail(wanted, radius)] if self._sorted < len(self._codes) else []
            for group, (order, starts) in enumerate(zip(self._orders, self._starts, strict=True)):
                for number, word in enumerate(_group(wanted, group)):
                    rows = order[starts[word] : starts[int(word) + 1]]
                    if 0 < len(rows) <= CROWDED:
                        near = rows[_distance(self._codes[rows], wanted[number]) <= radius]
                        pairs.append(self._owners[near].astype(np.int64) << 32 | number)
            found = np.unique(np.concatenate(pairs)) if pairs else np.empty(0, np.int64)
            owners, votes = np.unique(found >> 32, return_counts=True)
            order = np.argsort(-votes, kind="stable")
            return self.clips[owners[order]], votes[order]

    def _near_tail(self, wanted, radius):
        tail, owners = self._codes[self._sorted :], self._owners[self._sorted :].astype(np.int64)
        return np.concatenate(
            [owners[_distance(tail, code) <= radius] << 32 | number for number, code in enumerate(wanted)]
            or [np.empty(0, np.int64)]
        )


def _group(codes, group):
    """The 16 bits of one group, uint16 (n,): columns 0 to 7 of rows 2 * group and the next of the cosine transform."""
    rows = codes.view(np.uint8).reshape(len(codes), CODE_BYTES)
    return rows[:, 4 * group].astype(np.uint16) << 8 | rows[:, 4 * group + 2]


def _distance(codes, code):
    return np.bitwise_count(codes ^ code).sum(axis=1)
