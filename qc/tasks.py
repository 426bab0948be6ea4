"""The kinds of job of this room."""

from qc import leaks
from studio import jobs


@jobs.job(leaks.KIND, queue="llm")
def leak_checks(run, *, batch=False):
    return leaks.run_checks(run, batch=batch)
