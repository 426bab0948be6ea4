"""What formats share: files that are hashed while they are written, and what is known about the release."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

VIDEOS = {"benchmark": "PhysGame-Benchmark", "instruct": "PhysInstruct", "preference": "PhysDPO"}


@dataclass(frozen=True)
class Info:
    name: str
    kind: str
    split: str
    rows: int
    has_videos: bool = False  # the video files are there before the first row comes
    frames: int = 0  # pictures of each clip, for readers that know no video; 0: none are made

    @property
    def videos(self):
        """The folder of the video files in an export."""
        return VIDEOS[self.kind]


class Files:
    """The files of an export: {path: (SHA-256, bytes)}, in the order in which they were ended."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.written = {}

    def open(self, path):
        return _Text(self, path)

    def text(self, path, text):
        with self.open(path) as file:
            file.write(text)

    def note(self, path):
        """Hash a file that somebody else wrote, and bring it to the disk."""
        digest, size = hashlib.sha256(), 0
        with (self.folder / path).open("rb") as file:
            while data := file.read(1 << 20):
                digest.update(data)
                size += len(data)
            os.fsync(file.fileno())
        self.written[path] = (digest.hexdigest(), size)


class _Text:
    def __init__(self, files, path):
        self.files, self.path = files, path
        (files.folder / path).parent.mkdir(parents=True, exist_ok=True)
        self.file = (files.folder / path).open("wb", buffering=1 << 20)
        self.digest, self.size = hashlib.sha256(), 0

    def write(self, text):
        data = text.encode()
        self.file.write(data)
        self.digest.update(data)
        self.size += len(data)

    def close(self):
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self.files.written[self.path] = (self.digest.hexdigest(), self.size)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class Listed:
    """A JSON list, or JSON lines, written one object at a time."""

    def __init__(self, files, path):
        self.lines = path.endswith(".jsonl")
        self.file = files.open(path)
        self.count = 0

    def add(self, value):
        text = json.dumps(value, ensure_ascii=False)
        if self.lines:
            self.file.write(text + "\n")
        else:
            self.file.write((",\n" if self.count else "[\n") + text)
        self.count += 1

    def close(self):
        if not self.lines:
            self.file.write("\n]\n" if self.count else "[]\n")
        self.file.close()
