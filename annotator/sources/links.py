"""What a web address names: the site it is fetched from, and that site's own id where we can read one."""

import hashlib
import re
from urllib.parse import parse_qs, urlsplit

from django.conf import settings

from annotator.models import Clip
from annotator.sources import reddit
from annotator.sources.guard import NotAllowed, entry_for

_SITES = {"reddit": ("reddit.com", "redd.it"), "youtube": ("youtube.com", "youtu.be", "googlevideo.com")}
_VIDEO = re.compile(r"[A-Za-z0-9_-]{11}")
SOURCES = {"reddit": Clip.Source.REDDIT, "youtube": Clip.Source.YOUTUBE}


def host_of(url):
    """The host of a web address; NotAllowed for one that is none, or whose host is not on the list."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotAllowed("scheme", url[:200])
    if entry_for(parts.hostname, settings.FETCH_HOSTS) is None:
        raise NotAllowed("host", parts.hostname)
    return parts.hostname.lower()


def site_of(url):
    """The site whose turn it takes to fetch this: names of one site share it. NotAllowed as above."""
    host = host_of(url)
    for site, names in _SITES.items():
        if entry_for(host, names):
            return site
    return entry_for(host, settings.FETCH_HOSTS)


def youtube_id(url):
    parts = urlsplit(url)
    path = parts.path.strip("/").split("/")
    found = path[0] if (parts.hostname or "").endswith("youtu.be") else (parse_qs(parts.query).get("v") or [""])[0]
    if path[0] in ("shorts", "embed", "live", "v") and len(path) > 1:
        found = path[1]
    return found if _VIDEO.fullmatch(found) else None


def name_of(url):
    """(site, key, id of the video itself) of an address: what the archive calls it."""
    site = site_of(url)
    if site == "youtube" and (video := youtube_id(url)):
        return site, video, f"youtube/{video}"
    if site == "reddit" and (post := reddit.post_id(url)):
        return site, post, ""
    return site, "url-" + hashlib.sha256(url.encode()).hexdigest()[:24], ""
