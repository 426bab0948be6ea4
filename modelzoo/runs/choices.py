"""What a run can be given on the page: folders of data below the configured roots, exports of this Studio, weights.

Each choice has a short id that is stored instead of a path, because the machine that trains may mount things elsewhere:

    glitchworld/train     a folder below one of STUDIO_TRAINING_DATA_DIRS
    release:sft-1         the sealed release of that name, written out where it is used
    export:12             the export with that number, unpacked where it is used
    run:7:model           the final model of run 7;  run:7:400  its checkpoint of step 400
    model:physvlm-7b      a folder with a model (config.json) below one of the roots
"""

import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _

from modelzoo import export_jobs
from modelzoo.models import Checkpoint, Release, TrainingRun
from modelzoo.outdir import whole_directory
from modelzoo.releases import training
from modelzoo.runs import folder
from studio.sentences import say

DATA_FILES = ("PhysInstruct*.json", "PhysDPO*.json", "PhysGame_*_annotation.json")
_DEPTH = 3
_MOST = 200
_UNPACKED = ".studio-export.json"


class CannotTrain(Exception):
    """This cannot be trained on or begun with; the sentence says what and what to do."""


@dataclass(frozen=True)
class Choice:
    id: str
    label: str


def _folders():
    """(id, path) of every folder below the roots, shallow ones first; links that lead out of a root are left out."""
    seen = set()
    for root in map(Path, settings.TRAINING_DATA_DIRS):
        level = [root]
        for _depth in range(_DEPTH):
            below = []
            for parent in level:
                try:
                    inside = sorted(entry.path for entry in os.scandir(parent) if entry.is_dir() and entry.name[0] != ".")
                except OSError:
                    continue
                below += map(Path, inside)
            for path in below:
                name = path.relative_to(root).as_posix()
                if name not in seen and path.resolve().is_relative_to(root.resolve()):
                    seen.add(name)
                    yield name, path
            level = below


def _holds_data(path):
    return any(next(path.glob(pattern), None) for pattern in DATA_FILES)


def data_folders():
    found = [Choice(name, name) for name, path in _folders() if ":" not in name and _holds_data(path)]
    return found[:_MOST]


def folders_where(holds):
    """Folders below the roots that `holds(path)` says to be something else than data for training: other benchmarks."""
    return [Choice(name, name) for name, path in _folders() if ":" not in name and holds(path)][:_MOST]


def path_of_folder(name, holds):
    """Where such a folder lies on this machine."""
    path = _below_roots(name)
    if path is None or not holds(path):
        raise CannotTrain(
            say(
                "%(name)s is not below the training data of this machine (STUDIO_TRAINING_DATA_DIRS). Choose another.",
                name=name,
            )
        )
    return path


def exports():
    """Exports with videos whose file is still there, newest first."""
    found = []
    for job in export_jobs.all_exports().filter(state="done")[:_MOST]:
        if export_jobs.file_of(job) and job.arguments.get("videos") != "none":
            label = _("Export %(number)s: %(title)s") % {"number": job.pk, "title": job.title}
            found.append(Choice(f"export:{job.pk}", label))
    return found


def releases():
    """Sealed releases for training, newest first."""
    found = Release.objects.for_lists().exclude(kind=Release.Kind.BENCHMARK).order_by("-pk")[:_MOST]
    words = _("Release %(name)s (%(kind)s, %(rows)s rows)")
    return [
        Choice(f"release:{one.name}", words % {"name": one.name, "kind": one.get_kind_display(), "rows": one.rows_count})
        for one in found
    ]


def data():
    return [*releases(), *data_folders(), *exports()]


def weights():
    """What a run can begin with: models and kept checkpoints of runs, newest run first, and model folders."""
    found = []
    kept = {}
    for checkpoint in Checkpoint.objects.filter(is_kept=True).order_by("-run_id", "-step")[: 5 * _MOST]:
        kept.setdefault(checkpoint.run_id, []).append(checkpoint.step)
    finished = set(
        TrainingRun.objects.filter(state=TrainingRun.State.FINISHED).order_by("-pk").values_list("pk", flat=True)[:_MOST]
    )
    names = dict(TrainingRun.objects.filter(pk__in={*kept, *finished}).values_list("pk", "name"))
    for pk in sorted(names, reverse=True):
        if pk in finished:
            found.append(Choice(f"run:{pk}:model", _("%(run)s, final model") % {"run": names[pk]}))
        for step in kept.get(pk, []):
            label = _("%(run)s, checkpoint of step %(step)s") % {"run": names[pk], "step": step}
            found.append(Choice(f"run:{pk}:{step}", label))
    models = [(name, path) for name, path in _folders() if ":" not in name and (path / "config.json").is_file()]
    return [*found, *(Choice(f"model:{name}", name) for name, _path in models[:_MOST])]


def run_of(init):
    """(run, step or None) of a choice of weights, (None, None) when they come from no run."""
    kind, _colon, rest = init.partition(":")
    pk, _colon, step = rest.partition(":")
    if kind != "run" or not pk.isdecimal():
        return None, None
    run = TrainingRun.objects.filter(pk=int(pk)).first()
    return run, int(step) if step.isdecimal() else None


def path_of_weights(init):
    """Where the weights of a choice lie on this machine."""
    run, step = run_of(init)
    if run is not None:
        base = folder.path_of(run)
        checkpoint = run.checkpoints.filter(step=step, is_kept=True).first() if step is not None else None
        path = base / "checkpoints" / checkpoint.folder if checkpoint else base / "model"
        if (step is None or checkpoint) and path.is_dir():
            return path
    elif init.startswith("model:"):
        path = _below_roots(init.removeprefix("model:"))
        if path and (path / "config.json").is_file():
            return path
    raise CannotTrain(say("The weights %(name)s are not on this machine. Choose others.", name=init))


def path_of_data(choice):
    """Where the data of a choice lies on this machine; an export is unpacked there first."""
    kind, colon, number = choice.partition(":")
    if colon and kind == "release":
        try:
            return training.folder_of(training.find(number))
        except training.CannotUse as error:
            raise CannotTrain(error.args[0]) from error
    if colon and kind == "export" and number.isdecimal():
        return _unpacked(int(number))
    path = None if colon else _below_roots(choice)
    if path is None or not _holds_data(path):
        raise CannotTrain(
            say(
                "%(name)s is not below the training data of this machine (STUDIO_TRAINING_DATA_DIRS). Choose another.",
                name=choice,
            )
        )
    return path


def _below_roots(name):
    for root in map(Path, settings.TRAINING_DATA_DIRS):
        path = (root / name).resolve()
        if path.is_dir() and path.is_relative_to(root.resolve()) and path != root.resolve():
            return path
    return None


def _unpacked(number):
    """The folder of an export's files, made once: it appears whole or not at all."""
    job = export_jobs.all_exports().filter(pk=number).first()
    target = Path(settings.DATA_DIR) / "training-exports" / str(number)
    if target.is_dir():
        return target
    name = job and export_jobs.file_of(job)
    if not name or not default_storage.exists(name):
        raise CannotTrain(say("Export %(number)s has no file any more. Make it again.", number=number))
    with default_storage.open(name) as file, zipfile.ZipFile(file) as archive:
        with whole_directory(target, marker=_UNPACKED) as part:
            for entry in archive.infolist():
                # The zip is our own: one folder at the top, below it plain names.
                out = part / Path(*Path(entry.filename).parts[1:])
                if entry.is_dir() or not out.resolve().is_relative_to(part.resolve()):
                    continue
                out.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(entry) as source, out.open("wb") as copy:
                    shutil.copyfileobj(source, copy)
                    copy.flush()
                    os.fsync(copy.fileno())
    return target
