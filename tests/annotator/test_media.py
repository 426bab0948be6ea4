"""Serving clips' files: ranges, validators, who may, and storages that are no folder."""

import os
import re
import subprocess
import sys
import uuid

import pytest
import requests
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.core.files.storage.handler import StorageHandler
from django.test import Client
from django.urls import reverse
from moto.server import ThreadedMotoServer

from annotator import importing
from annotator.media import media_url, parse_range
from annotator.models import Clip
from studio import jobs
from studio.models import Job
from tests import videos
from tests.factories import ClipFactory, UserFactory

pytestmark = pytest.mark.django_db
CONTENT = bytes(range(256)) * 40  # 10240 bytes


@pytest.fixture
def clip():
    digest = uuid.uuid4().hex * 2
    names = {"proxy": f"proxies/{digest[:2]}/{digest}.mp4", "original": f"originals/{digest[:2]}/{digest}.bin"}
    for name in names.values():
        default_storage.save(name, ContentFile(CONTENT))
    return ClipFactory(**names, original_name="Ünsinn\n“x”.mp4")


@pytest.fixture
def signed_in(client, annotator):
    client.force_login(annotator, backend="django.contrib.auth.backends.ModelBackend")
    return client


def get(client, clip, kind="proxy", **headers):
    return client.get(reverse("clip_media", args=[clip.pk, kind]), headers=headers)


def body(response):
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_the_whole_file_comes_with_its_length_type_and_validators(signed_in, clip):
    response = get(signed_in, clip)
    assert (response.status_code, body(response)) == (200, CONTENT)
    assert response["Content-Length"] == "10240"
    assert response["Content-Type"] == "video/mp4"
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"].strip('"') in clip.proxy
    assert response["Last-Modified"].endswith("GMT")
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=100-", 100, 10239),
        ("bytes=10239-", 10239, 10239),
        ("bytes=10000-99999", 10000, 10239),
        ("bytes=-1", 10239, 10239),
        ("bytes=-99999", 0, 10239),
        (" bytes = 5 - 6 ", 5, 6),
    ],
)
def test_a_range_gives_exactly_these_bytes(signed_in, clip, header, first, last):
    response = get(signed_in, clip, Range=header)
    assert response.status_code == 206
    assert body(response) == CONTENT[first : last + 1]
    assert response["Content-Range"] == f"bytes {first}-{last}/10240"
    assert response["Content-Length"] == str(last - first + 1)


@pytest.mark.parametrize("header", ["bytes=10240-", "bytes=99999-100000", "bytes=-0"])
def test_a_range_behind_the_end_is_416_with_the_length(signed_in, clip, header):
    response = get(signed_in, clip, Range=header)
    assert (response.status_code, response["Content-Range"]) == (416, "bytes */10240")


@pytest.mark.parametrize("header", ["bytes=5-4", "bytes=-", "bytes=a-b", "chars=0-5", "bytes=0-1,5-6", "0-5", "bytes=--5"])
def test_a_range_that_makes_no_sense_is_ignored(signed_in, clip, header):
    assert get(signed_in, clip, Range=header).status_code == 200


def test_an_open_range_of_a_long_file_is_answered_in_parts_so_that_a_paused_player_holds_no_thread():
    assert parse_range("bytes=0-", 100_000_000) == (0, 2 * 1024 * 1024 - 1)
    assert parse_range("bytes=0-99999999", 100_000_000) == (0, 99_999_999)


def test_if_range_counts_only_when_the_file_is_still_the_same(signed_in, clip):
    whole = get(signed_in, clip)
    for same in (whole["ETag"], whole["Last-Modified"]):
        assert get(signed_in, clip, Range="bytes=0-9", **{"If-Range": same}).status_code == 206
    for other in ('"other"', "Mon, 01 Jan 2001 00:00:00 GMT", "W/" + whole["ETag"], "nonsense"):
        assert get(signed_in, clip, Range="bytes=0-9", **{"If-Range": other}).status_code == 200


def test_a_file_the_browser_has_is_not_sent_again(signed_in, clip):
    whole = get(signed_in, clip)
    again = get(signed_in, clip, **{"If-None-Match": whole["ETag"]})
    assert (again.status_code, body(again), again["ETag"]) == (304, b"", whole["ETag"])
    assert get(signed_in, clip, **{"If-Modified-Since": whole["Last-Modified"]}).status_code == 304
    assert get(signed_in, clip, **{"If-None-Match": '"other"'}).status_code == 200


def test_head_says_the_same_without_the_bytes(signed_in, clip):
    response = signed_in.head(reverse("clip_media", args=[clip.pk, "proxy"]), headers={"Range": "bytes=0-9"})
    assert (response.status_code, response["Content-Length"], response.content) == (200, "10240", b"")


def test_only_an_address_that_names_the_content_may_be_kept_for_good(signed_in, clip):
    assert get(signed_in, clip)["Cache-Control"] == "private, no-cache"
    assert signed_in.get(media_url(clip, "proxy"))["Cache-Control"] == "private, max-age=31536000, immutable"
    stale = reverse("clip_media", args=[clip.pk, "proxy"]) + "?v=000000000000"
    assert signed_in.get(stale)["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("role", ["annotator", "reviewer", "lead", "admin"])
def test_made_files_are_for_everybody_with_a_role_and_originals_for_leads_and_admins(clip, role):
    client = Client()
    client.force_login(UserFactory(roles=[role]), backend="django.contrib.auth.backends.ModelBackend")
    assert get(client, clip).status_code == 200
    assert get(client, clip, "original").status_code == (200 if role in ("lead", "admin") else 403)


def test_nobody_and_people_without_a_role_get_nothing(client, clip):
    assert get(client, clip).status_code == 302
    client.force_login(UserFactory(roles=[]), backend="django.contrib.auth.backends.ModelBackend")
    assert get(client, clip).status_code == 403


def test_other_methods_kinds_and_clips_are_refused(signed_in, clip):
    address = reverse("clip_media", args=[clip.pk, "proxy"])
    assert signed_in.post(address).status_code == 405
    assert get(signed_in, clip, "sha256").status_code == 404
    assert get(signed_in, Clip(pk=999_999)).status_code == 404
    assert get(signed_in, ClipFactory(proxy="", state="ingesting")).status_code == 404
    assert get(signed_in, ClipFactory()).status_code == 404  # its file is gone


def test_an_original_is_a_download_whose_name_cannot_break_the_header(client, clip, lead):
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    response = get(client, clip, "original")
    assert response["Content-Type"] == "application/octet-stream"
    assert re.fullmatch(r"attachment; filename\*=utf-8''[\w%.-]+", response["Content-Disposition"])


def test_one_query_for_the_person_the_session_and_the_clip_each(signed_in, clip, django_assert_num_queries):
    with django_assert_num_queries(3):
        get(signed_in, clip)


def test_nginx_gets_the_path_and_sends_the_bytes(signed_in, clip, settings):
    settings.MEDIA_ACCEL_PREFIX = "/protected/"
    response = get(signed_in, clip, Range="bytes=0-9")
    assert (response.status_code, response.content) == (200, b"")
    assert response["X-Accel-Redirect"] == f"/protected/{clip.proxy}"
    assert response["ETag"].strip('"') in clip.proxy


@pytest.fixture
def bucket(settings):
    """The default storage is an S3 bucket (moto) while the test runs."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    options = {
        "bucket_name": "clips",
        "endpoint_url": f"http://{host}:{port}",
        "region_name": "us-east-1",
        "access_key": "a",
        "secret_key": "b",
        "querystring_expire": 3600,
        "file_overwrite": True,
    }
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}}
    default_storage.connection.create_bucket(Bucket="clips")
    yield default_storage
    server.stop()


def test_everything_works_with_a_bucket(bucket, client, lead, settings):
    settings.JOB_HEARTBEAT_S = 3600
    assert isinstance(storages, StorageHandler) and "S3" in type(bucket._wrapped).__name__
    source = videos.counter(60)
    clip, created = importing.bring(source, original_name="a.mp4", source=Clip.Source.FOLDER)
    assert created and bucket.exists(clip.original)
    assert jobs.run(Job.objects.get(key=importing.job_key(clip.pk)).pk) == Job.State.DONE
    clip.refresh_from_db()
    assert (clip.state, clip.frame_count) == (Clip.State.READY, 60)
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    response = get(client, clip, "original")
    assert response.status_code == 302 and "private" in response["Cache-Control"]
    assert requests.get(response["Location"], timeout=10).content == source.read_bytes()
    part = requests.get(get(client, clip)["Location"], headers={"Range": "bytes=0-9"}, timeout=10)
    assert part.status_code == 206 and len(part.content) == 10
    assert importing.bring(source, original_name="a.mp4", source=Clip.Source.FOLDER) == (clip, False)


def test_the_web_process_never_loads_the_decoder():
    code = "import studio.wsgi, studio.urls, sys; print([m for m in ('av', 'ffmpeg', 'torch', 'numpy') if m in sys.modules])"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "studio.settings"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
