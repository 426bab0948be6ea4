"""Sealing as a background job."""

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_noop

from modelzoo.releases import content, sealing
from studio import jobs
from studio.models import Job
from studio.sentences import say

KIND = "modelzoo.seal"


def start(*, by, name, kind, split, filters):
    """Queue the sealing; the same name asked for again while it waits or runs is the same job."""
    title = say("Sealing the release %(name)s", name=name)
    arguments = {"name": name, "what": kind, "split": split, "filters": filters.as_json()}
    return jobs.enqueue(KIND, owner=by, key=f"seal-{name}", title=title, **arguments)


def newest(count):
    """The newest jobs that seal, those that ended well left out: their releases are listed themselves."""
    found = Job.objects.filter(kind=KIND).exclude(state=Job.State.DONE)
    return list(found.select_related("owner").defer("log").order_by("-pk")[:count])


class _Progress(sealing.Progress):
    def __init__(self, run):
        self.run = run

    def waiting(self):
        self.run.check()

    def files(self, done, total):
        self.run.progress(done, total, unit=gettext_noop("videos"))

    def rows(self, done, total):
        self.run.check()  # no progress: inside the transaction nobody would see it


@jobs.job(KIND, queue="io")
def seal(run, *, name, what, split, filters):
    """Safe to run twice: what was killed left nothing, and what was sealed by this job before is found again."""
    owner = run.job.owner
    with translation.override((owner and owner.language) or settings.LANGUAGE_CODE):
        try:
            release = sealing.seal(
                name, kind=what, split=split, filters=content.Filters.of(filters), by=owner, progress=_Progress(run)
            )
        except sealing.CannotSeal as error:
            raise jobs.JobFailed(str(error)) from error
    return {"release": release.pk, "rows": release.rows_count, "sha256": release.sha256}
