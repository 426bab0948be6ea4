"""One fetch in its own process, by the real yt-dlp, from a server that plays the sites with all their moods."""

import pytest

from annotator.sources import fetching
from annotator.sources.faults import Fault
from tests import videos
from tests.sites import cut, endless, film, first, listing, page, play_post, post, redirect, silent, status

LINK = "https://clips.example/a.mp4"


def fault(url, folder):
    with pytest.raises(Fault) as told:
        fetching.video(url, folder)
    return told.value.code


def test_a_post_of_reddit_comes_with_picture_and_sound_and_its_facts(sites, tmp_path):
    picture, sound = tmp_path / "p.mp4", tmp_path / "s.m4a"
    videos.ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=30:d=1", "-c:v", "libx264", "-pix_fmt", "yuv420p", picture)
    videos.ffmpeg("-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac", sound)
    said = post("1abc2de")
    play_post(sites, said, picture, sound)
    (tmp_path / "work").mkdir()
    path, info = fetching.video("https://www.reddit.com" + said["permalink"], tmp_path / "work")
    assert path.name == "merged.mkv"
    assert (info["alt_title"], info["uploader"], info["extractor"]) == ("A crate floats", "finder", "Reddit")
    assert "formats" not in info


def test_a_plain_link_and_one_that_leads_on_within_the_list(sites, tmp_path):
    sites.add("clips.example/a.mp4", redirect("https://cdn.clips.example/b.mp4"))
    sites.add("cdn.clips.example/b.mp4", film(videos.plain()))
    path, _info = fetching.video(LINK, tmp_path)
    assert path.read_bytes() == videos.plain().read_bytes()


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("https://127.0.0.1/x.mp4", "host"),
        ("http://169.254.169.254/latest/meta-data/", "host"),
        ("http://2130706433/x.mp4", "host"),
        ("http://[::ffff:127.0.0.1]/x.mp4", "host"),
        ("https://evil.example/x.mp4", "host"),
        ("https://reddit.com@evil.example/x.mp4", "host"),
        ("http://clips.example:6379/x.mp4", "port"),
        ("file:///etc/passwd", "scheme"),
        ("ftp://clips.example/x.mp4", "scheme"),
    ],
)
def test_redirects_that_lead_outside_the_list_are_refused(sites, tmp_path, to, code):
    sites.add("clips.example/a.mp4", redirect(to))
    assert fault(LINK, tmp_path) == code
    assert not any(name.startswith(("127.", "evil", "reddit.com@")) for name in sites.asked)


def test_a_name_on_the_list_that_leads_inside_is_refused(sites, tmp_path, settings):
    settings.FETCH_HOSTS = [*settings.FETCH_HOSTS, "localhost"]
    sites.add("clips.example/a.mp4", redirect("https://localhost/x.mp4"))
    assert fault(LINK, tmp_path) == "address"


HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n"
MPD = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"><Period>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="9" codecs="avc1.4d401e" width="64" height="64">'
    '<SegmentList duration="1"><Initialization sourceURL="{0}"/><SegmentURL media="{0}"/></SegmentList>'
    "</Representation></AdaptationSet></Period></MPD>"
)


@pytest.mark.parametrize(
    ("manifest", "kind"), [(HLS, "application/vnd.apple.mpegurl"), (MPD, "application/dash+xml")], ids=["hls", "dash"]
)
@pytest.mark.parametrize("inside", ["https://127.0.0.1/s.ts", "http://169.254.169.254/s.ts", "https://evil.example/s.ts"])
def test_segments_named_in_manifests_pass_the_same_door(sites, tmp_path, manifest, kind, inside):
    sites.add("clips.example/a.m3u8", page(manifest.format(inside), kind=kind))
    assert fault("https://clips.example/a.m3u8", tmp_path) == "host"
    assert not any(name.startswith(("127.", "evil")) for name in sites.asked)


def test_a_manifest_within_the_list_is_fetched_whole(sites, tmp_path):
    videos.ffmpeg("-i", videos.plain(), "-c:v", "libx264", "-f", "mpegts", tmp_path / "s.ts")
    sites.add("clips.example/a.m3u8", page(HLS.format("s.ts"), kind="application/vnd.apple.mpegurl"))
    sites.add("clips.example/s.ts", page((tmp_path / "s.ts").read_bytes(), kind="video/mp2t"))
    (tmp_path / "work").mkdir()
    path, _info = fetching.video("https://clips.example/a.m3u8", tmp_path / "work")
    assert path.read_bytes() == (tmp_path / "s.ts").read_bytes()


def test_manifests_that_yt_dlp_would_give_to_ffmpeg_do_not_reach_it(sites, tmp_path):
    encrypted = HLS.format("https://evil.example/s.ts").replace(
        "#EXTINF", '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="https://evil.example/k"\n#EXTINF'
    )
    sites.add("clips.example/a.m3u8", page(encrypted, kind="application/vnd.apple.mpegurl"))
    assert fault("https://clips.example/a.m3u8", tmp_path) in ("door", "broken", "drm", "no_video", "host")
    assert not any(name.startswith("evil") for name in sites.asked)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (status(403), "refused"),
        (status(404), "gone"),
        (status(429, Retry_After="7"), "busy"),
        (status(503), "server"),
        (page("<html><p>No film here.</p></html>"), "no_video"),
        (redirect(LINK), "redirects"),
    ],
    ids=["403", "404", "429", "503", "page", "circle"],
)
def test_moods_of_a_site_have_names(sites, tmp_path, answer, code):
    sites.add("clips.example/a.mp4", answer)
    assert fault(LINK, tmp_path) == code


def test_a_429_says_how_long_to_wait(sites, tmp_path):
    sites.add("clips.example/a.mp4", status(429, Retry_After="7"))
    with pytest.raises(Fault) as told:
        fetching.video(LINK, tmp_path)
    assert told.value.after == 7


def test_a_film_that_always_breaks_off_and_one_that_breaks_off_once(sites, tmp_path):
    sites.add("clips.example/a.mp4", cut(videos.plain()))
    assert fault(LINK, tmp_path) == "cut"
    sites.add("clips.example/b.mp4", first(film(videos.plain()), cut(videos.plain()), film(videos.plain())))
    path, _info = fetching.video("https://clips.example/b.mp4", tmp_path)
    assert path.read_bytes() == videos.plain().read_bytes()


def test_silence_length_and_size_have_limits(sites, tmp_path, settings):
    settings.FETCH_TIMEOUT_S = 0.5
    sites.add("clips.example/a.mp4", silent(3))
    assert fault(LINK, tmp_path) == "timeout"
    settings.FETCH_TIMEOUT_S = 20
    said = post("1abc2de")
    said["media"]["reddit_video"]["duration"] = settings.FETCH_MAX_S + 1
    play_post(sites, said, videos.plain())
    assert fault("https://www.reddit.com" + said["permalink"], tmp_path) == "too_long"
    settings.FETCH_MAX_BYTES = 1024 * 1024
    sites.add("clips.example/b.mp4", endless)
    assert fault("https://clips.example/b.mp4", tmp_path) == "too_big"
    settings.FETCH_MAX_BYTES = 1000
    sites.add("clips.example/c.mp4", film(videos.plain()))
    assert fault("https://clips.example/c.mp4", tmp_path) == "too_big"


def test_a_fetch_that_takes_too_long_is_ended(sites, tmp_path, settings):
    settings.FETCH_TIME_S = 1.0
    sites.add("clips.example/a.mp4", silent(15))
    assert fault(LINK, tmp_path) == "slow"


def test_a_page_as_text(sites):
    sites.add("www.reddit.com/r/x/new.json", page(listing(post("1abc2de"))))
    assert '"1abc2de"' in fetching.page("https://www.reddit.com/r/x/new.json")
