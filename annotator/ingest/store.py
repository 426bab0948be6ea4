"""Files kept by content in Django's default storage (a folder or S3): `originals/ab/<sha256>.mp4` and what is made of them.

Nothing is named by a person. A file gets its final name only when it is whole, so a name that exists is always right.
"""

import hashlib
import os
import shutil
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

CHUNK = 1024 * 1024
SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .flv .ts .mts .m2ts .mpg .mpeg .wmv .asf .ogv .ogg .3gp .3g2".split()
)  # what a video is usually called; anything else is kept as .bin
_LEFTOVER_AFTER_S = 24 * 3600


class TooBig(Exception):
    """More bytes came than settings.UPLOAD_MAX_BYTES."""


def suffix_of(name):
    """The suffix of a file name if it is one of a video, else ".bin"."""
    suffix = os.path.splitext(name)[1].lower()
    return suffix if suffix in SUFFIXES else ".bin"


def has_paths():
    """True when the default storage keeps plain local files."""
    try:
        default_storage.path("x")
    except NotImplementedError:
        return False
    return True


def work_dir():
    """Where files lie while they are not whole: beside the media where that is a folder, so that a rename is enough."""
    folder = Path(default_storage.path("work") if has_paths() else Path(tempfile.gettempdir()) / "physgame-studio")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_leftovers():
    """Delete what processes that were killed left in `work_dir` more than a day ago."""
    before = time.time() - _LEFTOVER_AFTER_S
    for path in work_dir().iterdir():
        try:
            if path.stat().st_mtime < before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except OSError:
            continue  # another process was first


class Incoming:
    """A file on its way in: bytes go to a temporary file and into the SHA-256 at once. `close` deletes what was not kept."""

    def __init__(self):
        self.size = 0
        self._hash = hashlib.sha256()
        self.path = work_dir() / f"incoming-{uuid.uuid4().hex}"
        self._file = self.path.open("xb")

    def write(self, chunk):
        self.size += len(chunk)
        if self.size > settings.UPLOAD_MAX_BYTES:
            raise TooBig
        self._hash.update(chunk)
        self._file.write(chunk)

    def finish(self):
        """All bytes came: they are on disk when this returns."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return self

    @property
    def sha256(self):
        return self._hash.hexdigest()

    def close(self):
        self._file.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    @classmethod
    def of(cls, source):
        """Copy a path or an open binary file in. OSError when it cannot be read, TooBig when it is too long."""
        if isinstance(source, str | os.PathLike):
            with open(source, "rb") as file:
                return cls.of(file)
        incoming = cls()
        try:
            while chunk := source.read(CHUNK):
                incoming.write(chunk)
            return incoming.finish()
        except BaseException:
            incoming.close()
            raise


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep(path, folder, sha256, suffix):
    """Give a finished file its name by content in `folder`, moving it where possible; returns the name in the storage."""
    name = f"{folder}/{sha256[:2]}/{sha256}{suffix}"
    if has_paths():
        target = Path(default_storage.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        if settings.FILE_UPLOAD_PERMISSIONS is not None:
            os.chmod(path, settings.FILE_UPLOAD_PERMISSIONS)
        os.replace(path, target)
    elif not default_storage.exists(name):  # one PUT: an object store shows it whole or not at all
        with open(path, "rb") as file:
            default_storage.save(name, File(file))
    return name


def exists(name):
    return bool(name) and default_storage.exists(name)


def remove(*names):
    for name in filter(None, names):
        default_storage.delete(name)


@contextmanager
def local(name):
    """The path of a stored file on this machine; downloaded for the time of the block if it lies elsewhere."""
    if has_paths():
        yield Path(default_storage.path(name))
        return
    path = work_dir() / f"fetched-{uuid.uuid4().hex}{os.path.splitext(name)[1]}"
    try:
        with default_storage.open(name, "rb") as source, path.open("xb") as target:
            shutil.copyfileobj(source, target, CHUNK)
        yield path
    finally:
        path.unlink(missing_ok=True)
