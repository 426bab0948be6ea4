"""Writing the public PhysGame format: approved questions on accepted clips, their videos, a tree, a manifest and a card.

The same data gives the same bytes. Texts are read as one snapshot in a stream; a directory appears whole or not at all.
"""

import errno
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator import families, letters
from annotator.models import OPTION_KEYS, Clip, Question, Revision
from annotator.taxonomy import CATEGORIES
from modelzoo import card, physgame
from modelzoo.outdir import whole_directory
from qc import leak_verdicts
from qc.models import LeakCheck
from studio.llm import endpoints

MANIFEST, CARD = "manifest.json", "README.md"
FORMAT = "physgame-export-1"
VIDEO_WAYS = ("copy", "link", "none")
VIDEO_FILES = ("original", "proxy")
PURPOSES = ("benchmark", "training", "all")
_CHUNK = 1024 * 1024


class CannotExport(Exception):
    """Nothing was written; the sentence says why and names the question where one is to blame."""


@dataclass(frozen=True)
class Options:
    """`videos`: how video files get in; `video_file`: which one; `purpose`: of which clips.

    `allow_unchecked`: also questions whose leak check is neither clear nor waived; the card then says so.
    """

    videos: str = "copy"
    video_file: str = "original"
    purpose: str = "benchmark"
    allow_unchecked: bool = False

    def __post_init__(self):
        for value, known in [(self.videos, VIDEO_WAYS), (self.video_file, VIDEO_FILES), (self.purpose, PURPOSES)]:
            if value not in known:
                raise ValueError(f"{value!r} is not one of {', '.join(known)}")


@dataclass(frozen=True)
class Summary:
    questions: int
    clips: int
    files: int
    bytes: int
    changed_ids: int
    left_out: int  # approved questions on accepted clips that have not passed the leak check


class Progress:
    """What an export tells about itself. `texts` may not touch the database: it is called inside the snapshot."""

    def texts(self, done):
        pass

    def videos(self, done, total):
        pass


def approved(purpose="all"):
    """Revisions that an export holds: the approved wording, on a ready clip whose content was accepted.

    Clips for practice are in no export: everybody who practised knows what happens in them.
    """
    rows = Revision.objects.filter(
        number=F("question__revision_number"),
        question__state=Question.State.APPROVED,
        question__clip__state=Clip.State.READY,
        question__clip__content=Clip.Content.ACCEPTED,
    )
    chosen = [Clip.Purpose.BENCHMARK, Clip.Purpose.TRAINING] if purpose == "all" else [purpose]
    return rows.filter(question__clip__purpose__in=chosen)


@contextmanager
def snapshot(*, write=False):
    """Let all statements of the block see the database at one moment (inside another transaction: as that one does).

    What is written there is kept whole or not at all.
    """
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute(f"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ{'' if write else ', READ ONLY'}")
        yield


def export(out, *, options=None, replace=False, progress=None):
    """Write the export to the directory `out`; returns a `Summary`.

    Raises `CannotExport` or `outdir.CannotWrite`, and then nothing is there. `progress` may raise to stop.
    """
    options = options or Options()
    progress = progress or Progress()
    with whole_directory(out, marker=MANIFEST, replace=replace) as folder:
        files = []  # (path in the export, SHA-256, size)
        stats = card.Statistics()
        register = physgame.IdRegister()
        with snapshot():
            videos = _write_texts(folder, files, stats, register, options, progress)
        if options.videos != "none":
            _write_videos(folder, files, videos, options, progress)
        readme = card.render(
            stats,
            annotation=physgame.annotation_name(stats.questions),
            video_words=_video_words(options),
            purpose=options.purpose,
            source_labels=dict(Clip.Source.choices),
        )
        _write(folder / CARD, [readme], files)
        _write_manifest(folder, files, stats, register, options)
    return Summary(
        questions=stats.questions,
        clips=len(stats.lengths_s),
        files=len(files) + 1,
        bytes=sum(size for _path, _digest, size in files),
        changed_ids=len(register.changed),
        left_out=stats.left_out,
    )


# ---- Names and letters


def ids_and_orders(rows, register):
    """(question ids, letter orders) of `rows` (question pk, published id, published order, source id), both in their order.

    What an imported set called its questions stays; the others take the source id of their clip, else pg<pk>. The n-th
    question ever submitted about a clip gets _n, so an id never passes from one question to another.
    """
    nth = dict(
        Question.objects.filter(revisions__number=1)
        .annotate(nth=Window(RowNumber(), partition_by=F("clip_id"), order_by=F("revisions__id").asc()))
        .filter(nth__gt=1)
        .values_list("pk", "nth")
        .iterator()
    )
    ids = [None] * len(rows)
    for index, (pk, published_id, _order, _source_id) in enumerate(rows):
        if published_id:
            ids[index] = register.give(published_id, salt=pk)
    for index, (pk, published_id, _order, source_id) in enumerate(rows):
        if not published_id:
            wanted = source_id + (f"_{nth[pk]}" if pk in nth else "") if source_id else f"pg{pk}"
            ids[index] = register.give(wanted, salt=pk)
    fresh = [ids[index] for index, row in enumerate(rows) if not row[2]]
    dealt = letters.deal(settings.LETTER_SEED, fresh)
    return ids, [row[2] or physgame.order_of(next(dealt)) for row in rows]


# ---- Texts


def _write_texts(folder, files, stats, register, options, progress):
    """Write annotation and tree; returns (id, question pk, clip pk, original, proxy, SHA-256) rows for videos."""
    found = approved(options.purpose)
    chosen = (found if options.allow_unchecked else leak_verdicts.passed(found)).order_by("question_id")
    rows = list(
        chosen.values_list(
            "question_id", "question__published_id", "question__published_order", "question__clip__source_id"
        ).iterator(5000)
    )
    if not rows:
        raise CannotExport(why_nothing(found))
    stats.left_out = 0 if options.allow_unchecked else found.count() - len(rows)
    checks = LeakCheck.objects.filter(revision__in=chosen.order_by(), current=True)
    stats.leak_models.update(name for names in checks.values_list("endpoints", flat=True).distinct() for name in names)
    _keep_families_apart(chosen)
    progress.texts(0)
    ids, orders = ids_and_orders(rows, register)
    del rows
    tree, videos = physgame.empty_tree(), []

    def lines():
        stream = (
            leak_verdicts.with_standing(chosen)
            .values_list(
                "leak_standing",
                "question_id",
                "stem",
                *OPTION_KEYS,
                "category",
                "sub_label",
                "question__clip_id",
                "question__clip__frame_count",
                "question__clip__fps_num",
                "question__clip__fps_den",
                "question__clip__source",
                "question__clip__licence",
                "question__clip__original",
                "question__clip__proxy",
                "question__clip__sha256",
            )
            .iterator(2000)
        )
        yield "["
        for index, (standing, pk, stem, *rest) in enumerate(stream):
            options_, (category, label, clip_id, frames, num, den, source, licence, original, proxy, sha) = (
                rest[:4],
                rest[4:],
            )
            record = physgame.Record(
                ids[index], stem, dict(zip(OPTION_KEYS, options_, strict=True)), orders[index], category
            )
            stats.add(record, clip_id=clip_id, length_s=frames * den / num, source=source, licence=licence)
            stats.by_leak[standing] += 1
            leaf = tree[CATEGORIES[category].domain][category]
            leaf.setdefault(label or physgame.NO_SUB_LABEL, []).append(record.question_id)
            if options.videos != "none":
                videos.append((record.question_id, pk, clip_id, original, proxy, sha))
            if index % 1000 == 0:
                progress.texts(index)
            yield (",\n" if index else "\n") + json.dumps(record.as_json(), ensure_ascii=False)
        yield "\n]\n"

    _write(folder / physgame.annotation_name(len(ids)), lines(), files)
    _write(folder / physgame.TREE, [json.dumps(physgame.sort_tree(tree), ensure_ascii=False, indent=1), "\n"], files)
    return videos


def _keep_families_apart(chosen):
    """Nothing goes out while clips that show the same are for the benchmark and for training."""
    clips = Clip.objects.filter(pk__in=chosen.order_by().values("question__clip"))
    try:
        families.keep_apart(families.sides_of_purpose(clips))
    except families.Straddles as refusal:
        raise CannotExport(str(refusal)) from refusal


def why_nothing(found):
    """Why nothing can be exported, and what to do: nothing is approved, or nothing has passed the leak check."""
    count = found.count()
    if not count:
        return _("There is no approved question on an accepted clip to export.")
    told = ngettext(
        "The one approved question has not passed the leak check (clear, or waived by a lead).",
        "None of the %(count)s approved questions has passed the leak check (clear, or waived by a lead).",
        count,
    ) % {"count": count}
    if not endpoints.ready():
        told = f"{told} {endpoints.why_none()}"
    return f"{told} " + _("Run manage.py check_leaks, or allow unchecked questions (--allow-unchecked).")


def _write(path, parts, files):
    """Write text parts to a file, bring it to the disk and note its SHA-256 and size."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for part in parts:
            data = part.encode()
            file.write(data)
            digest.update(data)
            size += len(data)
        file.flush()
        os.fsync(file.fileno())
    files.append((path.name, digest.hexdigest(), size))


def _write_manifest(folder, files, stats, register, options):
    """manifest.json, streamed: it has a line for every file."""
    head = {
        "format": FORMAT,
        "questions": stats.questions,
        "clips": len(stats.lengths_s),
        "purpose": options.purpose,
        "videos": "none" if options.videos == "none" else options.video_file,
        "letter_seed": settings.LETTER_SEED,
        "leak_check": {"models": sorted(stats.leak_models), "questions": dict(sorted(stats.by_leak.items()))},
        "changed_ids": dict(sorted(register.changed.items())),
    }

    def lines():
        yield json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}") + ',\n "files": {'
        for index, (path, digest, size) in enumerate(sorted(files)):
            entry = json.dumps(path, ensure_ascii=False) + ": " + json.dumps({"sha256": digest, "bytes": size})
            yield (",\n  " if index else "\n  ") + entry
        yield "\n }\n}\n"

    _write(folder / MANIFEST, lines(), [])


# ---- Videos


def _video_words(options):
    if options.videos == "none":
        return "the clip of a question. Not part of this export."
    if options.video_file == "proxy":
        return "the clip of a question, transcoded to H.264 at a constant frame rate and at most 1280x720."
    return "the clip of a question as it was found; where that was not an MP4 file, its H.264 transcode."


def _missing(name, pk, question_id, clip_id):
    return CannotExport(
        _("The video of question %(pk)s (%(id)s) is missing: %(file)s of clip %(clip)s. Nothing was written.")
        % {"pk": pk, "id": question_id, "file": name or _("no file"), "clip": clip_id}
    )


def _is_mp4(name):
    """True if a stored file is an MP4 by its first box, whatever it is called. FileNotFoundError if it is not there."""
    with default_storage.open(name) as file:
        head = file.read(12)
    return head[4:8] == b"ftyp" and head[8:10] != b"qt"


def choose_file(original, proxy, video_file):
    """The stored file that goes into an export; FileNotFoundError names the one that should be there and is not."""
    if video_file == "original" and original:
        try:
            if _is_mp4(original):
                return original
        except OSError as error:
            raise FileNotFoundError(original) from error
    if not proxy or not default_storage.exists(proxy):
        raise FileNotFoundError(proxy)
    return proxy


def _write_videos(folder, files, videos, options, progress):
    chosen = []
    for question_id, pk, clip_id, original, proxy, sha in videos:
        try:
            name = choose_file(original, proxy, options.video_file)
        except FileNotFoundError as missing:
            raise _missing(missing.args[0], pk, question_id, clip_id) from missing
        chosen.append((name, sha if name == original else ""))
        progress.videos(0, len(videos))
    target = folder / physgame.VIDEOS
    target.mkdir()
    bring = _link if options.videos == "link" else _copy
    for done, ((question_id, pk, clip_id, *_rest), (name, sha)) in enumerate(zip(videos, chosen, strict=True), 1):
        path = target / f"{question_id}.mp4"
        try:
            digest, size = bring(name, path, lambda done=done: progress.videos(done - 1, len(videos)))
        except FileNotFoundError as error:
            raise _missing(name, pk, question_id, clip_id) from error
        if sha and digest != sha:
            raise CannotExport(
                _("The video of question %(pk)s (%(id)s) is damaged: %(file)s no longer has the SHA-256 it came with.")
                % {"pk": pk, "id": question_id, "file": name}
            )
        files.append((f"{physgame.VIDEOS}/{question_id}.mp4", digest, size))
        progress.videos(done, len(videos))


def _pump(source, target, tick):
    """Copy `source` to `target` (None: only read); returns (SHA-256, size)."""
    digest, size = hashlib.sha256(), 0
    while data := source.read(_CHUNK):
        digest.update(data)
        size += len(data)
        if target:
            target.write(data)
        tick()
    return digest.hexdigest(), size


def _copy(name, path, tick):
    with default_storage.open(name) as source, path.open("wb") as target:
        result = _pump(source, target, tick)
        target.flush()
        os.fsync(target.fileno())
    return result


def _link(name, path, tick):
    try:
        os.link(default_storage.path(name), path)
    except NotImplementedError as error:
        raise CannotExport(_("Videos in this storage cannot be linked. Use --videos copy.")) from error
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise CannotExport(
                _("Videos cannot be linked to this place; it is on another disk. Use --videos copy.")
            ) from error
        raise
    with path.open("rb") as source:
        return _pump(source, None, tick)
