"""Which database errors heal by waiting, which are the data's fault, and how long to wait.

Sorted by SQLSTATE class (PostgreSQL documentation, appendix A), not by Python type: one class of
psycopg covers several of them.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import AsyncConnection

from jieru.database_options import WATCHED_WORK, session_address, session_settings
from jieru.hang_up import hang_up
from jieru.own_session import is_direct, require_own_sessions

__all__ = [
    "SILENCE_S",
    "backoff_delays",
    "connect_patiently",
    "hang_up_after",
    "is_data_error",
    "is_worth_retrying",
]

SILENCE_S: Final = 10.0
"""How long a small statement may take before its connection is given up."""

_FIRST_DELAY_S: Final = 0.1
_LONGEST_DELAY_S: Final = 5.0

_DATA_CLASSES: Final = (
    "22",  # data exception: a number out of range, text that is no JSON
    "23",  # integrity constraint violation
    "54",  # program limit exceeded: JSON too deep or too long for jsonb
)
_TRANSIENT_CLASSES: Final = (
    "08",  # connection exception
    "25",  # invalid transaction state: a standby, a pooler that dropped our transaction
    "40",  # rolled back: serialization failure, deadlock
    "53",  # insufficient resources: disk full, too many connections
    "55",  # not in the required state: lock not available
    "57",  # operator intervention: shutdown, statement timeout, cancelled
    "58",  # system error: an I/O error below PostgreSQL
)


async def connect_patiently(
    database_url: str, *, application_name: str | None = None
) -> AsyncConnection:
    """A connection that notices within half a minute when the machine at its other end is gone.

    What the kernels at both ends cannot see, `hang_up_after` ends.

    Raises:
        psycopg.Error: the database cannot be reached now.
        UserError: its sessions are lent for single transactions.
    """
    address = session_address(database_url, application_name=application_name)
    connection = await AsyncConnection.connect(
        address,
        autocommit=True,  # every transaction is begun and ended where it is read
    )
    try:
        with hang_up_after(connection, SILENCE_S):
            cursor = await connection.execute(session_settings(WATCHED_WORK))
            row = await cursor.fetchone()
        if not is_direct(connection, row):
            await asyncio.to_thread(require_own_sessions, address)
    except BaseException:
        await connection.close()
        raise
    return connection


@contextmanager
def hang_up_after(connection: AsyncConnection, seconds: float) -> Iterator[Callable[[], None]]:
    """End a connection that keeps silent for so long: whoever waits for it gets an error.

    A proxy, a pooler or a firewall can leave a connection half open: its other end is gone, and
    still it looks alive. Cancelling would not do, for psycopg then asks the same silent server to
    cancel, and waits for its answer.

    Yields:
        What to call when the other end has shown that it is there: the time begins anew.
    """
    loop = asyncio.get_running_loop()
    timer = loop.call_later(seconds, hang_up, connection)

    def begin_anew() -> None:
        nonlocal timer
        timer.cancel()
        timer = loop.call_later(seconds, hang_up, connection)

    try:
        yield begin_anew
    finally:
        timer.cancel()


def is_data_error(error: psycopg.Error) -> bool:
    """Whether a row is at fault, so that the same batch without it would be taken."""
    return (error.sqlstate or "").startswith(_DATA_CLASSES)


def is_worth_retrying(error: psycopg.Error) -> bool:
    """Whether the same statement may succeed later; anything else is a bug and must crash."""
    if error.sqlstate is None:
        # Without a code it came from the connection, not from the server.
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.sqlstate.startswith(_TRANSIENT_CLASSES)


def backoff_delays(random: Callable[[], float]) -> Iterator[float]:
    """Seconds to wait before each further try: doubling up to 5, of which half is chance.

    Chance keeps several ingesters from knocking at the same moment after an outage.
    """
    delay = _FIRST_DELAY_S
    while True:
        yield delay * (0.5 + random() / 2)
        delay = min(delay * 2, _LONGEST_DELAY_S)
