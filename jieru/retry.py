"""Which database errors heal by waiting, which are the data's fault, and how long to wait.

Sorted by SQLSTATE class (PostgreSQL documentation, appendix A), not by Python type: one class of
psycopg covers several of them.
"""

from collections.abc import Callable, Iterator
from typing import Final

import psycopg
from psycopg import AsyncConnection

__all__ = ["backoff_delays", "connect_patiently", "is_data_error", "is_worth_retrying"]

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


async def connect_patiently(database_url: str) -> AsyncConnection:
    """A connection that notices within half a minute when its other end is gone.

    Raises:
        psycopg.Error: the database cannot be reached now.
    """
    return await AsyncConnection.connect(
        database_url,
        autocommit=True,  # every transaction is begun and ended where it is read
        options="-c timezone=UTC",
        connect_timeout=10,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=30_000,
    )


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
