"""The data of a run, frozen in its folder: what was trained on stays known, and cannot change under a run.

data/rows.jsonl        one record a line: {"kind", ...}
data/clips.jsonl       {"clip_id", "path", "row", "sha256"}: media stay where they are, and are known by their hash
data/left_out.jsonl    clips that a list named beforehand
data/manifest.json     {"sources", "files": {name: sha256}, "sha256"}: the hash of all, which checkpoints carry
"""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from modelzoo.physvlm.data.sources import BadData, Conversation, Data, Media, Pair, Question
from modelzoo.physvlm.files import write_json, write_text

_KINDS = {"conversation": Conversation, "pair": Pair, "question": Question}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_BLOCK = 1 << 22


def sha256_of(path):
    """Hash of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def sha256_of_row(array, row):
    return hashlib.sha256(np.ascontiguousarray(array[row]).tobytes()).hexdigest()


def _hashes(clips, progress):
    """{clip_id: hash of what its frames come from}, videos hashed on several threads."""
    arrays = {media.path: open_array(media.path) for media in clips.values() if media.row is not None}

    def one(item):
        clip_id, media = item
        try:
            return clip_id, sha256_of(media.path) if media.row is None else sha256_of_row(arrays[media.path], media.row)
        except (OSError, IndexError) as error:
            raise BadData(f"The clip {clip_id} cannot be read ({media.path}): {error}.") from error

    result = {}
    with ThreadPoolExecutor(4) as pool:
        for done, (clip_id, digest) in enumerate(pool.map(one, clips.items()), 1):
            result[clip_id] = digest
            progress(done, len(clips))
    return result


def open_array(path):
    """The frames of many clips, (N, T, H, W, 3) bytes, mapped and not read; BadData for anything else."""
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise BadData(f"{path} cannot be read as an array: {error}.") from error
    if array.dtype != np.uint8 or array.ndim != 5 or array.shape[-1] != 3:
        raise BadData(
            f"{path} must hold bytes of shape (clips, frames, height, width, 3); it holds {array.dtype} {array.shape}."
        )
    return array


def freeze(data, folder, *, left_out=(), progress=lambda done, total: None):
    """Write `data` into the new folder `folder` and return its manifest. What is written is brought to the disk."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    hashes = _hashes(data.clips, progress)
    clips = [{"clip_id": clip_id, **asdict(media), "sha256": hashes[clip_id]} for clip_id, media in data.clips.items()]
    rows = [{"kind": _NAMES[type(row)], **asdict(row)} for row in (*data.conversations, *data.pairs, *data.questions)]
    files = {}
    for name, lines in (
        ("rows.jsonl", rows),
        ("clips.jsonl", clips),
        ("left_out.jsonl", [{"clip_id": c} for c in left_out]),
    ):
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_text(folder / name, text)
        files[name] = hashlib.sha256(text.encode()).hexdigest()
    # where a folder lies says nothing about what is in it
    content = [[clip["clip_id"], clip["sha256"]] for clip in clips] + [files["rows.jsonl"]]
    manifest = {
        "sources": data.sources,
        "files": files,
        "sha256": hashlib.sha256(json.dumps(content).encode()).hexdigest(),
    }
    write_json(folder / "manifest.json", manifest)
    return manifest


def thaw(folder):
    """(Data, {clip_id: sha256}, manifest) of a frozen folder; BadData if a file of it was changed."""
    folder = Path(folder)
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        for name, digest in manifest["files"].items():
            if sha256_of(folder / name) != digest:
                raise BadData(f"{folder / name} is not what the run froze; begin a new run from the source.")
    except OSError as error:
        raise BadData(f"{error.filename} cannot be read, so the run's data is lost: {error.strerror}.") from error
    data, hashes = Data(sources=manifest["sources"]), {}
    for line in (folder / "clips.jsonl").read_text().split("\n")[:-1]:
        clip = json.loads(line)
        data.clips[clip["clip_id"]] = Media(clip["path"], clip["row"])
        hashes[clip["clip_id"]] = clip["sha256"]
    lists = {Conversation: data.conversations, Pair: data.pairs, Question: data.questions}
    for line in (folder / "rows.jsonl").read_text().split("\n")[:-1]:
        row = json.loads(line)
        kind = _KINDS[row.pop("kind")]
        lists[kind].append(kind(**{key: _tuples(value) for key, value in row.items()}))
    return data, hashes, manifest


def _tuples(value):
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
