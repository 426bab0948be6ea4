"""Clips' prints in the database: kept at ingest, made later where they are missing or of an older version."""

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_noop

from annotator.ingest import store
from annotator.models import Clip, Fingerprint
from annotator.panels import ON_READY
from studio import jobs
from studio.sentences import say

KIND = "annotator.fingerprints"
_ORDER = 0x70726E74  # "prnt"
_UNIT = gettext_noop("clips")
VERSION = 1  # of how hashes are made; others cannot be compared with them


@transaction.atomic
def keep(clip_id, print_):
    """Store the print of a clip in place of an older one, and tell other rooms."""
    with connection.cursor() as cursor:
        # Whoever inserts holds this until the commit: readers that remember the highest id they saw never miss a row.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ORDER])
    Fingerprint.objects.filter(clip_id=clip_id).delete()
    Fingerprint.objects.create(
        clip_id=clip_id,
        version=VERSION,
        hashes=print_.hashes.tobytes(),
        quality=print_.quality.tobytes(),
        keys=print_.keys.tobytes(),
    )
    for told in ON_READY:
        told(clip_id)


def of(row):
    """The `Print` of a row of `Fingerprint`."""
    from annotator.ingest import fingerprint

    return fingerprint.Print.stored(bytes(row.hashes), bytes(row.quality))


def missing(again=False):
    """Ready clips without a print of this version; all ready clips with `again`."""
    clips = Clip.objects.filter(state=Clip.State.READY).order_by("pk")
    return clips if again else clips.filter(~Q(fingerprint__version=VERSION) | Q(fingerprint=None))


def start(*, by=None, again=False):
    """Queue the making of prints; returns the job."""
    return jobs.enqueue(
        KIND,
        owner=by,
        key=KIND,
        title=say("Fingerprints of clips"),
        total=missing(again).count(),
        unit=_UNIT,
        again=again,
        upto=Clip.objects.order_by("-pk").values_list("pk", flat=True).first() or 0,
    )


@jobs.job(KIND, queue="cpu")
def make(run, *, again=False, upto=0):
    """Safe to run twice: without `again` a clip that has its print is passed by. What cannot be read is told, not hidden."""
    from annotator.ingest import fingerprint

    made, broken, last = 0, [], 0
    total = run.job.total
    while True:
        clips = list(missing(again).filter(pk__gt=last, pk__lte=upto).only("pk", "proxy")[:100])
        if not clips:
            break
        for clip in clips:
            run.progress(made + len(broken), total, unit=_UNIT)
            last = clip.pk
            try:
                with store.local(clip.proxy) as path:
                    print_ = fingerprint.of_file(path)
            except OSError as error:
                broken.append(clip.pk)
                run.log(f"Clip {clip.pk}: {error}")
                continue
            with transaction.atomic():
                # Its proxy may have been cut anew meanwhile, and then it has the print of that.
                if Clip.objects.select_for_update().filter(pk=clip.pk, proxy=clip.proxy, state=Clip.State.READY).exists():
                    keep(clip.pk, print_)
                    made += 1
    run.progress(made + len(broken), made + len(broken), unit=_UNIT)
    if broken:
        raise jobs.JobFailed(
            say(
                "%(made)d fingerprints made. The videos of %(count)d clips could not be read; the first is clip %(clip)d.",
                made=made,
                count=len(broken),
                clip=broken[0],
            )
        )
    return {"made": made}
