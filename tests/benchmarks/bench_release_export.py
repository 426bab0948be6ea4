"""140,057 question-answer pairs on 38,957 clips written in every format without videos; the database takes no part.

Prints seconds and peak memory; the memory of ten times fewer rows beside it shows that it does not grow with them.
"""

import json
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
django.setup()

from modelzoo import formats  # noqa: E402 -- needs the settings
from modelzoo.formats.base import Files, Info  # noqa: E402
from modelzoo.releases import content  # noqa: E402


class _Release:
    """Rows of a release, made up on the way."""

    name, kind, split = "bench", "instruct", "train"

    def __init__(self, clips, pairs):
        self.clips, self.pairs = clips, pairs

    def records(self):
        left = self.pairs
        for index in range(self.clips):
            turns = max(1, round(left / (self.clips - index)))
            left -= turns
            turn = {"i": "", "q": "What unusual behaviour appears in this video?", "a": "The crate hangs in the air. " * 6}
            yield {"id": f"c{index}", "video": f"c{index}.mp4", "QA": [turn] * turns, "clip_sha256": "0" * 64}


def _run(clips, pairs):
    release, folder = _Release(clips, pairs), Path(tempfile.mkdtemp(prefix="bench-release-"))
    started, written = time.monotonic(), 0
    try:
        files, info = Files(folder), Info(release.name, release.kind, release.split, clips)
        sinks = [formats.FORMATS[name](files, info) for name in formats.for_kind(release.kind)]
        for record in release.records():
            record = json.loads(content.canonical(record))
            for sink in sinks:
                sink.add(record)
            written += len(record["QA"])
        for sink in sinks:
            sink.close()
    finally:
        shutil.rmtree(folder)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{written} pairs, {len(sinks)} formats: {time.monotonic() - started:.1f} s, peak {peak:.0f} MB")


def main():
    _run(3_896, 14_006)
    _run(38_957, 140_057)


if __name__ == "__main__":
    main()
