"""From a file to a clip that plays: what the proxy is, whatever the source was."""

from fractions import Fraction

import av
import numpy as np
import pytest
from django.core.files.storage import default_storage
from PIL import Image

from annotator import importing, prints
from annotator.ingest import store
from annotator.ingest.transcode import Plan, transcode
from annotator.models import Clip, ClipNote, Fingerprint
from studio import jobs
from studio.models import Job
from tests import videos

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_heartbeat(settings):
    settings.JOB_HEARTBEAT_S = 3600  # its thread has a connection of its own, which cannot see this test's transaction


def ingest(path, **details):
    """Bring a file and run its job in this process; the clip as it is afterwards."""
    clip, created = importing.bring(path, original_name=path.name, source=Clip.Source.FOLDER, **details)
    assert created
    jobs.run(Job.objects.get(key=importing.job_key(clip.pk)).pk)
    clip.refresh_from_db()
    return clip


def proxy_of(clip):
    return av.open(default_storage.path(clip.proxy))


def times_of(clip):
    with proxy_of(clip) as container:
        stream = container.streams.video[0]
        return [packet.pts * stream.time_base for packet in container.demux(stream) if packet.size]


SOURCES = {
    "mp4": lambda: videos.lavfi("a.mp4", sound=True),
    "without sound": videos.plain,
    "webm": lambda: videos.lavfi("a.webm", "-c:v", "libvpx", "-c:a", "libopus", sound=True),
    "vp9": lambda: videos.lavfi("b.webm", "-c:v", "libvpx-vp9"),
    "mkv": lambda: videos.lavfi("a.mkv", "-c:v", "libx264", "-c:a", "flac", sound=True),
    "avi": lambda: videos.lavfi("a.avi", "-c:v", "mpeg4", "-c:a", "mp3", sound=True),
    "mov, ProRes 4:2:2 10 bit": lambda: videos.lavfi("a.mov", "-c:v", "prores_ks"),
    "flv": lambda: videos.lavfi("a.flv", "-c:v", "flv1"),
    "mpegts, time does not start at zero": lambda: videos.lavfi("a.ts", "-c:v", "libx264", "-c:a", "aac", sound=True),
    "mpeg": lambda: videos.lavfi("a.mpg", "-c:v", "mpeg2video", source="testsrc2=s=192x108:r=25:d=2"),
    "wmv": lambda: videos.lavfi("a.wmv", "-c:v", "wmv2", "-c:a", "wmav2", sound=True),
    "ogg": lambda: videos.lavfi("a.ogv", "-c:v", "libtheora"),
    "4:4:4": lambda: videos.lavfi("444.mp4", "-c:v", "libx264", "-pix_fmt", "yuv444p"),
    "10 bit": lambda: videos.lavfi("10bit.mp4", "-c:v", "libx264", "-pix_fmt", "yuv420p10le"),
    "HEVC": lambda: videos.lavfi("hevc.mp4", "-c:v", "libx265", "-x265-params", "log-level=none"),
    "AV1": lambda: videos.lavfi("av1.mp4", "-c:v", "libsvtav1", source="testsrc2=s=192x108:r=15:d=1"),
    "fragmented": lambda: videos.lavfi("frag.mp4", "-c:v", "libx264", "-movflags", "frag_keyframe+empty_moov"),
    "variable rate": videos.variable,
    "live webm without a length": lambda: videos.lavfi("live.webm", "-c:v", "libvpx", "-live", "1"),
    "cover art beside the video": lambda: _with_cover(),
}


def _with_cover():
    path = videos.folder() / "cover.mp4"
    cover = videos.folder() / "cover.png"
    Image.new("RGB", (64, 64), "red").save(cover)
    inputs = ["-i", cover, "-i", videos.plain(), "-map", "0", "-map", "1"]
    videos.ffmpeg(*inputs, "-c", "copy", "-disposition:v:0", "attached_pic", path)
    return path


@pytest.mark.parametrize("kind", SOURCES)
def test_whatever_comes_the_proxy_is_h264_at_a_constant_rate_with_short_groups(kind):
    clip = ingest(SOURCES[kind]())
    assert (clip.state, clip.failure) == (Clip.State.READY, "")
    assert times_of(clip) == [n / clip.fps for n in range(clip.frame_count)]
    with proxy_of(clip) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.codec_context.width, video.codec_context.height) == (clip.width, clip.height) == (192, 108)
        keys = [n for n, packet in enumerate(p for p in container.demux(video) if p.size) if packet.is_keyframe]
        assert keys == list(range(0, clip.frame_count, 15))
        assert [a.codec_context.name for a in container.streams.audio] == (["aac"] if clip.has_audio else [])
    expected_s = 1 if kind == "AV1" else 2
    assert clip.duration_s == pytest.approx(expected_s, abs=0.15)
    assert clip.open_slots == 1


@pytest.mark.parametrize("rate", ["30", "30000/1001", "24000/1001", "25", "60", "12"])
def test_every_frame_of_a_constant_rate_source_is_in_the_proxy_once_and_in_its_place(rate):
    clip = ingest(videos.counter(90, rate))
    assert (clip.fps, clip.frame_count) == (Fraction(rate), 90)
    with proxy_of(clip) as container:
        shown = [videos.read_counter(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert shown == list(range(90))


def test_more_than_sixty_frames_a_second_become_sixty():
    clip = ingest(videos.counter(120, "120"))
    assert (clip.fps, clip.frame_count) == (60, 60)


def test_the_moov_box_comes_first_so_that_playing_starts_at_once():
    clip = ingest(videos.plain())
    data = default_storage.open(clip.proxy).read()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("source", "size"),
    [
        ("1920x1080", (1280, 720)),
        ("608x1080", (406, 720)),
        ("1000x1000", (720, 720)),
        ("101x57", (102, 58)),
        ("2560x400", (1280, 200)),
        ("16x16", (16, 16)),
    ],
)
def test_large_odd_and_portrait_pictures_keep_their_aspect(source, size):
    path = videos.lavfi(f"{source}.mkv", "-c:v", "ffv1", source=f"testsrc2=s={source}:r=5:d=1")
    clip = ingest(path)
    assert clip.state == Clip.State.READY, clip.failure
    assert clip.width % 2 == clip.height % 2 == 0
    assert abs(clip.width - size[0]) <= 2 and abs(clip.height - size[1]) <= 2
    assert clip.width <= 1280 and clip.height <= 720


def test_a_video_filmed_upright_is_shown_upright():
    clip = ingest(videos.rotated())
    assert (clip.width, clip.height) == (108, 192)


def test_pixels_that_are_not_square_become_square():
    clip = ingest(videos.lavfi("wide.mp4", "-vf", "setsar=2", "-c:v", "libx264"))
    assert (clip.width, clip.height) == (384, 108)
    with proxy_of(clip) as container:
        assert container.streams.video[0].sample_aspect_ratio in (None, 0, 1)


def test_filmstrip_tiles_show_the_middle_of_their_share_of_the_clip():
    clip = ingest(videos.counter(300))
    assert (clip.filmstrip_tiles, clip.filmstrip_columns) == (60, 10)
    strip = Image.open(default_storage.path(clip.filmstrip)).convert("RGB")
    assert strip.size == (1600, 540)
    shown = []
    for tile in range(60):
        x, y = tile % 10 * 160, tile // 10 * 90
        bits = [strip.getpixel((x + bit * 8 + 4, y + 4))[0] > 127 for bit in range(videos.BITS)]
        shown.append(sum(bit << (videos.BITS - 1 - n) for n, bit in enumerate(bits)))
    assert shown == [tile * 5 + 3 for tile in range(60)]


@pytest.mark.parametrize("frames", [2, 31, 59, 60, 61, 89, 121])
def test_short_clips_have_a_tile_for_each_frame_and_no_empty_ones_are_counted(frames):
    clip = ingest(videos.counter(frames))
    assert clip.filmstrip_tiles == min(60, frames)
    strip = Image.open(default_storage.path(clip.filmstrip))
    assert strip.size == (1600, 90 * -(-clip.filmstrip_tiles // 10))
    last = clip.filmstrip_tiles - 1
    corner = strip.convert("L").crop(
        (last % 10 * 160 + 100, last // 10 * 90 + 20, last % 10 * 160 + 160, last // 10 * 90 + 90)
    )
    assert corner.getextrema()[1] > 60  # a picture, not the black of a tile that never came


def test_the_poster_is_a_jpeg_of_the_clip():
    clip = ingest(videos.plain())
    poster = Image.open(default_storage.path(clip.poster))
    assert (poster.format, poster.size) == ("JPEG", (192, 108))


def test_files_are_named_by_content_and_nothing_else_is_left_behind():
    clip = ingest(videos.plain())
    for field, folder, suffix in (
        ("original", "originals", ".mp4"),
        ("proxy", "proxies", ".mp4"),
        ("poster", "posters", ".jpg"),
        ("filmstrip", "filmstrips", ".jpg"),
    ):
        name = getattr(clip, field)
        sha256 = store.sha256_of(default_storage.path(name))
        assert name == f"{folder}/{sha256[:2]}/{sha256}{suffix}"
    assert list(store.work_dir().iterdir()) == []


def test_the_same_source_gives_the_same_proxy_byte_for_byte():
    clip = ingest(videos.counter(60, sound=True))
    first = clip.proxy, clip.poster, clip.filmstrip
    Clip.objects.update(state=Clip.State.FAILED)
    job = importing.ingest_again(Clip.objects.get(), by=None)
    jobs.run(job.pk)
    clip.refresh_from_db()
    assert (clip.proxy, clip.poster, clip.filmstrip) == first


def test_running_the_job_of_a_ready_clip_again_changes_nothing():
    clip = ingest(videos.plain())
    before = Clip.objects.values().get()
    job = importing.enqueue(clip)
    assert jobs.run(job.pk) == Job.State.DONE
    assert Clip.objects.values().get() == before


def test_progress_counts_frames_up_to_the_end():
    clip = ingest(videos.counter(90))
    job = Job.objects.get(key=importing.job_key(clip.pk))
    assert (job.done, job.total, job.unit) == (90, 90, "frames")


def test_progress_moves_while_ffmpeg_works(tmp_path):
    plan = Plan.of({"fps": [30, 1], "frames": 300, "width": 320, "height": 180, "video": 0, "audio": None})
    seen = []
    transcode(videos.counter(300), tmp_path, plan, progress=seen.append, log=print)
    assert seen == sorted(seen) and len(set(seen)) > 3
    assert seen[0] == 0 and seen[-1] == 300


def test_clips_for_training_offer_no_places_to_writers():
    assert ingest(videos.plain(), purpose=Clip.Purpose.TRAINING).open_slots == 0


def test_damage_inside_the_file_is_noted_because_it_looks_like_a_glitch():
    data = bytearray(videos.counter(120).read_bytes())
    pictures = data.index(b"mdat") + 4
    size = int.from_bytes(data[pictures - 8 : pictures - 4], "big")
    for at in range(pictures + size // 2, pictures + size // 2 + size // 10, 97):
        data[at] ^= 0xFF
    clip = ingest(videos.written("damaged.mp4", bytes(data)))
    assert clip.state == Clip.State.READY, clip.failure
    assert "damage" in ClipNote.objects.get().text


def test_a_cancelled_ingest_leaves_a_failed_clip_that_can_be_tried_again():
    clip, _ = importing.bring(videos.plain(), original_name="a.mp4", source=Clip.Source.FOLDER)
    job = Job.objects.get(key=importing.job_key(clip.pk))
    Job.objects.update(cancel_requested=True)
    assert jobs.run(job.pk) == Job.State.CANCELLED
    again = importing.ingest_again(clip, by=None)
    assert again.pk != job.pk
    assert jobs.run(again.pk) == Job.State.DONE
    clip.refresh_from_db()
    assert clip.state == Clip.State.READY


def test_a_clip_gets_its_print_and_a_missing_one_is_made_later():
    clip = ingest(videos.counter(frames=60))
    made = prints.of(clip.fingerprint)
    assert made.hashes.shape == (8, 2, 32) and len(made.quality) == 8, "two seconds, four frames each"
    assert not prints.missing().exists()
    clip.fingerprint.delete()
    job = prints.start()
    assert jobs.run(job.pk) == "done"
    again = prints.of(Fingerprint.objects.get(clip=clip))
    far = np.bitwise_count(again.hashes ^ made.hashes).sum(axis=2)
    assert far.max() <= 31, "out of the proxy it is nearly the same"
    assert Job.objects.filter(kind="qc.duplicates", key=f"duplicates-{clip.pk}").exists()
