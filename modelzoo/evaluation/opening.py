"""What to evaluate, and the row it is kept in: the same model, set and protocol asked for again is the same evaluation."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from django.utils.translation import gettext as _

from modelzoo.evaluation import protocols, vcg, video_mme
from modelzoo.evaluation.baselines import BASELINES
from modelzoo.evaluation.models import Evaluation
from modelzoo.physvlm.data import sources
from modelzoo.physvlm.files import weights_hash
from modelzoo.runs import choices
from studio.llm import endpoints

Kind, Scoring = Evaluation.ModelKind, Evaluation.Scoring


class CannotEvaluate(ValueError):
    """This cannot be evaluated; the sentence says why and what to do."""


@dataclass(frozen=True)
class Model:
    kind: str
    model: str
    name: str
    sha256: str = ""
    path: Path | None = None
    run: object = field(default=None, compare=False)


def find_model(text, *, name=""):
    """The `Model` that a text names: a folder of weights, run:7:model, model:NAME, baseline:NAME, or a hosted model."""
    kind, _colon, rest = text.partition(":")
    if kind == "baseline":
        if rest not in BASELINES:
            raise CannotEvaluate(
                _("There is no baseline %(name)s. There are: %(known)s.") % {"name": rest, "known": ", ".join(BASELINES)}
            )
        return Model(Kind.BASELINE, text, name or str(BASELINES[rest].label))
    if kind in ("run", "model") and rest:
        try:
            path = choices.path_of_weights(text)
        except choices.CannotTrain as refusal:
            raise CannotEvaluate(str(refusal)) from refusal
        run, step = choices.run_of(text)
        known = run.name if run else rest
        return Model(Kind.CHECKPOINT, text, name or (f"{known} @{step}" if step else known), weights_hash(path), path, run)
    if Path(text).is_dir():
        path = Path(text).resolve()
        parent = path.parent.name if path.name == "model" else path.name
        return Model(Kind.CHECKPOINT, str(path), name or parent, weights_hash(path), path)
    try:
        endpoint = endpoints.find(text)
    except endpoints.NoModel as refusal:
        if "/" in text:
            raise CannotEvaluate(_("%(path)s is no folder of weights.") % {"path": text}) from refusal
        raise CannotEvaluate(str(refusal)) from refusal
    return Model(Kind.HOSTED, text, name or endpoint.model)


def path_of(evaluation):
    """Where the weights of a checkpoint's evaluation lie; `CannotEvaluate` if they are gone or are others by now."""
    found = find_model(evaluation.model, name=evaluation.name)
    if found.sha256 != evaluation.model_sha256:
        raise CannotEvaluate(
            _("The weights at %(model)s have changed since this evaluation began; begin a new one.")
            % {"model": evaluation.model}
        )
    return found.path


def is_served(model):
    """Whether an `Evaluation`'s or a `Model`'s hosted model is one of ours, served by serve_physvlm."""
    return any(one.name == model.model and one.physvlm for one in endpoints.configured())


def default_scoring(model):
    return Scoring.WORDS if model.kind == Kind.HOSTED and not is_served(model) else Scoring.LETTERS


def open_evaluation(
    question_set, model, protocol="standard", *, scoring="", source=None, by=None, repeat=0, state="running", **chosen
):
    """The `Evaluation` of this model on this set under this protocol, made if it is new. It may be complete already.

    `chosen` goes beside the protocol: frames, subtitles, judge (protocols.settings_of).
    """
    scoring = scoring or default_scoring(model)
    is_open = question_set.benchmark == "vcg"
    by_letters = model.kind == Kind.HOSTED and scoring == Scoring.LETTERS and is_served(model)
    if model.kind == Kind.IMPORTED or model.kind == Kind.HOSTED and not by_letters or is_open:
        scoring = Scoring.WORDS
    if is_open and model.kind == Kind.BASELINE:
        raise CannotEvaluate(_("A rule of thumb has no answer to an open question; choose a model."))
    if scoring not in Scoring.values:
        raise CannotEvaluate(_("%(name)s is no way of scoring.") % {"name": scoring})
    try:
        found = protocols.find(protocol, scoring=scoring)
        settings = protocols.settings_of(found, question_set.benchmark, **chosen)
        if settings.get("judge"):
            endpoints.find(settings["judge"])
    except (protocols.NoProtocol, endpoints.NoModel) as refusal:
        raise CannotEvaluate(refusal.args[0]) from refusal
    evaluation, made = Evaluation.objects.get_or_create(
        question_set=question_set,
        model_kind=model.kind,
        model=model.model,
        model_sha256=model.sha256,
        protocol=found.name,
        protocol_version=found.version,
        protocol_settings=settings,
        scoring=scoring,
        repeat=repeat,
        defaults={
            "name": model.name[:160],
            "run": model.run,
            "rotations": found.rotations,
            "source": source or {},
            "owner": by,
            "state": state,
        },
    )
    if not made and source and not evaluation.is_complete and evaluation.source != source:
        evaluation.source = source
        evaluation.save(update_fields=["source"])
    return evaluation


def next_repeat(question_set, model, protocol, scoring=""):
    """The number that makes an evaluation of the same a new one."""
    rows = Evaluation.objects.filter(
        question_set=question_set, model=model.model, model_sha256=model.sha256, protocol=protocol,
        scoring=scoring or default_scoring(model),
    )  # fmt: skip
    last = rows.order_by("-repeat").values_list("repeat", flat=True).first()
    return 0 if last is None else last + 1


def folders_of(evaluation):
    """Folders with the clips of the set, on this machine; a release is written out there first."""
    question_set = evaluation.question_set
    if question_set.release_id:
        from modelzoo.releases import training

        try:
            return [training.folder_of(question_set.release, below=training.BENCHMARKS)]
        except training.CannotUse as refusal:
            raise CannotEvaluate(str(refusal)) from refusal
    folders = [Path(folder) for folder in evaluation.source.get("folders", [])]
    missing = [folder for folder in folders if not folder.is_dir()]
    if missing or not folders:
        raise CannotEvaluate(
            _("The clips of %(set)s are not at %(folder)s any more. Name their folder with --data.")
            % {"set": question_set.name, "folder": missing[0] if missing else "–"}
        )
    return folders


def data_of(evaluation):
    """`sources.Data` with the questions and clips of the set, as its folders have them now."""
    folders = folders_of(evaluation)
    readers = {"video-mme": video_mme.read, "vcg": vcg.read}
    if reader := readers.get(evaluation.question_set.benchmark):
        return reader(folders[0]).data
    return sources.read(folders)


def shard_of_environment():
    """(rank, world) as torchrun sets them, (0, 1) without."""
    try:
        rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    except ValueError:
        return 0, 1
    return (rank, world) if 0 <= rank < world else (0, 1)
