"""Reddit's listings: pages of a subreddit, or the same saved as JSON. No request is made here."""

import json
import re
from urllib.parse import parse_qsl, urlencode, urlsplit

_NAME = re.compile(r"[A-Za-z0-9_]{2,30}")
_POST = re.compile(r"/comments/([a-z0-9]{3,12})(?:/|$)", re.I)
_ID = re.compile(r"[a-z0-9]{3,12}", re.I)
PAGE = 100
SORTS = ("new", "hot", "top", "rising", "controversial")
_KEPT = (
    "id name subreddit title selftext author permalink url domain score upvote_ratio num_comments link_flair_text"
    " created_utc over_18 is_video crosspost_parent"
).split()


class NoListing(ValueError):
    """This is not a listing of Reddit's."""


def listing_url(subreddit):
    """The address of the first page: from a name, `r/name`, or a web address whose order and time it keeps."""
    text = subreddit.strip()
    query = {}
    if "://" in text:
        parts = urlsplit(text)
        if not (parts.hostname or "").endswith("reddit.com"):
            raise ValueError(f"{text} is no address of a subreddit.")
        text, query = parts.path, {k: v for k, v in parse_qsl(parts.query) if k in ("t", "sort")}
    parts = [part for part in text.strip("/").removesuffix(".json").split("/") if part]
    if parts and parts[0] == "r":
        parts = parts[1:]
    if not parts or not _NAME.fullmatch(parts[0]) or len(parts) > 2 or len(parts) == 2 and parts[1] not in SORTS:
        raise ValueError(f"{subreddit} is no subreddit.")
    order = parts[1] if len(parts) == 2 else "new"
    return f"https://www.reddit.com/r/{parts[0]}/{order}.json?" + urlencode({**query, "limit": PAGE, "raw_json": 1})


def next_url(url, after):
    return f"{url}&{urlencode({'after': after})}"


def posts(text):
    """(posts, token of the next page or None) of a listing, of several, of bare posts, or of one post a line."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        try:
            said = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            raise NoListing from None
        if not said:
            raise NoListing
    found = []
    for part in said if isinstance(said, list) else [said]:
        if not isinstance(part, dict):
            raise NoListing
        data = part.get("data") if isinstance(part.get("data"), dict) else part
        if isinstance(data.get("children"), list):
            posts = [c.get("data", c) for c in data["children"] if isinstance(c, dict) and c.get("kind", "t3") == "t3"]
            found += [post for post in posts if isinstance(post, dict)]
        elif isinstance(data.get("id"), str) and "title" in data:
            found.append(data)
        else:
            raise NoListing
    after = said["data"].get("after") if isinstance(said, dict) and isinstance(said.get("data"), dict) else None
    return found, after if isinstance(after, str) else None


def post_id(url):
    """The id of the post an address of Reddit's names; None for other addresses."""
    match = _POST.search(urlsplit(url).path)
    return match[1].lower() if match else None


def _text(post, key):
    value = post.get(key)
    return value if isinstance(value, str) else ""


def video_of(post):
    """(address to fetch, id of the video itself) of a post; None where it shows no video."""
    video = _hosted(post)
    if video or post.get("is_video"):
        media = re.search(r"v\.redd\.it/([A-Za-z0-9]+)", str(video or "") + _text(post, "url"))
        return "https://www.reddit.com" + _permalink(post), f"v.redd.it/{media[1]}" if media else ""
    url = _text(post, "url_overridden_by_dest") or _text(post, "url")
    parts = urlsplit(url)
    host, path = (parts.hostname or "").lower(), parts.path.lower()
    video_host = host.endswith(("youtube.com", "youtu.be", "streamable.com"))
    if parts.scheme in ("http", "https") and (video_host or path.endswith((".mp4", ".webm", ".mov"))):
        return url, f"{host}{parts.path}?{parts.query}"[:200]
    return None


def _hosted(post):
    for place in (post, *(post.get("crosspost_parent_list") or [])):
        for key in ("secure_media", "media"):
            media = place.get(key) if isinstance(place, dict) else None
            if isinstance(media, dict) and isinstance(media.get("reddit_video"), dict):
                return media["reddit_video"]
    return None


def _permalink(post):
    path = _text(post, "permalink")
    good = path.startswith("/r/") and post_id(path) == _text(post, "id").lower()
    return path if good else f"/r/{_text(post, 'subreddit') or 'all'}/comments/{_text(post, 'id')}/"


def item(post):
    """The fields of a SourceItem for a post; None for one without a video, or removed."""
    if not _ID.fullmatch(_text(post, "id")) or post.get("removed_by_category") or _text(post, "author") == "[deleted]":
        return None
    found = video_of(post)
    if found is None:
        return None
    score = post.get("score")
    return {
        "site": "reddit",
        "key": post["id"].lower(),
        "source_id": post["id"],
        "url": found[0],
        "media_key": found[1],
        "title": _text(post, "title"),
        "text": _text(post, "selftext"),
        "author": _text(post, "author"),
        "permalink": "https://www.reddit.com" + _permalink(post),
        "score": score if isinstance(score, int) and abs(score) < 2**31 else None,
        "flair": _text(post, "link_flair_text"),
        "posted": post.get("created_utc"),
        "listing": {key: post[key] for key in _KEPT if key in post},
    }
