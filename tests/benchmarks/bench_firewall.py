"""How long does it take to tell which of 40,000 training clips look like a foreign benchmark of 880 videos?

    python -m tests.benchmarks.bench_firewall [--clips N] [--videos N]

Prints are made up: each clip of 10 s is of one of 3000 games, its frames are the picture of the game with every sixth bit
turned over and every twentieth more, so that prints crowd together as real ones do. Twenty clips are copies of foreign
videos with a twelfth of their bits turned over; they, and no others, must be refused. A fresh process compares all of
them; it remembers what it compared, so asking again, and asking about one more clip, is what a Studio at work sees.
"""

import argparse
import time

from tests.benchmarks.empty_studio import empty_studio

CLIPS, VIDEOS, COPIES = 40_000, 880, 20
GAMES, FRAMES, BATCH = 3000, 40, 1000
ALL_S, ONE_S = 300, 1

FILL = """
INSERT INTO annotator_clip (source, source_id, title, text, permalink, author, licence, retrieved_at, purpose,
    expected_category, created_at, original_name, original, size_bytes, sha256, state, failure, content, proxy, poster,
    filmstrip, filmstrip_tiles, filmstrip_columns, fps_num, fps_den, frame_count, width, height, has_audio, open_slots)
SELECT 'csv', 'many' || n, 'Title ' || n, '', '', '', 'CC0', now(), 'training', '', now(), 'n.mp4', 'o/' || n, 1,
    'f' || lpad(n::text, 63, '0'), 'ready', '', 'accepted', 'p/' || n, '', '', 0, 0, 30, 1, 300, 640, 360, false, 0
FROM generate_series(1, %s) n
"""


def made_up(count, rng, games):
    """`Print`s of so many clips."""
    import numpy as np

    from annotator.ingest.fingerprint import Print
    from tests.benchmarks.bench_duplicates_index import turned

    scenes = turned(games[rng.integers(0, len(games), count)], 0.18, rng)
    hashes = turned(np.repeat(scenes, 2 * FRAMES, axis=0), 0.05, rng).reshape(count, FRAMES, 2, 32)
    return [Print(one, np.full(FRAMES, 100, np.uint8)) for one in hashes]


def fill(clips, videos):
    """Clips with their prints and a foreign benchmark; returns ids of the clips that are copies of its videos."""
    import numpy as np
    from django.db import connection
    from django.utils import timezone

    from annotator import prints
    from annotator.ingest.fingerprint import Print
    from annotator.models import Clip, Fingerprint
    from modelzoo.models import ForeignBenchmark, ForeignClip
    from tests.benchmarks.bench_duplicates_index import turned

    def stored(print_):
        names = ("hashes", "quality", "keys")
        return {"version": prints.VERSION} | {name: getattr(print_, name).tobytes() for name in names}

    rng = np.random.default_rng(1)
    games = rng.integers(0, 256, (GAMES, 32), dtype=np.uint8)
    theirs, benchmark = made_up(videos, rng, games), ForeignBenchmark.objects.create(name="Theirs", folder="/theirs")
    ForeignClip.objects.bulk_create(
        ForeignClip(benchmark=benchmark, path=f"{n}.mp4", sha256=f"{n:064x}", **stored(print_))
        for n, print_ in enumerate(theirs)
    )
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # no history
        cursor.execute(FILL, [clips])
        cursor.execute("SET session_replication_role = origin")
    ids = list(Clip.objects.order_by("pk").values_list("pk", flat=True))
    copies = dict(zip(ids[:: max(1, clips // COPIES)], theirs, strict=False))
    for start in range(0, clips, BATCH):
        part = ids[start : start + BATCH]
        made = dict(zip(part, made_up(len(part), rng, games), strict=True))
        for pk in copies.keys() & made.keys():
            hashes = copies[pk].hashes
            made[pk] = Print(turned(hashes.reshape(-1, 32), 1 / 12, rng).reshape(hashes.shape), copies[pk].quality)
        now = timezone.now()
        Fingerprint.objects.bulk_create(
            Fingerprint(clip_id=pk, compared_at=now, **stored(print_)) for pk, print_ in made.items()
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return set(copies)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=CLIPS)
    parser.add_argument("--videos", type=int, default=VIDEOS)
    options = parser.parse_args()
    with empty_studio():
        from annotator.models import Clip, Fingerprint
        from modelzoo.releases import firewall

        copies = fill(options.clips, options.videos)
        clips = list(Clip.objects.order_by("pk").values_list("pk", "sha256"))

        def timed(what, some):
            started = time.perf_counter()
            found = {conflict.clip_id for conflict in firewall.conflicts(some, purpose="training", split="train")}
            passed = time.perf_counter() - started
            print(f"{what:42} {passed:7.2f} s, {len(found)} refused")
            assert found == copies & {pk for pk, _sha in some}, found ^ copies
            return passed

        print(f"{options.clips} clips for training, a foreign benchmark of {options.videos} videos")
        slow = timed("all, in a process that knows nothing", clips) > ALL_S
        slow |= timed("all again", clips) > ALL_S / 10
        firewall.foreign._cache["looked"].pop(Fingerprint.objects.get(clip=clips[-1][0]).pk)
        slow |= timed("one clip that was not compared before", clips[-1:]) > ONE_S
    if slow:
        raise SystemExit(f"Aim: {ALL_S} s for all, a tenth of that again, {ONE_S} s for one clip.")


if __name__ == "__main__":
    main()
