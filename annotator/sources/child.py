"""One fetch in a process of its own: `python -m annotator.sources.child`, yt-dlp behind guard.py. No Django here.

Reads one line of JSON from standard input ({"do", "url", ...}, see `main`), and ends when that input closes: whoever asked
is gone. Writes lines of JSON: {"bytes": n} while it downloads, at last {"done": {...}} or {"fault": {code, what, ...}}.
"""

import json
import os
import resource
import sys
import threading
from pathlib import Path

from annotator.sources.guard import Guard, NotAllowed

MEMORY_BYTES = 3 * 1024**3
CPU_S = 1800
PAGE_BYTES = 20 * 1024 * 1024
_INFO_CHARS = 200_000
_PROTOCOL = "[protocol~='^(https?|http_dash_segments|m3u8_native)$']"
# Two files where a site keeps the sound apart; fetching.py puts them together.
_FORMAT = f"bv*{_PROTOCOL}[height<=?1080]/bv*{_PROTOCOL}/b{_PROTOCOL},ba{_PROTOCOL}"
# What sites say in words and not by a status; (part of the message in lower case, code of faults.py).
_SAID = (
    ("confirm you", "bot"),
    ("not a bot", "bot"),
    ("drm", "drm"),
    ("private", "private"),
    ("login", "private"),
    ("log in", "private"),
    ("sign in", "private"),
    ("authentication", "private"),
    ("removed", "gone"),
    ("unavailable", "gone"),
    ("not available", "no_video"),
    ("no video", "no_video"),
    ("no media", "no_video"),
    ("unsupported url", "no_video"),
    ("maximum number of redirect", "redirects"),
)


class Fault(Exception):
    def __init__(self, code, **said):
        super().__init__(code)
        self.said = {"code": code, **said}


def say(**line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _handler(guard, authority, seen):
    """A request handler for yt-dlp that knows only http and https, takes no proxy, and connects through the guard."""
    import http.client
    import urllib.request

    from yt_dlp.networking._urllib import (
        HTTPDefaultErrorHandler,
        HTTPErrorProcessor,
        HTTPHandler,
        RedirectHandler,
        UnknownHandler,
        UrllibRH,
    )
    from yt_dlp.networking.exceptions import HTTPError

    class Plain(http.client.HTTPConnection):
        def connect(self):
            self.sock = guard.connect(self.host, self.port, self.timeout)

    class Secure(http.client.HTTPSConnection):
        def connect(self):
            self.sock = self._context.wrap_socket(
                guard.connect(self.host, self.port, self.timeout), server_hostname=self.host
            )

    class Opener(HTTPHandler):
        def http_open(self, req):
            return self.do_open(Plain, req)

        def https_open(self, req):
            return self.do_open(Secure, req, context=self._context)

    class Redirects(RedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):
            if not newurl.lower().startswith(("http://", "https://")):
                guard.refused = guard.refused or NotAllowed("scheme", newurl[:200])
                raise guard.refused
            return super().redirect_request(req, fp, code, msg, headers, newurl)

        def http_error_302(self, req, fp, code, msg, headers):
            scheme = headers.get("location", "").split(":")[0].lower()
            if scheme in ("file", "ftp", "data", "gopher"):
                guard.refused = guard.refused or NotAllowed("scheme", headers["location"][:200])
                raise guard.refused
            return super().http_error_302(req, fp, code, msg, headers)

        http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    class GuardedRH(UrllibRH):
        RH_NAME = "guarded"
        _SUPPORTED_URL_SCHEMES = ("http", "https")
        _SUPPORTED_PROXY_SCHEMES = ()

        def _get_proxies(self, request):
            return {}

        def _make_sslcontext(self, **options):
            context = super()._make_sslcontext(**options)
            if authority:
                context.load_verify_locations(cafile=authority)
            return context

        def _create_instance(self, proxies, cookiejar, legacy_ssl_support=None):
            opener = urllib.request.OpenerDirector()
            for handler in (
                Opener(context=self._make_sslcontext(legacy_ssl_support=None)),
                urllib.request.HTTPCookieProcessor(cookiejar),
                UnknownHandler(),
                HTTPDefaultErrorHandler(),
                HTTPErrorProcessor(),
                Redirects(),
            ):
                opener.add_handler(handler)
            opener.addheaders = []
            return opener

        def _send(self, request):
            try:
                return super()._send(request)
            except HTTPError as error:
                seen.append((error.status, error.response.headers.get("Retry-After")))
                raise

    return GuardedRH


def _downloader(guard, authority, options, seen):
    from yt_dlp import YoutubeDL

    handler = _handler(guard, authority, seen)

    class Quiet:
        def debug(self, message):
            pass

        info = warning = error = debug

    class Downloader(YoutubeDL):
        def build_request_director(self, handlers, preferences=None):
            return super().build_request_director([handler])

    return Downloader(
        {
            "quiet": True,
            "no_warnings": True,
            "logger": Quiet(),
            "noprogress": True,
            "cachedir": False,
            "ffmpeg_location": "/nonexistent",
            "hls_prefer_native": True,
            "external_downloader": {"default": "native"},
            "fixup": "never",
            "proxy": "",
            "retries": 2,
            "fragment_retries": 2,
            "extractor_retries": 1,
            "file_access_retries": 0,
            "skip_unavailable_fragments": False,
            "noplaylist": True,
            "playlist_items": "1",
            **options,
        }
    )


def _reason(error, guard, seen):
    """The fault behind an exception of yt-dlp's."""
    if isinstance(error, Fault):
        return error.said
    if guard.refused:
        return {"code": guard.refused.code, "what": guard.refused.what}
    text = f"{type(error).__name__}: {error}"[:500]
    said = text.lower()
    chain = _chain(error)
    statuses = [e.status for e in chain if type(e).__name__ == "HTTPError" and hasattr(e, "status")]
    status, after = seen[-1] if seen else (None, None)
    known = next((code for part, code in _SAID if part in said), None)
    if statuses or status in (403, 429) and known in (None, "private", "no_video"):
        status = statuses[0] if statuses else status
        code = {401: "refused", 403: "refused", 404: "gone", 410: "gone", 429: "busy", 451: "gone"}.get(status)
        code = code or ("server" if status >= 500 else "redirects" if 300 <= status < 400 else "refused")
        return {"code": "bot" if known == "bot" else code, "what": str(status), "after": after, "detail": text}
    for e in chain:
        if type(e).__name__ == "gaierror":
            return {"code": "dns", "detail": text}
        if isinstance(e, MemoryError):
            return {"code": "too_big", "detail": text}
    names = {type(e).__name__ for e in chain}
    if "CertificateVerifyError" in names or "SSLError" in names:
        return {"code": "tls", "detail": text}
    if any(isinstance(e, TimeoutError) for e in chain) or "timed out" in said:
        return {"code": "timeout", "detail": text}
    if (
        names & {"IncompleteRead", "ContentTooShortError", "TransportError", "ConnectionResetError"}
        or "bytes read" in said
        or " bytes, expected " in said
    ):
        return {"code": "cut", "detail": text}
    if any(isinstance(e, OSError) and getattr(e, "errno", None) == 27 for e in chain):  # EFBIG
        return {"code": "too_big", "detail": text}
    return {"code": known or "broken", "detail": text}


def _chain(error):
    """An exception and all it came from, as Python and yt-dlp keep it."""
    found, todo = [], [error]
    while todo and len(found) < 50:
        e = todo.pop(0)
        if not isinstance(e, BaseException) or any(e is known for known in found):
            continue
        found.append(e)
        todo += [e.__cause__, e.__context__, getattr(e, "cause", None), getattr(e, "reason", None)]
        if isinstance(getattr(e, "exc_info", None), tuple):
            todo += [part for part in e.exc_info if isinstance(part, BaseException)]
    return found


def _get(ydl, asked):
    """One page as text."""
    from yt_dlp.networking import Request

    response = ydl.urlopen(Request(asked["url"], headers={"Accept": "application/json"}))
    body = response.read(PAGE_BYTES + 1)
    if len(body) > PAGE_BYTES:
        raise Fault("too_big")
    return {"text": body.decode("utf-8", "replace"), "type": response.headers.get("Content-Type", "")}


def _search(ydl, asked):
    """What a search offers, without looking at each video."""
    info = ydl.extract_info(asked["url"], download=False)
    keys = (
        "id",
        "url",
        "title",
        "duration",
        "channel",
        "uploader",
        "channel_url",
        "view_count",
        "live_status",
        "description",
    )
    return {"entries": [{key: entry.get(key) for key in keys} for entry in info.get("entries") or [] if entry]}


def _fetch(ydl, asked, files):
    info = ydl.extract_info(asked["url"], download=True)
    while info.get("_type") == "playlist":
        info = next((entry for entry in info.get("entries") or [] if entry), None)
        if info is None:
            raise Fault("no_video")
    came = [file for file in files.values() if Path(file["path"]).is_file()]
    if not came:
        raise Fault("too_big" if _announced(info) > asked["max_bytes"] else "no_video")
    kept = ydl.sanitize_info(info, remove_private_keys=True)
    for bulky in (
        "formats",
        "requested_formats",
        "thumbnails",
        "automatic_captions",
        "subtitles",
        "http_headers",
        "comments",
    ):
        kept.pop(bulky, None)
    text = json.dumps(kept, default=str)
    return {"info": json.loads(text) if len(text) <= _INFO_CHARS else {"id": kept.get("id")}, "files": came}


def _announced(info):
    return max(
        [f.get("filesize") or f.get("filesize_approx") or 0 for f in [info, *(info.get("requested_downloads") or [])]]
    )


def _options(asked, files):
    """yt-dlp's options for this errand, with the limits of time and size."""
    options = {"socket_timeout": asked["timeout_s"], "sleep_interval_requests": asked["sleep_s"]}
    if asked["do"] == "search":
        return options | {"extract_flat": True, "playlist_items": f"1-{asked['most']}"}
    if asked["do"] != "fetch":
        return options

    def choose(info, *, incomplete=False):
        if info.get("is_live") or info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
            raise Fault("live")
        if (info.get("duration") or 0) > asked["max_s"]:
            raise Fault("too_long", what=str(round(info["duration"])))

    def hook(told):
        if (told.get("downloaded_bytes") or 0) > asked["max_bytes"]:
            raise Fault("too_big")
        if told["status"] == "finished":
            form = told["info_dict"]
            files[told["filename"]] = {
                "path": told["filename"],
                "sound_only": form.get("vcodec") == "none",
            }
        say(bytes=told.get("downloaded_bytes") or 0)

    return options | {
        "format": _FORMAT,
        "match_filter": choose,
        "progress_hooks": [hook],
        "ratelimit": asked["rate"] or None,
        "max_filesize": asked["max_bytes"],
        "outtmpl": {"default": str(Path(asked["folder"]) / "video-%(format_id).40B.%(ext)s")},
        "paths": {},
        "concurrent_fragment_downloads": 1,
    }


def main():
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_leave_with_whoever_asked, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    if asked["do"] == "fetch":
        resource.setrlimit(resource.RLIMIT_FSIZE, (asked["max_bytes"] + 1, asked["max_bytes"] + 1))
        os.chdir(asked["folder"])
    guard = Guard(hosts=tuple(asked["hosts"]), routes=asked["routes"])
    seen, files = [], {}
    ydl = _downloader(guard, asked["authority"], _options(asked, files), seen)
    guard.close_other_doors()
    try:
        do = {"get": _get, "search": _search}.get(asked["do"])
        say(done=do(ydl, asked) if do else _fetch(ydl, asked, files))
    except Exception as error:  # whatever a site or yt-dlp comes up with ends as one reason
        say(fault=_reason(error, guard, seen))


def _leave_with_whoever_asked():
    """End the process when standard input closes: the worker that asked was killed, and nobody waits any more."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(3)


if __name__ == "__main__":
    main()
