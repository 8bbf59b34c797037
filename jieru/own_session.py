"""Whether a session is ours for as long as its connection, or lent for one transaction.

A batch goes through a temporary table, migrations and archives hold locks of the session, and every
session is told what it is like. A pooler that lends the server's sessions for single transactions
or statements loses all of it without a word, so it is refused.

What shows it is what we need: a notification reaches a connection that stands idle outside a
transaction only if the server's session is still its own. Neither the pool's size nor who else
uses it has a part in this, as they have in comparing `pg_backend_pid()` from one transaction to the
next: a quiet pool hands out the same session each time.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final

import psycopg

from jieru.errors import UserError
from jieru.hang_up import hang_up

__all__ = ["is_direct", "require_own_session", "require_own_sessions"]

_PATIENCE_S: Final = 10.0
"""How long a pooler may take to let both connections through."""
_WAIT_S: Final = 2.0
"""For a notification, which takes milliseconds."""

# One name for all, so that what stays behind in a session that was not ours does not add up.
_LISTEN: Final = "LISTEN jieru_session"
_UNLISTEN: Final = "UNLISTEN jieru_session"
_PING: Final = "SELECT 1"
_NOTIFY: Final = "SELECT pg_notify('jieru_session', %s)"


def is_direct(
    connection: psycopg.Connection | psycopg.AsyncConnection, row: tuple[int] | None
) -> bool:
    """Whether PostgreSQL itself is at the other end: a pooler tells its clients ids of its own.

    Args:
        connection: what was begun.
        row: what `pg_backend_pid()` answered through it.
    """
    return row is not None and row[0] == connection.info.backend_pid


def require_own_session(connection: psycopg.Connection, address: str) -> None:
    """Check that a connection through a pooler has a session of its own.

    Args:
        connection: idle, and in no transaction.
        address: where another can be begun for a moment.

    Raises:
        UserError: its sessions are lent for single transactions or statements.
        psycopg.OperationalError: the pooler did not let another connection through.
    """
    was_autocommit = connection.autocommit
    connection.autocommit = True
    if not _hears_others(connection, address):
        raise UserError(
            "JIERU_DATABASE_URL leads through a pooler that lends sessions for single "
            "transactions, in which nothing here can work: set it to session pooling "
            "(PgBouncer: pool_mode = session), or give the address of PostgreSQL itself."
        )
    connection.autocommit = was_autocommit


def require_own_sessions(address: str) -> None:
    """Check the same of the sessions that an address leads to, with two connections of its own.

    Raises:
        UserError: as above.
        psycopg.OperationalError: as above, or the database cannot be reached.
    """
    with psycopg.connect(address) as connection:
        require_own_session(connection, address)


def _hears_others(connection: psycopg.Connection, address: str) -> bool:
    word = secrets.token_hex(8)
    with _giving_up(connection):
        connection.execute(_LISTEN)
    try:
        with psycopg.connect(address, autocommit=True) as other, _giving_up(other):
            other.execute(_NOTIFY, (word,))
    except psycopg.errors.ProgramLimitExceeded:
        # Somebody filled the queue, as anybody can: that must not keep our processes from starting.
        return True
    is_heard = _is_said(connection, word, within_s=_WAIT_S)
    with _giving_up(connection):
        if not is_heard:
            # Were the server only slow: in a session of our own, what was said before a question
            # comes with its answer. Where it is lent, nobody had it when it was told, long ago.
            connection.execute(_PING)
            is_heard = _is_said(connection, word, within_s=0)
        connection.execute(_UNLISTEN)
    return is_heard


def _is_said(connection: psycopg.Connection, word: str, *, within_s: float) -> bool:
    with closing(connection.notifies(timeout=within_s)) as notifications:
        return any(each.payload == word for each in notifications)


@contextmanager
def _giving_up(connection: psycopg.Connection) -> Iterator[None]:
    """End the connection when a pooler has no session for it in time."""
    is_over = threading.Event()

    def give_up() -> None:
        is_over.set()
        hang_up(connection)

    timer = threading.Timer(_PATIENCE_S, give_up)
    timer.start()
    try:
        yield
    except psycopg.OperationalError as error:
        if not is_over.is_set():
            raise
        raise psycopg.OperationalError(
            f"the pooler has had no session to spare for {_PATIENCE_S:.0f} s"
        ) from error
    finally:
        timer.cancel()
