"""A real HTTPS server that plays the sites: one port, any number of names, behaviours by (host, path).

    with Sites() as sites:
        sites.add("www.reddit.com/r/x/new.json", page({"kind": "Listing", ...}))
        settings.FETCH_ROUTES = sites.routes; settings.FETCH_CA_FILE = sites.authority

A behaviour is a function (handler, number of this request). `sites.asked` lists (host, path) of all requests.
"""

import datetime
import ipaddress
import json
import ssl
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = (
    "www.reddit.com",
    "old.reddit.com",
    "v.redd.it",
    "www.youtube.com",
    "clips.example",
    "cdn.clips.example",
    "evil.example",
)


def page(content, *, status=200, kind=None, headers=()):
    body = (
        content
        if isinstance(content, bytes)
        else content.encode()
        if isinstance(content, str)
        else json.dumps(content).encode()
    )
    kind = kind or ("text/html" if isinstance(content, str) else "application/json")

    def answer(handler, number):
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    return answer


def film(path):
    return page(Path(path).read_bytes(), kind="video/mp4")


def status(code, **headers):
    return page("no", status=code, headers=[(name.replace("_", "-"), value) for name, value in headers.items()])


def redirect(to, code=302):
    return page("", status=code, headers=[("Location", to)])


def first(*answers):
    """Each of the answers once, then the last for ever."""
    return lambda handler, number: answers[min(number, len(answers)) - 1](handler, number)


def cut(path):
    """Promises the whole file and closes after half of it."""
    data = Path(path).read_bytes()

    def answer(handler, number):
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2])
        handler.wfile.flush()
        handler.connection.close()

    return answer


def silent(seconds):
    def answer(handler, number):
        time.sleep(seconds)
        page("late")(handler, number)

    return answer


def endless(handler, number):
    """Bytes without end and without a length."""
    handler.send_response(200)
    handler.send_header("Content-Type", "video/mp4")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"\0" * 65536)
    except OSError:
        pass


def _certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sites of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    names = [*map(x509.DNSName, HOSTS), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(private)
    return pem, secret


class Sites:
    def __init__(self):
        self.answers, self.asked, self.counts = {}, [], Counter()
        self.busy, self.most_at_once, self.lock = 0, 0, threading.Lock()
        self.folder = tempfile.TemporaryDirectory(prefix="studio-sites-")
        pem, secret = _certificate(Path(self.folder.name))
        self.authority = str(pem)
        sites = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                host, path = self.headers.get("Host", "").split(":")[0], self.path.split("?")[0]
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                name = host + path
                with sites.lock:
                    sites.asked.append(host + self.path)
                    sites.counts[name] += 1
                    number = sites.counts[name]
                    sites.busy += 1
                    sites.most_at_once = max(sites.most_at_once, sites.busy)
                try:
                    sites.answers.get(name, status(404))(self, number)
                except OSError:
                    pass
                finally:
                    with sites.lock:
                        sites.busy -= 1

            do_POST = do_HEAD = do_GET

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem, secret)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.routes = {host: self.address for host in HOSTS}

    def add(self, name, answer):
        self.answers[name] = answer

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()


# ---- What the sites say


def post(post_id, *, title="A crate floats", video=True, **fields):
    """A post as Reddit's listings hold it."""
    said = {
        "id": post_id, "name": f"t3_{post_id}", "subreddit": "GamePhysics", "title": title, "selftext": "Seen in a game.",
        "author": "finder", "permalink": f"/r/GamePhysics/comments/{post_id}/a_crate/", "score": 42, "ups": 42,
        "link_flair_text": "Bug", "created_utc": 1733000000.0, "is_video": video, "url": f"https://v.redd.it/{post_id}v",
        "domain": "v.redd.it", "num_comments": 3, "over_18": False,
    }  # fmt: skip
    if video:
        base = f"https://v.redd.it/{post_id}v"
        media = {"reddit_video": {
            "fallback_url": f"{base}/DASH_180.mp4?source=fallback", "height": 180, "width": 320, "duration": 1,
            "dash_url": f"{base}/DASHPlaylist.mpd", "hls_url": f"{base}/HLSPlaylist.m3u8", "bitrate_kbps": 300,
        }}  # fmt: skip
        said |= {"secure_media": media, "media": media}
    else:
        said |= {"url": "https://www.reddit.com/r/GamePhysics/comments/x/", "secure_media": None, "media": None}
    return said | fields


def listing(*posts, after=None):
    return {"kind": "Listing", "data": {"after": after, "children": [{"kind": "t3", "data": post} for post in posts]}}


def play_post(sites, said, picture, sound=None):
    """The post's own page and its films, picture and sound apart as v.redd.it keeps them."""
    sites.add(f"www.reddit.com/r/{said['subreddit']}/comments/{said['id']}/.json", page([listing(said), listing()]))
    base = f"v.redd.it/{said['id']}v"
    sets = '<AdaptationSet contentType="video"><Representation id="1" bandwidth="300000" codecs="avc1.4d401e" width="320"' \
           ' height="180" mimeType="video/mp4"><BaseURL>DASH_180.mp4</BaseURL></Representation></AdaptationSet>'  # fmt: skip
    if sound:
        sets += '<AdaptationSet contentType="audio"><Representation id="2" bandwidth="64000" codecs="mp4a.40.2"' \
                ' mimeType="audio/mp4"><BaseURL>DASH_AUDIO_64.mp4</BaseURL></Representation></AdaptationSet>'  # fmt: skip
        sites.add(f"{base}/DASH_AUDIO_64.mp4", film(sound))
    manifest = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S"' \
               f' profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>{sets}</Period></MPD>'  # fmt: skip
    sites.add(f"{base}/DASHPlaylist.mpd", page(manifest, kind="application/dash+xml"))
    sites.add(f"{base}/DASH_180.mp4", film(picture))
