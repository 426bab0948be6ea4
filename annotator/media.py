"""Serving clips' files: who may, byte ranges, validators, and handing the bytes to nginx or S3 where there is one."""

import mimetypes
import os
import re
from urllib.parse import quote

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe, quote_etag
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotator.ingest import store
from annotator.models import Clip
from studio.access import allow
from studio.roles import Role

KINDS = ("proxy", "poster", "filmstrip", "original")
SERVED_AS = ("video/*", "image/*", "application/octet-stream")
_BLOCK = 256 * 1024
# A player asks for "everything from here" and then reads as slowly as it plays, holding a server thread all the while.
# It gets this much and asks again.
_OPEN_RANGE_BYTES = 2 * 1024 * 1024
_FOREVER_S = 365 * 24 * 3600
_SIGNED_URL_S = 1800  # half of what settings lets a signed address live


def content_id(clip, kind):
    """What names the content of one of a clip's files: the hash in its name in the storage."""
    return os.path.splitext(os.path.basename(getattr(clip, kind)))[0]


def media_url(clip, kind):
    """The address of a clip's file; it changes with the content, so that browsers may keep it for good."""
    return f"{reverse('clip_media', args=[clip.pk, kind])}?v={content_id(clip, kind)[:12]}"


@allow(*Role)
@require_safe
def clip_media(request, pk, kind):
    """One file of a clip: the three made ones for everybody with a role, the original for leads and admins."""
    if kind not in KINDS:
        raise Http404
    if kind == "original" and not request.user.has_role(Role.LEAD, Role.ADMIN):
        raise PermissionDenied(_("Only leads and admins can download originals."))
    clip = get_object_or_404(Clip.objects.only("pk", "state", "original_name", "source_id", kind), pk=pk)
    if clip.state == Clip.State.TAKEN_DOWN:
        raise Http404(_("Clip %(id)s was taken down.") % {"id": pk})
    name = getattr(clip, kind)
    if not name:
        raise Http404(_("Clip %(id)s has no such file yet.") % {"id": pk})
    etag = quote_etag(content_id(clip, kind))
    response = _response(request, name, etag)
    if response.status_code >= 400:
        return response
    pinned = request.GET.get("v") == etag.strip('"')[:12]
    if not response.has_header("Cache-Control"):
        response["Cache-Control"] = f"private, max-age={_FOREVER_S}, immutable" if pinned else "private, no-cache"
    response["X-Content-Type-Options"] = "nosniff"
    if kind == "original":
        response["Content-Disposition"] = content_disposition_header(True, _download_name(clip, name))
    return response


def _download_name(clip, name):
    return clip.original_name or clip.source_id or os.path.basename(name)


def _content_type(name):
    kind = mimetypes.guess_type(name)[0] or ""
    return kind if kind.startswith(("video/", "image/")) else "application/octet-stream"


def _response(request, name, etag):
    if not store.has_paths():
        response = HttpResponseRedirect(default_storage.url(name))
        response["Cache-Control"] = f"private, max-age={_SIGNED_URL_S}"
        return response
    try:
        stat = os.stat(default_storage.path(name))
    except OSError:
        raise Http404(_("The file is missing from the media folder. Tell an admin."))
    modified = int(stat.st_mtime)
    response = get_conditional_response(request, etag=etag, last_modified=modified)
    if response is None:
        if settings.MEDIA_ACCEL_PREFIX:
            response = HttpResponse(content_type=_content_type(name))
            response["X-Accel-Redirect"] = settings.MEDIA_ACCEL_PREFIX.rstrip("/") + "/" + quote(name)
        else:
            response = _bytes(request, default_storage.path(name), _content_type(name), stat.st_size, etag, modified)
    response["ETag"] = etag
    response["Last-Modified"] = http_date(modified)
    response["Accept-Ranges"] = "bytes"
    return response


def _bytes(request, path, content_type, size, etag, modified):
    part = None
    if request.method == "GET" and _if_range_holds(request, etag, modified):
        part = parse_range(request.headers.get("Range", ""), size)
    if part is None:
        if request.method == "HEAD":
            response = HttpResponse(content_type=content_type)
        else:
            response = FileResponse(open(path, "rb"), content_type=content_type)  # closed by the response
        response["Content-Length"] = str(size)
        return response
    first, last = part
    if first > last:
        response = HttpResponse(status=416, content_type="text/plain")
        response["Content-Range"] = f"bytes */{size}"
        return response
    response = StreamingHttpResponse(_read(path, first, last), status=206, content_type=content_type)
    response["Content-Range"] = f"bytes {first}-{last}/{size}"
    response["Content-Length"] = str(last - first + 1)
    return response


def _if_range_holds(request, etag, modified):
    """Whether a Range header counts: its If-Range, if any, names exactly what we have."""
    condition = request.headers.get("If-Range", "").strip()
    if not condition:
        return True
    if condition.startswith('"'):
        return condition == etag
    return parse_http_date_safe(condition) == modified


def parse_range(header, size):
    """(first, last) of a `Range` header, (1, 0) when it cannot be satisfied, None when it is to be ignored."""
    match = re.fullmatch(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", header)
    if not match or match.groups() == ("", ""):
        return None
    start, end = match.groups()
    if not start:
        length = int(end)
        return (max(0, size - length), size - 1) if length and size else (1, 0)
    first = int(start)
    if end and int(end) < first:
        return None
    if first >= size:
        return 1, 0
    return first, min(int(end) if end else first + _OPEN_RANGE_BYTES - 1, size - 1)


def _read(path, first, last):
    left = last - first + 1
    with open(path, "rb") as file:
        file.seek(first)
        while left > 0 and (block := file.read(min(_BLOCK, left))):
            left -= len(block)
            yield block
