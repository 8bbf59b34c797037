"""The database, for one request: reading, or changing under the caller's name."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final

import psycopg
from fastapi import Depends, Request
from psycopg import IsolationLevel
from psycopg_pool import ConnectionPool

from api.web.services import services_of
from jieru.audit import Actor, changing
from jieru.database import read_installation

__all__ = ["Database", "RequestDatabase"]

_WAIT_S: Final = 5.0


class RequestDatabase:
    """Short units of work on the application's pool."""

    def __init__(self, pool: ConnectionPool) -> None:
        """Use this pool; it stays its owner's to close."""
        self._pool = pool
        self._is_simulation: bool | None = None

    def is_simulation(self) -> bool:
        """Whether the database was made for simulated evidence, which it says once, for good."""
        if self._is_simulation is None:
            with self.reading() as connection:
                self._is_simulation = read_installation(connection).is_simulation
        return self._is_simulation

    @contextmanager
    def reading(self) -> Iterator[psycopg.Connection]:
        """A connection for questions, each a transaction of its own.

        Raises:
            psycopg_pool.PoolTimeout: none is free, or the database is away (answered with 503).
        """
        with self._pool.connection(timeout=_WAIT_S) as connection:
            connection.autocommit = True  # saves a BEGIN and a COMMIT at every request
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    @contextmanager
    def snapshot(self) -> Iterator[psycopg.Connection]:
        """A connection that only reads, and whose questions all see one moment.

        Raises:
            psycopg_pool.PoolTimeout: none is free, or the database is away (answered with 503).
        """
        with self._pool.connection(timeout=_WAIT_S) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            try:
                with connection.transaction():
                    yield connection
            finally:
                if not connection.closed:
                    connection.isolation_level, connection.read_only = None, None

    @contextmanager
    def changing(self, actor: Actor) -> Iterator[psycopg.Connection]:
        """A transaction whose changes are audited under this actor; see `jieru.audit.changing`."""
        with self._pool.connection(timeout=_WAIT_S) as connection, changing(connection, actor):
            yield connection


def request_database(request: Request) -> RequestDatabase:
    """The database of this application."""
    return services_of(request).get(RequestDatabase)


Database = Annotated[RequestDatabase, Depends(request_database)]
