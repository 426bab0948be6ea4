"""Convert published weights to PhysVLM's own layout."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from studio.terminal import Line


class Command(BaseCommand):
    help = (
        "Make a model folder from published weights: llava-onevision and SigLIP, or PhysVLM-SFT or -DPO, alone or on top of "
        "these. Strict: every tensor has a place or a known reason to have none. Needs neither database nor workers."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument(
            "folders",
            nargs="+",
            type=Path,
            metavar="SRC... OUT",
            help="model folders, a later one over an earlier; then OUT",
        )
        parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), help="default: as in the sources")
        parser.add_argument(
            "--video-kernel",
            nargs=3,
            type=int,
            metavar=("T", "H", "W"),
            help="frames, rows and columns pooled into one token",
        )
        parser.add_argument("--frames", type=int, metavar="N", help="frames a video is sampled to (default 32)")
        parser.add_argument("--pool-text", help="the text that guides the pooling: question, reference, stem or fixed")

    def handle(self, *, folders, dtype, video_kernel, frames, pool_text, **options):
        from modelzoo.physvlm import convert

        *sources, out = folders
        if not sources:
            raise CommandError("Give at least one folder to convert and, last, the folder to make.")
        settings = {"video_kernel": video_kernel, "frames": frames, "pool_text": pool_text}
        line = Line(self.stdout)
        try:
            report = convert.convert(
                sources,
                out,
                dtype=dtype,
                progress=lambda done, total: line.show(f"{done} of {total} tensors"),
                **{name: value for name, value in settings.items() if value is not None},
            )
        except (ValueError, FileExistsError) as error:
            line.end()
            raise CommandError(str(error)) from error
        except OSError as error:
            line.end()
            raise CommandError(f"{error.filename or out}: {error.strerror or error}.") from error
        line.end()
        for sentence in convert.in_words(report):
            self.stdout.write(sentence)
        self.stdout.write(f"Wrote {out}; {convert.REPORT} in it says where every tensor went.")
