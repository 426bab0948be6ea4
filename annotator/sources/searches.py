"""Searches: what was asked for becomes items of the archive. Nothing here fetches a video."""

from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F
from django.utils.translation import gettext_noop

from annotator.importing import TEXT_MAX_CHARS, clean
from annotator.models import Clip, Question, SourceItem, Sourcing
from annotator.sources import fetching, keywords, links, reddit, sites
from annotator.sources.faults import Fault, sentence
from annotator.sources.guard import NotAllowed
from annotator.taxonomy import CATEGORIES, PUBLIC_TOTAL
from studio import jobs
from studio.sentences import say

KIND = "annotator.search"
MOST = 1000
_UNIT = gettext_noop("posts")


class BadSearch(ValueError):
    """What was asked for cannot be searched; the sentence says why."""


def thin_categories():
    """[(category, clips missing)] below their public share, the thinnest first.

    Counted are questions on their way or approved, and benchmark clips that wait for one with that expected category.
    """
    live = [Question.State.SUBMITTED, Question.State.DISPUTED, Question.State.RETURNED, Question.State.APPROVED]
    counts = dict(Question.objects.filter(state__in=live).order_by().values_list("category").annotate(Count("pk")))
    waiting = Clip.objects.filter(
        purpose=Clip.Purpose.BENCHMARK, state__in=[Clip.State.READY, Clip.State.INGESTING], open_slots__gt=0
    ).exclude(content__in=[Clip.Content.NOT_GAMEPLAY, Clip.Content.UNUSABLE])
    for category, count in waiting.order_by().values_list("expected_category").annotate(Count("pk")):
        counts[category] = counts.get(category, 0) + count
    total = sum(counts.get(name, 0) for name in CATEGORIES)
    wanted = {name: c.public_count / PUBLIC_TOTAL * total - counts.get(name, 0) for name, c in CATEGORIES.items()}
    if not total:
        wanted = {name: float(c.public_count) for name, c in CATEGORIES.items()}
    return sorted(((name, missing) for name, missing in wanted.items() if missing > 0), key=lambda pair: -pair[1])


def start(*, kind, words=(), category="", purpose=Clip.Purpose.BENCHMARK, licence="", limit=100, by=None):
    """Queue a search of sites; returns the Sourcing. BadSearch when it makes no sense.

    `words`: subreddits or their addresses (reddit), keywords (youtube; none: those of the thinnest categories).
    """
    words = [word.strip() for word in words if word.strip()]
    if kind == Sourcing.Kind.REDDIT:
        if not words:
            raise BadSearch(say("Name a subreddit."))
        try:
            asked = [[reddit.listing_url(word), category] for word in words]
        except ValueError:
            raise BadSearch(say("This is no subreddit: %(what)s.", what=", ".join(words))) from None
    elif words:
        asked = [[word, category] for word in words]
    else:
        thin = [category] if category else [name for name, _missing in thin_categories()[:3]]
        if not thin:
            raise BadSearch(say("No category is below its target. Name keywords."))
        asked = [[word, name] for name in thin for word in keywords.words_for(name)]
    limit = max(1, min(limit, MOST))
    with transaction.atomic():
        what = ", ".join(dict.fromkeys(words or [name for _word, name in asked]))
        search = Sourcing.objects.create(kind=kind, what=what[:500], by=by)
        search.job = jobs.enqueue(
            KIND,
            owner=by,
            title=say("Search %(site)s for %(what)s", site=search.get_kind_display(), what=what[:300]),
            search_id=search.pk,
            asked=asked,
            limit=limit,
            purpose=purpose,
            licence=licence,
        )
        search.save(update_fields=["job"])
    return search


@jobs.job(KIND, queue="io")
def look(run, *, search_id, asked, limit, purpose, licence):
    """Safe to run twice: an item that is in the archive is not stored again. `limit` counts new items."""
    search = Sourcing.objects.filter(pk=search_id).first()
    if search is None:
        return {}
    Sourcing.objects.filter(pk=search_id).update(known=0, left_out=0)
    said = {"purpose": purpose, "licence": licence}
    new = search.items.count()
    site = "reddit" if search.kind == Sourcing.Kind.REDDIT else "youtube"
    try:
        for index, (word, category) in enumerate(asked):
            # What is left of the limit is shared by what is left to ask.
            share = -(-(limit - new) // (len(asked) - index))
            pages = _reddit_pages if search.kind == Sourcing.Kind.REDDIT else _youtube_pages
            for rows, left_out in pages(run, site, word, share):
                rows = [row | said | {"expected_category": category} for row in rows[:share]]
                added = store(search, rows, left_out=left_out)
                new, share = new + added, share - added
                run.log(f"{word}: {added} new of {len(rows)}, {left_out} without a video")
                run.progress(new, limit, unit=_UNIT)
                if share <= 0:
                    break
    except Fault as fault:
        if fault.detail:
            run.log(fault.detail)
        raise jobs.JobFailed(fault.sentence) from fault
    return {"found": new}


def _asked(run, site, function, *arguments):
    """One request in the site's turn; temporary faults are tried again."""
    for attempt in range(settings.FETCH_TRIES):
        with sites.turn(site, check=run.check) as turn:
            try:
                return function(*arguments, progress=lambda count: (run.check(), turn.renew()))
            except Fault as fault:
                if not fault.is_temporary or attempt == settings.FETCH_TRIES - 1:
                    raise
                run.log(str(fault))
                turn.pause(fault.after or settings.FETCH_BACKOFF_S * 2**attempt, fault.sentence)
    raise AssertionError


def _reddit_pages(run, site, url, share):
    first, seen = url, 0
    while url:
        try:
            found, after = reddit.posts(_asked(run, site, fetching.page, url))
        except reddit.NoListing:
            raise Fault("not_json") from None
        rows = [item for item in map(reddit.item, found) if item]
        yield rows, len(found) - len(rows)
        seen += len(found)
        url = reddit.next_url(first, after) if after and found and seen < 10 * MOST else None


def _youtube_pages(run, site, word, share):
    found = _asked(run, site, fetching.search, f"ytsearch{max(share * 2, 10)}:{word}", max(share * 2, 10))
    rows = []
    for entry in found:
        video = entry.get("id") or ""
        too_long = (entry.get("duration") or 0) > settings.FETCH_MAX_S
        if not links._VIDEO.fullmatch(video) or too_long or entry.get("live_status") in ("is_live", "is_upcoming"):
            continue
        url = f"https://www.youtube.com/watch?v={video}"
        author = entry.get("channel") or entry.get("uploader") or ""
        row = {"site": "youtube", "key": video, "source_id": video, "url": url, "permalink": url}
        row |= {"title": entry.get("title") or "", "text": entry.get("description") or "", "author": author}
        rows.append(row | {"media_key": f"youtube/{video}", "listing": entry | {"query": word}})
    yield rows, len(found) - len(rows)


def listed(posts, *, category="", purpose=Clip.Purpose.BENCHMARK, licence=""):
    """Rows for `store` from posts of a saved listing, and how many showed no video."""
    rows = [item for item in map(reddit.item, posts) if item]
    said = {"purpose": purpose, "licence": licence, "expected_category": category}
    return [row | said for row in rows], len(posts) - len(rows)


def linked(url, story):
    """A row for `store` from a web address with the story that came with it."""
    try:
        site, key, media_key = links.name_of(url)
    except NotAllowed as refusal:
        raise BadSearch(sentence(refusal.code, refusal.what)) from None
    known = {"title": story.title, "text": story.text, "author": story.author, "licence": story.licence}
    known |= {"purpose": story.purpose, "expected_category": story.expected_category}
    named = key if site in links.SOURCES and not key.startswith("url-") else ""
    source_id = story.source_id or named
    return {"site": site, "key": key, "url": url, "source_id": source_id, "media_key": media_key,
            "permalink": story.permalink or url, **known}  # fmt: skip


def store(search, rows, *, left_out=0):
    """Put rows into the archive; how many are new. One that is there already keeps its state, and is counted."""
    items = {}
    for row in rows:
        row = dict(row)
        posted = row.pop("posted", None)
        try:
            row["host"] = links.site_of(row["url"])
            refused = None
        except NotAllowed as refusal:
            row["host"], refused = row["site"], refusal
        for name, value in row.items():
            if isinstance(value, str):
                row[name] = clean(value, SourceItem._meta.get_field(name).max_length or TEXT_MAX_CHARS)
        item = SourceItem(sourcing=search, **row)
        if isinstance(posted, int | float) and 0 < posted < 2**33:
            item.posted_at = datetime.fromtimestamp(posted, UTC)
        if refused:
            item.state, item.reason = SourceItem.State.FAILED, sentence(refused.code, refused.what)
        items[item.site, item.key] = item
    with transaction.atomic():
        keys = {}
        for site, key in items:
            keys.setdefault(site, []).append(key)
        known = {(site, key) for site, ks in keys.items() for key in
                 SourceItem.objects.filter(site=site, key__in=ks).values_list("key", flat=True)}  # fmt: skip
        fresh = [item for name, item in items.items() if name not in known]
        SourceItem.objects.bulk_create(fresh, ignore_conflicts=True)
        new = SourceItem.objects.filter(sourcing=search).count() - search.found if fresh else 0
        Sourcing.objects.filter(pk=search.pk).update(
            found=F("found") + new, known=F("known") + len(rows) - new, left_out=F("left_out") + left_out
        )
        search.refresh_from_db(fields=["found", "known", "left_out"])
        for site in {item.host for item in fresh if item.state == SourceItem.State.WAITING}:
            sites.ring(site)
    return new
