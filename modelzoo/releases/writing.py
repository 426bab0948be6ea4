"""Writing a sealed release to a folder, in any of the formats. The same release gives the same bytes.

The folder appears whole. A killed export leaves its videos in a hidden sibling, and the next one goes on with those whose
SHA-256 is right. Rows of clips that were taken down since are left out; release.json says how many.
"""

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.core.files.storage import default_storage
from django.db.models import Count
from django.utils.translation import gettext as _

from modelzoo import formats, outdir
from modelzoo.exporting import CannotExport
from modelzoo.formats.base import Files, Info
from modelzoo.formats.trainers import pictures
from modelzoo.models import Release, ReleaseClip, Takedown
from modelzoo.releases import cards

MANIFEST = "manifest.json"
ABOUT = "release.json"
ROWS = "rows.sha256"
FRAMES = 8  # of each clip for TRL
BATCH = 2000


class Busy(CannotExport):
    """Another process writes to the same place at the moment."""


class Progress:
    """What an export tells about itself; each call may raise to stop."""

    def videos(self, done, total):
        pass

    def rows(self, done, total):
        pass


@dataclass(frozen=True)
class Written:
    rows: int
    clips: int
    files: int
    bytes: int
    left_out: int  # rows of clips that were taken down
    gone: int  # clips that were taken down


def write(release, out, *, wanted=("physgame",), videos="copy", replace=False, progress=None):
    """Write `release` to the directory `out` as the formats `wanted`; returns `Written`. Raises as `exporting.export`."""
    check(release, wanted)
    progress = progress or Progress()
    out = Path(os.path.abspath(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    outdir.check_free(out, MANIFEST, replace)
    part = out.parent / f".{out.name}.release-{release.sha256[:16]}"
    part.mkdir(exist_ok=True)
    lock = outdir.lock(part)
    if lock is None:
        raise Busy(_("Another export is writing to %(path)s at the moment.") % {"path": out})
    try:
        done = _fill(release, part, wanted, videos, progress)
        for folder, _folders, _names in os.walk(part):
            outdir.sync(folder)
        outdir.move_into_place(part, out, MANIFEST, replace)
        outdir.sync(out.parent)
        return done
    except (CannotExport, outdir.CannotWrite):
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def check(release, wanted):
    """`CannotExport` unless the release is sealed and written as all of these formats."""
    if release.state != Release.State.SEALED:
        raise CannotExport(_("The release %(name)s is not sealed.") % {"name": release.name})
    for name in wanted:
        if name not in formats.for_kind(release.kind):
            words = {"format": name, "kind": release.get_kind_display()}
            words["known"] = ", ".join(formats.for_kind(release.kind))
            raise CannotExport(
                _("A release of %(kind)s is not written as %(format)s. It can be written as: %(known)s.") % words
            )


def rows(release, gone=None):
    """(row id, SHA-256, record text, id of the clip) of every row that was not taken down, in order.

    Read in parts, each a query of its own: what is sealed does not change in between, and memory stays flat. `gone`: ids of
    the `ReleaseClip`s to leave out, looked up when it is not given.
    """
    gone = gone_clips(release) if gone is None else gone
    names, last = ("number", "row_id", "sha256", "record", "released_clip_id"), -1
    while part := list(release.rows.filter(number__gt=last).order_by("number").values_list(*names)[:BATCH]):
        last = part[-1][0]
        yield from (row[1:] for row in part if row[4] not in gone)


def gone_clips(release):
    """Ids of the `ReleaseClip`s that were taken down."""
    marks = Takedown.objects.values("clip_sha256")
    return set(release.clips.filter(sha256__in=marks).values_list("pk", flat=True))


def _fill(release, part, wanted, videos, progress):
    for path in part.iterdir():  # texts of a killed run; they are written anew
        if path.name != Info("", release.kind, "", 0).videos:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    gone = gone_clips(release)
    kept = release.rows.exclude(released_clip__in=gone)
    count, clips = kept.count(), kept.aggregate(clips=Count("released_clip", distinct=True))["clips"]
    if not count:
        raise CannotExport(_("Every clip of %(name)s was taken down.") % {"name": release.name})
    frames = FRAMES if "trl" in wanted and videos != "none" else 0
    info = Info(release.name, release.kind, release.split, count, has_videos=videos != "none", frames=frames)
    files = Files(part)
    if videos == "none":
        shutil.rmtree(part / info.videos, ignore_errors=True)
    else:
        films = {json.loads(text)["video"]: clip for _id, _sha, text, clip in rows(release, gone)}
        _write_videos(release, files, info, films, videos, progress)
    _write_rows(release, files, info, wanted, progress, gone)
    _write_about(release, files, info, wanted, videos, clips=clips)
    size = sum(size for _sha, size in files.written.values())
    return Written(count, clips, len(files.written) + 1, size, release.rows_count - count, len(gone))


def _write_rows(release, files, info, wanted, progress, gone):
    sinks = [formats.FORMATS[name](files, info) for name in dict.fromkeys(wanted)]
    with files.open(ROWS) as hashes:
        for number, (row_id, sha256, text, _clip) in enumerate(rows(release, gone)):
            if hashlib.sha256(text.encode()).hexdigest() != sha256:
                raise CannotExport(_("Row %(id)s of %(name)s is damaged.") % {"id": row_id, "name": release.name})
            if number % 1000 == 0:
                progress.rows(number, info.rows)
            hashes.write(f"{row_id} {sha256}\n")
            record = json.loads(text)
            for sink in sinks:
                sink.add(record)
    for sink in sinks:
        sink.close()
    progress.rows(info.rows, info.rows)


def _write_about(release, files, info, wanted, videos, *, clips):
    about = {
        "name": release.name,
        "kind": release.kind,
        "number": release.number,
        "split": release.split,
        "sha256": release.sha256,
        "rows": info.rows,
        "clips": clips,
        "taken_down_rows": release.rows_count - info.rows,
    }
    files.text(ABOUT, json.dumps(about, indent=1) + "\n")
    files.text("README.md", cards.for_export(release, rows=info.rows, wanted=wanted))
    head = about | {"formats": list(wanted), "videos": "none" if videos == "none" else "original or proxy"}
    entries = {path: {"sha256": sha, "bytes": size} for path, (sha, size) in sorted(files.written.items())}
    with files.open(MANIFEST) as file:
        file.write(json.dumps(head | {"files": entries}, ensure_ascii=False, indent=1) + "\n")
    files.written.pop(MANIFEST)


# ---- Videos and pictures


def _write_videos(release, files, info, films, way, progress):
    folder = files.folder / info.videos
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in films:
            path.unlink()
    clips = {}
    for done, (name, pk) in enumerate(films.items()):
        progress.videos(done, len(films))
        if pk not in clips:
            clips = {pk: ReleaseClip.objects.get(pk=pk)}  # rows of a clip follow one another
        clip, path = clips[pk], folder / name
        files.written[f"{info.videos}/{name}"] = _film(release, clip, path, way)
        if info.frames:
            _pictures(files, path, name, info.frames)
    progress.videos(len(films), len(films))


def _hash(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _film(release, clip, path, way):
    """Bring a film to `path`, unless it is there already; returns (SHA-256, bytes)."""
    if path.exists() and path.stat().st_size == clip.file_bytes and _hash(path) == clip.file_sha256:
        return clip.file_sha256, clip.file_bytes
    path.unlink(missing_ok=True)
    half = path.with_name(f"{path.name}.part")
    half.unlink(missing_ok=True)
    words = {"id": clip.clip_id, "name": release.name, "file": clip.file}
    try:
        if not (way == "link" and _linked(clip.file, half)):
            with default_storage.open(clip.file) as source, half.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
    except FileNotFoundError as error:
        raise CannotExport(_("The video of clip %(id)s of %(name)s is missing: %(file)s.") % words) from error
    if _hash(half) != clip.file_sha256:
        raise CannotExport(
            _("The video of clip %(id)s of %(name)s is damaged: %(file)s has not the SHA-256 it was sealed with.") % words
        )
    half.rename(path)
    return clip.file_sha256, path.stat().st_size


def _linked(name, path):
    """Whether a hard link could be made; where not, the file is copied."""
    with contextlib.suppress(OSError, NotImplementedError):
        os.link(default_storage.path(name), path)
        return True
    return False


def _pictures(files, path, name, count):
    """The middles of `count` equal stretches of a video as JPEG files for TRL."""
    import av

    from modelzoo.physvlm.frames import middle_frame_indices

    with av.open(str(path)) as film:
        total = film.streams.video[0].frames or sum(1 for _frame in film.decode(video=0))
    wanted = middle_frame_indices(total, count)
    targets = pictures(name, count)
    (files.folder / "trl" / targets[0]).parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path)) as film:
        for number, frame in enumerate(film.decode(video=0)):
            for place in [place for place, index in enumerate(wanted) if index == number]:
                picture = frame.to_image()
                picture.thumbnail((448, 448))
                picture.save(files.folder / "trl" / targets[place], quality=90)
                files.note(f"trl/{targets[place]}")
            if number >= wanted[-1]:
                break
