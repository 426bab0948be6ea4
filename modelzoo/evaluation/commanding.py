"""What `evaluate_physvlm` does with a database: open or go on with an evaluation, answer this process's share of it."""

import os
import sys

from django.conf import settings
from django.utils.translation import gettext as _

from annotator.taxonomy import CATEGORIES
from modelzoo.evaluation import opening, runner, sets, vcg, video_mme
from modelzoo.evaluation.baselines import BaselinePredictor
from modelzoo.evaluation.models import Evaluation, QuestionSet
from modelzoo.models import Release

Kind = Evaluation.ModelKind


def question_set_of(*, release=None, name=None, data=None, limit=0, benchmark="physgame"):
    """(set, source) of what a command or page names; `CannotEvaluate` or `CannotFreeze` where that is nothing."""
    if release:
        found = Release.objects.filter(name=release).first()
        if found is None:
            raise opening.CannotEvaluate(_("There is no release %(name)s.") % {"name": release})
        return sets.from_release(found, limit=limit), {"release": found.name}
    if name:
        found = QuestionSet.objects.filter(name=name).first()
        if found is None:
            raise opening.CannotEvaluate(_("There is no question set %(name)s.") % {"name": name})
        return found, {"folders": [os.path.abspath(folder) for folder in data]} if data else _last_source(found)
    if not data:
        raise opening.CannotEvaluate(_("Say what to measure on: --release NAME, --data DIR or --set NAME."))
    source = {"folders": [os.path.abspath(folder) for folder in data]}
    if freeze := {"video-mme": video_mme.freeze, "vcg": vcg.freeze}.get(benchmark):
        if len(data) > 1:
            raise opening.CannotEvaluate(_("%(name)s is one folder.") % {"name": QuestionSet.Benchmark(benchmark).label})
        return freeze(data[0], limit=limit), source
    if benchmark != "physgame":
        names = ", ".join(QuestionSet.Benchmark.values)
        raise opening.CannotEvaluate(
            _("There is no benchmark %(name)s. There are: %(known)s.") % {"name": benchmark, "known": names}
        )
    return sets.from_folders(data, limit=limit), source


def _last_source(question_set):
    """Where the clips of the set lay when it was last measured on."""
    if question_set.release_id:
        return {"release": question_set.release.name}
    found = question_set.evaluations.exclude(source={}).order_by("-pk").values_list("source", flat=True).first()
    return found or {}


def predictor_of(evaluation, *, rank=0, world=1, progress=lambda done, total: None, cache=None):
    """The predictor of an evaluation that runs in this process: a checkpoint's or a baseline's."""
    if evaluation.model_kind == Kind.BASELINE:
        return BaselinePredictor(evaluation.model.partition(":")[2], rotations=evaluation.rotations)
    from modelzoo.evaluation.local import LocalPredictor

    wanted = runner.waiting(evaluation, rank=rank, world=world)
    return LocalPredictor(evaluation, wanted=wanted, progress=progress, cache=cache)


def work(evaluation, *, rank=0, world=1, show=lambda text: None, cache=None):
    """Answer one share in this process; returns whether the evaluation is complete. A failure is kept with it and raised."""
    try:
        if evaluation.judge:
            runner.take_answers(evaluation)
        if not runner.waiting(evaluation, rank=rank, world=world):
            return runner.complete(evaluation)
        predictor = predictor_of(
            evaluation, rank=rank, world=world, cache=cache, progress=lambda d, t: show(f"frames: {d} of {t} clips")
        )
        return runner.work(
            evaluation, predictor, rank=rank, world=world, progress=lambda d, t: show(f"{d} of {t} questions")
        )
    except KeyboardInterrupt:
        runner.fail(evaluation, _("Somebody stopped it."), state=Evaluation.State.STOPPED)
        raise
    except Exception as error:
        runner.fail(evaluation, str(error) or type(error).__name__)
        raise


def command_of(*evaluations):
    """The command that goes on with evaluations, for a process of its own."""
    program = [sys.executable, str(settings.BASE_DIR / "manage.py"), "evaluate_physvlm", "--evaluation"]
    return program + [str(one.pk) for one in evaluations]


def in_words(evaluation):
    """The figures as lines for a terminal."""
    figures, lines = evaluation.figures, []
    if "scores" in figures:
        head = f"{evaluation.name} on {evaluation.question_set}, {evaluation.protocol} v{evaluation.protocol_version}"
        lines.append(f"{head}, judged by {evaluation.judge}")
        lines += [f"{name:<4} {_score(found)}" for name, found in figures["scores"].items()]
        lines.append(f"no answer, counted as 0: {figures['no_answer']}; no score by the judge: {figures['no_score']}")
        return "\n".join(lines)
    head = f"{evaluation.name} on {evaluation.question_set}, {evaluation.protocol} v{evaluation.protocol_version}"
    lines.append(f"{head}, {evaluation.get_scoring_display()}")
    lines.append(f"{'all questions':<34} {_percent(figures['micro'])}")
    if figures.get("careful") and figures["careful"]["right"] != figures["micro"]["right"]:
        lines.append(f"{'  by the careful reader':<34} {_percent(figures['careful'])}")
    if "circular" in figures:
        found = figures["circular"]
        shares = ", ".join(f"{name} {100 * found[name]:.1f}%" for name in ("plain", "mean", "all"))
        lines.append(f"{'four rotations':<34} {shares}")
    if figures["no_answer"]:
        lines.append(f"{'no answer, counted as wrong':<34} {figures['no_answer']}")
    said = figures.get("said")
    order = [*CATEGORIES, *sorted(set(figures["by_category"]) - set(CATEGORIES))]  # jsonb keeps keys in its own
    for name in filter(figures["by_category"].__contains__, order):
        found = figures["by_category"][name]
        lines.append(f"  {name:<32} {_percent(found)}" + (_alarms(said["by_category"].get(name)) if said else ""))
    if said:
        lines.append(f"  {'motion (Mechanics, Kinematics)':<32} {_percent(said['motion']['hits'])}{_alarms(said['motion'])}")
    return "\n".join(lines)


def _alarms(found):
    """ ", falsely 12.0%: J +51.1 (+30.2 to +66.0)": what is left of the hits without an answer habit."""
    if not found or found["j"] is None:
        return ""
    j, low, high = (100 * found[name] for name in ("j", "low", "high"))
    return f", falsely {100 * found['alarms']['share']:.1f}%: J {j:+.1f} ({low:+.1f} to {high:+.1f})"


def _score(figure):
    """ "3.21 (3.02 to 3.40, n=998)"."""
    if figure["score"] is None:
        return "none"
    return f"{figure['score']:.2f} ({figure['low']:.2f} to {figure['high']:.2f}, n={figure['n']})"


def _percent(figure):
    """ "63.1% (60.0 to 66.1, n=960)"."""
    if not figure["n"]:
        return "none"
    return f"{100 * figure['share']:.1f}% ({100 * figure['low']:.1f} to {100 * figure['high']:.1f}, n={figure['n']})"
