"""What a resolver tells, with the real yt-dlp above it: names that lead inside, or elsewhere when they are asked again."""

import json
import sys

import pytest

from annotator.sources import fetching
from annotator.sources.faults import TEMPORARY, Fault
from tests.sites import page, redirect

# The child as it is, but its resolver reads answers from a table, and what it connects to is written down. Addresses of the
# internet refuse the connection, so that no test leaves this machine.
CHILD = """#!{python}
import json, runpy, socket, sys
answers, log = json.loads({answers!r}), open({log!r}, "a", buffering=1)
asked, known, real = {{}}, socket.getaddrinfo, socket.socket.connect

def resolve(host, port, *args, **kwargs):
    if host not in answers:
        return known(host, port, *args, **kwargs)
    count = asked[host] = asked.get(host, 0) + 1
    found = answers[host][min(count, len(answers[host])) - 1]
    return [(socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in found]

def connect(self, address):
    log.write(json.dumps(address[:2]) + "\\n")
    if address[1] in (80, 443):
        raise ConnectionRefusedError(111, "refused by the test")
    return real(self, address)

socket.getaddrinfo, socket.socket.connect = resolve, connect
sys.argv = sys.argv[2:]
runpy.run_module("annotator.sources.child", run_name="__main__")
"""
NAME = "rebind.clips.example"
INSIDE = "169.254.169.254"


@pytest.fixture
def fetched(sites, tmp_path, monkeypatch, settings):
    """fetched(answers) -> (code of the fault, addresses outside the playing server that were connected to)."""
    settings.FETCH_TIMEOUT_S = 2

    def fetch(*answers, url="https://clips.example/a.mp4"):
        child, log = tmp_path / "child.py", tmp_path / "connected"
        child.write_text(CHILD.format(python=sys.executable, answers=json.dumps({NAME: answers}), log=str(log)))
        child.chmod(0o755)
        monkeypatch.setattr(fetching.sys, "executable", str(child))
        (tmp_path / "work").mkdir()
        with pytest.raises(Fault) as told:
            fetching.video(url, tmp_path / "work")
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return told.value.code, [host for host, port in lines if port in (80, 443)]

    return fetch


@pytest.mark.parametrize("address", [INSIDE, "10.0.0.7", "::1", "::ffff:127.0.0.1"])
def test_a_name_on_the_list_that_leads_inside_is_not_connected_to(fetched, sites, address):
    sites.add("clips.example/a.mp4", redirect(f"https://{NAME}/x.mp4"))
    assert fetched([address]) == ("address", [])


def test_one_inner_address_among_public_ones_is_enough(fetched):
    assert fetched(["1.1.1.1", INSIDE], url=f"https://{NAME}/x.mp4") == ("address", [])


def test_a_name_that_leads_inside_the_second_time_is_never_followed_there(fetched):
    """yt-dlp looks and tries several times; each connection goes to an address that was looked at, or to none."""
    code, connected = fetched(["1.1.1.1"], ["127.0.0.1"], url=f"https://{NAME}/x.mp4")
    assert set(connected) == {"1.1.1.1"} and code in TEMPORARY | {"address"}


def test_a_segment_whose_name_leads_inside_is_not_fetched(fetched, sites):
    listed = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\nhttps://{NAME}/s.ts\n#EXT-X-ENDLIST\n"
    sites.add("clips.example/a.m3u8", page(listed, kind="application/vnd.apple.mpegurl"))
    assert fetched([INSIDE], url="https://clips.example/a.m3u8") == ("address", [])
