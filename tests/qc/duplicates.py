"""Prints, films and pairs for the tests of near-duplicates."""

import functools
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from django.utils import timezone

from annotator import prints
from annotator.glitchworld import clip, video
from annotator.glitchworld.scene import VIDEO
from annotator.ingest.fingerprint import Print
from annotator.ingest.transcode import binary
from qc.duplicates.models import DuplicatePair
from tests.factories import ClipFactory

_folder = Path(tempfile.mkdtemp(prefix="studio-duplicates-"))


@functools.cache
def scene(tag):
    """A film of GlitchWorld: "glitch", the same scene with "other" glitch, and another "scene"."""
    seed, category = {"glitch": (5000, "Gravity"), "other": (5000, "Color"), "scene": (5011, "Velocity")}[tag]
    made = clip.plan(seed=seed, theme="meadow", format=VIDEO, category=category)
    path = _folder / f"{tag}.mp4"
    shape = {"width": VIDEO.width, "height": VIDEO.height, "fps": VIDEO.fps}
    video.encode(made.frames(), path, **shape, quality=made.scene.quality)
    return path


@functools.cache
def edited(name, *options):
    path = _folder / f"{name}.mp4"
    command = [binary(), "-y", "-nostdin", "-loglevel", "error", "-i", scene("glitch"), "-c:v", "libx264"]
    subprocess.run([*command, "-preset", "veryfast", *options, path], check=True)
    return path


def made_up_print(seed, frames=20):
    """A print of a clip that does not exist; the same seed gives the same."""
    rng = np.random.default_rng(seed)
    return Print(rng.integers(0, 256, (frames, 2, 32), dtype=np.uint8), np.full(frames, 100, np.uint8))


def clip_with_print(seed, **fields):
    made = ClipFactory(**fields)
    prints.keep(made.pk, made_up_print(seed))
    return made


def pair(one, other, state="open", *, by=None, cover=0.9, **fields):
    """A pair with evidence for what its state is called."""
    first, second = sorted([one, other], key=lambda clip: clip.pk)
    fields = {"frames": 20, "picture": [1, 0, 1, 0], "cover_first": cover, "cover_second": cover, **fields}
    decided = None if state == "open" else timezone.now()
    return DuplicatePair.objects.create(
        first=first, second=second, state=state, decided_by=by, decided_at=decided, cover_most=cover, **fields
    )
