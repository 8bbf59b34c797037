"""The proxy through which tests break connections: each way of misbehaving, and its end."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Self

import pytest

from tests.support.fleet import wait_until
from tests.support.tcp_proxy import BOTH, Direction, TcpProxy

_SOON_S = 0.2
"""Long enough for bytes that are let through; a test that waits for none waits so long."""


class _Echo(BaseRequestHandler):
    """Sends back what it gets, and keeps it; says goodbye when the other end has finished."""

    server: "_EchoServer"

    def handle(self) -> None:
        with suppress(ConnectionError):
            while data := self.request.recv(65_536):
                self.server.heard.extend(data)
                self.request.sendall(data)
            self.request.sendall(b"goodbye")
        self.server.ended.set()


class _EchoServer(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.heard = bytearray()
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


@pytest.fixture
def server() -> Iterator[_EchoServer]:
    """A server that echoes."""
    with _EchoServer() as server:
        yield server


@pytest.fixture
def proxy(server: _EchoServer) -> Iterator[TcpProxy]:
    """A proxy before it."""
    with TcpProxy(server.server_address[1]) as proxy:
        yield proxy


@contextmanager
def _client(proxy: TcpProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=30) as client:
        yield client


def _echo_of(client: socket.socket, sent: bytes) -> bytes:
    client.sendall(sent)
    answer = b""
    while len(answer) < len(sent):
        answer += client.recv(65_536)
    return answer


def _is_silent(client: socket.socket) -> bool:
    """Whether nothing comes, neither bytes nor an end."""
    client.settimeout(_SOON_S)
    try:
        client.recv(1)
    except TimeoutError:
        return True
    finally:
        client.settimeout(30)
    return False


def _ends(client: socket.socket) -> bool:
    """Whether it comes to an end, in order or not, within the client's timeout."""
    with suppress(ConnectionError):
        while client.recv(65_536):
            pass
    return True


def _is_refused(proxy: TcpProxy) -> bool:
    with suppress(ConnectionError), _client(proxy) as client:
        return _ends(client)
    return True


def test_bytes_pass_both_ways_and_in_order(proxy: TcpProxy) -> None:
    """More than any buffer holds, on two connections."""
    much = bytes(range(256)) * 8_000
    with _client(proxy) as first, _client(proxy) as second:
        sender = threading.Thread(target=first.sendall, args=(much,))
        sender.start()
        answer = b""
        while len(answer) < len(much):
            answer += first.recv(65_536)
        sender.join()
        assert answer == much
        assert _echo_of(second, b"another") == b"another"
        assert proxy.connections == 2


def test_an_end_is_passed_on_and_the_rest_still_comes_back(
    proxy: TcpProxy, server: _EchoServer
) -> None:
    """One direction may end before the other."""
    with _client(proxy) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        with client.makefile("rb") as answers:
            assert answers.read() == b"last wordsgoodbye"
    assert server.ended.wait(30)


def test_cut_ends_what_stands_and_lets_in_what_comes(proxy: TcpProxy, server: _EchoServer) -> None:
    """Both ends notice."""
    with _client(proxy) as client:
        assert _echo_of(client, b"one") == b"one"
        proxy.cut()
        assert _ends(client)
    assert server.ended.wait(30)
    with _client(proxy) as client:
        assert _echo_of(client, b"two") == b"two"


def test_refuse_lets_nobody_in_until_it_heals(proxy: TcpProxy) -> None:
    """Neither those that stand nor those that come."""
    with _client(proxy) as client:
        assert _echo_of(client, b"one") == b"one"
        proxy.refuse()
        assert _ends(client)
    assert _is_refused(proxy)
    proxy.heal()
    with _client(proxy) as client:
        assert _echo_of(client, b"two") == b"two"


@pytest.mark.parametrize("direction", BOTH)
def test_stall_holds_back_one_direction_only(
    proxy: TcpProxy, server: _EchoServer, direction: Direction
) -> None:
    """Nothing is lost: what was held back comes when it heals."""
    with _client(proxy) as client:
        assert _echo_of(client, b"one") == b"one"
        proxy.stall([direction])
        client.sendall(b"two")
        assert _is_silent(client)
        if direction is Direction.TO_SERVER:
            assert bytes(server.heard) == b"one"
        else:
            wait_until(lambda: bytes(server.heard) == b"onetwo", "the server was reached")
        proxy.heal()
        assert client.recv(3) == b"two"


def test_a_stalled_proxy_still_accepts(proxy: TcpProxy) -> None:
    """As a host does whose program hangs."""
    proxy.stall()
    with _client(proxy) as client:
        client.sendall(b"hello")
        assert _is_silent(client)
        proxy.heal()
        assert client.recv(5) == b"hello"


def test_delay_holds_every_byte_for_a_while(proxy: TcpProxy) -> None:
    """Once each way, in order."""
    proxy.delay(0.15)
    with _client(proxy) as client:
        began = time.monotonic()
        assert _echo_of(client, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.3
        proxy.heal()
        assert _echo_of(client, b"quick") == b"quick"


def test_forget_leaves_both_ends_in_the_belief_that_the_other_is_there(
    proxy: TcpProxy, server: _EchoServer
) -> None:
    """Not even the end of one is told to the other; who comes later is served."""
    with _client(proxy) as client:
        assert _echo_of(client, b"one") == b"one"
        proxy.forget()
        client.sendall(b"two")
        assert _is_silent(client)
        proxy.heal()
        assert _is_silent(client), "nothing heals it"
        with _client(proxy) as other:
            assert _echo_of(other, b"three") == b"three"
        assert server.ended.wait(30)
        server.ended.clear()
    assert not server.ended.wait(_SOON_S)
    assert bytes(server.heard) == b"onethree"


def test_cut_after_bytes_ends_in_the_middle(proxy: TcpProxy, server: _EchoServer) -> None:
    """Of what came last, the server has seen a part."""
    proxy.cut_after_bytes(4)
    with _client(proxy) as client:
        client.sendall(b"123456")
        assert _ends(client)
    wait_until(lambda: bytes(server.heard) == b"1234", "a part has arrived")
    assert not proxy.is_armed
    with _client(proxy) as client:
        assert _echo_of(client, b"again") == b"again"


def test_cut_after_a_pattern_does_what_was_asked_and_loses_the_answer(
    proxy: TcpProxy, server: _EchoServer
) -> None:
    """As when a connection breaks just after COMMIT, in two pieces here."""
    proxy.cut_after(b"COMMIT\0")
    with _client(proxy) as client:
        assert _echo_of(client, b"BEGIN;COM") == b"BEGIN;COM"
        client.sendall(b"MIT\0")
        assert _ends(client)
    wait_until(lambda: bytes(server.heard) == b"BEGIN;COMMIT\0", "it has arrived whole")
    assert server.ended.wait(30)
    assert not proxy.is_armed


def test_a_server_that_is_away_is_no_server(server: _EchoServer) -> None:
    """Whoever connects is cut off."""
    port = server.server_address[1]
    server.server_close()
    with TcpProxy(port) as proxy:
        assert _is_refused(proxy)


def test_an_observer_sees_all_bytes_of_its_connection(server: _EchoServer) -> None:
    """Those that are stalled too, at the moment they arrive."""

    class Notes:
        def __init__(self) -> None:
            self.seen = dict.fromkeys(BOTH, b"")
            notes.append(self)

        def passed(self, direction: Direction, data: bytes) -> None:
            self.seen[direction] += data

    notes: list[Notes] = []
    with TcpProxy(server.server_address[1], observer=Notes) as proxy, _client(proxy) as client:
        assert _echo_of(client, b"one") == b"one"
        proxy.stall()
        client.sendall(b"two")
        wait_until(lambda: notes[0].seen[Direction.TO_SERVER] == b"onetwo", "it is seen")
        assert notes[0].seen[Direction.TO_CLIENT] == b"one"
