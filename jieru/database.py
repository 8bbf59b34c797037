"""The way to the database: connections, pools, and what this installation is."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool

from jieru.database_options import UNBOUNDED_WORK, Work, session_address, session_settings
from jieru.errors import UserError, WorldError
from jieru.own_session import is_direct, require_own_session
from jieru.ownership import explain_missing_schema

__all__ = [
    "Installation",
    "connect",
    "describe_address",
    "open_pool",
    "read_installation",
]

_TRUSTED_S = 0.2
"""For how long a connection that served just now is believed to be alive."""

_SELECT_INSTALLATION = "SELECT is_simulation, created_at FROM installation"


@dataclass(frozen=True, slots=True)
class Installation:
    """What this database was made for."""

    is_simulation: bool
    created_at: datetime


def describe_address(url: str) -> str:
    """A database address for messages: host, port and name, without user and password."""
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return urlsplit(url).hostname or "?"
    host, port = parts.get("host") or "localhost", parts.get("port") or "5432"
    return f"{host}:{port}/{parts.get('dbname') or ''}"


def _checked(url: str) -> str:
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise UserError(
            "JIERU_DATABASE_URL is not a PostgreSQL address "
            "(postgresql://user:password@host:port/database): {reason}",
            reason=" ".join(str(error).split()),
        ) from None
    return url


def _unreachable(url: str, error: Exception) -> WorldError:
    return WorldError(
        "The database at {address} cannot be reached; start it, or correct JIERU_DATABASE_URL. "
        "({reason})",
        address=describe_address(url),
        reason=" ".join(str(error).split()),
    )


def connect(
    url: str,
    *,
    autocommit: bool = False,
    application_name: str | None = None,
    work: Work = UNBOUNDED_WORK,
) -> psycopg.Connection:
    """Open one connection; what it is like says `jieru.database_options`.

    Raises:
        UserError: the address is malformed, or its sessions are lent for single transactions.
        WorldError: the database cannot be reached.
    """
    address = session_address(_checked(url), application_name=application_name)
    try:
        connection = psycopg.connect(address, autocommit=True)
        try:
            _begin(connection, address, work)
            connection.autocommit = autocommit
        except BaseException:
            connection.close()
            raise
    except psycopg.OperationalError as error:
        raise _unreachable(url, error) from None
    return connection


@contextmanager
def open_pool(url: str, *, size: int, work: Work = UNBOUNDED_WORK) -> Iterator[ConnectionPool]:
    """A pool of at most `size` connections, checked to be reachable, closed at the end.

    A unit of work is `with pool.connection() as connection:`: it commits at the end of the
    block and rolls back on an exception.

    Raises:
        UserError: the address is malformed, or its sessions are lent for single transactions.
        WorldError: the database cannot be reached.
    """
    connect(url).close()  # says why at once; the pool itself would only time out
    used = _LastUses()
    address = session_address(url)

    def configure(connection: psycopg.Connection) -> None:
        connection.autocommit = True  # what is set stays only so
        _begin(connection, address, work)
        connection.autocommit = False

    with ConnectionPool(
        address,
        min_size=1,
        max_size=size,
        open=True,
        # After a restart of the database nobody is handed a connection that died with it.
        check=used.check,
        reset=used.remember,
        # Then whoever asks next tries anew, instead of waiting for ever rarer attempts.
        reconnect_timeout=5,
        configure=configure,
    ) as pool:
        yield pool


def _begin(connection: psycopg.Connection, address: str, work: Work) -> None:
    """Tell a session what it is like, once it is known to be ours."""
    row = connection.execute(session_settings(work)).fetchone()
    if not is_direct(connection, row):
        require_own_session(connection, address)


class _LastUses:
    """When each connection of a pool came back; one that came just now is not asked again.

    To ask costs a round trip, which under load is as much as the question itself.
    """

    def __init__(self) -> None:
        self._at_s: WeakKeyDictionary[psycopg.Connection, float] = WeakKeyDictionary()

    def remember(self, connection: psycopg.Connection) -> None:
        self._at_s[connection] = time.monotonic()

    def check(self, connection: psycopg.Connection) -> None:
        if time.monotonic() - self._at_s.get(connection, 0.0) > _TRUSTED_S:
            ConnectionPool.check_connection(connection)


def read_installation(connection: psycopg.Connection) -> Installation:
    """What this database was made for.

    Raises:
        UserError: it has no schema of ours yet, or one that this user may not read.
    """
    try:
        with connection.transaction():
            row = connection.execute(_SELECT_INSTALLATION).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        row = None
    if row is None:
        raise explain_missing_schema(connection)
    return Installation(*row)
