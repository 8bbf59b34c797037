"""Bringing archived heartbeats back into the database, for a while."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from archive.folder import is_intact, open_archive, using_folder
from archive.manifest import ArchivedFile
from archive.parquet_file import UnreadableFileError, read_rows
from archive.records import hold_archive, mark_restored
from archive.rows import COPY_HEADER, COPY_TRAILER, RowsDigest, as_today, in_batches
from jieru.audit import Actor, changing
from jieru.errors import UserError

__all__ = ["Restored", "restore_heartbeats"]

_ROWS_AT_ONCE: Final = 50_000

_CREATE_STAGING: Final = """
    CREATE TEMPORARY TABLE restored_heartbeats (LIKE heartbeats) ON COMMIT DROP
"""
_COPY_STAGING: Final = """
    COPY restored_heartbeats (device_id, "time", received_at, seq, status, metrics, publisher_id,
                              boot, counter)
    FROM STDIN (FORMAT BINARY)
"""
# What the database holds already stays as it is there.
_INSERT: Final = """
    INSERT INTO heartbeats (device_id, "time", received_at, seq, status, metrics, publisher_id,
                            boot, counter)
    SELECT device_id, "time", received_at, seq, status, metrics, publisher_id, boot, counter
    FROM restored_heartbeats
    ORDER BY device_id, "time"
    ON CONFLICT (device_id, "time") DO NOTHING
"""
_EMPTY_STAGING: Final = "TRUNCATE restored_heartbeats"


class Restored(NamedTuple):
    """What became of one file."""

    file: str
    heartbeats: int
    added: int
    """Of them, those that the database did not hold."""


def restore_heartbeats(
    connection: psycopg.Connection,
    folder: Path,
    actor: Actor,
    *,
    start: datetime | None,
    end: datetime | None,
    kept_for: timedelta,
    report: Callable[[Restored], None],
) -> None:
    """Put the heartbeats of every file with something of this time back; the files stay.

    A second time changes nothing but until when they are kept. Presence, device states and hourly
    figures are not touched: they were never dropped. Each file is one transaction.

    Args:
        connection: in autocommit mode.
        folder: of the archive.
        actor: under whom it is entered in the audit.
        start: from when on; None: from the beginning.
        end: until when, exclusive; None: to the end.
        kept_for: how long they are not dropped again.
        report: called after each file.

    Raises:
        UserError: the folder is not this database's archive, a file is damaged, or no file has
            anything of this time.
        WorldError: the archive is being changed, or the folder fails.
    """
    with hold_archive(connection):
        archive = open_archive(connection, folder, actor, is_written=False)
        wanted = [
            each
            for each in archive.manifest.files
            if (end is None or each.range_from < end) and (start is None or each.range_to > start)
        ]
        if not wanted:
            raise UserError("No archived heartbeats are of this time.")
        for archived in wanted:
            with using_folder(folder):
                if not is_intact(folder, archived):
                    raise _damaged(archived)
                with connection.transaction():
                    added = _put_back(connection, folder, archived)
                    with changing(connection, actor):
                        mark_restored(connection, archived.file, kept_for)
            report(Restored(archived.file, archived.heartbeats, added))


def _put_back(connection: psycopg.Connection, folder: Path, archived: ArchivedFile) -> int:
    connection.execute(_CREATE_STAGING)
    digest = RowsDigest()
    added = 0
    try:
        for batch in in_batches(read_rows(folder / archived.file), _ROWS_AT_ONCE):
            digest.add(batch)
            with connection.cursor() as cursor, cursor.copy(_COPY_STAGING) as copy:
                copy.write(b"".join([COPY_HEADER, *map(as_today, batch), COPY_TRAILER]))
            added += connection.execute(_INSERT).rowcount
            connection.execute(_EMPTY_STAGING)
    except UnreadableFileError:
        raise _damaged(archived) from None
    if (digest.rows, digest.hexdigest()) != (archived.heartbeats, archived.rows_sha256):
        raise _damaged(archived)
    return added


def _damaged(archived: ArchivedFile) -> UserError:
    return UserError(
        "{file} is missing or damaged: restore it from a backup first.", file=archived.file
    )
