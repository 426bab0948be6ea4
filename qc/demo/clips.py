"""The clips of the demo: rendered by GlitchWorld, brought in and ingested as any others."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
from django.conf import settings

from annotator import importing
from annotator.glitchworld.truth import read_truth
from annotator.ingest.transcode import binary
from annotator.models import Clip
from annotator.sources.files import glitchworld_story
from qc.demo import TRAINING_CLIPS
from studio import jobs
from studio.health import worker_missing
from studio.models import Job

NOT_GAMEPLAY, ONLY_SOUND = "demo-test-card", "demo-only-sound"
_RATE = 30


@dataclass(frozen=True)
class Counts:
    """How many clips of which sort make `clips` in all."""

    plain: int
    pairs: int  # twins: one with and one without its glitch
    odd: int

    @classmethod
    def of(cls, clips):
        pairs, odd = clips // 6, 2 if clips >= 8 else 0
        return cls(plain=max(0, clips - 2 * pairs - odd), pairs=pairs, odd=odd)


@dataclass(frozen=True)
class Part:
    """What one clip is in the demo: its sort, its number there, and the truth where it has one."""

    sort: str  # plain, pair, twin, training, not_gameplay, only_sound
    number: int
    clip: Clip
    created: bool
    truth: object = None


def bring(folder, *, clips, seed, by, progress):
    """Render what the demo needs into `folder` and start the ingest of what is not here yet; returns all its Parts.

    These are `clips` clips and those for training.

    `progress(done, total)` is called after each clip.
    """
    from annotator.glitchworld import make  # physics and drawing, which the demo's second start need not load

    counts, folder, parts = Counts.of(clips), Path(folder), []
    sets = (  # name, clips or pairs of them, share without a glitch; the clips of a smaller demo are among those of a larger
        ("plain", counts.plain, 0.0),
        ("pairs", counts.pairs, 0.0),
        ("training", TRAINING_CLIPS - 1, 0.0),
        ("calm", 1, 1.0),
    )
    total, before = counts.plain + 2 * counts.pairs + TRAINING_CLIPS, 0
    for at, (name, number, free) in enumerate(sets):
        if not number:
            continue

        def tell(done, _total, _seconds, before=before):
            progress(before + done, total)

        twins = name == "pairs"
        seed_of_set = 2 * seed + at % 2 + 1_000_000 * (at // 2)
        make.make_set(
            folder / name, clips=number, seed=seed_of_set, glitch_free=free, twins=twins, progress=tell,
            ffmpeg=settings.FFMPEG,
        )  # fmt: skip
        for index, truth in enumerate(read_truth(folder / name)):
            place = index // 2 if twins else index
            sort = {"plain": "plain", "pairs": "pair" if truth.glitch else "twin"}.get(name, "training")
            story = glitchworld_story(truth, purpose=_purpose(sort, place))
            parts.append(_bring(sort, place, folder / name / truth.video, story=story, truth=truth, by=by))
        before += 2 * number if twins else number
    if counts.odd:
        parts += _odd(folder, by=by)
    return parts


def _purpose(sort, number):
    if sort == "training":
        return Clip.Purpose.TRAINING
    return Clip.Purpose.PRACTICE if sort != "plain" and number > 0 else Clip.Purpose.BENCHMARK


def _bring(sort, number, path, *, story, by, truth=None):
    known = Clip.objects.filter(source=Clip.Source.DEMO, source_id=story.source_id).first()
    if known:
        return Part(sort, number, known, created=False, truth=truth)
    source = Clip.Source.DEMO
    clip, _ = importing.bring(path, original_name=path.name, source=source, by=by, story=story, truth=truth)
    return Part(sort, number, clip, created=True, truth=truth)


def _odd(folder, *, by):
    """Two files as they come in everywhere: one that shows no game, one whose picture was left behind."""
    card, sound = folder / "test-card.mp4", folder / "recording.mp4"
    pattern = ffmpeg.input(f"smptehdbars=size=640x360:rate={_RATE}:duration=3", f="lavfi")
    _encode(ffmpeg.output(pattern, str(card), vcodec="libx264", preset="veryfast", pix_fmt="yuv420p"))
    tone = ffmpeg.input("sine=frequency=220:duration=3", f="lavfi")
    _encode(ffmpeg.output(tone, str(sound), acodec="aac"))
    stories = (
        ("not_gameplay", card, {"source_id": NOT_GAMEPLAY, "title": "Capture card, start of the recording"}),
        ("only_sound", sound, {"source_id": ONLY_SOUND, "title": "Highlights, part 2"}),
    )
    return [
        _bring(sort, 0, path, story=importing.Story(licence="CC0-1.0", text="Made for the demo.", **told), by=by)
        for sort, path, told in stories
    ]


def _encode(output):
    command = output.compile(cmd=binary(), overwrite_output=True)
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def ingest(parts, *, seconds):
    """Wait until workers have ingested all parts, or do it here where no worker is. Returns how many are not through."""
    waiting = {part.clip.pk for part in parts}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        waiting &= set(Clip.objects.filter(pk__in=waiting, state=Clip.State.INGESTING).values_list("pk", flat=True))
        if not waiting:
            break
        queued = [job for job in importing.latest_jobs(waiting).values() if job.state == Job.State.QUEUED]
        if queued and worker_missing("cpu"):
            jobs.run(min(job.pk for job in queued))
        else:
            time.sleep(0.3)
    return len(waiting)
