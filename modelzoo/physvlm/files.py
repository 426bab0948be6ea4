"""Files that are there whole or not at all."""

import hashlib
import json
import os
from pathlib import Path

_EDGE = 1 << 20


def write_text(path, text):
    """Replace the file at `path` by `text`, on the disk before the name points to it."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def write_json(path, value):
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def sync_folder(folder):
    """Bring the names in a folder to the disk."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def weights_hash(path):
    """SHA-256 over name, size and both ends of each file of a folder: tells models apart without reading all of 15 GB."""
    digest = hashlib.sha256()
    for file in sorted(one for one in Path(path).rglob("*") if one.is_file()):
        size = file.stat().st_size
        digest.update(f"{file.relative_to(path)}:{size}\n".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(_EDGE))
            if size > _EDGE:
                opened.seek(max(_EDGE, size - _EDGE))
                digest.update(opened.read(_EDGE))
    return digest.hexdigest()
