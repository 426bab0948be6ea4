"""The door to the network for everything that is fetched: which hosts, which addresses. No Django here.

A host must be on the allow-list, its name is resolved here, every address it has must be a public one, and the connection
goes to the very address that was looked at: nothing can change in between. `Guard.connect` is the only place that connects;
redirects, manifests and segments all come through it, because it sits below the HTTP client. `close_other_doors` shuts the
rest of the process: libraries cannot connect, resolve or start programs past the guard.
"""

import ipaddress
import re
import socket
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field

PORTS = (80, 443)
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
# IPv6 addresses that carry an IPv4 one: mapped, compatible, NAT64, 6to4, Teredo (whose client address is inverted).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.ip_network("::/96")


class NotAllowed(OSError):
    """This connection is not made. `code` is a code of faults.py, `what` the host or address."""

    def __init__(self, code, what):
        super().__init__(f"{code}: {what}")
        self.code = code
        self.what = what


def is_public(address):
    """Whether an address (text or ipaddress) lies in the open internet, and so does every address inside it."""
    ip = ipaddress.ip_address(str(address).split("%")[0])
    if ip.version == 6:
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo and ip.teredo[1])
        if inner is None and (ip in _NAT64 or ip in _COMPATIBLE):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip in _NAT64_LOCAL or ip.is_site_local or inner is not None and not is_public(inner):
            return False
        if ip.ipv4_mapped is not None or ip in _NAT64:
            return True
    return ip.is_global and not (
        ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local or ip.is_unspecified
    )


def clean_host(host):
    """A host as it is compared: lower case, ASCII, no last dot. NotAllowed for what is no plain name and no address.

    Numbers in other spellings (2130706433, 0x7f.1, 017700000001), which resolvers take for addresses, are no plain names.
    """
    name = (host or "").strip("[]").rstrip(".").lower()
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        name = name if name.isascii() else name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise NotAllowed("host", host) from None
    last = name.rsplit(".", 1)[-1]
    if len(name) > 253 or not _NAME.fullmatch(name) or last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
        raise NotAllowed("host", host)
    return name


def entry_for(host, hosts):
    """The entry of the allow-list `hosts` that covers this host (itself, or a name below it); None if none does."""
    name = clean_host(host)
    return next((entry for entry in hosts if name == entry or name.endswith("." + entry)), None)


@dataclass
class Guard:
    """`routes`: {host: "address:port"}, connect there instead of asking DNS, for tests and for a mirror of one's own."""

    hosts: tuple
    routes: dict = field(default_factory=dict)
    resolve: object = socket.getaddrinfo
    refused: NotAllowed | None = None  # the first refusal: libraries above may swallow it
    _open: int = 0

    def connect(self, host, port, timeout):
        """A connected socket to one of the public addresses of an allowed host. NotAllowed, or OSError if none answers."""
        try:
            return self._connect(host, port, timeout)
        except NotAllowed as refusal:
            self.refused = self.refused or refusal
            raise

    def _connect(self, host, port, timeout):
        if entry_for(host, self.hosts) is None:
            raise NotAllowed("host", host)
        if port not in PORTS:
            raise NotAllowed("port", f"{host}:{port}")
        last = None
        for family, address in self._addresses(clean_host(host), port):
            sock = socket.socket(family, socket.SOCK_STREAM)
            try:
                sock.settimeout(timeout)
                with self._opening():
                    sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                last = error
        raise last or OSError(f"{host} has no address")

    def _addresses(self, host, port):
        """[(family, socket address)], all looked at. One look-up: what is checked is what is used."""
        if route := self.routes.get(host):
            address, _colon, at = route.rpartition(":")
            return [(socket.AF_INET6 if ":" in address else socket.AF_INET, (address.strip("[]"), int(at)))]
        with self._opening():
            found = self.resolve(host, port, type=socket.SOCK_STREAM)
        for _family, _type, _proto, _name, address in found:
            if not is_public(address[0]):
                raise NotAllowed("address", f"{host} ({address[0]})")
        return [(family, address) for family, _type, _proto, _name, address in found]

    @contextmanager
    def _opening(self):
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    def close_other_doors(self):
        """From now on this process connects and resolves only through this guard, and starts no programs. For ever."""
        forbidden = {
            "os.system",
            "os.exec",
            "os.posix_spawn",
            "os.spawn",
            "os.fork",
            "os.forkpty",
            "subprocess.Popen",
            "pty.spawn",
        }
        network = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"}

        def watch(event, arguments):
            if event in forbidden or event in network and not self._open:
                raise NotAllowed("door", f"{event} {arguments[-1] if arguments else ''}"[:200])

        sys.addaudithook(watch)
