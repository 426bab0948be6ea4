"""What both commands print."""

import time

from django.core.management.base import CommandError

from studio.health import worker_command, worker_missing
from studio.llm import budget
from studio.models import Job
from studio.terminal import Line


def tell_plan(out, plan, what, without_model):
    out.write(f"{what} to build from.")
    for why, count in plan.refused.items():
        out.write(f"{count} refused: {why}")
    if plan.no_model:
        out.write(f"{plan.no_model} {without_model}")
        return
    calls = f"{plan.calls} calls" + (f" and at most {plan.judge_calls} of the judge" if plan.judge_calls else "")
    out.write(f"{calls} to {plan.endpoint.name}, at most {plan.tokens_in} tokens in and {plan.tokens_out} out.")
    if plan.most_usd is None:
        out.write("The price is unknown; give price_in and price_out.")
        return
    usual = "" if plan.usual_usd is None else f" By earlier calls about ${plan.usual_usd:.4f}."
    bound, limit = budget.spent_today()
    out.write(f"It costs at most ${plan.most_usd:.4f}.{usual} Of today's ${limit:.2f}, ${bound:.4f} is spent or reserved.")


def wait(out, job):
    line, warned = Line(out), False
    try:
        while (job := Job.objects.get(pk=job.pk)).is_active:
            line.show(f"{job.done} of {job.total or 0}, ${job.cost_usd:.4f}")
            if not warned and worker_missing("llm"):
                warned = True
                line.end()
                out.write(f"No worker serves the queue “llm”; start one with: {worker_command('llm')}")
            time.sleep(0.3)
    except KeyboardInterrupt:
        raise CommandError(f"Not waiting any more; job {job.pk} goes on in its worker.", returncode=130)
    line.end()
    out.write(f"Spent ${job.cost_usd:.4f}.")
    if job.state != Job.State.DONE:
        raise CommandError(f"The job {job.get_state_display().lower()}: {job.error or 'see the job’s page.'}")
