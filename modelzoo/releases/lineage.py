"""What learned from a release: runs that were trained on it, those that went on from their weights, and checkpoints; and
what was measured on it."""

from dataclasses import dataclass, field

from modelzoo.models import Checkpoint, Evaluation, Release, ReleaseRow, RunRelease, TrainingRun

MOST_RUNS = 200
MOST_CHECKPOINTS = 8  # named of each run, the newest
MOST_EVALUATIONS = 50


@dataclass
class Learner:
    """`via`: the run whose weights it began with, where it did not see the release itself."""

    run: TrainingRun
    release_id: int
    via: TrainingRun | None = None
    checkpoints: list = field(default_factory=list)
    more: int = 0  # kept checkpoints that are not in the list


def of_question(question_id, *, most=50):
    """Releases that hold the question or a row made of it, alone or with others, newest first."""
    rows = ReleaseRow.objects.made_of(question_id).values("release")
    return list(Release.objects.for_lists().filter(pk__in=rows).order_by("-pk")[:most])


def evaluations(release):
    """The newest evaluations on a benchmark release, on some of its rows, or on another one with the very same rows."""
    found = Evaluation.objects.filter(question_set__release__sha256=release.sha256).select_related("question_set")
    return found.order_by("-pk")[:MOST_EVALUATIONS]


def learners(releases):
    """{release id: [`Learner`, ...]}, newest run first; a few queries, however many there are."""
    used = RunRelease.objects.filter(release__in=releases).select_related("run").defer("run__spec", "run__log_tail")
    found = [Learner(one.run, one.release_id) for one in used.order_by("-run_id")[:MOST_RUNS]]
    newest, seen = list(found), {(one.release_id, one.run.pk) for one in found}
    while newest and len(found) < MOST_RUNS:
        runs = {one.run.pk for one in newest}
        children = list(TrainingRun.objects.filter(parent__in=runs).defer("spec", "log_tail").order_by("-pk")[:MOST_RUNS])
        newest = [
            Learner(child, parent.release_id, via=parent.run)
            for child in children
            for parent in newest
            if child.parent_id == parent.run.pk and (parent.release_id, child.pk) not in seen
        ]
        seen |= {(one.release_id, one.run.pk) for one in newest}
        found += newest
    kept = {}
    for one in Checkpoint.objects.filter(run__in={one.run.pk for one in found}, is_kept=True).order_by("run_id", "-step"):
        kept.setdefault(one.run_id, []).append(one)
    by_release = {}
    for one in found:
        saved = kept.get(one.run.pk, [])
        one.checkpoints, one.more = saved[:MOST_CHECKPOINTS], max(0, len(saved) - MOST_CHECKPOINTS)
        by_release.setdefault(one.release_id, []).append(one)
    return by_release
