"""How long, and in how much memory, is a sealed release of 140,057 pairs written without videos, in each format?

    python -m tests.benchmarks.bench_release_export [--pairs N] [--kind K]... [--all-only]

Rows are inserted in bulk into a database of its own; each export is the command in a process of its own. Seconds that
passed depend on the machine's other work and on its disk; seconds of the processor do not. A tenth of the rows is written
beside it: its peak shows that memory does not grow with them. Aim: each under 60 s.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

from tests.benchmarks.empty_studio import empty_studio

AIM_S = 60
PAIRS, CLIPS = 140_057, 38_957  # of the published PhysInstruct

_RECORDS = {
    "instruct": """json_build_object('id', 'c' || n, 'video', 'c' || n || '.mp4', 'QA', (SELECT json_agg(json_build_object(
        'i', '', 'q', 'What unusual behaviour appears in this video? ' || t, 'a', repeat('The crate hangs in the air. ', 6)))
        FROM generate_series(1, %(pairs)s * n::bigint / %(rows)s - %(pairs)s * (n - 1)::bigint / %(rows)s) t),
        'clip_sha256', lpad(n::text, 64, '0'))""",
    "preference": """json_build_object('id', 'c' || n, 'video', 'c' || n || '.mp4',
        'prompt', 'What breaks in clip ' || n || '?',
        'chosen', repeat('The crate hangs in the air. ', 6), 'rejected', repeat('Nothing is wrong. ', 9),
        'chosen_score', 5.0, 'rejected_score', 1.0, 'clip_sha256', lpad(n::text, 64, '0'))""",
    "benchmark": """json_build_object('question_id', 'c' || n,
        'question', 'What best describes the glitch in clip ' || n || '?',
        'options', json_build_object('A', 'The crate hangs in the air after the shelf is gone.',
        'B', 'It slides uphill.', 'C', 'It turns invisible behind the pillar.', 'D', 'It stretches like rubber.'),
        'answer', 'A', 'class_anno', 'Mechanics', 'subclass_anno', 'Gravity', 'order', 'ABCD', 'video', 'c' || n || '.mp4',
        'sub_label', 'floating', 'spans_s', json_build_array(json_build_array(1.0, 3.033)),
        'clip_sha256', lpad(n::text, 64, '0'))""",
}
_INSERT = """
SET session_replication_role = replica;  -- no triggers and no key checks: these rows are only read
INSERT INTO modelzoo_release (name, kind, number, split, state, filters, sealed_at, rows_count, clips_count, sha256, facts,
    card, added, changed, removed)
VALUES (%(name)s, %(kind)s, %(number)s, %(split)s, 'sealed', '{{}}', now(), %(rows)s, %(rows)s, repeat('0', 64), '{{}}',
    '# Card', 0, 0, 0);
INSERT INTO modelzoo_releaserow (release_id, number, row_id, released_clip_id, category, questions, record, sha256)
SELECT r.id, n - 1, 'c' || n, n, '', '{{}}', text, encode(sha256(convert_to(text, 'UTF8')), 'hex')
FROM modelzoo_release r, generate_series(1, %(rows)s) n, LATERAL (SELECT {record}::text AS text) made
WHERE r.name = %(name)s;
ANALYZE;
SET session_replication_role = origin;
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--kind", action="append", choices=list(_RECORDS))
    parser.add_argument("--all-only", action="store_true", help="only all formats at once")
    options = parser.parse_args()
    with empty_studio():
        from django.db import connection

        from modelzoo import formats

        for kind in options.kind or _RECORDS:
            for number, pairs in enumerate((options.pairs // 10, options.pairs), 1):
                rows = max(1, pairs * CLIPS // PAIRS) if kind == "instruct" else pairs
                name = f"{kind}-{number}"
                split = "test" if kind == "benchmark" else "train"
                values = {"name": name, "kind": kind, "number": number, "split": split, "rows": rows, "pairs": pairs}
                with connection.cursor() as cursor:
                    cursor.execute(_INSERT.format(record=_RECORDS[kind]), values)
                wanted = formats.for_kind(kind)
                parts = [wanted] if options.all_only or number == 1 else [*([one] for one in wanted), wanted]
                for chosen in parts:
                    _export(name, chosen, pairs)


def _export(name, chosen, pairs):
    from tests.conftest import environment_of_a_process

    with tempfile.TemporaryDirectory(prefix="bench-release-") as folder:
        command = [sys.executable, "manage.py", "export_physgame", f"{folder}/out", "--release", name, "--videos", "none"]
        started = time.monotonic()
        process = subprocess.Popen(
            [*command, "--formats", *chosen], env=environment_of_a_process(), stdout=subprocess.DEVNULL
        )
        _pid, status, used = os.wait4(process.pid, 0)  # the usage of this one process
        passed = time.monotonic() - started
        if status:
            raise SystemExit(f"The export of {name} failed.")
        size = sum(
            os.path.getsize(os.path.join(parent, file)) for parent, _folders, files in os.walk(folder) for file in files
        )
    what = "all formats" if len(chosen) > 1 else chosen[0]
    late = "" if passed < AIM_S else f"  (aim: under {AIM_S} s)"
    print(
        f"{name:13} {pairs:7} pairs  {what:13} {passed:6.1f} s passed, {used.ru_utime + used.ru_stime:5.1f} s of the"
        f" processor, peak {used.ru_maxrss / 1024:4.0f} MB, {size / 1e6:6.1f} MB written{late}",
        flush=True,
    )


if __name__ == "__main__":
    main()
