"""Lanes: how many threads and connections each sort of work has, so that none takes another's.

The arithmetic of one `jieru serve`. PostgreSQL takes a hundred connections as it comes, of which
ingesters, followers and commands need a dozen each: three servers fit beside them.

| lane | connections | may wait | what stands in it |
|---|---|---|---|
| health | 1 | | `/healthz`, with a thread and a connection of its own |
| pages | 8 | 24 | what reads a page or a record: a connection for some milliseconds each |
| changes | 4 | 12 | audited transactions, which follow one another anyway |
| heavy | 4 | 4 | what stands in the line of `api.web.bounds`, which lets fewer in |
| hashing | | 100 | passwords, two at once: 64 MiB and all processors for tens of milliseconds |

Whoever holds or awaits a connection has a thread, so there are as many threads as the lanes let in,
and some over for what needs none. Who finds no place to wait is told so at once.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, NamedTuple

from anyio.to_thread import current_default_thread_limiter
from starlette.types import ASGIApp, Receive, Scope, Send

from api.web.problems import Kind, Problem

__all__ = [
    "BUSY_RETRY_AFTER_S",
    "CONNECTIONS",
    "SIZES",
    "THREADS",
    "Lane",
    "Lanes",
    "RoomForThreads",
    "Size",
    "busy",
]

BUSY_RETRY_AFTER_S: Final = 5
_LONGEST_WAIT_S: Final = 5.0
_SPARE_THREADS: Final = 16
_FEW: Final = 8
"""A pool with fewer connections than this is not divided: each lane may take all."""


class Lane(StrEnum):
    """Sorts of work that do not wait for one another."""

    HEALTH = "health"
    PAGES = "pages"
    CHANGES = "changes"
    HEAVY = "heavy"
    HASHING = "hashing"


class Size(NamedTuple):
    """How much of a sort is done at once, and how much may wait for it."""

    at_once: int
    waiting: int


SIZES: Final = {
    Lane.PAGES: Size(8, 24),
    Lane.CHANGES: Size(4, 12),
    Lane.HEAVY: Size(4, 4),
    Lane.HASHING: Size(2, 100),
}
_OF_CONNECTIONS: Final = (Lane.PAGES, Lane.CHANGES, Lane.HEAVY)
CONNECTIONS: Final = sum(SIZES[lane].at_once for lane in _OF_CONNECTIONS)
"""Of the pool; the one of health is besides."""
THREADS: Final = sum(sum(SIZES[lane]) for lane in _OF_CONNECTIONS) + _SPARE_THREADS


def busy() -> Problem:
    """What is answered where too much waits already."""
    return Problem(Kind.BUSY).with_headers({"Retry-After": str(BUSY_RETRY_AFTER_S)})


class Lanes:
    """The places of one process for what needs a connection."""

    def __init__(self, connections: int, *, longest_wait_s: float = _LONGEST_WAIT_S) -> None:
        """Divide a pool.

        Args:
            connections: how many it has at most.
            longest_wait_s: seconds after which whoever waits is told that it is busy.
        """
        is_divided = connections >= _FEW
        self._queues = {
            lane: _Queue(
                max(1, SIZES[lane].at_once * connections // CONNECTIONS)
                if is_divided
                else connections,
                SIZES[lane].waiting,
                longest_wait_s,
            )
            for lane in _OF_CONNECTIONS
        }

    @contextmanager
    def place(self, lane: Lane) -> Iterator[None]:
        """Hold a place in a lane.

        Raises:
            Problem: all are taken, and too many wait, or this one waited too long.
        """
        queue = self._queues[lane]
        queue.enter()
        try:
            yield
        finally:
            queue.leave()

    def waiting(self, lane: Lane) -> int:
        """How many wait for a place."""
        return self._queues[lane].waiting


class _Queue:
    """Places, and who waits for one."""

    def __init__(self, at_once: int, waiting: int, longest_wait_s: float) -> None:
        self._free = at_once
        self._may_wait = waiting
        self._longest_wait_s = longest_wait_s
        self.waiting = 0
        self._changed = threading.Condition()

    def enter(self) -> None:
        deadline_s = time.monotonic() + self._longest_wait_s
        with self._changed:
            if self._free == 0 and self.waiting >= self._may_wait:
                raise busy()
            self.waiting += 1
            try:
                while self._free == 0:
                    left_s = deadline_s - time.monotonic()
                    if left_s <= 0:
                        raise busy()
                    self._changed.wait(left_s)
                self._free -= 1
            finally:
                self.waiting -= 1

    def leave(self) -> None:
        with self._changed:
            self._free += 1
            self._changed.notify()


class RoomForThreads:
    """ASGI middleware: as many threads as the lanes need, in whichever event loop it is run."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        limiter = current_default_thread_limiter()
        limiter.total_tokens = max(limiter.total_tokens, THREADS)
        await self._app(scope, receive, send)
