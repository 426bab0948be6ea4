"""From what a person chose to the command that trains, and the estimate before it starts.

The estimate is the trainer's own: `train_physvlm --dry-run --json`, run in a process of its own on the machine that would
train, because that is where the data, the memory and torch are.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field

from django.conf import settings
from django.utils.translation import gettext as _

from modelzoo.models import TrainingRun
from modelzoo.physvlm import presets
from modelzoo.runs import choices
from modelzoo.runs.choices import CannotTrain
from studio import jobs
from studio.sentences import say

KIND = "modelzoo.estimate"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MOST_PROCESSES = 64
_ESTIMATE_S = 900
__all__ = ["CannotTrain", "Plan", "check", "command_of", "estimate_later", "parent_of"]


class BadPlan(ValueError):
    """One field of a plan cannot be so; `field` names it."""

    def __init__(self, where, sentence):
        super().__init__(sentence)
        self.field = where


@dataclass(frozen=True)
class Plan:
    """What a run should be. data and init are ids of choices.py, overrides texts such as "learning_rate=1e-4"."""

    preset: str
    data: list
    init: str = ""
    overrides: list = field(default_factory=list)
    processes: int = 1
    name: str = ""

    @property
    def stage(self):
        return presets.PRESETS[self.preset].stage


def check(plan):
    """`BadPlan` where the plan cannot be so, as far as that is known without reading the data."""
    if plan.preset not in presets.PRESETS:
        raise BadPlan("preset", _("There is no preset %(name)s.") % {"name": plan.preset})
    if not plan.data:
        raise BadPlan("data", _("Choose what to train on."))
    offered = {choice.id for choice in choices.data()}
    for choice in plan.data:
        if choice not in offered:
            raise BadPlan("data", _("%(name)s is not offered as training data. Reload the page.") % {"name": choice})
    if plan.init and plan.init not in {choice.id for choice in choices.weights()}:
        raise BadPlan("init", _("%(name)s is not offered as weights. Reload the page.") % {"name": plan.init})
    if plan.stage == "dpo" and not plan.init:
        raise BadPlan("init", _("DPO begins from a trained model: choose its weights."))
    try:
        presets.parse_overrides(presets.PRESETS[plan.preset], plan.overrides)
    except presets.BadSetting as error:
        raise BadPlan("overrides", str(error)) from error
    if not 1 <= plan.processes <= MOST_PROCESSES:
        raise BadPlan("processes", _("From 1 to %(most)s.") % {"most": MOST_PROCESSES})
    if plan.name and not NAME.fullmatch(plan.name):
        raise BadPlan("name", _("A name has letters, digits, dots, dashes and underscores, at most 100 of them."))
    if plan.name and TrainingRun.objects.filter(name=plan.name).exists():
        raise BadPlan("name", _("There is a run of this name already. Choose another."))


def parent_of(plan):
    """(run, step or None) whose weights the plan begins with; (None, None) for none."""
    return choices.run_of(plan.init)


def _trainer():
    """The command that trains, up to its options."""
    own = [sys.executable, str(settings.BASE_DIR / "manage.py"), "train_physvlm"]
    return shlex.split(settings.TRAIN_COMMAND) or own


def _options(plan):
    options = ["--stage", plan.stage, "--preset", plan.preset]
    options += ["--data", *(str(choices.path_of_data(choice)) for choice in plan.data)]
    if plan.init:
        options += ["--init", str(choices.path_of_weights(plan.init))]
    if plan.processes > 1:
        options += ["--nproc", str(plan.processes)]
    for override in plan.overrides:
        options += ["--set", override]
    return options


def command_of(run, path):
    """The command of the next attempt of a run: anew, or on from where its folder stands."""
    if (path / "spec.json").exists():
        processes = run.plan.get("processes") or run.spec.get("processes") or 1
        many = ["--nproc", str(processes)] if isinstance(processes, int) and processes > 1 else []
        return [*_trainer(), "--out", str(path), "--resume", *many]
    if not run.plan:
        raise CannotTrain(say("Nobody knows what this run should train: it has no spec.json."))
    return [*_trainer(), "--out", str(path), *_options(Plan(**run.plan))]


def estimate_later(plan, *, by):
    """Queue the estimate of a plan that passed `check`. Returns the job; starting the run takes it."""
    title = say("Estimate of a run with %(preset)s", preset=plan.preset)
    return jobs.enqueue(KIND, owner=by, title=title, **asdict(plan))


@jobs.job(KIND, queue="gpu")
def estimate(run, **arguments):
    plan = Plan(**arguments)
    try:
        command = [*_trainer(), *_options(plan), "--dry-run", "--json"]
    except CannotTrain as error:
        raise jobs.JobFailed(error.args[0]) from error
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=printed, stderr=said, start_new_session=True
        )
        try:
            _wait(process, run)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        for file in (printed, said):
            file.seek(0)
        result = _last_object(printed.read().decode("utf-8", "replace"))
        lines = [line for line in said.read().decode("utf-8", "replace").splitlines() if line.strip()]
    if result is not None and "fits" in result:
        return result
    run.log("\n".join(lines[-40:]))
    sentence = lines[-1].removeprefix("CommandError: ") if lines else ""
    told = say("The trainer gave no estimate; its process ended with code %(code)s.", code=process.returncode)
    raise jobs.JobFailed(sentence or told)


def _wait(process, run):
    for _tick in range(_ESTIMATE_S * 5):
        try:
            process.wait(0.2)
            return
        except subprocess.TimeoutExpired:
            run.check()
    raise jobs.JobFailed(say("The estimate took longer than %(minutes)s minutes.", minutes=_ESTIMATE_S // 60))


def _last_object(text):
    for line in reversed(text.splitlines()):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            return value
    return None
