"""Many rows for the pages of quality control, inserted in bulk beside those of bench_quality: `fill_rooms(people, lead)`."""

ROOMS = """
SET session_replication_role = replica;  -- no triggers: neither history nor marks, and gold items need no promotion
UPDATE annotator_revision SET approvals_needed = 2 WHERE id %% 4 = 0;
INSERT INTO qc_golditem (revision_id, promoted_by_id, promoted_at, retired_by_id, retired_at)
SELECT r.id, %(lead)s, r.submitted_at, CASE WHEN r.id %% 5 = 0 THEN %(lead)s END,
    CASE WHEN r.id %% 5 = 0 THEN r.submitted_at + interval '30 days' END
FROM annotator_revision r JOIN annotator_question q ON q.id = r.question_id WHERE q.state = 'approved' AND r.id %% 20 = 1;
INSERT INTO qc_blindanswer (revision_id, reviewer_id, answer, watched_s, seconds, answered_at, gold_id)
SELECT g.revision_id, p.person, CASE WHEN (g.id * 7 + p.person) %% 100 < 88 THEN 'correct' ELSE 'two_fit' END, 10, 12,
    least(now(), g.promoted_at + p.person * interval '2 hours'), g.id
FROM qc_golditem g CROSS JOIN LATERAL (
    SELECT (%(people)s::bigint[])[1 + (g.id * 3 + k) %% cardinality(%(people)s::bigint[])] AS person
    FROM generate_series(1, 8) k
) p ON CONFLICT DO NOTHING;
INSERT INTO qc_review (revision_id, reviewer_id, blind_answer_id, verdict, reasons, comment, client_key, ruled_at, gold_id)
SELECT b.revision_id, b.reviewer_id, b.id, CASE WHEN b.answer = 'correct' THEN 'approve' ELSE 'return' END, '[]', '',
    gen_random_uuid(), b.answered_at + interval '40 seconds', b.gold_id
FROM qc_blindanswer b WHERE b.gold_id IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO annotator_remark (revision_id, field, code, comment, by_id, at)
SELECT v.revision_id, (ARRAY['spans', 'category', 'distractor_1', 'correct'])[1 + v.id %% 4],
    (ARRAY['span', 'category', 'also_true', 'incomplete'])[1 + v.id %% 4], 'It begins earlier.', v.reviewer_id, v.ruled_at
FROM qc_review v WHERE v.verdict = 'return' AND v.gold_id IS NULL;
INSERT INTO qc_adjudication (revision_id, lead_id, decision, comment, decided_at)
SELECT r.id, %(lead)s, CASE WHEN r.id %% 3 = 0 THEN 'reject' ELSE 'approve' END, 'Watched it twice.',
    r.submitted_at + interval '2 days'
FROM annotator_revision r JOIN annotator_question q ON q.id = r.question_id WHERE q.state <> 'disputed' AND r.id %% 25 = 2;
INSERT INTO qc_duplicatepair (first_id, second_id, state, together, decided_by_id, decided_at, found_at, cover_first,
    cover_second, cover_most, frames, mirror, speed, offset_s, picture, differs, looked_s)
SELECT c.id, c.id + 1 + c.id %% 3, s.state, s.state <> 'open' AND s.state <> 'different',
    CASE WHEN s.state <> 'open' THEN %(lead)s END, CASE WHEN s.state <> 'open' THEN now() END, now(),
    .5 + c.id %% 50 / 100.0,
    .6, greatest(.6, .5 + c.id %% 50 / 100.0), 20, c.id %% 7 = 0, 1 + (c.id %% 5 = 0)::int * .1, 0,
    CASE WHEN c.id %% 4 > 0 THEN '[1, 0, 1, 0]'::jsonb END,
    CASE WHEN c.id %% 3 = 0 THEN '[[1.5, 2.25]]' ELSE '[]' END::jsonb,
    4
FROM annotator_clip c CROSS JOIN LATERAL (
    SELECT (ARRAY['open', 'same', 'scene', 'different'])[1 + c.id %% 4] AS state
) s WHERE EXISTS (SELECT 1 FROM annotator_clip d WHERE d.id = c.id + 1 + c.id %% 3);
INSERT INTO annotator_fingerprint (clip_id, version, hashes, quality, keys, compared_at, made_at)
SELECT id, %(version)s, '', '', '', now(), now() FROM annotator_clip ON CONFLICT DO NOTHING;
INSERT INTO annotator_practiceattempt (person_id, clip_id, way, first, answer, category_right, overlap, answer_right, at,
    {content})
SELECT p.person, q.clip_id, 'answer', true, q.id %% 4, NULL, NULL, q.id %% 5 > 0, q.submitted_at, {contents}
FROM annotator_question q CROSS JOIN LATERAL (
    SELECT (%(people)s::bigint[])[1 + q.id %% cardinality(%(people)s::bigint[])] AS person
) p WHERE q.submitted_at IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO qc_baselinescore (run_id, revision_id, options_chance, question_chance, options_place, question_place)
SELECT %(run)s, r.id, 1 - n / (1.2 * count(*) OVER ()), 1 - m / (1.2 * count(*) OVER ()), n, m FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS n, row_number() OVER (ORDER BY id * 7919 %% 100003, id) AS m
    FROM annotator_revision WHERE id %% 5 > 0
) r;
SET session_replication_role = origin;
ANALYZE;
"""
_FIGURE = {"right": 20000.0, "share": 0.2512, "low": 0.2482, "high": 0.2542, "p": 0.41, "verdict": "at_chance"}


def _runs(count, people):
    """Three years of nights of the baseline; the newest is returned."""
    from datetime import timedelta

    from django.utils import timezone

    from annotator.taxonomy import CATEGORIES
    from qc.baseline.models import BaselineRun
    from qc.baseline.probes import PROBES

    figures = {name: _FIGURE | {"n": count} for name in ("options", "question", "options_surest", "question_surest")}
    groups = {
        kind: [{"name": name, "options": _FIGURE | {"n": 99}, "question": _FIGURE | {"n": 99}} for name in names]
        for kind, names in (("category", list(CATEGORIES)), ("author", people))
    }
    words = [{"word": f"word{n}", "n": 90, "right": 30, "expected": 22.5, "z": 1.8, "weight": 0.2} for n in range(40)]
    probes = {probe.name: _FIGURE | {"n": count} for probe in PROBES} | {"letters": {"counts": [0, 0, 0, 0], "p": 1.0}}
    rows = [
        BaselineRun(
            questions=count, families=count, learned=20_000, figures=figures, probes=probes, groups=groups, words=words,
            seconds=60, made_at=timezone.now() - timedelta(days=days),
        )
        for days in range(1000, -1, -1)
    ]  # fmt: skip
    BaselineRun.objects.bulk_create(rows, batch_size=100)
    return BaselineRun.objects.first()


def fill_rooms(count, people, lead, content):
    from django.db import connection

    from annotator import prints

    run = _runs(count, people)
    names = [name.strip() for name in content.split(",")]
    with connection.cursor() as cursor:
        cursor.execute(
            ROOMS.format(content=content, contents=", ".join(f"q.{name}" for name in names)),
            {"people": people, "lead": lead, "run": run.pk, "version": prints.VERSION},
        )
