"""How fast and how large is the export of many questions? `python -m tests.benchmarks.bench_export [--questions N]`

Rows are inserted in bulk into a database of its own; the export runs as a process of its own, whose peak memory counts.
Aim: 100,000 questions without videos in under 60 s and under 300 MB.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.empty_studio import empty_studio

AIM_S, AIM_MB = 60, 300

_ROWS = """
SET session_replication_role = replica;  -- no history rows, no key checks: these rows are only read
INSERT INTO annotator_clip (source, source_id, title, text, permalink, author, licence, retrieved_at, purpose,
    expected_category, created_at, original_name, original, size_bytes, sha256, state, failure, content, proxy, poster,
    filmstrip, filmstrip_tiles, filmstrip_columns, fps_num, fps_den, frame_count, width, height, has_audio, open_slots)
SELECT 'csv', 'id' || n, 'Title ' || n, '', '', '', (ARRAY['', 'CC BY 4.0', 'CC0'])[1 + n %% 3], now(), 'benchmark', '',
    now(), 'n.mp4', 'o/' || n, 1, lpad(n::text, 64, '0'), 'ready', '', 'accepted', 'p/' || n, '', '', 0, 0, 30, 1,
    100 + n %% 900,
    640, 360, false, 0
FROM generate_series(1, %(count)s) n;
INSERT INTO annotator_question (clip_id, author_id, state, version, revision_number, published_id, published_order,
    created_at, saved_at, submitted_at, settled_at, review_slots, reviews_given, {content})
SELECT c.id, %(author)s, 'approved', 1, 1, '', '', now(), now(), now(), now(), 0, 1, {values}
FROM annotator_clip c CROSS JOIN LATERAL (SELECT c.id AS n) n;
INSERT INTO annotator_revision (question_id, author_id, number, approvals_needed, client_key, submitted_at, {content})
SELECT id, author_id, 1, 1, gen_random_uuid(), now(), {content} FROM annotator_question;
ANALYZE;
"""
_CONTENT = "category, sub_label, stem, correct, distractor_1, distractor_2, distractor_3, spans, note"
_VALUES = """(%(categories)s::text[])[1 + n.n %% 12], 'kind ' || n.n %% 30, 'What best describes the glitch in the video?',
    'The crate number ' || n.n || ' hangs in the air after the shelf below it has gone away.',
    'The crate number ' || n.n || ' slides uphill without being pushed by anybody.',
    'The crate number ' || n.n || ' turns invisible behind the second pillar.',
    'The crate number ' || n.n || ' stretches like rubber when it lands.', '[[3, 9]]'::jsonb, ''"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=100_000)
    count = parser.parse_args().questions
    with empty_studio():
        from django.conf import settings
        from django.db import connection

        from annotator.taxonomy import CATEGORIES
        from studio.models import User
        from tests.conftest import environment_of_a_process

        author = User.objects.create(username="bench")
        started = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute(
                _ROWS.format(content=_CONTENT, values=_VALUES),
                {"count": count, "author": author.pk, "categories": list(CATEGORIES)},
            )
        print(f"{count} questions inserted in {time.monotonic() - started:.1f} s")
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out"
            started = time.monotonic()
            subprocess.run(
                [
                    sys.executable,
                    "manage.py",
                    "export_physgame",
                    str(out),
                    "--videos",
                    "none",
                    "--allow-unchecked",
                    "--skip-checks",
                ],
                check=True,
                cwd=settings.BASE_DIR,
                env=environment_of_a_process(),
            )
            seconds = time.monotonic() - started
            megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
            size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
        print(f"export: {seconds:.1f} s (aim {AIM_S}), peak memory {megabytes:.0f} MB (aim {AIM_MB}), {size:.1f} MB written")
    return int(seconds > AIM_S or megabytes > AIM_MB)


if __name__ == "__main__":
    sys.exit(main())
