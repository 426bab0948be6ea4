"""Rows of the demo that tell of the last two weeks, though all of them are made now.

The services stamp what they do with the present, and the database keeps a history that nobody can change. So everything is
done by the real services inside one transaction, and before that commits the stamps of exactly the rows it made are moved
back. For this the triggers that protect them are off in these statements alone. Nobody ever sees another time than the last.
"""

from contextlib import contextmanager
from datetime import timedelta

import pghistory
import pgtrigger
from django.apps import apps
from django.db import connection
from django.db.models import F
from django.utils import timezone

from annotator import importing
from annotator.models import Clip
from studio.models import Job, User

# Of one clip: (model, columns with a time, path to the clip)
_OF_A_CLIP = [
    ("annotator.Question", ("created_at", "saved_at", "submitted_at", "settled_at"), "clip"),
    ("annotator.Revision", ("submitted_at",), "question__clip"),
    ("annotator.Remark", ("at",), "revision__question__clip"),
    ("annotator.ClipNote", ("at",), "clip"),
    ("annotator.PracticeAttempt", ("at",), "clip"),
    ("annotator.ClipEvent", ("pgh_created_at",), "pgh_obj"),
    ("annotator.QuestionEvent", ("pgh_created_at",), "clip"),
    ("qc.BlindAnswer", ("answered_at",), "revision__question__clip"),
    ("qc.Review", ("ruled_at",), "revision__question__clip"),
    ("qc.Adjudication", ("decided_at",), "revision__question__clip"),
    ("qc.GoldItem", ("promoted_at",), "revision__question__clip"),
    ("qc.ReviewEvent", ("pgh_created_at",), "revision__question__clip"),
]
_GUARDS = (
    "annotator.Revision:revisions_never_change",
    "annotator.PracticeAttempt:practice_attempts_never_change",
    "annotator.ClipEvent:append_only",
    "annotator.QuestionEvent:append_only",
    "annotator.Clip:update_update",  # moving a clip's own times is no event of its story
    "qc.BlindAnswer:blind_answers_never_change",
    "qc.Review:reviews_never_change",
    "qc.Adjudication:adjudications_never_change",
    "qc.GoldItem:gold_items_only_retire",
    "qc.ReviewEvent:append_only",
    "studio.UserEvent:append_only",
)
_JOB_TIMES = ("created_at", "sent_at", "started_at", "heartbeat_at", "finished_at")


class Clock:
    """Moves what one transaction does into the past. Make it inside that transaction, before anything is done."""

    def __init__(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT now()")  # when this transaction began; the history's triggers stamp with it
            self.now = min(cursor.fetchone()[0], timezone.now())

    def ago(self, **span):
        return self.now - timedelta(**span)

    @contextmanager
    def at(self, moment, *, by, clip, begun=None):
        """What `by` does in this block about `clip` happened at `moment`; a first submission was begun at `begun`."""
        with pghistory.context(user=by.pk):
            yield
        with pgtrigger.ignore(*_GUARDS):
            for name, columns, path in _OF_A_CLIP:
                for column in columns:
                    fresh = apps.get_model(name)._base_manager.filter(**{path: clip.pk, f"{column}__gte": self.now})
                    fresh.update(**{column: moment})
            apps.get_model("studio.UserEvent").objects.filter(pgh_obj=by.pk, pgh_created_at__gte=self.now).update(
                pgh_created_at=moment
            )
            if begun:
                first = apps.get_model("annotator.Revision").objects.filter(question__clip=clip.pk, number=1)
                first.filter(submitted_at=moment).update(taken_at=begun)

    def joined(self, person, moment):
        """This person, made a moment ago, has been here since `moment`."""
        User.objects.filter(pk=person.pk).update(date_joined=moment)
        with pgtrigger.ignore(*_GUARDS):
            apps.get_model("studio.UserEvent").objects.filter(pgh_obj=person.pk).update(pgh_created_at=moment)

    def brought(self, clip, *, days):
        """A clip brought in and ingested just now was so `days` whole days earlier, at the same time of day.

        Its ingest is another transaction's work, a worker's mostly, so all its rows move, not only fresh ones.
        """
        back = timedelta(days=days)
        with pgtrigger.ignore(*_GUARDS):
            for rows in (
                Clip.objects.filter(pk=clip.pk),
                apps.get_model("annotator.ClipEvent").objects.filter(pgh_obj=clip.pk),
            ):
                rows.update(created_at=F("created_at") - back, retrieved_at=F("retrieved_at") - back)
            apps.get_model("annotator.ClipEvent").objects.filter(pgh_obj=clip.pk).update(
                pgh_created_at=F("pgh_created_at") - back
            )
        Job.objects.filter(key=importing.job_key(clip.pk)).update(**{name: F(name) - back for name in _JOB_TIMES})
