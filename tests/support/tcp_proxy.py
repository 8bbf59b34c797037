"""A TCP proxy that a test lets misbehave: cut, stall, delay, forget its connections."""

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

from tests.support.processes import free_port

__all__ = ["BOTH", "Direction", "Observer", "TcpProxy"]

_CHUNK_BYTES: Final = 64 * 1024
_CHUNKS_UNDER_WAY: Final = 64
_MOMENT_S: Final = 0.01
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends RST, as a machine does that knows nothing of it."""

_Result = TypeVar("_Result")


class Direction(StrEnum):
    """Which way bytes go."""

    TO_SERVER = "to_server"
    TO_CLIENT = "to_client"


BOTH: Final = (Direction.TO_SERVER, Direction.TO_CLIENT)


class Observer(Protocol):
    """Looks at the bytes of one connection as they arrive at the proxy."""

    def passed(self, direction: Direction, data: bytes) -> None:
        """Take note of bytes; called in the proxy's thread, in order."""


class TcpProxy:
    """Listens on a port of its own and passes everything on to another; a context manager.

    What it is told holds for connections that stand and for those to come, until `heal`. It runs in
    a thread of its own; every method may be called from any thread and returns when it is done.
    """

    def __init__(self, server_port: int, *, observer: Callable[[], Observer] | None = None) -> None:
        """Choose a port; nothing listens yet.

        Args:
            server_port: of 127.0.0.1, to which it passes connections on.
            observer: makes the one that looks at a new connection.
        """
        self.port: Final = free_port()
        self._server_port = server_port
        self._observer = observer
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._forgotten: set[_Link] = set()
        self._serving: set[asyncio.Task[Any] | None] = set()
        """Held here, for the event loop does not hold them."""
        self._state = _State()

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many it passes on at this moment."""
        return len(self._links)

    def cut(self) -> None:
        """End every connection without a word (RST); whoever comes again is let in."""
        self._do(self._cut)

    def refuse(self) -> None:
        """End every connection, and each that comes at once."""

        def refuse() -> None:
            self._state.is_refusing = True
            self._cut()

        self._do(refuse)

    def stall(self, directions: Iterable[Direction] = BOTH) -> None:
        """Let no byte through; connections stay open and new ones are accepted."""

        def stall() -> None:
            for each in directions:
                self._state.gates[each].clear()

        self._do(stall)

    def delay(self, seconds: float, directions: Iterable[Direction] = BOTH) -> None:
        """Hold every byte for a while, in order; as many pass in a second as before."""
        self._do(lambda: self._state.delays.update(dict.fromkeys(directions, seconds)))

    def forget(self) -> None:
        """Leave every connection half open: both ends believe in it, and no byte arrives.

        The kernels at both ends get their answers, so that no keep-alive of TCP finds out. Nothing
        heals such a connection; those that come later work.
        """

        def forget() -> None:
            for link in self._links:
                link.is_forgotten = True
            self._forgotten |= self._links
            self._links.clear()

        self._do(forget)

    def cut_after_bytes(self, count: int) -> None:
        """End all connections when so many more bytes have come, in the middle of a message."""
        self._do(lambda: setattr(self._state, "bytes_left", count))

    def cut_after(self, pattern: bytes) -> None:
        """Pass on what holds this pattern, then end its connection before an answer comes back."""
        self._do(lambda: setattr(self._state, "pattern", pattern))

    @property
    def is_armed(self) -> bool:
        """Whether `cut_after_bytes` or `cut_after` has yet to happen."""
        return self._state.bytes_left is not None or self._state.pattern is not None

    def heal(self) -> None:
        """Behave again; connections that are gone or half open stay so."""

        def heal() -> None:
            self._state.is_refusing = False
            self._state.bytes_left = self._state.pattern = None
            self._state.delays.update(dict.fromkeys(BOTH, 0.0))
            for gate in self._state.gates.values():
                gate.set()

        self._do(heal)

    def _do(self, action: Callable[[], object]) -> None:
        async def act() -> None:
            action()

        self._call(act())

    def _call(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=_CHUNK_BYTES
        )

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in (*self._links, *self._forgotten):
            link.reset()
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _cut(self) -> None:
        for link in self._links:
            link.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._state.is_refusing:
            _reset(writer)
            return
        try:
            upstream = await asyncio.open_connection(
                "127.0.0.1", self._server_port, limit=_CHUNK_BYTES
            )
        except OSError:
            _reset(writer)
            return
        link = _Link((reader, writer), upstream, self._state, self._observer)
        self._links.add(link)
        self._serving.add(task := asyncio.current_task())
        with suppress(asyncio.CancelledError):  # by our own end
            await link.run(self._cut)
        self._links.discard(link)
        self._serving.discard(task)


class _State:
    """What every connection heeds."""

    def __init__(self) -> None:
        self.is_refusing = False
        self.gates = {direction: asyncio.Event() for direction in BOTH}
        for gate in self.gates.values():
            gate.set()
        self.delays = dict.fromkeys(BOTH, 0.0)
        self.bytes_left: int | None = None
        self.pattern: bytes | None = None


class _Link:
    """One connection and its continuation to the server."""

    def __init__(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        state: _State,
        observer: Callable[[], Observer] | None,
    ) -> None:
        self.is_forgotten = False
        self._client, self._server = client, server
        self._state = state
        self._observer = observer() if observer else None

    def reset(self) -> None:
        _reset(self._client[1])
        _reset(self._server[1])

    async def run(self, cut_all: Callable[[], None]) -> None:
        """Pass bytes on, both ways, until either end is gone."""
        ways = {
            Direction.TO_SERVER: (self._client[0], self._server[1]),
            Direction.TO_CLIENT: (self._server[0], self._client[1]),
        }
        pumps = []
        for direction, (reader, writer) in ways.items():
            queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_UNDER_WAY)
            pumps.append(asyncio.create_task(self._take(direction, reader, queue, cut_all)))
            pumps.append(asyncio.create_task(self._give(direction, writer, queue)))
        try:
            done, _pending = await asyncio.wait(pumps, return_when=asyncio.FIRST_EXCEPTION)
            for pump in done:
                with suppress(OSError):
                    pump.result()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            if not self.is_forgotten:
                for _reader, writer in (self._client, self._server):
                    writer.close()

    async def _take(
        self,
        direction: Direction,
        reader: asyncio.StreamReader,
        queue: asyncio.Queue[tuple[float, bytes]],
        cut_all: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        while data := await reader.read(_CHUNK_BYTES):
            if self.is_forgotten:
                continue
            if self._observer is not None:
                self._observer.passed(direction, data)
            left = self._state.bytes_left
            if left is not None:
                self._state.bytes_left = left - len(data) if len(data) < left else None
                if len(data) >= left:
                    await queue.put((loop.time(), data[:left]))
                    await asyncio.sleep(_MOMENT_S)  # the part is given before the end
                    cut_all()
                    raise ConnectionResetError
            await queue.put((loop.time() + self._state.delays[direction], data))
        await queue.put((loop.time(), b""))

    async def _give(
        self,
        direction: Direction,
        writer: asyncio.StreamWriter,
        queue: asyncio.Queue[tuple[float, bytes]],
    ) -> None:
        loop = asyncio.get_running_loop()
        tail = b""
        while True:
            due, data = await queue.get()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            await self._state.gates[direction].wait()
            if self.is_forgotten:
                continue
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
            pattern = self._state.pattern
            if pattern is not None and direction is Direction.TO_SERVER:
                seen = tail + data
                if pattern in seen:
                    self._state.pattern = None
                    _reset(self._client[1])
                    # The server's side ends in order: after a RST it might not read the pattern.
                    raise ConnectionResetError
                tail = seen[-len(pattern) :]


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        connection: socket.socket | None = writer.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
