"""Make a set of clips in a folder, with all cores, so that a run that was killed goes on where it was.

    settings.json               what was asked for; a folder without it is not touched
    clips/{clip_id}.mp4         or arrays.npy, uint8 (rows, frames, height, width, 3) RGB
    truth.jsonl                 appears when the set is complete
    parts/                      truths and questions of the clips that are ready, while the set is not complete

Every file gets its name only when it is whole, and what a clip is depends on its number alone, so a resumed run ends with
the same bytes as one that was never stopped.
"""

import difflib
import json
import os
import shutil
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from annotator.glitchworld import catalogue, clip, video
from annotator.glitchworld.pairs import GLITCH_FREE, ask, write_files
from annotator.glitchworld.plain import PAIRS
from annotator.glitchworld.scene import ARRAY, PLAIN, VIDEO
from annotator.glitchworld.streams import stream
from annotator.glitchworld.truth import WORLD

SETTINGS, TRUTH, ARRAYS, PARTS, CLIPS = "settings.json", "truth.jsonl", "arrays.npy", "parts", "clips"
LEVELS = FULL, PLAIN_LEVEL = "full", "plain"
MOST_PAIRS = 11  # as many other categories as there are
NUMBERS = 1_000_000  # clips a set may have; the seed of clip n is seed * NUMBERS + n
_BATCH = {True: 24, False: 1}  # clips of one task: arrays, videos
_VIDEO_BYTES = 900_000  # room to ask for each video; most need a third of it
_SPARE_BYTES = 50_000_000


class CannotMake(Exception):
    """The set cannot be made; the sentence says why and what to do."""


@dataclass(frozen=True)
class Settings:
    """What decides every byte of a set."""

    clips: int  # without the twins
    seed: int
    themes: tuple[str, ...]
    categories: tuple[str, ...]
    glitch_free: float  # share of the clips
    twins: bool  # each clip with a glitch also without it
    arrays: bool
    world: int = WORLD
    level: str = FULL
    pairs: int = PAIRS  # of a clip, at the plain level
    stills: float = 0.0  # share of the clips that stand still

    def __post_init__(self):
        if not 1 <= self.clips <= NUMBERS:
            raise CannotMake(f"A set has 1 to {NUMBERS} clips, not {self.clips}.")
        if self.seed < 0:
            raise CannotMake(f"A seed is 0 or more, not {self.seed}.")
        if not 0 <= self.glitch_free <= 1:
            raise CannotMake(f"The share of glitch-free clips lies between 0 and 1, not at {self.glitch_free}.")
        if not 0 <= self.stills <= 1:
            raise CannotMake(f"The share of stills lies between 0 and 1, not at {self.stills}.")
        if self.stills and not self.arrays:
            raise CannotMake(
                "Stills are for training small models and made as arrays only; add --arrays, or leave out --stills."
            )
        if self.level not in LEVELS:
            raise CannotMake(f"There is no level {self.level!r}; there are {', '.join(LEVELS)}.")
        if self.level == PLAIN_LEVEL and not self.arrays:
            raise CannotMake("The plain level is for small models and made as arrays only; add --arrays.")
        if self.pairs != PAIRS and self.level != PLAIN_LEVEL:
            raise CannotMake(
                "Only the plain level has a number of pairs to choose; add --level plain, or leave out --pairs."
            )
        if not 1 <= self.pairs <= MOST_PAIRS:
            raise CannotMake(f"A clip has 1 to {MOST_PAIRS} pairs, not {self.pairs}.")
        for name in self.themes:
            _known(name, catalogue.THEMES, "theme")
        for name in self.categories:
            _known(name, catalogue.CATEGORIES, "category")

    @property
    def format(self):
        return (PLAIN if self.level == PLAIN_LEVEL else ARRAY) if self.arrays else VIDEO

    def text(self):
        """As it stands in the folder; what is as usual is not named, so that sets from before there was a choice go on."""
        rows = asdict(self)
        if self.pairs == PAIRS:
            del rows["pairs"]
        if self.level == FULL:
            del rows["level"]
        if not self.stills:
            del rows["stills"]
        return json.dumps(rows, indent=1) + "\n"


@dataclass(frozen=True)
class Label:
    """What clip `number` is to be; known before anything is drawn."""

    number: int
    theme: str
    category: str | None  # None: no glitch
    row: int  # of its first picture in arrays.npy; a twin has the next one
    still: bool = False  # all its pictures show its middle frame


def _known(name, names, what):
    if name not in names:
        close = difflib.get_close_matches(name.lower(), [one.lower() for one in names], n=1, cutoff=0.4)
        near = next((one for one in names if close and one.lower() == close[0]), None)
        hint = f"Did you mean {near}?" if near else f"There are {', '.join(names)}."
        raise CannotMake(f"There is no {what} {name!r}. {hint}")


def labels(settings):
    """The label of every clip: categories and themes in shuffled rounds, each independent of the other."""
    found, row, glitches = [], 0, 0
    rounds = {}

    def dealt(names, purpose, index):
        turn, place = divmod(index, len(names))
        if (purpose, turn) not in rounds:
            order = list(names)
            stream(settings.seed, "labels", purpose, turn).shuffle(order)
            rounds[purpose, turn] = order
        return rounds[purpose, turn][place]

    for number in range(settings.clips):
        free = stream(settings.seed, "labels", "free", number).random() < settings.glitch_free
        category = None
        if not free:
            category = dealt(settings.categories, "category", glitches)
            glitches += 1
        still = stream(settings.seed, "labels", "still", number).random() < settings.stills
        found.append(Label(number, dealt(settings.themes, "theme", number), category, row, still))
        row += 2 if settings.twins and not free else 1
    return found, row


def make_set(
    out,
    *,
    clips,
    seed,
    themes=None,
    categories=None,
    glitch_free=GLITCH_FREE,
    twins=False,
    arrays=False,
    level=FULL,
    pairs=PAIRS,
    stills=0.0,
    workers=None,
    ffmpeg=None,
    progress=None,
):
    """Make, or go on with, the set in the folder `out` and return how many clips it has, twins included.

    `progress(done, total, bytes_written)` is called now and then. Raises CannotMake; then the folder is as it was, or
    holds a set that the same call goes on with.
    """
    settings = Settings(
        clips=clips,
        seed=seed,
        themes=tuple(themes or catalogue.THEMES),
        categories=tuple(categories or catalogue.CATEGORIES),
        glitch_free=float(glitch_free),
        twins=bool(twins),
        arrays=bool(arrays),
        level=level,
        pairs=pairs,
        stills=float(stills),
    )
    out = Path(out).absolute()
    if workers is not None and workers < 1:
        raise CannotMake(f"At least one process is needed, not {workers}.")
    try:
        _prepare(out, settings)
        all_labels, rows = labels(settings)
        if settings.arrays and not (out / ARRAYS).exists():
            _empty_arrays(out, settings.format, rows)
        if not (out / TRUTH).exists():
            _fill(out, settings, all_labels, rows, workers, ffmpeg, progress)
            _finish(out, settings, all_labels)
    except OSError as error:
        raise CannotMake(f"{error.filename or out}: {error.strerror or error}. Free some room or choose another folder.")
    return rows


def _prepare(out, settings):
    """Leave `out` as a folder of exactly these settings, or raise CannotMake and leave it as it was."""
    text = settings.text()
    known = out / SETTINGS
    if known.exists():
        if known.read_text(encoding="utf-8") != text:
            raise CannotMake(f"{out} holds a set made with other settings ({known.name} says which); choose another folder.")
        return
    if out.exists() and not out.is_dir():
        raise CannotMake(f"{out} is not a folder.")
    if out.exists() and any(out.iterdir()):
        raise CannotMake(f"{out} is not empty and holds no set of clips; choose another folder.")
    home = next(parent for parent in (out, *out.parents) if parent.exists())
    if not os.access(home, os.W_OK | os.X_OK):
        raise CannotMake(f"{home} cannot be written to; choose another folder.")
    format = settings.format
    each = format.frames * format.width * format.height * 3 if settings.arrays else _VIDEO_BYTES
    most = settings.clips * (2 if settings.twins else 1)
    need, free = most * each + _SPARE_BYTES, shutil.disk_usage(home).free
    if need > free:
        raise CannotMake(f"The set may take {need / 1e9:.1f} GB and {home} has {free / 1e9:.1f} GB left; free some room.")
    out.mkdir(parents=True, exist_ok=True)
    (out / PARTS).mkdir(exist_ok=True)
    if not settings.arrays:
        (out / CLIPS).mkdir(exist_ok=True)
    write_whole(known, text)


def _empty_arrays(out, format, rows):
    """The array file in its full length, still without pictures."""
    shape = (rows, format.frames, format.height, format.width, 3)
    np.lib.format.open_memmap(out / f".{ARRAYS}", mode="w+", dtype=np.uint8, shape=shape).flush()
    os.replace(out / f".{ARRAYS}", out / ARRAYS)


def write_whole(path, text):
    """A text file that is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _fill(out, settings, all_labels, rows, workers, ffmpeg, progress):
    """Make every clip that is not there yet."""
    size = _BATCH[settings.arrays]
    batches = [all_labels[start : start + size] for start in range(0, len(all_labels), size)]
    left = [batch for batch in batches if not _part(out, batch).exists()]
    for leftover in (out / CLIPS).glob(".*.part.mp4"):
        leftover.unlink(missing_ok=True)

    def pictures(batch):
        return sum(2 if settings.twins and label.category else 1 for label in batch)

    done = rows - sum(map(pictures, left))
    work = partial(_make_batch, str(out), settings, ffmpeg)
    started = time.monotonic()

    def tell():
        if progress:
            progress(done, rows, time.monotonic() - started)

    tell()
    count = min(workers or os.cpu_count() or 1, max(1, len(left)))
    if count == 1:
        for batch in left:
            work(batch)
            done += pictures(batch)
            tell()
        return
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_leave_with, initargs=(os.getpid(),))
    try:
        queue, waiting = iter(left), {}
        while True:
            while len(waiting) < 3 * count and (batch := next(queue, None)) is not None:
                waiting[pool.submit(work, batch)] = batch
            if not waiting:
                break
            ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in ready:
                batch = waiting.pop(future)
                future.result()
                done += pictures(batch)
            tell()
    except BrokenProcessPool:
        raise CannotMake("One of the processes was ended from outside; run the same command again to go on.")
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _leave_with(parent):
    """End this process when the one that started it is gone, so that a killed run leaves nobody behind."""

    def watch():
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _part(out, batch):
    return out / PARTS / f"{batch[0].number:07d}.tsv"


def _make_batch(out, settings, ffmpeg, batch):
    """Draw a few clips, and then, when all their pictures are whole, write their truths."""
    out, truths = Path(out), []
    arrays = np.load(out / ARRAYS, mmap_mode="r+") if settings.arrays else None
    for label in batch:
        one = clip.plan(
            seed=settings.seed * NUMBERS + label.number, theme=label.theme, format=settings.format, category=label.category
        )
        still = settings.format.frames // 2 if label.still else None
        pair = [one, one.twin()] if settings.twins and label.category else [one]
        for index, each in enumerate(pair):
            other = pair[1 - index].clip_id if len(pair) == 2 else None
            if arrays is not None:
                arrays[label.row + index] = each.array(still)
                truths.append(each.truth(row=label.row + index, twin=other, still=still))
            else:
                name, format = f"{CLIPS}/{each.clip_id}.mp4", settings.format
                shape = {"width": format.width, "height": format.height, "fps": format.fps}
                video.encode(each.frames(), out / name, **shape, quality=each.scene.quality, ffmpeg=ffmpeg)
                truths.append(each.truth(video=name, twin=other))
    if arrays is not None:
        arrays.flush()
    plain = settings.level == PLAIN_LEVEL
    how = {"seed": settings.seed, "glitch_free": settings.glitch_free, "plain": plain, "pairs": settings.pairs}
    asked = [ask(truth, **how) for truth in truths]
    lines = [truth.to_json() + "\t" + json.dumps(records) + "\n" for truth, records in zip(truths, asked, strict=True)]
    write_whole(_part(out, batch), "".join(lines))


def _finish(out, settings, all_labels):
    """All clips are there: write questions and pairs, and last the truth, which makes the set complete."""
    size, truths, asked = _BATCH[settings.arrays], [], []
    for start in range(0, len(all_labels), size):
        for line in _part(out, all_labels[start : start + size]).read_text(encoding="utf-8").splitlines():
            truth, _, records = line.partition("\t")
            truths.append(truth + "\n")
            asked.append(json.loads(records))
    write_files(out, asked, write=write_whole)
    write_whole(out / TRUTH, "".join(truths))
    shutil.rmtree(out / PARTS)
