"""Carrying the folder of a run into the database: a piece at a time, by offsets, safe to repeat.

The row of the run is locked meanwhile, so two watchers cannot carry the same line twice.
"""

from django.db import transaction

from modelzoo.models import Checkpoint, SampleAnswer, TrainingRun
from modelzoo.releases import training
from modelzoo.runs import folder, series

MOST_SAMPLES = 5000  # answers kept of one run
_TEXT = 20_000


def carry(run):
    """Bring over what is new. Returns True when nothing was left, False when there is more or somebody else is at it."""
    path = folder.path_of(run)
    with transaction.atomic():
        held = TrainingRun.objects.select_for_update(skip_locked=True).filter(pk=run.pk).first()
        if held is None:
            return False
        more = _metrics(held, path)
        more |= _samples(held, path)
        _checkpoints(held, path)
        _facts(held, path)
        held.save(
            update_fields=(
                "spec stage preset parent parent_step phase phase_done phase_total step steps eta_s latest log_tail"
                " metric_lines metrics_offset metrics_mark samples_offset samples_mark"
            ).split()
        )
    run.refresh_from_db()
    return not more


def _metrics(run, path):
    news = folder.read_news(path / "metrics.jsonl", offset=run.metrics_offset, mark=run.metrics_mark)
    if news.restarted:
        series.clear(run)
        run.metric_lines, run.latest = 0, {}
    if news.lines:
        series.append(run, news.lines)
        run.metric_lines += len(news.lines)
        run.latest = news.lines[-1]
    run.metrics_offset, run.metrics_mark = news.offset, news.mark
    return news.more


def _samples(run, path):
    news = folder.read_news(path / "samples.jsonl", offset=run.samples_offset, mark=run.samples_mark)
    if news.restarted:
        run.samples.all().delete()
    room = MOST_SAMPLES - run.samples.count() if news.lines else 0
    SampleAnswer.objects.bulk_create(
        SampleAnswer(
            run=run,
            step=line["step"],
            clip_id=str(line.get("clip_id", ""))[:500],
            question=str(line.get("question", ""))[:_TEXT],
            answer=str(line.get("answer", ""))[:_TEXT],
            expected=str(line.get("expected", ""))[:_TEXT],
        )
        for line in news.lines[: max(0, room)]
        if isinstance(line.get("step"), int)
    )
    run.samples_offset, run.samples_mark = news.offset, news.mark
    return news.more


def _checkpoints(run, path):
    """Checkpoints that came, went, or were written anew by a later attempt."""
    there = folder.checkpoint_steps(path)
    known = {one.step: one for one in run.checkpoints.all()}
    for step, name in there.items():
        before = known.get(step)
        if before and before.is_kept and step != max(there):  # an older one is never written again
            continue
        found = folder.read_checkpoint(path, step, name)
        if found is None:
            continue
        fields = {"folder": name, "bytes": found.bytes, "sha256": found.sha256, "committed_at": found.committed_at}
        Checkpoint.objects.update_or_create(run=run, step=step, defaults=fields | {"is_kept": True})
    run.checkpoints.filter(is_kept=True).exclude(step__in=there).update(is_kept=False)


def _facts(run, path):
    """What was asked, where it stands, and the end of its log."""
    if not run.spec:
        run.spec = folder.read_json(path / "spec.json")
        if run.spec:
            run.stage = str(run.spec.get("stage") or run.stage)[:8]
            run.preset = str(run.spec.get("preset") or run.preset)[:80]
            _find_parent(run)
            training.link(run)
    state = folder.read_json(path / "state.json")
    beat = folder.read_json(path / "heartbeat.json")
    run.phase = str(beat.get("phase") or "")[:40]
    run.phase_done, run.phase_total = _whole(beat.get("done")), _whole(beat.get("total"))
    run.step = max(_whole(state.get("step")), _whole(run.latest.get("step")))
    run.steps = _whole(state.get("steps")) or _whole(beat.get("steps"))
    eta = beat.get("eta_s")
    run.eta_s = float(eta) if isinstance(eta, int | float) and 0 <= eta < 1e9 else None
    run.log_tail = folder.read_tail(path / "log.txt") or folder.read_tail(path / folder.CONSOLE)


def _whole(value):
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**62 else 0


def _find_parent(run):
    """The run whose weights this one began with."""
    parent = run.spec.get("parent")
    if run.parent_id or not isinstance(parent, dict):
        return
    run.parent = TrainingRun.objects.filter(name=str(parent.get("run"))).exclude(pk=run.pk).first()
    run.parent_step = _whole(parent.get("step")) if run.parent and parent.get("step") is not None else None
