"""Ranges of raw heartbeats in the database: which are expired, what is in them, how they go.

A range is a chunk; where TimescaleDB is missing, a day (UTC), which is a chunk's length.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, LiteralString, NamedTuple

import psycopg
from psycopg import sql

from archive.rows import COPY_HEADER, COPY_TRAILER
from jieru.timescale import Edition, detect_edition

__all__ = [
    "ChangedMeanwhileError",
    "Fingerprint",
    "HeartbeatRange",
    "copy_rows",
    "drop_rows",
    "expired_ranges",
    "fingerprint",
    "hold_unchanged",
    "is_empty",
    "one_moment",
]

_COLUMNS: Final = (
    'device_id, "time", received_at, seq, status, metrics, publisher_id, boot, counter'
)

_EXPIRED_CHUNKS: Final = """
    SELECT range_start, range_end, chunk_schema, chunk_name
    FROM timescaledb_information.chunks
    WHERE hypertable_name = 'heartbeats' AND range_end <= now() - %s::interval
    ORDER BY range_start
"""
_EXPIRED_DAYS: Final = """
    SELECT DISTINCT date_trunc('day', "time", 'UTC'),
           date_trunc('day', "time", 'UTC') + interval '24 hours', NULL, NULL
    FROM heartbeats WHERE "time" < date_trunc('day', now() - %s::interval, 'UTC')
    ORDER BY 1
"""
_IS_EMPTY: Final = """
    SELECT NOT EXISTS (SELECT FROM heartbeats WHERE "time" >= %s AND "time" < %s)
"""
_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_FINGERPRINT: Final[LiteralString] = f"""
    SELECT count(*), coalesce(sum(hash_record_extended(ROW({_COLUMNS}), 0)), 0)
    FROM heartbeats WHERE "time" >= %s AND "time" < %s
"""  # noqa: S608 - our own columns
_COPY_ROWS: Final[LiteralString] = f"""
    COPY (SELECT {_COLUMNS} FROM heartbeats WHERE "time" >= %s AND "time" < %s
          ORDER BY device_id, "time") TO STDOUT (FORMAT BINARY)
"""  # noqa: S608 - our own columns

# Longer than a batch takes, and shorter than PostgreSQL waits before it looks for a deadlock: of
# which the victim could be a writer.
_WAIT_FOR_CHUNK: Final = "SET LOCAL lock_timeout = '10s'"
_WAIT_FOR_TABLE: Final = "SET LOCAL lock_timeout = '900ms'"
# With their owner's rights (`jieru/migrations/0048_roles.sql`).
_HOLD_CHUNK: Final = "SELECT hold_heartbeats(%s, %s)"
_DROP_CHUNK: Final = "SELECT drop_archived_chunk(%s, %s)"
_DELETE_ROWS: Final = "SELECT * FROM delete_archived_heartbeats(%s, %s)"


class ChangedMeanwhileError(Exception):
    """A range has other rows than those that were archived."""


class Fingerprint(NamedTuple):
    """Tells whether rows are still the same: cheap enough to be taken under a lock.

    It is for one moment and one server only, since the server's hashes may differ between releases.
    """

    rows: int
    hash: Decimal
    """The sum of the rows' hashes, in whatever order they come."""


@dataclass(frozen=True, slots=True)
class HeartbeatRange:
    """From when to when, and in which chunk."""

    start: datetime
    end: datetime
    """Exclusive."""
    chunk: sql.Identifier | None
    """None: heartbeats are a plain table."""


@contextmanager
def one_moment(connection: psycopg.Connection) -> Iterator[None]:
    """A transaction for reading, in which all is as it was at its first query."""
    with connection.transaction():
        connection.execute(_ONE_MOMENT)
        yield


def expired_ranges(connection: psycopg.Connection, older_than: timedelta) -> list[HeartbeatRange]:
    """Every range that is older as a whole and has something in it, the oldest first."""
    is_plain = detect_edition(connection) is Edition.MISSING
    rows = connection.execute(_EXPIRED_DAYS if is_plain else _EXPIRED_CHUNKS, (older_than,))
    return [
        HeartbeatRange(start, end, None if name is None else sql.Identifier(schema, name))
        for start, end, schema, name in rows
    ]


def is_empty(connection: psycopg.Connection, start: datetime, end: datetime) -> bool:
    """Whether the database holds no heartbeat of this time."""
    return connection.execute(_IS_EMPTY, (start, end)).fetchone() == (True,)


def fingerprint(connection: psycopg.Connection, wanted: HeartbeatRange) -> Fingerprint:
    """What the rows of a range are now."""
    row = connection.execute(_FINGERPRINT, (wanted.start, wanted.end)).fetchone()
    if row is None:
        raise TypeError("an aggregate gives one row")
    return Fingerprint(*row)


def copy_rows(connection: psycopg.Connection, wanted: HeartbeatRange) -> Iterator[bytes]:
    """The rows of a range, ordered by device and time, each as its canonical bytes."""
    with (
        connection.cursor() as cursor,
        cursor.copy(_COPY_ROWS, (wanted.start, wanted.end)) as copy,
    ):
        # The protocol gives each row a message of its own; the header comes with the first one.
        is_first = True
        for message in copy:
            row = bytes(message)
            if is_first:
                row = row.removeprefix(COPY_HEADER)
                is_first = False
            if row and row != COPY_TRAILER:
                yield row


def hold_unchanged(
    connection: psycopg.Connection, wanted: HeartbeatRange, seen: Fingerprint
) -> None:
    """Keep writers out of a chunk until the end of the open transaction, if it is as it was seen.

    Only writers with a heartbeat of this time wait: for as long as comparing takes, which is a few
    seconds for tens of millions of rows.

    A plain table's rows are compared when they are deleted, so that nobody waits.

    Raises:
        ChangedMeanwhileError: it is not.
        psycopg.errors.LockNotAvailable: somebody writes there, and goes on writing.
    """
    if wanted.chunk is None:
        return
    connection.execute(_WAIT_FOR_CHUNK)
    connection.execute(_HOLD_CHUNK, (wanted.start, wanted.end))
    if fingerprint(connection, wanted) != seen:
        raise ChangedMeanwhileError


def drop_rows(connection: psycopg.Connection, wanted: HeartbeatRange, seen: Fingerprint) -> None:
    """Drop a range that is held, in the same transaction.

    Raises:
        ChangedMeanwhileError: it was not what was seen; the transaction must be rolled back.
        psycopg.errors.LockNotAvailable: somebody writes, and goes on writing.
    """
    if wanted.chunk is None:
        row = connection.execute(_DELETE_ROWS, (wanted.start, wanted.end)).fetchone()
        if row != seen:
            raise ChangedMeanwhileError
        return
    connection.execute(_WAIT_FOR_TABLE)
    if connection.execute(_DROP_CHUNK, (wanted.start, wanted.end)).fetchone() != (1,):
        raise ChangedMeanwhileError
