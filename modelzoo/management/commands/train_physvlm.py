"""Train PhysVLM: supervised fine-tuning (sft) or direct preference optimisation (dpo)."""

import json
import os
import sys
import time
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from modelzoo.physvlm import presets
from studio.terminal import Line


class Command(BaseCommand):
    help = (
        "Train PhysVLM on folders of data, into a run folder with checkpoints, metrics and the final model. "
        "Needs neither database nor workers. Presets: "
        + "; ".join(f"{p.name} ({p.title})" for p in presets.PRESETS.values())
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--stage", choices=presets.STAGES, help="sft or dpo; a resumed run knows its own")
        parser.add_argument("--preset", help="name of a preset (tiny-sft or tiny-dpo)")
        parser.add_argument(
            "--data",
            nargs="+",
            default=[],
            metavar="DIR",
            help="folders of PhysGame, PhysInstruct, PhysDPO or GlitchWorld data",
        )
        parser.add_argument(
            "--release",
            nargs="+",
            default=[],
            metavar="NAME",
            help="sealed releases of PhysInstruct or PhysDPO to train on; only this needs the database",
        )
        parser.add_argument("--init", metavar="PATH", help="model folder or checkpoint to begin from; DPO needs one")
        parser.add_argument(
            "--out", type=Path, metavar="DIR", help="folder of the run (default: runs/PRESET-TIME in the data folder)"
        )
        parser.add_argument("--resume", action="store_true", help="go on with the run in --out from its newest checkpoint")
        parser.add_argument(
            "--nproc", type=int, default=1, metavar="N", help="processes on this machine (torchrun starts those of many)"
        )
        parser.add_argument(
            "--set",
            dest="overrides",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="change a setting of the preset; may be repeated",
        )
        parser.add_argument("--without", type=Path, metavar="FILE", help="clip ids to leave out, one a line")
        parser.add_argument(
            "--cache",
            type=Path,
            metavar="DIR",
            help="frames and features that runs share (default: cache/ in the data folder)",
        )
        parser.add_argument("--dry-run", action="store_true", help="print what the run would take, and train nothing")
        parser.add_argument("--json", action="store_true", help="with --dry-run: one JSON object")

    def handle(self, *, stage, preset, data, init, out, resume, nproc, overrides, without, cache, dry_run, **options):
        releases = options["release"]
        if resume and not out:
            raise CommandError("--resume needs --out, the folder of the run that goes on.")
        if resume:
            stage, preset = _of_run(out)
        if not stage:
            raise CommandError("Say what to train: --stage sft or --stage dpo.")
        preset = preset or presets.DEFAULT_PRESET[stage]
        try:
            chosen = presets.preset(preset, stage=stage)
            presets.parse_overrides(chosen, overrides)
        except presets.BadSetting as error:
            raise CommandError(str(error)) from error
        if not resume and not data and not releases:
            raise CommandError("Say what to train on: --data DIR, or --release NAME.")
        if nproc < 1:
            raise CommandError(f"--nproc {nproc}: must be 1 or more.")
        data = [*data, *self._folders_of(() if resume else releases)]
        runs = Path(settings.DATA_DIR)
        out = out or settings.RUNS_DIR / f"{preset}-{time.strftime('%Y%m%d-%H%M%S')}"
        cache = cache or runs / "cache"
        if nproc > 1 and "RANK" not in os.environ and not dry_run:
            self._launch(nproc, out, data if releases and not resume else ())
            return
        from modelzoo.physvlm import estimate, train

        request = train.Request(
            stage=stage,
            preset=preset,
            out=out,
            cache=cache,
            data=tuple(data),
            overrides=tuple(overrides),
            init=init,
            without=_names(without),
            resume=resume,
        )
        if dry_run:
            self._estimate(estimate, request, processes=nproc, as_json=options["json"])
            return
        line = Line(self.stdout)

        def show(text, lasting):
            if lasting and not line.live:
                self.stdout.write(text)
                self.stdout.flush()
            else:
                line.show(text)

        try:
            state = train.run(request, show=show)
        except train.KNOWN as error:
            line.end()
            raise CommandError(str(error)) from error
        except OSError as error:
            line.end()
            raise CommandError(f"{error.filename or out}: {error.strerror or error}.") from error
        line.end()
        if int(os.environ.get("RANK", 0)) == 0:
            said = {"finished": f"The model is in {out / 'model'}."}
            self.stdout.write(f"{state.capitalize()}. {said.get(state, f'Go on with --resume --out {out}.')}")

    def _folders_of(self, names):
        """Releases as folders of data. The processes of one run get the folders, so that one of them asks the database."""
        if not names:
            return []
        from modelzoo.releases import training

        try:
            return [str(training.folder_of(training.find(name))) for name in names]
        except training.CannotUse as error:
            raise CommandError(str(error)) from error

    def _launch(self, nproc, out, folders):
        """The same command once for each process; the first of them tells what happens."""
        from modelzoo.physvlm import launch

        arguments = _without_option(sys.argv[1:], "--nproc")
        if folders:
            arguments = [*_without_list(arguments, "--release", "--data"), "--data", *folders]
        if "--out" not in " ".join(arguments):
            arguments += ["--out", str(out)]
        code = launch.run([sys.executable, sys.argv[0], *arguments], processes=nproc)
        if code:
            raise CommandError(f"A process of the run ended with code {code}; {out / 'log.txt'} says why.", returncode=1)

    def _estimate(self, estimate, request, *, processes, as_json):
        from modelzoo.physvlm.train import KNOWN

        try:
            result = estimate.estimate(request, processes=processes)
        except KNOWN as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(result) if as_json else estimate.in_words(result))
        if not result["fits"]:
            raise CommandError(result["advice"])


def _of_run(out):
    try:
        spec = json.loads((out / "spec.json").read_text())
        return spec["stage"], spec["preset"]
    except (OSError, ValueError, KeyError):
        raise CommandError(f"{out} holds no run to resume (no spec.json). Start it without --resume.") from None


def _names(path):
    if path is None:
        return ()
    try:
        return tuple(line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def _without_option(arguments, name):
    kept, skip = [], False
    for argument in arguments:
        if skip or argument.startswith(f"{name}="):
            skip = False
        elif argument == name:
            skip = True
        else:
            kept.append(argument)
    return kept


def _without_list(arguments, *names):
    """The arguments without those options and the values that follow them."""
    kept, skip = [], False
    for argument in arguments:
        if argument.startswith("--"):
            skip = argument.partition("=")[0] in names
        if not skip:
            kept.append(argument)
    return kept
