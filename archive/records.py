"""What the database knows of its archive: the table `heartbeat_archives`."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg

from archive.manifest import ArchivedFile
from jieru.errors import WorldError

__all__ = [
    "ArchiveRecord",
    "hold_archive",
    "last_findings",
    "mark_dropped",
    "mark_restored",
    "now_and_schema",
    "read_records",
    "record_file",
    "record_verification",
]

_TRY_LOCK: Final = "SELECT pg_try_advisory_lock(hashtext('jieru heartbeat archive'))"
_UNLOCK: Final = "SELECT pg_advisory_unlock(hashtext('jieru heartbeat archive'))"
_TRY_LOCK_SHARED: Final = "SELECT pg_try_advisory_lock_shared(hashtext('jieru heartbeat archive'))"
_UNLOCK_SHARED: Final = "SELECT pg_advisory_unlock_shared(hashtext('jieru heartbeat archive'))"

_NOW_AND_SCHEMA: Final = "SELECT clock_timestamp(), max(migration_id) FROM schema_migrations"
_SELECT: Final = """
    SELECT file, range_from, range_to, heartbeats, file_bytes, file_sha256, rows_sha256,
           schema_version, archived_at, dropped_at, kept_until
    FROM heartbeat_archives ORDER BY range_from, file
"""
_INSERT: Final = """
    INSERT INTO heartbeat_archives (file, range_from, range_to, heartbeats, file_bytes, file_sha256,
                                    rows_sha256, schema_version, archived_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# A file of a longer range holds more than what was dropped.
_MARK_DROPPED: Final = """
    UPDATE heartbeat_archives
    SET dropped_at = greatest(clock_timestamp(), archived_at), kept_until = NULL
    WHERE range_from >= %s AND range_to <= %s AND dropped_at IS NULL
"""
_MARK_RESTORED: Final = """
    UPDATE heartbeat_archives SET dropped_at = NULL, kept_until = clock_timestamp() + %s
    WHERE file = %s
"""
_INSERT_VERIFICATION: Final = """
    INSERT INTO archive_verifications (files, heartbeats, findings) VALUES (%s, %s, %s)
"""
_LAST_FINDINGS: Final = "SELECT findings FROM archive_verifications ORDER BY id DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class ArchiveRecord:
    """One file as the database has it."""

    content: ArchivedFile
    dropped_at: datetime | None
    """None: the database holds its heartbeats, still or again."""
    kept_until: datetime | None
    """Of restored heartbeats: until when they are not dropped."""


@contextmanager
def hold_archive(connection: psycopg.Connection, *, is_shared: bool = False) -> Iterator[None]:
    """Keep others from changing the archive; with `is_shared` they may look at it meanwhile.

    Args:
        connection: in autocommit mode.
        is_shared: for who only reads.

    Raises:
        WorldError: somebody else is at it.
    """
    row = connection.execute(_TRY_LOCK_SHARED if is_shared else _TRY_LOCK).fetchone()
    if row != (True,):
        raise WorldError(
            "Another `jieru archive` of this database is running: wait until it has ended."
        )
    try:
        yield
    finally:
        with suppress(psycopg.Error):  # a connection that was lost holds nothing any more
            connection.execute(_UNLOCK_SHARED if is_shared else _UNLOCK)


def now_and_schema(connection: psycopg.Connection) -> tuple[datetime, str]:
    """The time by the database's clock, and the last migration that was applied."""
    row = connection.execute(_NOW_AND_SCHEMA).fetchone()
    if row is None:
        raise TypeError("an aggregate gives one row")
    return row[0], row[1]


def read_records(connection: psycopg.Connection) -> list[ArchiveRecord]:
    """All files that the database knows, in the order of their ranges."""
    return [
        ArchiveRecord(ArchivedFile(*row[:-2]), *row[-2:]) for row in connection.execute(_SELECT)
    ]


def record_file(connection: psycopg.Connection, archived: ArchivedFile) -> None:
    """Note a file for good."""
    connection.execute(
        _INSERT,
        (
            archived.file,
            archived.range_from,
            archived.range_to,
            archived.heartbeats,
            archived.file_bytes,
            archived.file_sha256,
            archived.rows_sha256,
            archived.schema_version,
            archived.archived_at,
        ),
    )


def mark_dropped(connection: psycopg.Connection, start: datetime, end: datetime) -> None:
    """Note that what the files of this range hold is in the database no longer."""
    connection.execute(_MARK_DROPPED, (start, end))


def mark_restored(connection: psycopg.Connection, file: str, kept_for: timedelta) -> None:
    """Note that the database holds again what a file holds, and for how long it shall."""
    connection.execute(_MARK_RESTORED, (kept_for, file))


def record_verification(
    connection: psycopg.Connection, *, files: int, heartbeats: int, findings: int
) -> None:
    """Keep what a verification of the whole archive came to, for alerts and the next run."""
    connection.execute(_INSERT_VERIFICATION, (files, heartbeats, findings))


def last_findings(connection: psycopg.Connection) -> int:
    """How many findings the last recorded verification had; 0 where there was none."""
    (findings,) = connection.execute(_LAST_FINDINGS).fetchone() or (0,)
    return int(findings)
