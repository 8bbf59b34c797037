"""The way to a syslog server: a local socket, UDP (RFC 5426), or TCP with lengths (RFC 6587)."""

import socket
import time
from collections.abc import Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

__all__ = ["SyslogSender", "syslog_sender"]

_PATIENCE_S: Final = 5.0
_UDP_PORT: Final = 514
_TCP_PORT: Final = 601
_READ: Final = 1_024


class SyslogSender(Protocol):
    """Sends messages."""

    def send(self, messages: Sequence[bytes]) -> None:
        """Send all of them, in their order.

        Raises:
            OSError: not all were taken, as far as this way tells; send all of them again.
        """


class _Datagrams:
    """One message to a datagram; beyond this machine, nobody says whether it arrived."""

    def __init__(self, family: int, address: str | tuple[str, int]) -> None:
        self._family = family
        self._address = address

    def send(self, messages: Sequence[bytes]) -> None:
        with socket.socket(self._family, socket.SOCK_DGRAM) as way:
            way.settimeout(_PATIENCE_S)
            way.connect(self._address)
            for each in messages:
                way.send(each)


class _Stream:
    """One connection to a batch, so that its end says that the server has read all of it."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)

    def send(self, messages: Sequence[bytes]) -> None:
        with socket.create_connection(self._address, _PATIENCE_S) as way:
            way.sendall(b"".join(b"%d %b" % (len(each), each) for each in messages))
            way.shutdown(socket.SHUT_WR)
            try:
                _read_to_the_end(way)
            except TimeoutError:
                # A server that keeps its side open has taken what its machine acknowledged.
                return


def _read_to_the_end(way: socket.socket) -> None:
    """Wait until the server closes its side, whatever it says meanwhile.

    Raises:
        TimeoutError: it did not in all this time.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while (left_s := deadline - time.monotonic()) > 0:
        way.settimeout(left_s)
        if not way.recv(_READ):
            return
    raise TimeoutError


def syslog_sender(address: str) -> SyslogSender:
    """The way to `unix:/dev/log`, `udp://host:514` or `tcp://host:601`, as settings have it."""
    parts = urlsplit(address)
    if parts.scheme == "unix":
        return _Datagrams(socket.AF_UNIX, parts.path)
    host = parts.hostname or ""
    if parts.scheme == "tcp":
        return _Stream(host, parts.port or _TCP_PORT)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return _Datagrams(family, (host, parts.port or _UDP_PORT))
