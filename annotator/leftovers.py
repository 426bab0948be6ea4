"""Files nobody refers to any more: the proxy, poster and filmstrip from before a cut, and what killed ingests had stored.

Nothing is deleted at once, because a page may be playing it and another clip may be about to name the same content: a job
at night deletes what is older than a day and belongs to no clip. Originals are never touched.
"""

from datetime import timedelta

from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.translation import gettext_noop

from annotator.ingest import store
from annotator.models import Clip
from studio import jobs
from studio.sentences import say

KIND = "annotator.leftovers"
KEPT_FOR = timedelta(days=1)
FOLDERS = {"proxy": "proxies", "poster": "posters", "filmstrip": "filmstrips"}


def start():
    return jobs.enqueue(KIND, key=KIND, title=say("Delete media files that belong to no clip"))


@jobs.job(KIND, queue="io")
def sweep(run):
    """Safe to run twice, and to kill anywhere."""
    deleted, before = 0, timezone.now() - KEPT_FOR
    for field, folder in FOLDERS.items():
        known = {_short(name) for name in Clip.objects.exclude(**{field: ""}).values_list(field, flat=True).iterator(5000)}
        for name in _files(folder):
            run.progress(deleted, unit=gettext_noop("files"))
            if _short(name) in known or default_storage.get_modified_time(name) > before:
                continue
            if not Clip.objects.filter(**{field: name}).exists():  # it was not named in between
                store.remove(name)
                deleted += 1
    return {"deleted": deleted}


def _short(name):
    """A file's name without its folders and suffix, as bytes: a million of them are to fit into memory."""
    stem = name.rsplit("/", 1)[-1].split(".", 1)[0]
    return bytes.fromhex(stem) if len(stem) == 64 else stem.encode()


def _files(folder):
    """Names of all files two levels below a folder of the storage, one subfolder at a time."""
    try:
        parts, _none = default_storage.listdir(folder)
    except FileNotFoundError:  # nothing was ever stored
        return
    for part in sorted(parts):
        _none, files = default_storage.listdir(f"{folder}/{part}")
        yield from (f"{folder}/{part}/{file}" for file in files)
