"""What the queues read from the database does not grow with what is in it, nor with what a person did before."""

import json

import pytest
from django.db import connection

from annotator import queue
from qc import handing_out
from tests.factories import UserFactory
from tests.real_server import insert_clips

pytestmark = pytest.mark.django_db

WRITTEN = """
INSERT INTO annotator_question (clip_id, author_id, state, version, revision_number, published_id, published_order,
    created_at, saved_at, submitted_at, review_slots, reviews_given, category, sub_label, stem, correct, distractor_1,
    distractor_2, distractor_3, spans, note)
SELECT id, %(author)s, 'submitted', 1, 1, '', '', now(), now(), now() + id * interval '1 s', 2, 1, 'Gravity', '', 'S', 'a',
    'b', 'c', 'd', '[[1, 2]]', '' FROM annotator_clip WHERE id <= %(last)s;
INSERT INTO annotator_revision (question_id, author_id, number, approvals_needed, client_key, submitted_at, category,
    sub_label, stem, correct, distractor_1, distractor_2, distractor_3, spans, note)
SELECT id, author_id, 1, 3, gen_random_uuid(), now(), category, sub_label, stem, correct, distractor_1, distractor_2,
    distractor_3, spans, note FROM annotator_question;
"""
REVIEWED = """
INSERT INTO qc_blindanswer (revision_id, reviewer_id, answer, watched_s, seconds, answered_at)
SELECT id, %(reviewer)s, 'correct', 1, 1, now() FROM annotator_revision;
INSERT INTO qc_review (revision_id, reviewer_id, blind_answer_id, verdict, reasons, comment, client_key, ruled_at, undone_at)
SELECT revision_id, reviewer_id, id, 'approve', '[]', '', gen_random_uuid(), now(), now() FROM qc_blindanswer;
"""


def pages_read(sql, parameters):
    """Pages that a statement touches, from the database's own account of it."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql, parameters)
        plan = cursor.fetchone()[0]
        plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


CLIPS = 20_000


@pytest.fixture
def cursor(db):
    with connection.cursor() as cursor:
        # Empty tables and indexes: rows that other tests rolled back stay in them until a vacuum, and are read too.
        cursor.execute("TRUNCATE annotator_clip RESTART IDENTITY CASCADE")
        yield cursor


def take(user, sql, **parameters):
    given = {"user": user.pk, "skip": [], "reserved": False, "length": queue.lease_length(), **parameters}
    return pages_read(sql + queue._WORK, given)


def test_a_rare_category_is_found_without_reading_the_other_clips(cursor, annotator):
    insert_clips(cursor, first=1, last=CLIPS - 1, categories=["Gravity", "Friction", ""])
    insert_clips(cursor, first=CLIPS, last=CLIPS, categories=["Velocity"])
    cursor.execute("ANALYZE annotator_clip")
    assert take(annotator, queue._WANTED_CLIP, categories=["Velocity", "Gravity"]) < 250


def test_taking_reads_little_after_somebody_has_written_much(cursor, annotator):
    insert_clips(cursor, first=1, last=3000, slots=0)
    cursor.execute(WRITTEN, {"author": annotator.pk, "last": 3000})
    insert_clips(cursor, first=3001, last=CLIPS)
    cursor.execute("ANALYZE")
    for sql in (queue._WANTED_CLIP, queue._ANY_CLIP):
        assert take(annotator, sql, categories=["Velocity", "Gravity"]) < 250


def test_the_review_queue_reads_little_after_somebody_has_reviewed_much(cursor, reviewer):
    insert_clips(cursor, first=1, last=3000, slots=0)
    cursor.execute(WRITTEN, {"author": UserFactory().pk, "last": 3000})
    cursor.execute(REVIEWED, {"reviewer": reviewer.pk})
    cursor.execute("ANALYZE")
    sql = handing_out._TAKE.format(open=handing_out._OPEN, which=handing_out._ANY)
    assert pages_read(sql, {"user": reviewer.pk, "skip": 0, "reserved": False, "length": queue.lease_length()}) < 200
