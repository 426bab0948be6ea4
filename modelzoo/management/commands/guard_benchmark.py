"""Keep training data away from a benchmark of others."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from modelzoo.releases import foreign
from studio.terminal import Line


class Command(BaseCommand):
    help = (
        "Know the videos of a foreign benchmark: no release for training can hold one of them, nor a copy that was"
        " re-encoded, scaled, cut or mirrored. Killed and run again, it goes on."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", metavar="DIR", type=Path, help="its videos, at any depth")
        parser.add_argument("--name", default="", help="what to call it (the folder's name)")

    def handle(self, *, folder, name, **options):
        if not folder.is_dir():
            raise CommandError(f"{folder} is not a folder.")
        line = Line(self.stdout)
        name = (name or folder.resolve().name)[:80]
        try:
            count, blind = foreign.guard(
                name, folder.resolve(), progress=lambda done, total: line.show(f"{done} of {total} videos")
            )
            touched = foreign.ours_among(
                name, progress=lambda done, total: line.show(f"compared with {done} of {total} training clips")
            )
        except (ValueError, OSError) as error:
            line.end()
            raise CommandError(str(error)) from error
        line.end()
        self.stdout.write(f"{name}: {count} videos are kept out of training data.")
        if blind:
            self.stdout.write(
                f"{len(blind)} of them cannot be decoded and are known by their SHA-256 alone, the first is {blind[0]}."
            )
        for clip, path in touched:
            self.stdout.write(f"Clip {clip.pk} ({clip.name}) is for training and is or looks like {path}.")
