"""The line of heavy work: few at once, in turn between callers, for all processes of a database.

Places are leases in the database (`hand_out_heavy_work`), which one thread renews while something
waits or runs here. What waits holds no thread where it can wait without one.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar

import psycopg
import structlog
from psycopg.rows import class_row
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool

from api.web.bounds.admission import RefusedError
from api.web.bounds.running_work import RunningWork, doing

__all__ = ["HeavyPlaces", "HeavyQueue", "HeavyWork", "Line"]

Result = TypeVar("Result")

Line = Literal["small", "large"]
"""Small work does not wait for large work."""
_LINES: Final[tuple[Line, ...]] = ("small", "large")

_KINDLY_S: Final = 5
"""When somebody who found the line too long asks again."""
_LOOK_S: Final = 0.2
_RENEW_S: Final = 2.0

_JOIN: Final = """
    INSERT INTO heavy_work (line, caller, kind, leased_until)
    SELECT %(line)s, %(caller)s, %(kind)s, clock_timestamp() + %(lease)s
    WHERE (SELECT count(*) FROM heavy_work WHERE caller = %(caller)s AND line = %(line)s
           AND started_at IS NULL AND ended_at IS NULL
           AND leased_until > clock_timestamp()) < %(waiting)s
    RETURNING id
"""
_HAND_OUT: Final = "SELECT hand_out_heavy_work(%s, %s, %s, %s, %s)"
_MINE: Final = """
    SELECT id, started_at IS NOT NULL, cancelled_at IS NOT NULL FROM heavy_work
    WHERE id = ANY (%s) AND ended_at IS NULL
"""
_LEAVE: Final = "UPDATE heavy_work SET ended_at = clock_timestamp() WHERE id = %s"
_TELL: Final = "UPDATE heavy_work SET done = %s WHERE id = %s"
_OF_CALLER: Final = """
    SELECT id, kind, queued_at, started_at, ended_at, done,
           CASE WHEN started_at IS NULL AND ended_at IS NULL THEN (
               SELECT count(*)::int FROM heavy_work AS other
               WHERE other.started_at IS NULL
               AND other.ended_at IS NULL AND other.line = heavy_work.line
               AND other.id < heavy_work.id) END AS before
    FROM heavy_work
    WHERE caller = %s AND (ended_at IS NOT NULL OR leased_until > clock_timestamp())
    ORDER BY id DESC LIMIT 100
"""
_CANCEL: Final = """
    UPDATE heavy_work SET cancelled_at = coalesce(cancelled_at, clock_timestamp())
    WHERE id = %s AND caller = %s AND ended_at IS NULL RETURNING id
"""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HeavyPlaces:
    """How much heavy work is done at once, by all processes together."""

    at_once: int = 2
    """In each line. Each may take 400 MB and a processor."""
    at_once_of_caller: int = 1
    waiting_of_caller: int = 12
    longest_wait_s: float = 45.0
    """Shorter than proxies wait; whoever waited for so long is told to ask again."""
    lease: timedelta = timedelta(seconds=15)
    """After that a process that does not renew it is taken to be gone."""


@dataclass(frozen=True, slots=True)
class HeavyWork:
    """Heavy work of a caller, as it is told."""

    id: int
    kind: str
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    done: float | None
    before: int | None
    """How many wait before it, of whomever; None: it does not wait."""


@dataclass(eq=False, slots=True)
class _Ticket:
    id: int
    line: Line
    work: RunningWork
    granted: Future[None] = field(default_factory=Future)
    told: float | None = None


class HeavyQueue:
    """The line as one process sees it."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[psycopg.Connection]],
        places: HeavyPlaces | None = None,
    ) -> None:
        """Stand in no line yet.

        Args:
            reading: gives a connection on which each statement is a transaction of its own.
            places: how many there are; the same in all processes of a database.
        """
        self._reading = reading
        self._places = places or HeavyPlaces()
        self._lock = threading.Lock()
        self._tickets: dict[int, _Ticket] = {}
        self._look = threading.Event()
        self._looker: threading.Thread | None = None

    @property
    def running(self) -> int:
        """How much runs in this process."""
        with self._lock:
            return sum(each.granted.done() for each in self._tickets.values())

    @property
    def waiting(self) -> int:
        """How much waits in this process."""
        with self._lock:
            return sum(not each.granted.done() for each in self._tickets.values())

    async def run(
        self,
        line: Line,
        caller: str,
        kind: str,
        work: Callable[[], Awaitable[Result]],
        *,
        running: RunningWork | None = None,
    ) -> Result:
        """Do this when the caller's turn has come.

        Args:
            line: the one of large or of small work.
            caller: whose places it takes.
            kind: what it is, as its caller is told.
            work: begins it.
            running: by which it is ended; its connections and its progress.

        Raises:
            RefusedError: too much of this caller waits already, or it waited too long.
            WorkEndedError: it was ended.
        """
        running = running or RunningWork()
        ticket = await run_in_threadpool(self._join, line, caller, kind, running)
        try:
            try:
                await asyncio.wait_for(
                    asyncio.wrap_future(ticket.granted), self._places.longest_wait_s
                )
            except TimeoutError:
                raise RefusedError("heavy_waiting", _KINDLY_S) from None
            with doing(running):
                return await work()
        finally:
            await asyncio.shield(asyncio.ensure_future(run_in_threadpool(self._leave, ticket)))

    @contextmanager
    def place(self, line: Line, caller: str, kind: str) -> Iterator[RunningWork]:
        """Hold a place, for work in a thread of its own.

        Raises:
            RefusedError: too much of this caller waits already, or it waited too long.
            WorkEndedError: it was ended.
        """
        running = RunningWork()
        ticket = self._join(line, caller, kind, running)
        try:
            try:
                ticket.granted.result(self._places.longest_wait_s)
            except TimeoutError:
                raise RefusedError("heavy_waiting", _KINDLY_S) from None
            with doing(running):
                yield running
        finally:
            self._leave(ticket)

    def of_caller(self, caller: str) -> list[HeavyWork]:
        """What waits, runs and ended of a caller, the newest first."""
        with self._reading() as connection:
            return (
                connection.cursor(row_factory=class_row(HeavyWork))
                .execute(_OF_CALLER, (caller,))
                .fetchall()
            )

    def cancel(self, caller: str, number: int) -> bool:
        """Ask for the end of a caller's work, whichever process does it.

        Returns:
            Whether there is such work.
        """
        with self._reading() as connection:
            found = connection.execute(_CANCEL, (number, caller)).fetchone()
        self._look.set()
        return found is not None

    def _join(self, line: Line, caller: str, kind: str, work: RunningWork) -> _Ticket:
        values = {
            "line": line,
            "caller": caller,
            "kind": kind,
            "lease": self._places.lease,
            "waiting": self._places.waiting_of_caller,
        }
        with self._reading() as connection:
            row = connection.execute(_JOIN, values).fetchone()
        if row is None:
            raise RefusedError("waiting", _KINDLY_S)
        ticket = _Ticket(row[0], line, work)
        with self._lock:
            self._tickets[ticket.id] = ticket
            if self._looker is None:
                self._looker = threading.Thread(
                    target=self._look_on, name="heavy-work", daemon=True
                )
                self._looker.start()
        self._look.set()
        return ticket

    def _leave(self, ticket: _Ticket) -> None:
        with self._lock:
            del self._tickets[ticket.id]
        # Where the database is away, the lease runs out.
        with suppress(psycopg.Error, PoolTimeout), self._reading() as connection:
            connection.execute(_LEAVE, (ticket.id,))
        self._look.set()

    def _look_on(self) -> None:
        while True:
            self._look.clear()
            with self._lock:
                if not self._tickets:
                    self._looker = None
                    break
                tickets = dict(self._tickets)
            try:
                self._look_at(tickets)
            except Exception as error:  # noqa: BLE001 - whoever waits is told, and the next look may do
                _log.warning("heavy_work_line_away", error=" ".join(str(error).split()))
                for each in tickets.values():
                    _settle(each.granted, error)
            is_waiting = any(not each.granted.done() for each in tickets.values())
            self._look.wait(_LOOK_S if is_waiting else _RENEW_S)

    def _look_at(self, tickets: dict[int, _Ticket]) -> None:
        places = self._places
        with self._reading() as connection:
            held = list(tickets)
            for line in _LINES:
                values = (held, places.lease, line, places.at_once, places.at_once_of_caller)
                connection.execute(_HAND_OUT, values)
            mine = {
                number: (is_started, is_cancelled)
                for number, is_started, is_cancelled in connection.execute(_MINE, (held,))
            }
            for each in tickets.values():
                if each.work.done != each.told:
                    each.told = each.work.done
                    connection.execute(_TELL, (each.told, each.id))
        for number, each in tickets.items():
            # Of one whose lease ran out meanwhile somebody else has the place.
            is_started, is_cancelled = mine.get(number, (True, True))
            if is_cancelled and not each.work.is_ended:
                each.work.end()
            if is_started or is_cancelled:
                _settle(each.granted)


def _settle(granted: Future[None], error: Exception | None = None) -> None:
    """Let whoever waits go on; one who gave up meanwhile needs nothing."""
    with suppress(InvalidStateError):
        if error is None:
            granted.set_result(None)
        else:
            granted.set_exception(error)
