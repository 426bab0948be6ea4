"""CPU time of a whole ingest against that of the bare transcode: `python -m tests.benchmarks.bench_ingest [RUNS]`.

Both are measured as user + system time of this process and all its children. The bare transcode is one ffmpeg command
with the same encoder settings and nothing else: no probe, no hash, no filmstrip, no poster, no counting, no database.
The ingest is the real one: the file is brought in, its job is run, the clip is ready afterwards. Runs alternate, so that a
busy machine hurts both alike. Uses the database and media folder of STUDIO_DATA_DIR and removes what it made.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import django

AIM = 1.25


def cpu_s():
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def measured(work):
    before = cpu_s()
    work()
    return cpu_s() - before


def make_source(path):
    """30 s of 1280x720 at 30 frames a second with sound, moving everywhere and with some noise, as gameplay is."""
    from annotator.ingest.transcode import binary

    picture = "testsrc2=s=1280x720:r=30:d=30,noise=alls=6:allf=t"
    subprocess.run(
        [binary(), "-y", "-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=d=30",
         "-c:v", "libx264", "-preset", "veryfast", "-crf", "26", "-c:a", "aac", path],
        check=True,
    )  # fmt: skip


def bare(source, target):
    from annotator.ingest.transcode import AUDIO_OPTIONS, VIDEO_OPTIONS, binary

    options = [part for key, value in {**VIDEO_OPTIONS, **AUDIO_OPTIONS}.items() for part in (f"-{key}", str(value))]
    start = [binary(), "-y", "-nostdin", "-loglevel", "error", "-i", str(source)]
    subprocess.run([*start, *options, "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(target)], check=True)


def ingest(source, number, made):
    from annotator import importing
    from annotator.models import Clip
    from studio import jobs
    from studio.models import Job

    # Other bytes each time, or it would be the same clip: an empty box at the end that players skip.
    with open(source, "ab") as file:
        file.write((8).to_bytes(4, "big") + b"free")
    clip, created = importing.bring(source, original_name=f"bench-{number}.mp4", source=Clip.Source.FOLDER)
    job = Job.objects.filter(key=importing.job_key(clip.pk)).latest("pk")
    assert created and jobs.run(job.pk) == Job.State.DONE, Job.objects.get(pk=job.pk).error
    clip.refresh_from_db()
    assert clip.frame_count == 900, clip.frame_count
    made.append((clip, job))


def tidy(made):
    from annotator.ingest import store

    for clip, job in made:
        store.remove(clip.original, clip.proxy, clip.poster, clip.filmstrip)
        clip.delete()
        job.delete()


def main(runs=5):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    django.setup()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.mp4", Path(folder) / "bare.mp4"
        made, bares, ingests = [], [], []
        make_source(source)
        try:
            for number in range(runs):
                bares.append(measured(lambda: bare(source, target)))
                ingests.append(measured(lambda n=number: ingest(source, n, made)))
                print(f"run {number + 1}: bare {bares[-1]:.2f} s, ingest {ingests[-1]:.2f} s of CPU")
        finally:
            tidy(made)
    ratio = statistics.median(one / other for one, other in zip(ingests, bares, strict=True))
    print(f"whole ingest / bare transcode, CPU time, median of {runs}: {ratio:.3f} (aim: at most {AIM})")
    return ratio


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])) > AIM)
