"""A directory that is there whole or not at all, whatever kills the process that writes it.

The work happens in a hidden sibling that is locked while its writer lives and renamed into place when everything is on
the disk. A sibling whose lock is free belongs to a killed run, and the next run clears it away.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from django.utils.translation import gettext as _


class CannotWrite(Exception):
    """The directory cannot be written there; the sentence says why and what to do."""


def lock(directory):
    """An open descriptor that holds the lock of `directory`, or None when a living process holds it."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        return None
    return fd


def _clear_leftovers(out):
    """Undo what killed runs left beside `out`: half-made directories go, a set that was being replaced comes back."""
    for leftover in sorted(out.parent.glob(f".{glob_escape(out.name)}.*-*")):
        kind = leftover.name.removeprefix(f".{out.name}.").partition("-")[0]
        if kind not in ("part", "old"):
            continue
        fd = lock(leftover)
        if fd is None:
            continue
        if kind == "old" and not out.exists():
            leftover.rename(out)
        else:
            shutil.rmtree(leftover, ignore_errors=True)
        os.close(fd)


def glob_escape(name):
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def sync(path):
    """Bring a file's bytes, or a directory's entries, to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def whole_directory(out, *, marker, replace=False):
    """Yield an empty directory whose content becomes `out` when the block ends well, and vanishes when it does not.

    With `replace` an existing `out` gives way, but only if it holds a file named `marker`: nothing else is deleted.
    Files are brought to the disk by whoever writes them (`sync`); directories here. Raises `CannotWrite`.
    """
    out = Path(os.path.abspath(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(out)
    check_free(out, marker, replace)
    part = Path(tempfile.mkdtemp(prefix=f".{out.name}.part-", dir=out.parent))
    part.chmod(0o755)
    fd = lock(part)
    try:
        yield part
        for folder, _folders, _files in os.walk(part):
            sync(folder)
        move_into_place(part, out, marker, replace)
        sync(out.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
        if fd is not None:
            os.close(fd)


def check_free(out, marker, replace):
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise CannotWrite(_("%(path)s is not a directory. Choose another name.") % {"path": out})
    if not out.exists() or not any(out.iterdir()):
        return
    if not replace:
        raise CannotWrite(
            _("%(path)s is not empty. Choose another directory, or replace it with --replace.") % {"path": out}
        )
    if not (out / marker).is_file():
        raise CannotWrite(
            _("%(path)s holds no %(marker)s, so it is not an export and is not replaced. Choose another directory.")
            % {"path": out, "marker": marker}
        )


def move_into_place(part, out, marker, replace):
    check_free(out, marker, replace)
    old = fd = None
    if out.exists() and any(out.iterdir()):
        fd = lock(out)
        old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old-", dir=out.parent))
        os.rename(out, old)
    try:
        os.rename(part, out)  # takes the place of an empty directory, never of a full one
    except OSError as error:
        if old:
            os.rename(old, out)
        raise CannotWrite(_("%(path)s was filled by somebody else meanwhile.") % {"path": out}) from error
    finally:
        if fd is not None:
            os.close(fd)
    if old:
        shutil.rmtree(old, ignore_errors=True)
