"""Sorting new clips by key, and cutting them to exact frames of an original that is kept."""

import os

import av
import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from annotator import importing, leftovers, trimming
from annotator.models import Clip, WrongState
from studio import jobs
from tests import videos
from tests.factories import ClipFactory, QuestionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(client, lead):
    client.force_login(lead)
    return client


def test_clips_come_one_by_one_and_a_judgement_brings_the_next(client, django_assert_num_queries):
    assert b"Every clip is checked" in client.get(reverse("content_check")).content
    first, second = ClipFactory(), ClipFactory()
    with django_assert_num_queries(3):  # session, person, the clip
        assert first.title in client.get(reverse("content_check")).content.decode()
    send = {"content": "gives_away", "seen": "unchecked"}
    answers = [client.post(reverse("content_judge", args=[first.pk]), send) for _double_click in range(2)]
    assert {answer.url for answer in answers} == {f"/clips/check/?judged={first.pk}"}
    assert second.title in client.get(answers[0].url).content.decode()
    first.refresh_from_db()
    assert first.content == "gives_away" and not Clip.objects.writable().filter(pk=first.pk).exists()
    late = client.post(reverse("content_judge", args=[first.pk]), {"content": "accepted", "seen": "unchecked"}, follow=True)
    assert "was judged in between: face or caption gives it away" in late.content.decode()
    client.post(reverse("content_judge", args=[first.pk]), {"content": "unchecked", "seen": "gives_away"})
    assert Clip.objects.get(pk=first.pk).content == "unchecked", "taken back"
    assert (
        client.post(reverse("content_judge", args=[first.pk]), {"content": "nice", "seen": "unchecked"}).status_code == 422
    )
    later = client.get(reverse("content_check"), {"after": second.pk}).content.decode()
    assert "That was the last one" in later


def test_a_cut_keeps_exactly_these_frames_and_the_original(client, lead, settings):
    settings.JOB_HEARTBEAT_S = 3600
    clip, _created = importing.bring(videos.counter(90, sound=True), original_name="c.mp4", source=Clip.Source.FOLDER)
    run = lambda: jobs.run(importing.latest_jobs([clip.pk])[clip.pk].pk)  # noqa: E731
    assert run() == "done"

    def numbers():
        clip.refresh_from_db()
        with av.open(default_storage.path(clip.proxy)) as container:
            assert container.streams.audio
            return [videos.read_counter(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]

    client.post(reverse("content_cut", args=[clip.pk]), {"first": "10", "last": "69"})
    assert Clip.objects.get(pk=clip.pk).state == "ingesting", "out of the writers' queue while it is made anew"
    assert run() == "done"
    assert numbers() == list(range(10, 70)) and (clip.frame_count, clip.cut) == (60, (10, 69))
    assert clip.original and default_storage.exists(clip.original)

    # What is cut again is counted on what is shown: frames 5 to 24 of it are 15 to 34 of the original.
    stale = {"first": "5", "last": "24"}
    assert b"was cut otherwise in between" in client.post(reverse("content_cut", args=[clip.pk]), stale, follow=True).content
    client.post(reverse("content_cut", args=[clip.pk]), stale | {"cut_first": "10", "cut_last": "69"})
    assert run() == "done" and numbers() == list(range(15, 35))
    trimming.cut(clip.pk, first=None, last=None, seen=(15, 34), by=lead)
    assert run() == "done" and numbers() == list(range(90)) and clip.cut is None


def test_what_a_cut_replaced_is_deleted_a_day_later_and_nothing_else(lead, settings):
    settings.JOB_HEARTBEAT_S = 3600
    clip, _created = importing.bring(videos.counter(60), original_name="c.mp4", source=Clip.Source.FOLDER)
    run = lambda: jobs.run(importing.latest_jobs([clip.pk])[clip.pk].pk)  # noqa: E731
    assert run() == "done"
    clip.refresh_from_db()
    old = [clip.proxy, clip.poster, clip.filmstrip]
    trimming.cut(clip.pk, first=10, last=39, seen=None, by=lead)
    assert run() == "done"
    clip.refresh_from_db()
    new = [clip.proxy, clip.poster, clip.filmstrip]
    gone = set(old) - set(new)  # both may show the same picture as their poster
    assert clip.proxy not in old and all(map(default_storage.exists, old)), "somebody may be looking at them still"

    def sweep():
        job = leftovers.start()
        assert jobs.run(job.pk) == "done", job.error
        job.refresh_from_db()
        return job.result["deleted"]

    assert sweep() == 0
    for name in [*old, *new, clip.original]:
        os.utime(default_storage.path(name), (1, 1))
    assert sweep() == len(gone)
    assert not any(map(default_storage.exists, gone)) and all(map(default_storage.exists, [*new, clip.original]))


def test_marks_of_questions_never_shift(lead):
    question = QuestionFactory(submitted=True)
    with pytest.raises(WrongState, match="There is 1 question about clip"):
        trimming.cut(question.clip_id, first=10, last=50, seen=None, by=lead)
    with pytest.raises(WrongState, match="has only 300 frames"):
        trimming.cut(ClipFactory().pk, first=10, last=300, seen=None, by=lead)
    assert not Clip.objects.exclude(cut_first=None).exists()
