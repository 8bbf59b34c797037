"""Syslog servers on loopback that keep what they were sent."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, Self

__all__ = ["Received", "parsed", "tcp_server", "udp_server", "unix_server"]

_HEAD: Final = re.compile(
    rb"<(?P<priority>\d{1,3})>1 (?P<at>\S+) (?P<host>\S+) (?P<application>\S+) "
    rb"(?P<process>\S+) (?P<id>\S+) \[(?P<data_id>[^ \]]+)(?P<data>(?: [^ =\]\"]+"
    rb"=\"(?:[^\"\\\]]|\\[\"\\\]])*\")*)\] \xef\xbb\xbf(?P<text>.*)",
    re.DOTALL,
)
_PAIR: Final = re.compile(r' ([^ =\]"]+)="((?:[^"\\\]]|\\["\\\]])*)"')
_ESCAPED: Final = re.compile(r'\\(["\\\]])')
_LARGEST: Final = 65_536


class Received(NamedTuple):
    """One message of RFC 5424, taken apart."""

    priority: int
    at: str
    host: str
    application: str
    id: str
    data: dict[str, str]
    text: str


def parsed(message: bytes) -> Received:
    """A message, read as strictly as the standard writes it."""
    match = _HEAD.fullmatch(message)
    assert match is not None, message
    data = {
        name: _ESCAPED.sub(r"\1", value)
        for name, value in _PAIR.findall(match["data"].decode("utf-8"))
    }
    assert match["data_id"] == b"jieru@32473"
    return Received(
        int(match["priority"]),
        match["at"].decode("ascii"),
        match["host"].decode("ascii"),
        match["application"].decode("ascii"),
        match["id"].decode("ascii"),
        data,
        match["text"].decode("utf-8"),
    )


class _Server:
    """Keeps messages, and lets a test wait for some."""

    def __init__(self, address: str) -> None:
        self.address = address
        """As `JIERU_SYSLOG` names it."""
        self._messages: list[bytes] = []
        self._news = threading.Condition()

    def keep(self, messages: list[bytes]) -> Self:
        """Note what came."""
        with self._news:
            self._messages += messages
            self._news.notify_all()
        return self

    @property
    def received(self) -> list[Received]:
        """All that came so far."""
        with self._news:
            return [parsed(each) for each in self._messages]

    def wait_for(self, number: int) -> list[Received]:
        """At least so many messages."""
        with self._news:
            there = self._news.wait_for(lambda: len(self._messages) >= number, timeout=60)
            assert there, f"{len(self._messages)} of {number} came"
        return self.received


@contextmanager
def udp_server() -> Iterator[_Server]:
    """A server behind UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        with _receiving(listener, f"udp://127.0.0.1:{listener.getsockname()[1]}") as server:
            yield server


@contextmanager
def unix_server(path: Path) -> Iterator[_Server]:
    """A server behind a socket of this machine, as /dev/log is one."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        with _receiving(listener, f"unix:{path}") as server:
            yield server
    path.unlink()


@contextmanager
def tcp_server(port: int = 0) -> Iterator[_Server]:
    """A server behind TCP that takes messages with their lengths."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        server = _Server(f"tcp://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=_accept, args=(listener, server))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def _receiving(listener: socket.socket, address: str) -> Iterator[_Server]:
    server = _Server(address)

    def receive() -> None:
        while message := listener.recv(_LARGEST):
            server.keep([message])

    thread = threading.Thread(target=receive)
    thread.start()
    try:
        yield server
    finally:
        with socket.socket(listener.family, socket.SOCK_DGRAM) as end:
            end.sendto(b"", listener.getsockname())
        thread.join()


def _accept(listener: socket.socket, server: _Server) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        with connection:
            stream = b""
            while part := connection.recv(_LARGEST):
                stream += part
        server.keep(_divided(stream))


def _divided(stream: bytes) -> list[bytes]:
    """What was sent with octet counting (RFC 6587, 3.4.1)."""
    messages = []
    while stream:
        length, _, stream = stream.partition(b" ")
        messages.append(stream[: int(length)])
        assert len(messages[-1]) == int(length)
        stream = stream[int(length) :]
    return messages
