"""From a search to clips: listings, keywords, tables of links; what is fetched once, tried again, and one at a time."""

import json
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection
from django.utils import timezone

from annotator.models import Clip, Question, Site, SourceItem, Sourcing
from annotator.sources import fetch_job, reddit, searches
from annotator.sources import sites as turns
from studio import jobs
from studio.models import Job
from tests import videos
from tests.factories import ClipFactory, QuestionFactory
from tests.sites import film, first, listing, page, play_post, post, redirect, status

pytestmark = pytest.mark.django_db
State = SourceItem.State


def work():
    """Run all queued jobs of searching and fetching, as a worker would."""
    for _round in range(10):
        waiting = Job.objects.filter(queue="io", state=Job.State.QUEUED).order_by("pk")
        if not waiting:
            turns.ring_all()
            if not waiting.all():
                return
        for job in waiting.all():
            jobs.run(job.pk)


def test_a_subreddit_page_by_page_becomes_clips_with_their_story(sites, lead):
    one, two = post("1abc2de"), post("1xyz9ab", title="A horse sinks")
    text_only = post("1nothin", video=False)
    pages = first(page(listing(one, text_only, after="t3_next")), page(listing(two)))
    sites.add("www.reddit.com/r/GamePhysics/new.json", pages)
    play_post(sites, one, videos.counter(30))
    play_post(sites, two, videos.plain())
    search = searches.start(kind="reddit", words=["GamePhysics"], licence="unknown", by=lead)
    work()
    search.refresh_from_db()
    assert (search.found, search.known, search.left_out) == (2, 0, 1)
    assert sites.asked[0] == "www.reddit.com/r/GamePhysics/new.json?limit=100&raw_json=1"
    assert sites.asked[1].endswith("&after=t3_next")
    clip = Clip.objects.get(source_id="1abc2de")
    story = (clip.source, clip.title, clip.text, clip.author, clip.licence, clip.brought_by, clip.state)
    assert story == ("reddit", "A crate floats", "Seen in a game.", "finder", "unknown", lead, "ingesting")
    assert clip.permalink == "https://www.reddit.com/r/GamePhysics/comments/1abc2de/a_crate/"
    item = SourceItem.objects.get(key="1abc2de")
    assert (item.state, item.clip, item.score, item.flair, item.info["extractor"]) == ("brought", clip, 42, "Bug", "Reddit")
    assert item.posted_at.timestamp() == 1733000000
    assert Job.objects.filter(kind="annotator.ingest").count() == 2
    # Again: nothing is fetched twice.
    before = sites.counts["v.redd.it/1abc2dev/DASH_180.mp4"]
    sites.add("www.reddit.com/r/GamePhysics/new.json", page(listing(one, two)))
    again = searches.start(kind="reddit", words=["r/GamePhysics"])
    work()
    again.refresh_from_db()
    assert (again.found, again.known, sites.counts["v.redd.it/1abc2dev/DASH_180.mp4"]) == (0, 2, before)


def test_the_same_id_of_a_site_is_in_the_archive_once():
    SourceItem.objects.create(site="reddit", key="a", url="u", host="reddit")
    with pytest.raises(IntegrityError, match="same_source_is_fetched_once"):
        SourceItem.objects.create(site="reddit", key="a", url="u", host="reddit")


def test_a_listing_that_is_none_fails_in_words(sites):
    sites.add("www.reddit.com/r/GamePhysics/new.json", page("<html>Please sign in</html>"))
    search = searches.start(kind="reddit", words=["GamePhysics"])
    work()
    assert Job.objects.get(pk=search.job_id).error == "The site answered with something that is no listing."


def test_a_search_is_tried_again_when_the_site_is_busy(sites, settings):
    sites.add("www.reddit.com/r/GamePhysics/new.json", first(status(429), status(503), page(listing())))
    search = searches.start(kind="reddit", words=["GamePhysics"])
    work()
    assert Job.objects.get(pk=search.job_id).state == "done"
    assert len(sites.asked) == 3


@pytest.mark.parametrize("word", ["../etc", "r/x/evil", "https://evil.example/r/GamePhysics", "a b"])
def test_what_is_no_subreddit_is_refused(word):
    with pytest.raises(searches.BadSearch):
        searches.start(kind="reddit", words=[word])


def test_keywords_of_youtube_by_the_real_search(sites, settings):
    def entry(video, length):
        return {"videoRenderer": {"videoId": video, "title": {"runs": [{"text": f"Clip {video}"}]},
                                  "lengthText": {"simpleText": length}}}  # fmt: skip

    contents = [{"itemSectionRenderer": {"contents": [entry("aaaaaaaaaaa", "0:20"), entry("bbbbbbbbbbb", "1:00:00")]}}]
    found = {"twoColumnSearchResultsRenderer": {"primaryContents": {"sectionListRenderer": {"contents": contents}}}}
    sites.add("www.youtube.com/youtubei/v1/search", page({"contents": found}))
    search = searches.start(kind="youtube", words=["game glitch"], category="Gravity")
    jobs.run(search.job_id)
    item = SourceItem.objects.get()
    assert (item.site, item.key, item.title, item.expected_category) == (
        "youtube",
        "aaaaaaaaaaa",
        "Clip aaaaaaaaaaa",
        "Gravity",
    )
    assert item.url == "https://www.youtube.com/watch?v=aaaaaaaaaaa"
    search.refresh_from_db()
    assert (search.found, search.left_out) == (1, 1)  # an hour is too long


def test_without_keywords_the_thinnest_categories_are_filled(settings):
    settings.FETCH_KEYWORDS = {"Elasticity": ["bouncing glitch"]}
    question = QuestionFactory(approved=True)  # Gravity
    ClipFactory(expected_category="Velocity")
    assert "Gravity" not in dict(searches.thin_categories()[:3])
    search = searches.start(kind="youtube")
    words = Job.objects.get(pk=search.job_id).arguments["asked"]
    assert {category for _word, category in words} == {name for name, _missing in searches.thin_categories()[:3]}
    search = searches.start(kind="youtube", category="Elasticity")
    assert Job.objects.get(pk=search.job_id).arguments["asked"] == [["bouncing glitch", "Elasticity"]]
    assert question.state == Question.State.APPROVED


def link(url, **story):
    search = Sourcing.objects.create(kind="links", what="a table")
    from annotator.importing import Story

    searches.store(search, [searches.linked(url, Story(**story))])
    return search.items.get()


def test_temporary_faults_are_tried_again_and_others_not(sites):
    sites.add("clips.example/a.mp4", first(status(503), film(videos.plain())))
    sites.add("clips.example/b.mp4", status(403))
    good, bad = link("https://clips.example/a.mp4", source_id="mine"), link("https://clips.example/b.mp4")
    work()
    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.state, good.tries, good.clip.source_id) == ("brought", 2, "mine")
    assert (bad.state, bad.tries, bad.reason) == ("failed", 1, "The site refused it (status 403).")
    # A person tries again once the site has changed its mind.
    sites.add("clips.example/b.mp4", film(videos.counter(30)))
    assert fetch_job.retry([bad.pk, good.pk]) == 1
    work()
    bad.refresh_from_db()
    assert bad.state == "brought"


def test_a_fault_that_stays_ends_as_failed(sites, settings):
    settings.FETCH_TRIES = 2
    sites.add("clips.example/a.mp4", status(503))
    item = link("https://clips.example/a.mp4")
    work()
    item.refresh_from_db()
    assert (item.state, item.tries, item.reason) == ("failed", 2, "The site itself has trouble (status 503).")


def test_what_is_fetched_is_as_hostile_as_an_upload(sites):
    sites.add("clips.example/a.mp4", page(b"\x89PNG\r\n\x1a\n" + b"0" * 2000, kind="video/mp4"))
    sites.add("clips.example/b.mp4", page(b"#EXTM3U\nfile:///etc/passwd\n" + b" " * 2000, kind="video/mp4"))
    items = [link("https://clips.example/a.mp4"), link("https://clips.example/b.mp4")]
    work()
    for item in items:
        item.refresh_from_db()
        assert item.state == "failed"
    assert "not a video" in items[0].reason
    assert not Clip.objects.exists()


def test_a_redirect_inside_ends_as_a_failure_in_words(sites):
    sites.add("clips.example/a.mp4", redirect("http://169.254.169.254/latest/"))
    item = link("https://clips.example/a.mp4")
    work()
    item.refresh_from_db()
    assert item.reason.startswith("169.254.169.254 is not on the list of hosts")


def test_a_busy_site_rests_as_a_whole(sites, settings):
    settings.FETCH_BACKOFF_S = 300
    sites.add("clips.example/a.mp4", status(429, Retry_After="3600"))
    items = [link("https://clips.example/a.mp4"), link("https://clips.example/b.mp4")]
    work()
    site = Site.objects.get(name="clips.example")
    assert 3500 < (site.next_at - timezone.now()).total_seconds() <= 3600
    assert site.reason == "The site asked us to slow down (status 429)."
    assert SourceItem.objects.filter(pk__in=[item.pk for item in items], state="waiting").count() == 2
    assert sites.counts["clips.example/b.mp4"] == 0


@pytest.mark.django_db(transaction=True)
def test_one_at_a_time_per_site_whoever_tries():
    got, barrier = [], threading.Barrier(4)

    def grab():
        barrier.wait()
        got.append(turns.take("reddit"))
        connection.close()

    threads = [threading.Thread(target=grab) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len([turn for turn in got if turn]) == 1
    # One that fell silent loses its turn, and learns of it.
    lost = next(turn for turn in got if turn)
    Site.objects.update(held_until=timezone.now())
    assert turns.take("reddit")
    lost._renewed -= turns.HELD_S
    with pytest.raises(jobs.LostClaim):
        lost.renew()


def test_what_a_dead_worker_was_fetching_is_fetched_again(sites):
    sites.add("clips.example/a.mp4", film(videos.plain()))
    item = link("https://clips.example/a.mp4")
    SourceItem.objects.filter(pk=item.pk).update(state=State.FETCHING)
    work()
    item.refresh_from_db()
    assert item.state == "brought"


def test_the_same_video_under_two_posts_comes_once(sites):
    one = post("1abc2de")
    other = post("1copyof", secure_media=one["secure_media"], url=one["url"])
    play_post(sites, one, videos.plain())
    rows, _left_out = searches.listed([one, other])
    search = Sourcing.objects.create(kind="reddit", what="x")
    searches.store(search, rows)
    work()
    copy = SourceItem.objects.get(key="1copyof")
    assert (copy.state, copy.clip, copy.reason) == (
        "left_out",
        Clip.objects.get(),
        "The same video came already, as reddit 1abc2de.",
    )


def test_listings_in_all_their_shapes():
    one = post("1abc2de")
    for said in (listing(one), [listing(one), listing()], [one], one):
        assert [p["id"] for p in reddit.posts(json.dumps(said))[0]] == ["1abc2de"]
    lines = json.dumps(one) + "\n" + json.dumps(post("2")) + "\n"
    assert len(reddit.posts(lines)[0]) == 2
    for wrong in ("", "[1]", "{}", "<html>", "null", "[" * 100_000):
        with pytest.raises(reddit.NoListing):
            reddit.posts(wrong)
    assert reddit.item(one | {"removed_by_category": "moderator"}) is None
    assert reddit.item(one | {"permalink": "https://evil/", "id": "../x"}) is None


def test_the_command_takes_saved_listings_and_tables_of_links(sites, tmp_path, capsys):
    (tmp_path / "saved.json").write_text(json.dumps(listing(post("1abc2de"), post("1nothin", video=False))))
    call_command("import_clips", str(tmp_path / "saved.json"), kind="reddit", category="Gravity")
    assert "saved.json: 1 new, 0 known already, 1 without a video." in capsys.readouterr().out
    assert SourceItem.objects.get().expected_category == "Gravity"
    table = tmp_path / "links.csv"
    table.write_text(
        "file,title,licence\nhttps://clips.example/a.mp4,A,CC0\nhttps://evil.example/b.mp4,B,\nftp://clips.example/c,,\n"
    )
    with pytest.raises(CommandError, match="2 of 3"):
        call_command("import_clips", str(table))
    said = capsys.readouterr().out
    assert "evil.example is not on the list of hosts" in said
    item = SourceItem.objects.get(site="clips.example")
    assert (item.title, item.licence, item.state) == ("A", "CC0", "waiting")
