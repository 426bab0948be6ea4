"""Bringing a set in the public PhysGame format in: everything is checked first, then one transaction for each record.

Running it again is safe: what is here already is skipped, and what is here with another text is named and left alone.
"""

import unicodedata
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotator import importing, queue
from annotator.ingest.refusals import Refused
from annotator.models import OPTION_KEYS, Clip, Question, Revision
from modelzoo import physgame
from studio.models import User

AUTHOR = "imported"
STATES = (Question.State.APPROVED, Question.State.SUBMITTED)


class CannotImport(Exception):
    """Nothing was imported. `problems` lists every fault found, each naming its record."""

    def __init__(self, sentence, problems=()):
        super().__init__(sentence)
        self.problems = list(problems)


@dataclass(frozen=True)
class Item:
    """One record with what else the set says about it."""

    record: physgame.Record
    sub_label: str
    video: Path


@dataclass
class Outcome:
    created: list = field(default_factory=list)  # question ids
    skipped: list = field(default_factory=list)
    conflicts: list = field(default_factory=list)  # sentences
    clips: int = 0  # that are new and will be ingested by jobs


def read(folder, *, videos=None, limit=None):
    """(items, notes) of a directory, the first `limit` of them. Raises `CannotImport` with every problem at once."""
    folder = Path(folder)
    found = sorted(folder.glob(physgame.ANNOTATION_PATTERN))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise CannotImport(f"{folder} must hold one {physgame.ANNOTATION_PATTERN}; it holds {names}.")
    try:
        records, problems, notes = physgame.read_annotation(found[0])
        labels, tree = {}, folder / physgame.TREE
        if tree.is_file():
            labels, tree_problems = physgame.read_tree(tree, {record.question_id: record.category for record in records})
            problems += [] if problems else tree_problems  # a bad record would show up a second time here
        else:
            notes.append(f"there is no {physgame.TREE}, so kinds of glitch stay empty")
    except physgame.Unreadable as error:
        raise CannotImport(str(error)) from error
    records = records[:limit]
    videos = Path(videos) if videos else folder / physgame.VIDEOS
    paths = {record.question_id: _video(videos, record.question_id) for record in records}
    problems += [f"{name}: its video {videos / name}.mp4 is missing" for name, path in paths.items() if path is None]
    if problems:
        raise CannotImport(f"{found[0].name} has {len(problems)} problems. Nothing was imported.", problems)
    return [Item(record, labels.get(record.question_id, ""), paths[record.question_id]) for record in records], notes


def _video(videos, question_id):
    """The video of an id, whichever of the two Unicode spellings the file system keeps; None if there is none."""
    for name in dict.fromkeys([question_id, *(unicodedata.normalize(form, question_id) for form in ("NFC", "NFD"))]):
        path = videos / f"{name}.mp4"
        if path.is_file():
            return path
    return None


def system_author():
    """The person in whose name imported questions stand. Nobody can sign in as them."""
    author, _created = User.objects.get_or_create(
        username=AUTHOR,
        defaults={
            "first_name": "Imported",
            "is_active": False,
            "roles": [],
            "double_checks_left": 0,
            "password": make_password(None),
        },
    )
    if author.is_active:
        raise CannotImport(f"A person is called “{AUTHOR}” and can sign in. Rename them first; imported questions need it.")
    return author


def bring_in(items, *, state, progress=None):
    """Import items as approved or submitted questions; returns an `Outcome`. `progress(done)` may raise to stop."""
    author = system_author()
    known = _known([item.record.question_id for item in items])
    outcome = Outcome()
    for done, item in enumerate(items, 1):
        name = item.record.question_id
        if name in known:
            different = _differences(item, known[name])
            if different:
                outcome.conflicts.append(f"{name}: is here already with another {', '.join(different)}")
            else:
                outcome.skipped.append(name)
        else:
            try:
                outcome.clips += _bring_one(item, author, state)
                outcome.created.append(name)
            except Refused as refusal:
                outcome.conflicts.append(f"{name}: {refusal}")
            except IntegrityError as error:
                outcome.conflicts.append(f"{name}: the database refuses it: {str(error).splitlines()[0]}")
        if progress:
            progress(done)
    return outcome


def _known(ids):
    """{published id: revision 1} of those that are here already, with question and clip."""
    found = {}
    for start in range(0, len(ids), 5000):
        rows = Revision.objects.filter(number=1, question__published_id__in=ids[start : start + 5000])
        for revision in rows.select_related("question__clip"):
            found[revision.question.published_id] = revision
    return found


def _content(item):
    return {
        "category": item.record.category,
        "sub_label": item.sub_label,
        "stem": item.record.stem,
        **item.record.options,
    }


def _differences(item, revision):
    """What the stored question has otherwise than the set. Videos are compared by size, which is quick."""
    words = {"stem": "question", "category": "category", "sub_label": "kind of glitch"}
    different = [word for name, word in words.items() if getattr(revision, name) != _content(item)[name]]
    if any(getattr(revision, key) != item.record.options[key] for key in OPTION_KEYS):
        different.append("option")
    elif revision.question.published_order != item.record.order:
        different.append("order of options")
    if revision.question.clip.size_bytes != item.video.stat().st_size:
        different.append("video")
    return different


@transaction.atomic
def _bring_one(item, author, state):
    """Store the clip and the question of one record; returns whether the clip is new."""
    record, now = item.record, timezone.now()
    clip, created = importing.bring(
        item.video,
        original_name=item.video.name,
        source=Clip.Source.PHYSGAME,
        source_id=record.question_id,
        expected_category=record.category,
    )
    approved = state == Question.State.APPROVED
    question = Question.objects.create(
        clip=clip,
        author=author,
        state=state,
        version=1,
        revision_number=1,
        published_id=record.question_id,
        published_order=record.order,
        submitted_at=now,
        settled_at=now if approved else None,
        review_slots=0 if approved else settings.REVIEWS_NEEDED,
        **_content(item),
    )
    Revision.objects.create(
        question=question,
        author=author,
        number=1,
        approvals_needed=settings.REVIEWS_NEEDED,
        client_key=uuid.uuid4(),
        submitted_at=now,
        **_content(item),
    )
    if approved:
        Clip.objects.filter(pk=clip.pk, content=Clip.Content.UNCHECKED).update(content=Clip.Content.ACCEPTED)
    queue.take_place(clip.pk)
    return created
