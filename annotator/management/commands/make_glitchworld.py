"""Make clips in which exactly one physical law breaks, with the truth known; run again, it goes on where it was stopped."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from studio.terminal import Line


class Command(BaseCommand):
    help = __doc__
    requires_system_checks = []  # nothing here needs the database

    def add_arguments(self, parser):
        parser.add_argument("out", metavar="OUT", nargs="?", help="a new folder, or one of a run that was stopped")
        parser.add_argument("--clips", type=int, default=12, metavar="N", help="how many, twins not counted (default 12)")
        parser.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed gives the same set (default 0)")
        parser.add_argument("--theme", action="append", metavar="T", help="only this theme; may be given more than once")
        parser.add_argument(
            "--category", action="append", metavar="C", help="only this category; may be given more than once"
        )
        parser.add_argument("--glitch-free", type=float, metavar="SHARE", help="share of clips in which all is well")
        parser.add_argument("--twins", action="store_true", help="also render each clip with a glitch without it")
        parser.add_argument("--arrays", action="store_true", help="96x96x16 frames in one array file, no videos")
        parser.add_argument(
            "--level",
            default="full",
            metavar="L",
            help="full, or plain: still camera, few actors, strong glitches, and options of other categories",
        )
        parser.add_argument(
            "--pairs", type=int, metavar="N", help="preference pairs of each clip, at the plain level (default 2)"
        )
        parser.add_argument(
            "--stills", type=float, default=0.0, metavar="SHARE",
            help="share of clips that show their middle frame throughout, as pictures among videos; with --arrays",
        )  # fmt: skip
        parser.add_argument("--sheet", metavar="FILE.png", help="draw a contact sheet of all glitches and themes")
        parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one for each core)")

    def handle(
        self,
        *,
        out,
        clips,
        seed,
        theme,
        category,
        glitch_free,
        twins,
        arrays,
        level,
        pairs,
        stills,
        sheet,
        workers,
        **options,
    ):
        from annotator.glitchworld import make
        from annotator.glitchworld.sheet import draw_sheet

        if not out and not sheet:
            raise CommandError("Name a folder for the clips, or a file for a contact sheet with --sheet.")
        line = Line(self.stdout)

        def progress(done, total, seconds):
            line.show(f"{done}/{total}" + (f", {done / seconds:.1f} a second" if done and seconds > 1 else ""))

        share = make.GLITCH_FREE if glitch_free is None else glitch_free
        pairs = make.PAIRS if pairs is None else pairs
        try:
            if sheet:
                drawn = draw_sheet(sheet, seed=seed, themes=theme, categories=category, workers=workers, progress=progress)
                line.end()
                self.stdout.write(f"Drew {drawn} clips on {sheet}.")
            if out:
                made = make.make_set(
                    out, clips=clips, seed=seed, themes=theme, categories=category, glitch_free=share, twins=twins,
                    arrays=arrays, level=level, pairs=pairs, stills=stills, workers=workers,
                    ffmpeg=settings.FFMPEG, progress=progress,
                )  # fmt: skip
                line.end()
                self.stdout.write(f"{out} holds {made} clips with their truth.")
        except make.CannotMake as error:
            line.end()
            raise CommandError(str(error))
        except KeyboardInterrupt:
            line.end()
            raise CommandError("Stopped. Run the same command again to go on.", returncode=130)
