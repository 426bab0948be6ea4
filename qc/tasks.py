"""The kinds of job of this room, and what happens by the clock."""

from celery import shared_task

from qc import leak_probes, leaks
from qc.agreement import report
from qc.baseline import runs as baseline
from qc.dashboard import counting
from studio import jobs
from studio.sentences import say

RECOUNT = "qc.recount"


@jobs.job(leaks.KIND, queue="llm")
def leak_checks(run, *, batch=False):
    return leaks.run_checks(run, batch=batch)


@jobs.job(leak_probes.KIND, queue="llm")
def probes(run):
    return leak_probes.run_probes(run)


@shared_task
def count_marks():
    """Bring kept counts up to date; pages do the same for the last moment before they read."""
    while counting.catch_up() >= counting.BATCH:
        pass


@shared_task
def recount_by_night():
    jobs.enqueue(RECOUNT, key=RECOUNT, title=say("Recount of what the quality page shows"))


@jobs.job(RECOUNT, queue="io")
def recount(run):
    drift = counting.recount()
    if drift:
        run.log(f"{drift} kept counts were wrong and are mended.")
    return {"drift": drift}


@jobs.job(report.KIND, queue="cpu")
def agreement(run, *, basis, span):
    return {"report": report.make(basis, span).pk}


@shared_task
def nightly_agreement():
    for basis in report.BASES:
        for span in report.NIGHTLY:
            report.start(basis, span)


@jobs.job(baseline.KIND, queue="cpu")
def text_only_baseline(run):
    return baseline.make(run)


@shared_task
def nightly_baseline():
    baseline.nightly()
