"""Moving expired heartbeats into files: written, compared, listed, recorded, then dropped."""

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from archive.folder import (
    Archive,
    add_to_manifest,
    has_its_size,
    is_intact,
    open_archive,
    partial_path,
    using_folder,
)
from archive.manifest import ArchivedFile
from archive.parquet_file import (
    UnreadableFileError,
    WrittenRows,
    digest_of_file,
    read_rows,
    write_rows,
)
from archive.ranges import (
    ChangedMeanwhileError,
    Fingerprint,
    HeartbeatRange,
    copy_rows,
    drop_rows,
    expired_ranges,
    fingerprint,
    hold_unchanged,
    one_moment,
)
from archive.records import (
    ArchiveRecord,
    hold_archive,
    last_findings,
    mark_dropped,
    now_and_schema,
    read_records,
    record_file,
)
from archive.rows import RowsDigest, as_today, in_batches, rows_not_in
from jieru.audit import Actor, changing
from jieru.durable_files import flush_folder
from jieru.errors import UserError, WorldError
from jieru.timescale import leave_dropping_to_archive

__all__ = ["Progress", "archive_expired"]

_ROWS_AT_ONCE: Final = 20_000
_ATTEMPTS: Final = 5
_PAUSE_S: Final = 2.0
"""Between two attempts to drop what somebody writes to."""
_NAMED: Final = 10
"""As many damaged files are told by name."""
_NAME_TIME: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of one range."""

    start: datetime
    end: datetime
    written: tuple[ArchivedFile, ...]
    """New files; none where earlier ones hold everything, as after a restore."""
    dropped: int | None
    """Heartbeats that are in the database no longer; None: somebody goes on writing there."""


def archive_expired(
    connection: psycopg.Connection,
    folder: Path,
    actor: Actor,
    *,
    older_than: timedelta,
    report: Callable[[Progress], None],
) -> None:
    """Archive and drop every range that is older, one after the other.

    A damaged file keeps the heartbeats of its time in the database and stops no other day.

    Args:
        connection: in autocommit mode.
        folder: where the files go.
        actor: under whom the records are entered in the audit.
        older_than: how old a whole range must be.
        report: called after each range.

    Raises:
        UserError: the folder is not there, or not this database's archive; or, after all else was
            done, files are damaged.
        WorldError: another run is going on, the folder fails, or the database is too busy to drop.
    """
    with hold_archive(connection):
        archive = open_archive(connection, folder, actor)
        leave_dropping_to_archive(connection)
        now, _schema_version = now_and_schema(connection)
        busy = []
        damaged = {each.file for each in archive.damaged}
        for expired in expired_ranges(connection, older_than):
            if _is_kept(archive, expired, now):
                continue
            if unusable := _damaged_of(archive, expired):
                damaged.update(unusable)
                continue
            progress = _archive_range(connection, archive, expired, actor)
            if progress.dropped is None:
                busy.append(expired)
            report(progress)
        damaged.update(_gone_or_cut(archive))
        found = last_findings(connection)
    if damaged:
        raise _damaged(damaged)
    if found:
        raise _found_damaged(found)
    if busy:
        raise WorldError(
            "Heartbeats of {start} are archived but could not be dropped, since the database goes "
            "on writing there: run it again later.",
            start=", ".join(f"{each.start:%Y-%m-%d %H:%M}Z" for each in busy),
        )


def _damaged_of(archive: Archive, wanted: HeartbeatRange) -> list[str]:
    """The files with something of a range that are not as they were archived."""
    unusable = [
        each.file
        for each in archive.damaged
        if each.range_from < wanted.end and each.range_to > wanted.start
    ]
    for record in _records_of(archive, wanted):
        try:
            is_usable = is_intact(archive.folder, record.content)
        except OSError:  # its disk does not give it
            is_usable = False
        if not is_usable:
            unusable.append(record.content.file)
    return unusable


def _gone_or_cut(archive: Archive) -> list[str]:
    """The files that need not be read to be known as damaged."""
    with using_folder(archive.folder):
        return [
            record.content.file
            for record in archive.records
            if not has_its_size(archive.folder, record.content)
        ]


def _is_kept(archive: Archive, wanted: HeartbeatRange, now: datetime) -> bool:
    return any(
        record.kept_until is not None and record.kept_until > now
        for record in _records_of(archive, wanted)
    )


def _records_of(archive: Archive, wanted: HeartbeatRange) -> list[ArchiveRecord]:
    return [
        record
        for record in archive.records
        if record.content.range_from < wanted.end and record.content.range_to > wanted.start
    ]


def _archive_range(
    connection: psycopg.Connection, archive: Archive, wanted: HeartbeatRange, actor: Actor
) -> Progress:
    written = []
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_S)
        archived, seen = _archive_rows(connection, archive, wanted, actor)
        if archived is not None:
            written.append(archived)
        # Whatever came since is in no file yet: then all begins again, with a further part.
        with suppress(
            ChangedMeanwhileError,
            psycopg.errors.LockNotAvailable,
            psycopg.errors.DeadlockDetected,
        ):
            _drop(connection, wanted, seen, actor)
            return Progress(wanted.start, wanted.end, tuple(written), seen.rows)
    return Progress(wanted.start, wanted.end, tuple(written), None)


def _archive_rows(
    connection: psycopg.Connection, archive: Archive, wanted: HeartbeatRange, actor: Actor
) -> tuple[ArchivedFile | None, Fingerprint]:
    """Write a file of what no file of the range holds yet; None: nothing."""
    earlier = [record.content for record in _records_of(archive, wanted)]
    name = _next_name(wanted, len(earlier), {record.content.file for record in archive.records})
    partial = partial_path(archive.folder, name)
    with using_folder(archive.folder):
        try:
            with one_moment(connection):
                seen = fingerprint(connection, wanted)
                rows = copy_rows(connection, wanted)
                known = [map(as_today, read_rows(archive.folder / each.file)) for each in earlier]
                written = write_rows(partial, rows_not_in(rows, *known))
            if not written.rows:
                return None, seen
            _compare(partial, written, name)
            archived = _describe(connection, wanted, partial, written, name)
            _give_name(partial, archive.folder / name)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    add_to_manifest(archive, archived)
    with changing(connection, actor):
        record_file(connection, archived)
    archive.records = read_records(connection)
    return archived, seen


def _next_name(wanted: HeartbeatRange, parts: int, taken: set[str]) -> str:
    name = f"heartbeats-{wanted.start:{_NAME_TIME}}-{wanted.end:{_NAME_TIME}}"
    while (numbered := f"{name}-{parts + 1}.parquet") in taken:
        parts += 1
    return numbered


def _compare(path: Path, written: WrittenRows, name: str) -> None:
    """Read a file back: it must give the rows that the database gave."""
    digest = RowsDigest()
    try:
        for batch in in_batches(read_rows(path), _ROWS_AT_ONCE):
            digest.add(batch)
    except UnreadableFileError:
        raise _not_read_back(name) from None
    if (digest.rows, digest.hexdigest()) != written:
        raise _not_read_back(name)


def _describe(
    connection: psycopg.Connection,
    wanted: HeartbeatRange,
    path: Path,
    written: WrittenRows,
    name: str,
) -> ArchivedFile:
    now, schema_version = now_and_schema(connection)
    return ArchivedFile(
        file=name,
        range_from=wanted.start,
        range_to=wanted.end,
        heartbeats=written.rows,
        file_bytes=path.stat().st_size,
        file_sha256=digest_of_file(path),
        rows_sha256=written.sha256,
        schema_version=schema_version,
        archived_at=now,
    )


def _give_name(partial: Path, path: Path) -> None:
    partial.replace(path)
    flush_folder(path.parent)


def _drop(
    connection: psycopg.Connection, wanted: HeartbeatRange, seen: Fingerprint, actor: Actor
) -> None:
    with connection.transaction():
        hold_unchanged(connection, wanted, seen)
        with changing(connection, actor):
            drop_rows(connection, wanted, seen)
            mark_dropped(connection, wanted.start, wanted.end)


def _damaged(files: Collection[str]) -> UserError:
    named = sorted(files)
    return UserError(
        "Missing or damaged in the archive, {count} in all: {files}. Restore them from a backup. "
        "Heartbeats of their time that are in the database were not dropped; every other day was "
        "archived.",
        count=len(named),
        files=", ".join(named[:_NAMED]) + ("…" if len(named) > _NAMED else ""),
    )


def _found_damaged(findings: int) -> UserError:
    return UserError(
        "Every day was archived, but the archive is damaged: the last `jieru archive verify "
        "--record` had {findings} findings. Run it again to see them, or once the files are "
        "restored from a backup.",
        findings=findings,
    )


def _not_read_back(name: str) -> WorldError:
    return WorldError(
        "{file} does not read back as it was written: check the disk. Nothing was dropped.",
        file=name,
    )
