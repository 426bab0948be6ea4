"""Freezing question sets: from a sealed release, or from folders in the public format (GlitchWorld's are such folders).

The same questions about the same clips are one set, whoever brings them and from where.
"""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from annotator.models import Clip
from modelzoo.evaluation.models import QuestionSet, SetQuestion
from modelzoo.physvlm.data import sources

BATCH = 2000
_HASHED = (
    "row_id clip_name clip_sha256 family domain category part stem options answer second_stem reference fps spans_s strength"
    " option_categories"
).split()


class CannotFreeze(ValueError):
    """The questions cannot be used; the sentence says why."""


def spread(rows, limit):
    """`limit` of the rows, evenly spread; all of them where that is more, or 0."""
    if not limit or limit >= len(rows):
        return rows
    return [rows[round(place * (len(rows) - 1) / max(1, limit - 1))] for place in range(limit)]


def freeze(name, rows, *, benchmark="physgame", origin="folder", release=None, limit=0, is_whole=True):
    """The `QuestionSet` of `rows` (dicts of `SetQuestion`'s fields): the one that is there, else made now.

    `limit` takes that many of them, evenly spread; `is_whole` is False where the caller took some itself.
    """
    if not rows:
        raise CannotFreeze(_("There are no questions to measure with."))
    whole = len(rows)
    rows = spread(rows, limit)
    if len(rows) < whole:
        name = _("%(name)s (%(count)s of %(whole)s)") % {"name": name, "count": len(rows), "whole": whole}
    digest = hashlib.sha256(benchmark.encode())
    for row in rows:
        told = {field: row[field] for field in _HASHED if row.get(field)}
        digest.update(json.dumps(told, sort_keys=True, ensure_ascii=False).encode())
    sha256 = digest.hexdigest()
    found = QuestionSet.objects.filter(sha256=sha256).first()
    if found is None:
        if QuestionSet.objects.filter(name=name).exists():
            name = f"{name[:100]} {sha256[:8]}"
        is_whole = is_whole and len(rows) == whole
        found = _store(name[:120], rows, sha256, benchmark, origin, release, is_whole=is_whole)
    return found


def _store(name, rows, sha256, benchmark, origin, release, *, is_whole):
    try:
        with transaction.atomic():
            made = QuestionSet.objects.create(
                name=name,
                benchmark=benchmark,
                origin=origin,
                release=release,
                sha256=sha256,
                questions_count=len(rows),
                is_whole=is_whole,
            )
            questions = [SetQuestion(question_set=made, number=number, **row) for number, row in enumerate(rows)]
            SetQuestion.objects.bulk_create(questions, batch_size=BATCH)
        return made
    except IntegrityError:
        found = QuestionSet.objects.filter(sha256=sha256).first()  # another process stored the same just now
        if found is None:
            raise
        return found


# ---- From a release


def from_release(release, *, limit=0):
    """The set of a sealed benchmark release, with the spans its writers marked."""
    if release.kind != "benchmark" or release.state != "sealed":
        raise CannotFreeze(_("%(name)s is no sealed benchmark release.") % {"name": release.name})
    clips = {row.pk: row for row in release.clips.all()}
    rates = dict(_rates({row.clip_id for row in clips.values()}))
    rows = []
    for row in release.rows.order_by("number").iterator(BATCH):
        record, clip = json.loads(row.record), clips[row.released_clip_id]
        rows.append(
            {
                "row_id": row.row_id,
                "clip_name": record["video"],
                "clip_sha256": clip.sha256,
                "clip_id": clip.clip_id,
                "question_id": row.question_id,
                "family": f"family:{clip.family}" if clip.family else f"sha256:{clip.sha256}",
                "domain": record["class_anno"],
                "category": record["subclass_anno"],
                "stem": record["question"],
                "options": [record["options"][letter] for letter in sources.LETTERS],
                "answer": record["answer"],
                "spans_s": record.get("spans_s") or [],
                "fps": rates.get(clip.clip_id),
            }
        )
    return freeze(release.name, rows, origin="release", release=release, limit=limit)


def _rates(clip_ids):
    found = Clip.objects.filter(pk__in=clip_ids).values_list("pk", "fps_num", "fps_den")
    return [(pk, num / den) for pk, num, den in found if num]


# ---- From folders


def from_folders(folders, *, name="", limit=0):
    """The set of folders in the public format or of GlitchWorld; `sources.BadData` or `CannotFreeze` says what is wrong."""
    data = sources.read(folders)
    if not data.questions:
        raise CannotFreeze(
            _("%(folder)s holds no PhysGame_*_annotation.json, so there is nothing to ask.") % {"folder": folders[0]}
        )
    truths, claims = {}, {}
    for folder in folders:
        truths |= _truths(Path(folder))
        claims |= _option_categories(Path(folder))
    hashes = {clip_id: _hash_of(media) for clip_id, media in data.clips.items()}
    used = {row.clip_id for row in data.questions}
    known = dict(Clip.objects.filter(sha256__in={hashes[clip] for clip in used}).values_list("sha256", "pk"))
    families = _families(known.values())
    rows = []
    for question in data.questions:
        truth, sha256 = truths.get(question.clip_id, {}), hashes[question.clip_id]
        glitch, fps = truth.get("glitch") or {}, truth.get("fps")
        clip = known.get(sha256)
        spans = [[glitch["first_frame"] / fps, (glitch["last_frame"] + 1) / fps]] if glitch and fps else []
        family = min(question.clip_id, truth.get("twin") or question.clip_id)
        rows.append(
            {
                "row_id": question.question_id,
                "clip_name": question.clip_id,
                "clip_sha256": sha256,
                "clip_id": clip,
                "family": families.get(clip) or f"clip:{family}"[:80],
                "domain": question.domain,
                "category": question.category,
                "stem": question.stem,
                "options": list(question.options),
                "option_categories": _claims(question, claims),
                "answer": sources.LETTERS[question.answer],
                "fps": fps,
                "spans_s": [[round(first, 3), round(last, 3)] for first, last in spans],
                "strength": glitch.get("strength"),
            }
        )
    ids = [row["row_id"] for row in rows]
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise CannotFreeze(_("The question %(id)s is there twice; measure with one folder at a time.") % {"id": twice})
    origin = "glitchworld" if truths else "folder"
    return freeze(name or Path(folders[0]).resolve().name, rows, origin=origin, limit=limit)


def _truths(folder):
    """{clip_id: truth} of a GlitchWorld folder; whoever makes sets by hand may leave facts out."""
    path = folder / "truth.jsonl"
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {row["clip_id"]: row for row in map(json.loads, filter(None, lines))}


def _option_categories(folder):
    """{question id: category of what each option claims} of a GlitchWorld folder; {} where nobody wrote it down."""
    path = folder / "option_categories.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise CannotFreeze(_("%(file)s cannot be read: %(why)s.") % {"file": path, "why": error}) from error
    if not isinstance(found, dict):
        raise CannotFreeze(_("%(file)s cannot be read: %(why)s.") % {"file": path, "why": _("it holds no object")})
    return found


def _claims(question, found):
    """The categories of a question's options, [] where they are unknown; refused where they contradict its key."""
    claims = found.get(question.question_id, [])
    if claims and not (
        isinstance(claims, list)
        and len(claims) == len(question.options)
        and all(isinstance(claim, str) and 0 < len(claim) <= 60 for claim in claims)
        and claims[question.answer] == question.category
    ):
        raise CannotFreeze(
            _("option_categories.json does not fit the options of question %(id)s.") % {"id": question.question_id}
        )
    return claims


def _families(clip_ids):
    rows = Clip.objects.filter(pk__in=clip_ids, family__isnull=False).values_list("pk", "family_id")
    return {pk: f"family:{family}" for pk, family in rows}


def _hash_of(media):
    if media.row is None:
        return file_hash(media.path)
    return hashlib.sha256(f"{file_hash(media.path)}:{media.row}".encode()).hexdigest()


def file_hash(path):
    stat = Path(path).stat()
    return _file_hash(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=100_000)
def _file_hash(path, _size, _changed):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
