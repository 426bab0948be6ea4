"""Are edited copies found, and other clips left alone? `python -m tests.benchmarks.bench_duplicates [SCENES] [FOLDER]`

Each scene of GlitchWorld is rendered three times: with a glitch, with a glitch of another category, and without any. The
first is edited in eight ways (one of them twice), and each edit is looked for among all first clips, exactly as a new clip
is: index, prints, films. No database. Printed: how many are found and called copies (recall), how many scenes with another
glitch or none are called copies (false matches: must be 0) or at least found as one family, and how many pairs of different
scenes are taken for anything. FOLDER keeps what was rendered for the next run.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

RATE = 30
EDITS = {
    "re-encoded": ["-crf", "34"],
    "cropped 10 %": ["-vf", "crop=iw*0.9:ih*0.9", "-crf", "26"],
    "scaled": ["-vf", "scale=426:240", "-crf", "26"],
    "mirrored": ["-vf", "hflip", "-crf", "26"],
    "20 % cut at both ends": ["-ss", "1.0", "-t", "3.0", "-crf", "26"],
    "speed 1.1x": ["-vf", "setpts=PTS/1.1,fps=30", "-crf", "26"],
    "text over it": [
        "-vf", "drawtext=text='WAIT FOR IT':fontsize=40:fontcolor=white:box=1:boxcolor=black@0.6:x=(w-tw)/2:y=h*0.08",
        "-crf", "26",
    ],
    "letterboxed": ["-vf", "pad=iw:ih*4/3:0:(oh-ih)/2,scale=640:480", "-crf", "26"],
    # Not asked for, and not found: no hash of the whole or of the middle meets a corner.
    "cropped 10 % at a corner": ["-vf", "crop=iw*0.9:ih*0.9:iw*0.1:0", "-crf", "26"],
}  # fmt: skip


def render(folder, scenes):
    """{(scene, "a" | "b" | "t"): path}"""
    from annotator.glitchworld import catalogue, clip, video
    from annotator.glitchworld.scene import VIDEO

    themes, categories, found = list(catalogue.THEMES), list(catalogue.CATEGORIES), {}
    for scene in range(scenes):
        paths = {tag: folder / f"{scene:03d}{tag}.mp4" for tag in "abt"}
        if not all(path.exists() for path in paths.values()):
            one, other = categories[scene % 12], categories[(scene * 5 + 3) % 12]
            other = categories[(scene * 5 + 4) % 12] if one == other else other
            seed, theme = 5000 + scene, themes[scene % len(themes)]
            first = clip.plan(seed=seed, theme=theme, format=VIDEO, category=one)
            second = clip.plan(seed=seed, theme=theme, format=VIDEO, category=other)
            for tag, made in (("a", first), ("b", second), ("t", first.twin())):
                shape = {"width": VIDEO.width, "height": VIDEO.height, "fps": VIDEO.fps}
                video.encode(made.frames(), paths[tag], **shape, quality=made.scene.quality)
        found |= {(scene, tag): path for tag, path in paths.items()}
    return found


def edit(source, target, options):
    from annotator.ingest.transcode import binary

    command = [binary(), "-y", "-nostdin", "-loglevel", "error", "-i", source, "-c:v", "libx264", "-preset", "veryfast"]
    subprocess.run([*command, *options, "-threads", "1", target], check=True)


def look(path, print_, index, prints, paths):
    """{scene: Shared} of the first clips that this one is found to share something with."""
    import numpy as np

    from annotator.ingest.fingerprint import mirrored
    from qc.duplicates.compare import by_films, by_prints

    codes = np.concatenate([print_.hashes, mirrored(print_.hashes)]).reshape(-1, 32)[:, :16]
    found = {}
    for scene, votes in zip(*index.search(np.unique(codes, axis=0)), strict=True):
        shared = by_prints(print_, prints[scene]) if votes >= 2 else None
        if shared and shared.most >= 0.15:
            found[int(scene)] = by_films(shared, (path, paths[scene]), (RATE, RATE), (print_, prints[scene]))
    return found


def verdict(shared):
    from django.conf import settings

    if shared is None or shared.most < settings.DUPLICATE_ASK:
        return "nothing"
    if shared.most < settings.DUPLICATE_FAMILY or shared.picture is None:
        return "asked"
    return "other" if shared.differs else "copy"


def main(scenes=40, folder=None):
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
    django.setup()
    from annotator.ingest import fingerprint
    from qc.duplicates.index import Index

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(folder or temporary)
        films = render(folder, scenes)
        paths = {scene: films[scene, "a"] for scene in range(scenes)}
        prints = {scene: fingerprint.of_file(path) for scene, path in paths.items()}
        index = Index()
        for scene, print_ in prints.items():
            keys = print_.keys.reshape(-1, 16)
            index.add([scene], [len(keys)], keys)
        print(f"{scenes} scenes, {len(index) / scenes / 2:.1f} frames of each in the index")
        began, looks, strangers = time.perf_counter(), 0, Counter()
        tallies = {}
        for scene in range(scenes):
            tests = [(name, None, options) for name, options in EDITS.items()]
            tests += [
                ("same scene, another glitch", films[scene, "b"], None),
                ("same scene, no glitch", films[scene, "t"], None),
            ]
            for name, path, options in tests:
                if path is None:
                    path = Path(temporary) / "edited.mp4"
                    edit(paths[scene], path, options)
                found = look(path, fingerprint.of_file(path), index, prints, paths)
                said = verdict(found.pop(scene, None))
                tallies.setdefault(name, Counter())[said] += 1
                if said == "copy" and options is None:
                    print(f"  scene {scene}: {name}, called a copy")
                strangers.update(verdict(shared) for shared in found.values())
                looks += 1
        each = (time.perf_counter() - began) / looks
    print(f"{'':28}copy  other glitch  a person decides  not found")
    for name, tally in tallies.items():
        print(f"{name:28}{tally['copy']:4}{tally['other']:14}{tally['asked']:18}{tally['nothing']:11}")
    asked = [name for name in EDITS if "corner" not in name]
    recall = sum(tallies[name]["copy"] for name in asked) / (scenes * len(asked))
    found = sum(scenes - tallies[name]["nothing"] for name in asked) / (scenes * len(asked))
    false = sum(tallies[name]["copy"] for name in tallies if name.startswith("same scene"))
    others = looks * (scenes - 1)
    wrong = sum(count for said, count in strangers.items() if said != "nothing")
    print(f"recall: {recall:.1%} called copies, {found:.1%} found;")
    print(f"false matches: {false} of {2 * scenes} clips of the same scene called copies;")
    print(f"{wrong} of {others} pairs of different scenes found; {each:.1f} s for each clip")
    return recall >= 0.95 and false == 0 and wrong == 0


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:2]), *sys.argv[2:3]))
