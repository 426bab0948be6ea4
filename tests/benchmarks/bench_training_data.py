"""How fast are the pages of training data with many rows? `python -m tests.benchmarks.bench_training_data [--rows N]`

Samples and pairs about a fifth as many clips are inserted in bulk into a database of its own, then pages are asked for
through all of Django, counts that are kept for half a minute thrown away before each: middle and slowest of several
requests, and how many SQL statements one takes. Aim: 100,000 samples and as many pairs, each page under 300 ms.
"""

import argparse

from tests.benchmarks.empty_studio import ask, empty_studio

AIM_MS, ROUNDS = 300, 7

FILL = """
SET session_replication_role = replica;  -- no history
INSERT INTO annotator_clip (source, source_id, title, text, permalink, author, licence, retrieved_at, purpose,
    expected_category, created_at, original_name, original, size_bytes, sha256, state, failure, content, proxy, poster,
    filmstrip, filmstrip_tiles, filmstrip_columns, fps_num, fps_den, frame_count, width, height, has_audio, open_slots)
SELECT 'csv', 'many' || n, 'Title ' || n, '', '', '', 'CC0', now(), 'training', '', now(), 'n.mp4', 'o/' || n, 1,
    'f' || lpad(n::text, 63, '0'), 'ready', '', 'accepted', 'p/' || n, '', '', 0, 0, 30, 1, 300, 640, 360, false, 0
FROM generate_series(1, %(rows)s / 5) n;
INSERT INTO modelzoo_instructsample (clip_id, origin, kind, place, instruction, question, answer, state, reason, version,
    decided_by_id, decided_at, recipe, seen, draw, created_at)
SELECT c.id, 'model', (ARRAY['open', 'follow_up', 'yes_no', 'choice', 'glitch_free'])[1 + place], place, '',
    'What unusual behaviour appears in clip ' || c.id || ', part ' || place || '?',
    'The red crate hangs in the air after its shelf is gone, although nothing holds it, as in clip ' || c.id || '.',
    (ARRAY['generated', 'accepted', 'accepted', 'rejected'])[1 + k %% 4],
    CASE k %% 4 WHEN 3 THEN (ARRAY['title', 'frames', 'refusal', 'repeated', 'bad_choice', 'wrong', 'dull'])[1 + k %% 7]
    ELSE '' END, 0, CASE WHEN k %% 4 <> 0 AND k %% 50 < 3 THEN %(lead)s END, CASE WHEN k %% 4 <> 0 THEN now() END,
    'conversation-1', '{}', random(), now()
FROM annotator_clip c CROSS JOIN generate_series(0, 4) place CROSS JOIN LATERAL (SELECT c.id * 5 + place AS k) keys
WHERE c.source_id LIKE 'many%%';
INSERT INTO modelzoo_preferencepair (sample_id, clip_id, origin, kind, place, prompt, chosen, rejected, chosen_score,
    rejected_score, conditions, verdict, verdict_why, state, reason, version, decided_by_id, decided_at, recipe, longer,
    overlap, draw, created_at)
SELECT id, clip_id, 'model', (ARRAY['meta', 'temporal', 'spatial', 'joint', 'distractor', 'span'])[1 + id %% 6], 0, question,
    answer, 'The blue ball rolls uphill by itself, although nothing pushes it.', 5, CASE WHEN id %% 9 = 0 THEN 4 ELSE 1 END,
    '{}', (ARRAY['right', 'partly', 'wrong', 'wrong', 'wrong', 'wrong', 'wrong', 'wrong', 'wrong'])[1 + id %% 9], '',
    CASE WHEN id %% 9 = 0 THEN 'rejected' ELSE 'accepted' END, CASE WHEN id %% 9 = 0 THEN 'right' ELSE '' END, 0,
    CASE WHEN id %% 100 = 1 THEN %(lead)s END, now(), 'misled-1', id %% 13 - 8, (id %% 100) / 150.0, random(), now()
FROM modelzoo_instructsample;
SET session_replication_role = origin;
"""


def forget_counts():
    """Throw away what is kept for half a minute."""
    from django.core.cache import cache

    from modelzoo.instruct.models import InstructSample, PreferencePair

    keys = [f"instruct-cells-{model.__name__}" for model in (InstructSample, PreferencePair)]
    cache.delete_many([*keys, "instruct-pairs"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with empty_studio():
        from django.core.management import call_command
        from django.db import connection
        from django.test import Client

        from modelzoo.instruct.models import InstructSample, PreferencePair
        from studio.models import User

        call_command("collectstatic", interactive=False, verbosity=0)
        lead = User.objects.create(username="lead", roles=["lead"])
        with connection.cursor() as cursor:
            cursor.execute(FILL, {"rows": rows, "lead": lead.pk})
            cursor.execute("VACUUM ANALYZE")
        client = Client()
        client.force_login(lead)
        sample, pair = InstructSample.objects.latest("pk").pk, PreferencePair.objects.latest("pk").pk
        pages = {
            "PhysInstruct": "/instruct/",
            "estimate of 1,000 clips": "/instruct/plan/?limit=1000&frames=8",
            "review: the next sample": "/instruct/review/",
            "a sample": f"/instruct/{sample}/",
            "samples": "/instruct/samples/",
            "samples, deep in the list": f"/instruct/samples/?before={sample - rows // 2}",
            "samples: rejected choices": "/instruct/samples/?state=rejected&kind=choice",
            "samples: that teach nothing": "/instruct/samples/?reason=dull",
            "PhysDPO": "/preference/",
            "a pair": f"/preference/{pair}/",
            "pairs": "/preference/pairs/",
            "pairs: partly right spans": "/preference/pairs/?verdict=partly&kind=span",
            "pairs: none": "/preference/pairs/?reason=dull",
            "samples over the API": "/api/v1/instruct/?reason=dull",
            "figures over the API": "/api/v1/preference/figures/",
        }
        slow = []
        for name, address in pages.items():
            middle, most, statements = ask(client, address, rounds=ROUNDS, before=forget_counts)
            print(f"{name:30} {middle:7.1f} ms, slowest {most:7.1f} ms, {statements} statements")
            slow += [name] if middle > AIM_MS else []
        if slow:
            raise SystemExit(f"Over {AIM_MS} ms: {', '.join(slow)}.")


if __name__ == "__main__":
    main()
