"""How fast are the pages of quality control with many questions? `python -m tests.benchmarks.bench_quality [--questions N]`

Rows of a year of 50 people's work, and of all that is found out about it (quality_rows.py), are inserted in bulk into a
database of its own, all is counted once, then pages are asked for through all of Django:
middle and slowest of several requests, and how many SQL statements one takes.
Aim: 100,000 questions, each page under 300 ms. Also: what the marks of the triggers add to a submission in SQL.
"""

import argparse
import statistics
import sys
import time

from tests.benchmarks.empty_studio import ask, empty_studio

AIM_MS, ROUNDS = 300, 9
STATES = ("draft", "submitted", "submitted", "disputed", "returned", "rejected", *["approved"] * 14)

FILL = """
SET session_replication_role = replica;  -- no history, no marks: everything is counted at once afterwards
INSERT INTO annotator_clip (source, source_id, title, text, permalink, author, licence, retrieved_at, purpose,
    expected_category, created_at, original_name, original, size_bytes, sha256, state, failure, content, proxy, poster,
    filmstrip, filmstrip_tiles, filmstrip_columns, fps_num, fps_den, frame_count, width, height, has_audio, open_slots)
SELECT 'csv', 'many' || n, 'Title ' || n, '', '', '', 'CC0', now(), CASE n %% 10 WHEN 0 THEN 'training' ELSE 'benchmark' END,
    (%(categories)s::text[])[1 + n %% 12], now(), 'n.mp4', 'o/' || n, 1, 'f' || lpad(n::text, 63, '0'), 'ready', '',
    CASE n %% 9 WHEN 0 THEN 'unchecked' ELSE 'accepted' END, 'p/' || n, '', '', 0, 0, 30, 1, 300, 640, 360, false,
    CASE n %% 50 WHEN 0 THEN 1 ELSE 0 END
FROM generate_series(1, %(count)s) n;
INSERT INTO annotator_question (clip_id, author_id, state, version, revision_number, published_id, published_order,
    created_at, saved_at, submitted_at, settled_at, review_slots, reviews_given, {content})
SELECT c.id, (%(people)s::bigint[])[1 + n.n %% cardinality(%(people)s::bigint[])], n.state, 1, (n.state <> 'draft')::int,
    '', '', n.at, n.at, n.at, n.at, 0, 1, (%(categories)s::text[])[1 + (n.n * 7) %% 12], '',
    'What is odd in clip ' || n.n || '?', 'The crate hangs in the air.', 'The crate slides uphill.',
    'The crate turns invisible.', 'The crate stretches.', '[[3, 9]]', ''
FROM annotator_clip c CROSS JOIN LATERAL (
    SELECT n, (%(states)s::text[])[1 + n %% cardinality(%(states)s::text[])] AS state,
        now() - n * interval '365 days' / %(count)s AS at
    FROM (SELECT substr(c.sha256, 2)::bigint AS n) plain
) n WHERE c.source_id LIKE 'many%%';
INSERT INTO annotator_revision (question_id, author_id, number, approvals_needed, client_key, taken_at, submitted_at,
    {content})
SELECT id, author_id, 1, 1, gen_random_uuid(), submitted_at - interval '4 minutes', submitted_at, {content}
FROM annotator_question WHERE revision_number = 1 AND stem LIKE 'What is odd in clip%%';
INSERT INTO qc_blindanswer (revision_id, reviewer_id, answer, watched_s, seconds, answered_at)
SELECT r.id, p.person, CASE WHEN (r.id * 31 + p.person) %% 100 < 85 THEN 'correct' ELSE 'distractor_1' END, 10, 12,
    r.submitted_at + p.person * interval '1 second'
FROM annotator_revision r CROSS JOIN LATERAL (
    SELECT (%(people)s::bigint[])[1 + (r.question_id + 1) %% cardinality(%(people)s::bigint[])] AS person
    UNION ALL SELECT (%(people)s::bigint[])[1 + (r.question_id + 2) %% cardinality(%(people)s::bigint[])] WHERE r.id %% 4 = 0
) p WHERE r.stem LIKE 'What is odd in clip%%' AND p.person <> r.author_id;
INSERT INTO qc_review (revision_id, reviewer_id, blind_answer_id, verdict, reasons, comment, client_key, ruled_at)
SELECT b.revision_id, b.reviewer_id, b.id, CASE WHEN b.id %% 7 = 0 THEN 'return' ELSE 'approve' END, '[]', '',
    gen_random_uuid(), b.answered_at + interval '40 seconds'
FROM qc_blindanswer b JOIN annotator_revision r ON r.id = b.revision_id WHERE r.stem LIKE 'What is odd in clip%%';
INSERT INTO qc_leakcheck (revision_id, state, rule, endpoints, current, reason, created_at, finished_at)
SELECT id, (ARRAY['clear', 'clear', 'clear', 'clear', 'unsure', 'leaky'])[1 + id %% 6], 'rotations', ARRAY['m'], true, '',
    submitted_at, submitted_at + interval '1 minute'
FROM annotator_revision WHERE stem LIKE 'What is odd in clip%%' AND id %% 11 <> 0;
SET session_replication_role = origin;
ANALYZE;
"""
CONTENT = "category, sub_label, stem, correct, distractor_1, distractor_2, distractor_3, spans, note"
SUBMISSION = "UPDATE annotator_question SET state = %s, saved_at = now() WHERE id = %s"


def fill(count, people):
    from django.db import connection

    from annotator.taxonomy import CATEGORIES

    with connection.cursor() as cursor:
        cursor.execute(
            FILL.format(content=CONTENT),
            {"count": count, "people": people, "categories": list(CATEGORIES), "states": list(STATES)},
        )


def rooms(people):
    """{name: address} of the pages beside the quality page."""
    from qc.duplicates.models import DuplicatePair

    pair = DuplicatePair.objects.filter(state="open").first().pk
    return {
        "leak checks: leaky": "/leaks/",
        "leak checks: unchecked": "/leaks/?show=unchecked",
        "leak checks: clear": "/leaks/?show=clear",
        "baseline": "/leaks/baseline/",
        "baseline, deep in the list": "/leaks/baseline/?by=question&after=60000",
        "agreement": "/calibration/agreement/",
        "agreement of blind answers": "/calibration/agreement/?basis=blind",
        "calibration, 90 days": "/calibration/",
        "calibration, a year": "/calibration/?days=365",
        "calibration of a person": f"/calibration/people/{people[7]}/",
        "gold items": "/calibration/gold/",
        "reasons, 90 days": "/calibration/reasons/",
        "reasons, a year": "/calibration/reasons/?days=365",
        "adjudication": "/adjudication/",
        "adjudication: decided": "/adjudication/?show=decided",
        "near-duplicates": "/duplicates/",
        "near-duplicates: different": "/duplicates/?show=different",
        "a pair of clips": f"/duplicates/{pair}/",
        "content check": "/clips/check/",
    }


def marked_ms(ids):
    """Milliseconds of a change of state with the triggers' marks and without, the middle of many, taken in turns."""
    from django.db import connection, transaction

    times = {True: [], False: []}
    with connection.cursor() as cursor:
        for number, pk in enumerate(ids):
            marks = number % 2 == 0
            with transaction.atomic():
                if not marks:
                    cursor.execute("ALTER TABLE annotator_question DISABLE TRIGGER qc_mark_question_of_change")
                started = time.perf_counter()
                cursor.execute(SUBMISSION, ["returned", pk])
                times[marks].append((time.perf_counter() - started) * 1000)
                transaction.set_rollback(True)
    return statistics.median(times[True]), statistics.median(times[False])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=100_000)
    count = parser.parse_args().questions
    with empty_studio():
        from django.core.management import call_command
        from django.test import Client

        from annotator.models import Question
        from qc.agreement import report
        from qc.dashboard import counting
        from studio.models import User
        from tests.benchmarks.quality_rows import fill_rooms

        call_command("collectstatic", interactive=False, verbosity=0)
        people = [User.objects.create(username=f"person{n}", roles=["annotator", "reviewer"]).pk for n in range(50)]
        lead = User.objects.create(username="lead", roles=["lead"])
        started = time.monotonic()
        fill(count, people)
        print(f"{count} questions of {len(people)} people inserted in {time.monotonic() - started:.1f} s")
        started = time.monotonic()
        fill_rooms(count, people, lead.pk, CONTENT)
        print(f"and what was found out about them in {time.monotonic() - started:.1f} s")
        started = time.monotonic()
        for basis in report.BASES:
            report.make(basis, "90")
        print(f"three reports of agreement over 90 days in {time.monotonic() - started:.1f} s, by a worker")
        started = time.monotonic()
        counting.recount()
        first = time.monotonic() - started
        started = time.monotonic()
        drift = counting.recount()
        print(f"counted in {first:.1f} s, recounted in {time.monotonic() - started:.1f} s, drift {drift}")
        client = Client()
        client.force_login(lead)
        question = Question.objects.filter(state="approved").latest("pk").pk
        pages = rooms(people) | {
            "quality, 30 days": "/quality/?purpose=all",
            "quality, a year by day": "/quality/?purpose=all&span=365",
            "quality, a year by week": "/quality/?by=week&span=365",
            "figures over the API": "/api/v1/quality/?by=week&span=365",
            "card of a question": f"/questions/{question}/card/",
            "list: approved and leaky": "/questions/?state=approved&leak=leaky",
            "list: held back": "/questions/?gate=held",
            "list: training, rejected": "/questions/?purpose=training&state=rejected",
        }
        slow = []
        for name, address in pages.items():
            middle, most, statements = ask(client, address, rounds=ROUNDS)
            print(f"{name:<28}{middle:>7.0f} ms   slowest {most:>5.0f} ms   {statements} SQL statements")
            slow += [name] if middle > AIM_MS else []
        ids = list(Question.objects.filter(state="approved").values_list("pk", flat=True)[:600])
        Question.objects.filter(pk__in=ids).update(state="returned")
        started = time.perf_counter()
        client.get("/quality/")
        behind = (time.perf_counter() - started) * 1000
        print(f"quality, {len(ids)} changes not counted yet: {behind:.0f} ms, then drift {counting.recount()}")
        Question.objects.filter(pk__in=ids).update(state="approved")
        marked, bare = marked_ms(ids)
        print(f"change of state in SQL: {marked:.3f} ms with its mark, {bare:.3f} ms without")
    if slow or drift:
        print(f"MISSED (aim {AIM_MS} ms, drift 0): {', '.join(slow)} {drift or ''}")
    return int(bool(slow or drift))


if __name__ == "__main__":
    sys.exit(main())
