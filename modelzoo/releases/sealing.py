"""Sealing a release: choose, hash, check the firewall, write everything in one transaction.

What is killed on the way leaves nothing behind. One release is sealed at a time, so numbers and the ledger have an order;
the second person who seals the same name is told.
"""

import hashlib
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotator.models import Clip
from modelzoo import exporting
from modelzoo.models import Release, ReleaseClip, ReleaseRow, Takedown
from modelzoo.releases import cards, changes, content, families, figures, firewall
from qc.agreement import report as agreement
from studio.errors import Conflict

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
_LOCK = 0x7265_6C65  # a number of our own among PostgreSQL's advisory locks
_CHUNK = 1 << 20


class CannotSeal(Conflict):
    """Nothing was sealed; the sentence says why and names the clips or the release that stand in the way."""


class Progress:
    """What sealing tells about itself; each call may raise to stop. `rows` may not touch the database."""

    def waiting(self):
        pass

    def files(self, done, total):
        pass

    def rows(self, done, total):
        pass


@dataclass(frozen=True)
class Preview:
    """What a release would hold, and what stands in its way."""

    rows: int
    clips: int
    left_out: int
    conflicts: list
    refusal: str
    facts: dict
    added: int
    changed: int
    removed: int
    previous: Release | None


def default_split(kind):
    return "test" if kind == Release.Kind.BENCHMARK else "train"


def seal(name, *, kind, split="", filters=None, by=None, progress=None):
    """Seal a release and return it. Raises `CannotSeal`; then nothing was stored."""
    return _seal(name, kind, split or default_split(kind), filters or content.Filters(), by, progress or Progress())


def preview(name, *, kind, split="", filters=None, progress=None):
    """The `Preview` of a release: everything is done but nothing is kept."""
    split, filters = split or default_split(kind), filters or content.Filters()
    chosen = _content(kind, filters)
    previous = Release.objects.filter(kind=kind, state=Release.State.SEALED).order_by("-number").first()
    refusal, found = "", []
    try:
        found = _refuse_conflicts(chosen, kind, split, filters, only_look=True)
        check_name(name, kind, split)
        with transaction.atomic():
            release = _write(name, kind, split, filters, None, previous, {}, progress or Progress(), hash_files=False)
            transaction.set_rollback(True)
    except CannotSeal as error:
        return Preview(0, 0, chosen.left_out(), found, str(error), {}, 0, 0, 0, previous)
    if found and not filters.leave_out_conflicts:
        refusal = _conflict_words(found)
    counts = release.added, release.changed, release.removed
    return Preview(
        release.rows_count, release.clips_count, chosen.left_out(), found, refusal, release.facts, *counts, previous
    )


def _content(kind, filters):
    try:
        return content.of(kind, filters)
    except ValueError as error:
        raise CannotSeal(str(error)) from error


def check_name(name, kind, split):
    if not NAME.fullmatch(name):
        raise CannotSeal(_("A release's name has small letters, digits, dots, dashes and underscores, at most 60 of them."))
    allowed = content.CONTENTS[kind].SPLITS
    if split not in allowed:
        words = {"kind": Release.Kind(kind).label, "splits": ", ".join(allowed)}
        raise CannotSeal(_("A release of %(kind)s has one of these splits: %(splits)s.") % words)
    taken = Release.objects.filter(name=name).select_related("sealed_by").first()
    if taken:
        words = {"name": name, "who": taken.sealed_by or _("the command line")}
        raise CannotSeal(_("%(who)s has sealed a release called %(name)s already. Choose another name.") % words)


@contextmanager
def _alone(progress):
    """Hold the lock of sealing; it goes with the connection, however this process ends."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
            if cursor.fetchone()[0]:
                break
        progress.waiting()
        time.sleep(0.2)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _seal(name, kind, split, filters, by, progress):
    check_name(name, kind, split)
    chosen = _content(kind, filters)
    _refuse_conflicts(chosen, kind, split, filters)
    files = _hash_files(chosen, progress)
    try:
        with _alone(progress):
            check_name(name, kind, split)
            with exporting.snapshot(write=True):
                previous = Release.objects.filter(kind=kind, state=Release.State.SEALED).order_by("-number").first()
                release = _write(name, kind, split, filters, by, previous, files, progress)
    except IntegrityError as error:
        if "one split of one purpose" in str(error) or "modelzoo_splitclaim" in str(error):
            raise CannotSeal(_("Clips got into another split meanwhile. Seal again to see which.")) from error
        raise
    return Release.objects.get(pk=release.pk)


# ---- Clips that may not


def _refuse_conflicts(chosen, kind, split, filters, *, only_look=False):
    purpose = "benchmark" if kind == Release.Kind.BENCHMARK else "training"
    clips = list(chosen.clips().order_by("pk").values_list("pk", "sha256"))
    found = firewall.conflicts(clips, purpose=purpose, split=split)
    if found and not filters.leave_out_conflicts and not only_look:
        raise CannotSeal(_conflict_words(found))
    return found


def _conflict_words(found):
    told = ngettext(
        "%(count)s clip may not be in this release.", "%(count)s clips may not be in this release.", len(found)
    ) % {"count": len(found)}
    return f"{told} {firewall.in_words(found)}"


# ---- Files


def _hash_files(chosen, progress):
    """{clip id: (name in the storage, SHA-256, bytes)}; what had to be read was read."""
    clips = list(chosen.clips().order_by("pk").values_list("pk", "sha256", "original", "proxy", "size_bytes"))
    files = {}
    for done, (pk, sha256, original, proxy, size) in enumerate(clips):
        progress.files(done, len(clips))
        files[pk] = _file_of(pk, sha256, original, proxy, size)
    progress.files(len(clips), len(clips))
    return files


def _file_of(pk, sha256, original, proxy, size):
    """The original of a clip where it is an MP4, by the hash it came with (exports check it); else its proxy."""
    try:
        name = exporting.choose_file(original, proxy, "original")
    except FileNotFoundError as missing:
        words = {"id": pk, "file": missing.args[0] or _("no file")}
        raise CannotSeal(_("The video of clip %(id)s is missing: %(file)s. Nothing was sealed.") % words) from missing
    if name == original:
        return name, sha256, size or default_storage.size(name)
    digest, length = hashlib.sha256(), 0
    with default_storage.open(name) as file:
        while data := file.read(_CHUNK):
            digest.update(data)
            length += len(data)
    return name, digest.hexdigest(), length


# ---- Everything in one transaction


def _write(name, kind, split, filters, by, previous, files, progress, *, hash_files=True):
    number = (Release.objects.filter(kind=kind).order_by("-number").values_list("number", flat=True).first() or 0) + 1
    release = Release(name=name, kind=kind, number=number, split=split, filters=filters.as_json(), previous=previous)
    release.sealed_by = by
    chosen = _content(kind, filters)
    without = set(Clip.objects.filter(sha256__in=Takedown.objects.values("clip_sha256")).values_list("pk", flat=True))
    refused = _refuse_conflicts(chosen, kind, split, filters, only_look=not hash_files)
    without.update(conflict.clip_id for conflict in refused)
    if not chosen.count():
        raise CannotSeal(str(chosen.why_nothing()))
    release.save(force_insert=True)
    clips = _write_clips(release, chosen, files, without, hash_files=hash_files)
    stats = figures.figures_of(kind)(chosen)
    asked = set()
    digest, count = hashlib.sha256(), 0
    total, batch, used = chosen.count(), [], set()
    for row in chosen.rows(without=without):
        if count % 500 == 0:
            progress.rows(count, total)
        text = content.canonical(row.record)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        digest.update(f"{row.row_id} {sha256}\n".encode())
        stats.add(row, clips[row.clip_id])
        batch.append(
            ReleaseRow(
                release=release,
                number=count,
                row_id=row.row_id,
                released_clip_id=clips[row.clip_id].pk,
                question_id=row.question_id,
                revision_number=row.revision_number,
                questions=list(row.questions),
                category=row.category,
                record=text,
                sha256=sha256,
            )
        )
        used.add(row.clip_id)
        asked.update(row.questions or (row.question_id,))
        count += 1
        if len(batch) == content.BATCH:
            ReleaseRow.objects.bulk_create(batch)
            batch = []
    ReleaseRow.objects.bulk_create(batch)
    if not count:
        raise CannotSeal(_("The split firewall leaves nothing of it: every clip is refused. ") + firewall.in_words(refused))
    release.sha256, release.rows_count, release.clips_count = digest.hexdigest(), count, len(used)
    for name, number_of in changes.count(release, since=previous).items():
        setattr(release, name, number_of)
    release.facts = stats.as_json() | {
        "agreement": agreement.of_questions(sorted(asked - {None})),
        "left_out": chosen.left_out(),
        "conflicts": len(refused),
        "rows": count,
    }
    release.sealed_at = timezone.now()
    release.card = cards.render(release, stats)
    release.state = Release.State.SEALED
    release.save()
    return release


def _write_clips(release, chosen, files, without, *, hash_files):
    """{clip id: its `ReleaseClip`}, claimed in the ledger before."""
    rows = [row for row in chosen.clips().order_by("pk").values(*content.CLIP_FACTS) if row["id"] not in without]
    named = families.families_of([row["id"] for row in rows])
    firewall.claim(release, [(row["sha256"], named.get(row["id"], "")) for row in rows])
    made = []
    for row in rows:
        pk, size = row.pop("id"), row.pop("size_bytes")
        original, proxy = row.pop("original"), row.pop("proxy")
        length_s = row.pop("frame_count") * row.pop("fps_den") / row.pop("fps_num")
        if not hash_files:
            file = original, row["sha256"], size
        else:  # a clip that came since the files were hashed is hashed now
            file = files.get(pk) or _file_of(pk, row["sha256"], original, proxy, size)
        made.append(
            ReleaseClip(
                release=release,
                clip_id=pk,
                family=named.get(pk, ""),
                file=file[0],
                file_sha256=file[1],
                file_bytes=file[2],
                length_s=length_s,
                **row,
            )
        )
    ReleaseClip.objects.bulk_create(made, batch_size=content.BATCH)
    return {clip.clip_id: clip for clip in made}
