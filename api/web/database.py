"""The database, for one request: reading, or changing under the caller's name."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Final, LiteralString

import psycopg
from fastapi import Depends, Request
from psycopg_pool import ConnectionPool

from api.web.bounds.running_work import asking, is_heavy
from api.web.ending import committing, ending_problem
from api.web.lanes import Lane, Lanes
from api.web.services import services_of
from jieru.audit import Actor, changing
from jieru.database import read_installation
from jieru.database_options import LONG_WORK, SHORT_WORK
from verifier.counting.reading import consistent_snapshot

__all__ = ["Database", "RequestDatabase"]

_WAIT_S: Final = 5.0


class RequestDatabase:
    """Short units of work on the application's pool."""

    def __init__(self, pool: ConnectionPool) -> None:
        """Use this pool; it stays its owner's to close."""
        self._pool = pool
        self._lanes = Lanes(pool.max_size)
        self._is_simulation: bool | None = None
        self._used: set[psycopg.Connection] = set()
        self.is_interrupted = False
        """Whether nothing is stored any more, since the server ends."""

    def interrupt(self) -> None:
        """Let nothing be stored any more that is not being committed, and end what is asked."""
        self.is_interrupted = True
        for connection in tuple(self._used):
            with suppress(psycopg.Error):
                connection.cancel()

    @contextmanager
    def _connection(self, usual: Lane) -> Iterator[psycopg.Connection]:
        if self.is_interrupted:
            raise ending_problem()
        lane = Lane.HEAVY if is_heavy() else usual
        with self._lanes.place(lane), self._pool.connection(timeout=_WAIT_S) as connection:
            self._used.add(connection)
            try:
                with asking(connection), _with_time_for(lane, connection):
                    yield connection
            finally:
                self._used.discard(connection)

    def is_simulation(self) -> bool:
        """Whether the database was made for simulated evidence, which it says once, for good."""
        if self._is_simulation is None:
            with self.reading() as connection:
                self._is_simulation = read_installation(connection).is_simulation
        return self._is_simulation

    @contextmanager
    def reading(self, lane: Lane = Lane.PAGES) -> Iterator[psycopg.Connection]:
        """A connection for questions, each a transaction of its own.

        Args:
            lane: another one for what takes longer than a page and stands in no line.

        Raises:
            Problem: too much else is being read.
            psycopg_pool.PoolTimeout: the database is away (answered with 503).
        """
        with self._connection(lane) as connection:
            connection.autocommit = True  # saves a BEGIN and a COMMIT at every request
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    @contextmanager
    def snapshot(self, lane: Lane = Lane.PAGES) -> Iterator[psycopg.Connection]:
        """A connection whose questions all see one moment; nothing can be changed through it.

        Args:
            lane: see `reading`.

        Raises:
            Problem: too much else is being read.
            psycopg_pool.PoolTimeout: the database is away (answered with 503).
        """
        with self.reading(lane) as connection, consistent_snapshot(connection):
            yield connection

    @contextmanager
    def changing(self, actor: Actor) -> Iterator[psycopg.Connection]:
        """A transaction whose changes are audited under this actor; see `jieru.audit.changing`.

        Raises:
            Problem: too much else is being changed.
            psycopg.errors.LockNotAvailable: somebody else holds what is to be changed (answered
                with 503).
        """
        with self._connection(Lane.CHANGES) as connection:
            with changing(connection, actor):
                yield connection
            if self.is_interrupted:
                raise ending_problem()
            with committing():
                connection.commit()


@contextmanager
def _with_time_for(lane: Lane, connection: psycopg.Connection) -> Iterator[None]:
    """Give heavy work the time that it takes, which a page's statements do not have."""
    if lane is not Lane.HEAVY:
        yield
        return
    try:
        _tell(connection, LONG_WORK.statements)
        yield
    finally:
        try:
            if not connection.closed:
                connection.rollback()
                _tell(connection, SHORT_WORK.statements)
        except psycopg.Error:
            # Such as a cancellation that came late. No page may be given so much time: the pool
            # throws away what is closed, and makes another.
            connection.close()


def _tell(connection: psycopg.Connection, statements: LiteralString) -> None:
    before = connection.autocommit
    connection.autocommit = True  # what is set stays only so
    try:
        connection.execute(statements)
    finally:
        if not connection.closed:
            connection.autocommit = before


def request_database(request: Request) -> RequestDatabase:
    """The database of this application."""
    return services_of(request).get(RequestDatabase)


Database = Annotated[RequestDatabase, Depends(request_database)]
