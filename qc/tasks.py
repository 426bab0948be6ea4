"""The kinds of job of this room."""

from qc import leak_probes, leaks
from studio import jobs


@jobs.job(leaks.KIND, queue="llm")
def leak_checks(run, *, batch=False):
    return leaks.run_checks(run, batch=batch)


@jobs.job(leak_probes.KIND, queue="llm")
def probes(run):
    return leak_probes.run_probes(run)
