"""The door to the network: which addresses are public, which hosts are on the list, and that nothing slips by in between."""

import socket
import subprocess
import sys

import pytest
from django.conf import settings

from annotator.sources.guard import Guard, NotAllowed, clean_host, entry_for, is_public

PRIVATE = (
    "127.0.0.1 127.8.8.8 0.0.0.0 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.255"
    " 192.0.2.1 198.51.100.1 203.0.113.1 198.18.0.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 ::1 :: fe80::1"
    " fe80::1%eth0 fc00::1 fd12::1 fec0::1 ff02::1 2001:db8::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254"
    " ::127.0.0.1 64:ff9b::127.0.0.1 64:ff9b:1::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2001:0:4136:e378:8000:63bf:80ff:fffe"
).split()


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_inside_networks_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", "1.1.1.1 151.101.1.140 172.32.0.1 100.128.0.1 2606:4700::1111 ::ffff:8.8.8.8 64:ff9b::8.8.8.8".split()
)
def test_addresses_of_the_internet_are(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "１２７.0.0.1", "",
        "a b", "-a.com",
        "reddit.com@127.0.0.1", "reddit.com#.evil.com", "re_d.com", "a..b", "x" * 64 + ".com", "reddit.com\\.evil",
    ],
)  # fmt: skip
def test_odd_spellings_of_hosts_are_refused(host):
    with pytest.raises(NotAllowed):
        clean_host(host)


def test_a_host_is_on_the_list_by_itself_or_below_an_entry():
    hosts = ("reddit.com", "clips.example")
    assert entry_for("WWW.Reddit.com.", hosts) == "reddit.com"
    assert entry_for("clips.example", hosts) == "clips.example"
    assert entry_for("notreddit.com", hosts) is None
    assert entry_for("reddit.com.evil.example", hosts) is None
    assert entry_for("127.0.0.1", hosts) is None


class Names:
    """A resolver that gives the next answer each time it is asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def __call__(self, host, port, type=0):
        self.asked += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET6 if ":" in a else socket.AF_INET, type, 6, "", (a, port)) for a in found]


def refused(guard, host="www.reddit.com", port=443):
    with pytest.raises(NotAllowed) as told:
        guard.connect(host, port, 0.2)
    return told.value.code


def test_a_name_that_leads_inside_is_refused_and_so_is_one_with_a_single_such_address():
    assert refused(Guard(("reddit.com",), resolve=Names(["169.254.169.254"]))) == "address"
    assert refused(Guard(("reddit.com",), resolve=Names(["1.1.1.1", "10.0.0.1"]))) == "address"
    assert refused(Guard(("reddit.com",), resolve=Names(["::ffff:127.0.0.1"]))) == "address"
    assert refused(Guard(("localhost",)), host="localhost") == "address"  # the real resolver


def test_hosts_and_ports_off_the_list_are_not_even_resolved():
    names = Names(["1.1.1.1"])
    assert refused(Guard(("reddit.com",), resolve=names), host="evil.example") == "host"
    assert refused(Guard(("reddit.com",), resolve=names), port=6379) == "port"
    assert names.asked == 0


def test_the_address_that_was_looked_at_is_the_one_connected_to(monkeypatch):
    """A name that changes between the look and the connection gains nothing: it is asked once."""
    names, tried = Names(["1.1.1.1"], ["127.0.0.1"]), []

    class Socket(socket.socket):
        def connect(self, address):
            tried.append(address)
            raise ConnectionRefusedError

    monkeypatch.setattr(socket, "socket", Socket)
    with pytest.raises(ConnectionRefusedError):
        Guard(("reddit.com",), resolve=names).connect("www.reddit.com", 443, 0.2)
    assert (names.asked, tried) == (1, [("1.1.1.1", 443)])


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('127.0.0.1', 9))",
        "socket.getaddrinfo('example.org', 80)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "subprocess.run(['/bin/true'])",
        "os.system('true')",
    ],
)
def test_the_other_doors_of_the_process_are_shut(attempt):
    code = f"""
import os, socket, subprocess
from annotator.sources.guard import Guard, NotAllowed
Guard(("reddit.com",)).close_other_doors()
try:
    {attempt}
except NotAllowed as refusal:
    print(refusal.code)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "door", done.stderr
