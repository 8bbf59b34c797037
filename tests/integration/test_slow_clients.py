"""Clients that are slow on purpose, on real sockets: they lose their connection, others do not."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from api.doors import Doors
from api.patience import USUAL_PATIENCE, Patience
from api.server import serving
from api.web.csv_export import respond_table
from tests.support.fleet import wait_until

_LONG_S: Final = 60
"""Longer than anything here may take; a test that waits so long has failed."""
_HEAD: Final = b"GET /hello HTTP/1.1\r\nHost: jieru\r\n"
_SHORT_BODY: Final = b" HTTP/1.1\r\nHost: jieru\r\nContent-Length: 10\r\n\r\n123"
_LONG_BODY: Final = b" HTTP/1.1\r\nHost: jieru\r\nContent-Length: 1000000\r\n\r\n"
_DROPS_MAX: Final = 3_000
_PIECE: Final = b"x" * 65_536
_PIECES: Final = 4_000


class _House:
    """What is served, with books of what happened."""

    def __init__(self) -> None:
        self.sent = 0
        self.ended = threading.Event()
        self.entered = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.app = Starlette(
            routes=[
                Route("/hello", self._hello),
                Route("/body", self._body, methods=["POST"]),
                Route("/unread", self._hello, methods=["POST"]),
                Route("/export", self._export),
                Route("/work", self._work),
            ]
        )

    async def _hello(self, request: Request) -> PlainTextResponse:
        del request
        return PlainTextResponse("hello")

    async def _body(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    def _work(self, request: Request) -> PlainTextResponse:
        del request
        self.entered.release()
        assert self.go_on.wait(_LONG_S)
        return PlainTextResponse("done")

    async def _export(self, request: Request) -> StreamingResponse:
        del request

        def pieces() -> Iterator[bytes]:
            for _number in range(_PIECES):
                yield _PIECE
                self.sent += 1

        return _Noting(pieces(), self.ended)


class _Noting(StreamingResponse):
    """An answer that says when nobody sends it any more."""

    def __init__(self, pieces: Iterator[bytes], ended: threading.Event) -> None:
        super().__init__(pieces)
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended.set()


@contextmanager
def _served(
    patience: Patience, doors: Doors | None = None
) -> Iterator[tuple[_House, tuple[str, int]]]:
    house = _House()
    with serving(house.app, "127.0.0.1", 0, patience=patience, doors=doors) as address:
        url = httpx.URL(address)
        try:
            yield house, (url.host, url.port or 0)
        finally:
            house.go_on.set()


@contextmanager
def _connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=_LONG_S) as client:
        yield client


def _everything(client: socket.socket) -> bytes:
    """All that comes until the server closes, which is a reset where it left something unread."""
    answer = b""
    with suppress(ConnectionError):
        while piece := client.recv(65_536):
            answer += piece
    return answer


@pytest.mark.parametrize(
    ("begin", "answer"),
    [
        (b"", b""),
        (b"GET", b"HTTP/1.1 408 "),
        (_HEAD, b"HTTP/1.1 408 "),
        (_HEAD + b"\r\n" + _HEAD, b"HTTP/1.1 200 OK"),
        (b"POST /body" + _SHORT_BODY, b"HTTP/1.1 408 "),
        (b"POST /unread" + _SHORT_BODY, b"HTTP/1.1 200 OK"),
    ],
    ids=["nothing", "method", "head", "second head", "body", "body that nobody reads"],
)
def test_a_request_that_stays_half_is_ended(begin: bytes, answer: bytes) -> None:
    """However far it came; others are answered afterwards."""
    patience = Patience(head_s=0.4, body_s=0.4, idle_s=1)
    with _served(patience) as (_house, address), _connected(address) as client:
        client.sendall(begin)
        received = _everything(client)
        assert _is_answered(address)
    assert received.startswith(answer)
    assert bool(received) == bool(answer)


def _numbers(doors: Doors) -> dict[str, float]:
    """Those of connections that were turned away, by reason, and how many are open."""
    return {
        sample.labels.get("reason", "open"): sample.value
        for metric in doors.registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created") and sample.value
    }


def test_who_was_turned_away_is_counted_by_reason_and_told_once_a_minute() -> None:
    """However many they are; the next line has all that came meanwhile."""
    patience = Patience(head_s=0.2, body_s=0.2, unread_s=0.4, idle_s=60)
    doors = Doors()
    with capture_logs() as lines, _served(patience, doors) as (house, address):
        for _number in range(3):
            with _connected(address) as client:
                client.sendall(_HEAD)
                _everything(client)
        with _connected(address) as client:
            client.sendall(b"POST /body" + _SHORT_BODY)
            _everything(client)
        with _connected(address) as client:
            client.sendall(b"GET /export HTTP/1.1\r\nHost: jieru\r\n\r\n")
            assert house.ended.wait(_LONG_S)
        wait_until(
            lambda: _numbers(doors) == {"no_head": 3, "slow_body": 1, "unread": 1},
            "all are counted, and none is open",
        )
    (line,) = [each for each in lines if each["event"] == "connections_turned"]
    assert {"no_head": 1, "log_level": "warning"}.items() <= line.items()


def test_what_was_not_told_is_told_when_the_minute_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is lost between two lines."""
    monkeypatch.setattr("api.doors._SAID_EVERY_S", 0.3)
    patience = Patience(head_s=0.2, body_s=0.2, connections=2)
    doors = Doors()
    with (
        capture_logs() as lines,
        _served(patience, doors) as (_house, address),
        ExitStack() as all_,
    ):
        for _number in range(5):
            all_.enter_context(_connected(address))

        def told() -> int:
            of_doors = [each for each in lines if each["event"] == "connections_turned"]
            return sum(each.get("displaced", 0) + each.get("no_head", 0) for each in of_doors)

        wait_until(lambda: told() == 5, "each is told in some line")
        assert _numbers(doors) == {"displaced": 3, "no_head": 2}


@pytest.mark.parametrize("begin", [_HEAD + b"X: ", b"POST /body" + _LONG_BODY])
def test_drop_by_drop_is_no_way_to_stay(begin: bytes) -> None:
    """What counts is when the whole of it is there, and how fast it comes."""
    patience = Patience(head_s=0.4, body_s=0.4, idle_s=1)
    with _served(patience) as (_house, address), _connected(address) as client:
        client.sendall(begin)
        client.settimeout(0.02)
        drops = 0
        received: bytes | None = None
        while received is None and drops < _DROPS_MAX:
            drops += 1
            try:
                client.sendall(b"a")
                received = client.recv(65_536)
            except TimeoutError:
                continue
            except ConnectionError:
                received = b""
    assert received is not None


def test_a_large_body_that_comes_steadily_is_taken() -> None:
    """Its time grows with what came."""
    patience = Patience(head_s=0.4, body_s=0.4, body_bytes_per_s=65_536)
    with _served(patience) as (_house, address), _connected(address) as client:
        pieces = 20
        client.sendall(
            b"POST /body HTTP/1.1\r\nHost: jieru\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n" % (pieces * len(_PIECE))
        )
        for _number in range(pieces):
            client.sendall(_PIECE)
        assert _everything(client).endswith(str(pieces * len(_PIECE)).encode())


def test_work_that_takes_long_is_waited_for() -> None:
    """Only what the client owes has a time: an answer may take ours."""
    patience = Patience(head_s=0.2, body_s=0.2, unread_s=0.2, idle_s=1)
    with _served(patience) as (house, address), _connected(address) as client:
        client.sendall(b"GET /work HTTP/1.1\r\nHost: jieru\r\nConnection: close\r\n\r\n")
        assert house.entered.acquire(timeout=_LONG_S)
        with _connected(address) as other:  # ended by all the times that the first one passed
            assert _everything(other) == b""
        house.go_on.set()
        assert _everything(client).endswith(b"done")


def test_whoever_does_not_read_an_answer_loses_it() -> None:
    """Nothing is made ahead of what is taken, and after a while nothing at all."""
    with _served(Patience(unread_s=0.4)) as (house, address), _connected(address) as client:
        client.sendall(b"GET /export HTTP/1.1\r\nHost: jieru\r\n\r\n")
        assert house.ended.wait(_LONG_S)
        assert house.sent < _PIECES
        assert _is_answered(address)


def test_an_idle_connection_outlives_those_of_proxies() -> None:
    """Proxies such as nginx keep theirs for 60 s, so ours have to stay longer."""
    assert USUAL_PATIENCE.idle_s > 60
    with (
        _served(Patience(head_s=0.2, body_s=0.2, unread_s=0.2)) as (_house, address),
        _connected(address) as client,
        _connected(address) as other,
    ):
        client.sendall(_HEAD + b"\r\n")
        assert client.recv(65_536).startswith(b"HTTP/1.1 200 OK")
        assert _everything(other) == b""  # never began: ended
        client.sendall(_HEAD + b"Connection: close\r\n\r\n")
        assert _everything(client).endswith(b"hello")


def test_whoever_is_waited_for_longest_makes_room() -> None:
    """However many half requests lie at the door, the next visitor is answered."""
    places = 5
    with _served(Patience(connections=places)) as (_house, address), ExitStack() as stack:
        half = [stack.enter_context(_connected(address)) for _number in range(places)]
        for client in half:
            client.sendall(_HEAD)
        for _number in range(2 * places):
            assert _is_answered(address)
        assert _everything(half[0]) == b""


def test_where_all_places_work_the_next_is_asked_to_come_later() -> None:
    """And nobody's work is ended for it."""
    places = 3
    with _served(Patience(connections=places)) as (house, address), ExitStack() as stack:
        working = [stack.enter_context(_connected(address)) for _number in range(places)]
        for client in working:
            client.sendall(b"GET /work HTTP/1.1\r\nHost: jieru\r\nConnection: close\r\n\r\n")
        for _client in working:
            assert house.entered.acquire(timeout=_LONG_S)
        with _connected(address) as surplus:
            answer = _everything(surplus)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 5" in answer
        house.go_on.set()
        for client in working:
            assert _everything(client).endswith(b"done")


def _is_answered(address: tuple[str, int]) -> bool:
    with _connected(address) as client:
        client.sendall(_HEAD + b"Connection: close\r\n\r\n")
        return _everything(client).endswith(b"hello")


def test_an_export_that_nobody_reads_is_made_no_further_and_let_go() -> None:
    """One chunk is read ahead of what was taken, and nothing is kept of it when the client goes."""
    read = 0
    closed = threading.Event()

    def chunks() -> Iterator[list[tuple[str]]]:
        nonlocal read
        try:
            for _number in range(_PIECES):
                read += 1
                yield [("x" * 100,)] * 1_000
        finally:
            closed.set()

    def export(request: Request) -> StreamingResponse:
        del request
        return respond_table("all", ["x"], chunks())

    app = Starlette(routes=[Route("/export", export)])
    with serving(app, "127.0.0.1", 0, patience=Patience(unread_s=0.4)) as address:
        url = httpx.URL(address)
        with _connected((url.host, url.port or 0)) as client:
            client.sendall(b"GET /export HTTP/1.1\r\nHost: jieru\r\n\r\n")
            assert closed.wait(_LONG_S)
    assert read < _PIECES


async def test_a_file_is_given_to_the_connection_in_small_pieces() -> None:
    """However large its chunks are: what lies unsent in a connection is bounded by them."""
    answer = respond_table("all", ["x"], iter([[("x" * 1_000,)] * 1_000] * 2))
    pieces = [bytes(piece) async for piece in answer.body_iterator if not isinstance(piece, str)]
    assert max(map(len, pieces)) == 65_536
    assert sum(map(len, pieces)) == 3 + 3 + 2_000 * 1_002
