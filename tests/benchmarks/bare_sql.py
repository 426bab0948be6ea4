"""The work that cannot be left out: take a clip under a lease, store a submission. Plain SQL, one transaction each."""

TAKE = """
WITH picked AS (
    SELECT id FROM annotator_clip WHERE open_slots > 0 AND state = 'ready' AND content IN ('unchecked', 'accepted')
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE annotator_clip c SET open_slots = c.open_slots - 1 FROM picked WHERE c.id = picked.id RETURNING c.id
)
INSERT INTO annotator_lease (user_id, clip_id, slot, reserved, taken_at, expires_at)
SELECT %(user)s, id, 1, false, now(), now() + interval '30 minutes' FROM taken RETURNING clip_id
"""
_FIELDS = "category, sub_label, stem, correct, distractor_1, distractor_2, distractor_3, spans, note"
_VALUES = (
    "%(category)s, %(sub_label)s, %(stem)s, %(correct)s, %(distractor_1)s, %(distractor_2)s, %(distractor_3)s,"
    " %(spans)s::jsonb, %(note)s"
)
DROP_LEASE = "DELETE FROM annotator_lease WHERE user_id = %(user)s AND clip_id = %(clip)s"
ADD_QUESTION = f"""
INSERT INTO annotator_question (clip_id, author_id, state, version, revision_number, published_id, published_order,
    created_at, saved_at, submitted_at, review_slots, reviews_given, {_FIELDS})
VALUES (%(clip)s, %(user)s, 'submitted', 1, 1, '', '', now(), now(), now(), 1, 0, {_VALUES}) RETURNING id
"""
ADD_REVISION = f"""
INSERT INTO annotator_revision (question_id, author_id, number, approvals_needed, client_key, submitted_at, {_FIELDS})
VALUES (%(question)s, %(user)s, 1, 1, %(client_key)s, now(), {_VALUES})
"""


def take(cursor, user):
    cursor.execute(TAKE, {"user": user})
    return cursor.fetchone()[0]


def submit(cursor, user, clip, content, client_key):
    """`content` holds the fields with `spans` as JSON text."""
    parameters = {"user": user, "clip": clip, "client_key": client_key, **content}
    cursor.execute(DROP_LEASE, parameters)
    cursor.execute(ADD_QUESTION, parameters)
    cursor.execute(ADD_REVISION, parameters | {"question": cursor.fetchone()[0]})
