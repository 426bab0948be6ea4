"""Hostile uploads through the real upload view and the real ingest: refused with a sentence or handled, never a 500."""

import ctypes
import os
import socket
import struct

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from annotator import importing
from annotator.models import Clip
from studio import jobs
from studio.models import Job
from tests import hostile, videos

pytestmark = pytest.mark.django_db
BOUNDARY = "xXxBOUNDARYxXx"


def multipart(content, *, name=b"a.mp4", headers=b"Content-Type: video/mp4", fields=()):
    """The body of an upload, written by hand so that the name arrives exactly as given."""
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
        % (BOUNDARY.encode(), field.encode(), value.encode())
        for field, value in fields
    ]
    parts.append(b'--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n' % (BOUNDARY.encode(), name))
    return b"".join(parts) + headers + b"\r\n\r\n" + content + b"\r\n--%s--\r\n" % BOUNDARY.encode()


def post(client, body, *, accept="application/json", content_type=f"multipart/form-data; boundary={BOUNDARY}"):
    client.raise_request_exception = False
    return client.post(reverse("clips_upload"), body, content_type=content_type, headers={"Accept": accept})


@pytest.fixture
def uploader(client, lead, settings):
    settings.JOB_HEARTBEAT_S = 3600  # its thread has a connection of its own, which cannot see this test's transaction
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    return client


def upload(client, content, **parts):
    """Upload and ingest; (status, sentence or "", clip or None)."""
    response = post(client, multipart(content, **parts))
    answer = response.json()
    if response.status_code != 201:
        assert not Clip.objects.exists()
        return response.status_code, answer["error"]["message"], None
    clip = Clip.objects.get(pk=answer["clips"][0]["id"])
    job = Job.objects.get(key=importing.job_key(clip.pk))
    jobs.run(job.pk)
    clip.refresh_from_db()
    job.refresh_from_db()
    assert not job.is_active
    assert "Traceback" not in job.error, job.error
    return response.status_code, clip.failure, clip


class Watch:
    """A file outside the media folder that tells whether anybody opened it (inotify), and a port that nobody may call."""

    _OPEN = 0x20

    def __init__(self, folder):
        self.path = folder / "secret.mp4"
        # A real video: were it opened, it would even play.
        self.path.write_bytes(
            videos.lavfi("secret.mp4", source="color=red:s=64x64:r=5:d=2").read_bytes() + hostile.MARK.encode()
        )
        self._libc = ctypes.CDLL(None)
        self._inotify = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._libc.inotify_add_watch(self._inotify, bytes(self.path), self._OPEN) > 0
        self._port = socket.create_server(("127.0.0.1", 0))
        self._port.setblocking(False)
        self.address = f"127.0.0.1:{self._port.getsockname()[1]}"

    @property
    def was_opened(self):
        try:
            return struct.unpack_from("iI", os.read(self._inotify, 4096))[1] & self._OPEN
        except BlockingIOError:
            return False

    @property
    def was_called(self):
        try:
            self._port.accept()[0].close()
            return True
        except BlockingIOError:
            return False

    def close(self):
        os.close(self._inotify)
        self._port.close()


@pytest.fixture
def watch(tmp_path):
    watch = Watch(tmp_path)
    yield watch
    watch.close()


def media_holds(mark):
    for folder, _folders, files in os.walk(default_storage.location):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                if mark in file.read():
                    return True
    return False


def test_the_watch_notices_reading_and_calling(watch):
    assert not watch.was_opened and not watch.was_called
    watch.path.read_bytes()
    host, port = watch.address.split(":")
    socket.create_connection((host, int(port))).close()
    assert watch.was_opened and watch.was_called


@pytest.mark.parametrize("suffix", ["mp4", "true"])
@pytest.mark.parametrize("kind", hostile.texts("/x", "127.0.0.1:1"))
def test_text_and_playlists_are_refused_by_name_at_once_and_nothing_they_name_is_read(uploader, watch, kind, suffix):
    content = hostile.texts(watch.path, watch.address)[kind]
    content = content if isinstance(content, bytes) else content.encode()
    name = b"a.mp4" if suffix == "mp4" else b"list." + kind.split()[0].encode()
    status, sentence, _clip = upload(uploader, content, name=name)
    assert status == 422
    assert len(sentence) > 15
    if kind.startswith(("m3u8", "ffconcat", "concat", "mpd", "pls", "sdp", "asx", "smil", "rtsp", "list")):
        assert "playlist" in sentence
    assert not watch.was_opened and not watch.was_called
    assert not media_holds(hostile.MARK.encode())


@pytest.mark.parametrize("kind", hostile.OTHERS)
def test_other_kinds_of_file_are_refused_with_a_sentence(uploader, kind):
    status, sentence, clip = upload(uploader, hostile.OTHERS[kind]())
    assert status == 422 or clip.state == Clip.State.FAILED
    assert len(sentence) > 15, sentence


MAY_PLAY = ("flipped", "duration of years", "timescale", "a frame that lasts", "unknown codec", "webm that says")


@pytest.mark.parametrize("kind", hostile.VIDEOS)
def test_broken_and_lying_videos_are_refused_or_play_and_never_break_the_ingest(uploader, kind):
    status, sentence, clip = upload(uploader, hostile.VIDEOS[kind]())
    if clip is not None and clip.state == Clip.State.READY:
        assert kind.startswith(MAY_PLAY) or any(word in kind for word in MAY_PLAY), "this should have been refused"
        assert clip.frame_count > 0 and default_storage.exists(clip.proxy)
    else:
        assert status == 422 or clip.state == Clip.State.FAILED
        assert len(sentence) > 15, sentence
        if clip:
            assert not (clip.proxy or clip.poster or clip.filmstrip)


@pytest.mark.parametrize("maker", [hostile.external, hostile.alias, hostile.avi_with_playlist])
def test_videos_that_point_at_other_files_never_reach_them(uploader, watch, maker):
    upload(uploader, maker(watch.path))
    assert not watch.was_opened and not watch.was_called
    assert not media_holds(hostile.MARK.encode())


@pytest.mark.parametrize("kind", hostile.NAMES)
def test_names_are_only_ever_shown_and_never_used(uploader, kind):
    name = hostile.NAMES[kind].encode("utf-8", "surrogateescape")
    status, sentence, clip = upload(uploader, videos.plain().read_bytes(), name=name)
    if clip is None:
        assert status in (400, 422) and len(sentence) > 15
        return
    assert (clip.state, clip.failure) == (Clip.State.READY, "")
    assert clip.original_name.isprintable() and len(clip.original_name) <= 500
    assert "/" not in clip.original_name and "\\" not in clip.original_name
    for stored in (clip.original, clip.proxy, clip.poster, clip.filmstrip):
        folder, two, file = stored.split("/")
        assert file.startswith(two) and len(file.split(".")[0]) == 64
    assert uploader.get(reverse("clip", args=[clip.pk])).status_code == 200
    assert uploader.get(reverse("clips")).status_code == 200
    download = uploader.get(reverse("clip_media", args=[clip.pk, "original"]))
    assert download.status_code == 200
    assert "\n" not in download["Content-Disposition"] and download["Content-Disposition"].startswith("attachment")
    assert download["Content-Type"] in ("video/mp4", "application/octet-stream")


def test_markup_in_names_and_stories_is_text(uploader):
    fields = [("title", "<script>alert(1)</script>")]
    _status, _sentence, clip = upload(uploader, videos.plain().read_bytes(), name=b"<b>.mp4", fields=fields)
    for address in (reverse("clip", args=[clip.pk]), reverse("clips")):
        assert "<script>alert" not in uploader.get(address).text


REQUESTS = {
    "no file": (b"--%s--\r\n" % BOUNDARY.encode(), None),
    "not multipart at all": (b"hello", "text/plain"),
    "multipart without a boundary": (b"hello", "multipart/form-data"),
    "another boundary": (multipart(b"hello"), "multipart/form-data; boundary=other"),
    "broken off in the headers": (multipart(b"hello")[:60], None),
    "broken off in the file": (multipart(b"\0" * 5000)[:3000], None),
    "base64 that is none": (multipart(b"!!!!", headers=b"Content-Transfer-Encoding: base64"), None),
    "a field in place of the file": (multipart(b"x").replace(b'; filename="a.mp4"', b""), None),
    "five thousand fields": (multipart(b"x", fields=[(f"f{n}", "v") for n in range(5000)]), None),
    "a field of two megabytes": (multipart(b"x", fields=[("title", "t" * 2_000_000)]), None),
    "NUL in the title": (multipart(b"x", fields=[("title", "a\x00b")]), None),
    "title too long": (multipart(b"x", fields=[("title", "t" * 501)]), None),
    "permalink that runs a script": (multipart(b"x", fields=[("permalink", "javascript:alert(1)")]), None),
    "unknown purpose": (multipart(b"x", fields=[("purpose", "world domination")]), None),
    "unknown category": (multipart(b"x", fields=[("expected_category", "Magic")]), None),
}


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize("kind", REQUESTS)
def test_requests_that_make_no_sense_are_refused_in_words(uploader, kind, accept):
    body, content_type = REQUESTS[kind]
    response = post(uploader, body, accept=accept, **({"content_type": content_type} if content_type else {}))
    assert response.status_code in (400, 422)
    assert not Clip.objects.exists()
    if accept == "application/json":
        assert len(response.json()["error"]["message"]) > 10


def test_there_are_at_least_sixty_kinds():
    kinds = [*hostile.texts("", ":"), *hostile.OTHERS, *hostile.VIDEOS, *hostile.NAMES, *REQUESTS]
    assert len(kinds) >= 60
