from celery import shared_task

from studio import jobs


@shared_task
def run_job(job_id):
    jobs.run(job_id)


@shared_task
def sweep():
    jobs.sweep()
