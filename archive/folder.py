"""The archive as a whole: its folder, its manifest and the database's records, which must agree."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from archive.manifest import (
    ArchivedFile,
    Manifest,
    ManifestError,
    read_manifest,
    write_manifest,
)
from archive.parquet_file import digest_of_file
from archive.ranges import is_empty
from archive.records import ArchiveRecord, mark_dropped, read_records, record_file
from jieru.audit import Actor, changing
from jieru.database import read_installation
from jieru.errors import UserError, WorldError

__all__ = [
    "Archive",
    "add_to_manifest",
    "has_its_size",
    "is_intact",
    "new_manifest",
    "open_archive",
    "partial_path",
    "require_folder",
    "using_folder",
]

_PARTIALS: Final = ".heartbeats-*.partial"


@dataclass(slots=True)
class Archive:
    """A folder and what is in it, as manifest and database say alike."""

    folder: Path
    manifest: Manifest
    records: list[ArchiveRecord]
    damaged: list[ArchivedFile] = field(default_factory=list)
    """Listed and not recorded, and not as they were listed: nobody takes them for anything."""


@contextmanager
def using_folder(folder: Path) -> Iterator[None]:
    """Speak of a folder that fails in one sentence.

    Raises:
        WorldError: something in it could not be read or written.
    """
    try:
        yield
    except OSError as error:
        raise WorldError(
            "The archive in {folder} cannot be used: {reason}",
            folder=folder,
            reason=error.strerror or " ".join(str(error).split()),
        ) from None


def require_folder(folder: Path, *, is_written: bool = True) -> None:
    """Check that a folder is there and may be read, and written to where that is wanted.

    Raises:
        UserError: it is not.
    """
    if not folder.is_dir():
        raise UserError(
            "The archive's folder {folder} is not there: create it, or mount its disk, or correct "
            "JIERU_ARCHIVE_DIR.",
            folder=folder,
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UserError(
            "The archive's folder {folder} may not be read by this user.", folder=folder
        )
    if is_written and not os.access(folder, os.W_OK):
        raise UserError(
            "The archive's folder {folder} may not be written to by this user.", folder=folder
        )


def partial_path(folder: Path, name: str) -> Path:
    """Where a file grows before it gets its name."""
    return folder / f".{name}.partial"


def new_manifest(connection: psycopg.Connection) -> Manifest:
    """The manifest of an archive of this database that holds nothing yet."""
    installation = read_installation(connection)
    return Manifest(
        installation_created_at=installation.created_at, is_simulation=installation.is_simulation
    )


def has_its_size(folder: Path, archived: ArchivedFile) -> bool:
    """Whether a file is there with as many bytes as it was given, which costs no reading.

    Raises:
        OSError: it cannot be looked at.
    """
    path = folder / archived.file
    return path.is_file() and path.stat().st_size == archived.file_bytes


def is_intact(folder: Path, archived: ArchivedFile) -> bool:
    """Whether a file is there and has the bytes that it was given.

    Raises:
        OSError: it cannot be read.
    """
    return (
        has_its_size(folder, archived)
        and digest_of_file(folder / archived.file) == archived.file_sha256
    )


def open_archive(
    connection: psycopg.Connection, folder: Path, actor: Actor, *, is_written: bool = True
) -> Archive:
    """The archive of a database, ready for more; what an earlier run left half-done is finished.

    Args:
        connection: in autocommit mode; it holds the archive.
        folder: where the files are.
        actor: under whom a file that the database has not recorded yet is entered.
        is_written: whether files will be added; otherwise the folder may be one that is only read.

    Raises:
        UserError: the folder is not there, or holds another archive than this database's.
        WorldError: the folder fails.
    """
    require_folder(folder, is_written=is_written)
    if is_written:
        _remove_what_was_left(folder)
    found = _read_manifest(folder)
    records = read_records(connection)
    empty = new_manifest(connection)
    manifest = found or empty
    if (manifest.installation_created_at, manifest.is_simulation) != (
        empty.installation_created_at,
        empty.is_simulation,
    ):
        raise UserError("The folder {folder} holds the archive of another database.", folder=folder)
    listed = manifest.by_name()
    for record in records:
        if listed.pop(record.content.file, None) != record.content:
            raise _not_whole(folder, record.content.file)
    damaged = []
    for unrecorded in listed.values():
        # Either a run ended before it came to that, or the database is an older one, restored.
        with using_folder(folder):
            if not is_intact(folder, unrecorded):
                damaged.append(unrecorded)
                continue
        with changing(connection, actor):
            record_file(connection, unrecorded)
            if is_empty(connection, unrecorded.range_from, unrecorded.range_to):
                mark_dropped(connection, unrecorded.range_from, unrecorded.range_to)
    if listed:
        records = read_records(connection)
    return Archive(folder, manifest, records, damaged)


def _remove_what_was_left(folder: Path) -> None:
    with using_folder(folder):
        for left in folder.glob(_PARTIALS):
            left.unlink()


def _read_manifest(folder: Path) -> Manifest | None:
    with using_folder(folder):
        try:
            return read_manifest(folder)
        except ManifestError as error:
            raise _not_whole(folder, str(error)) from None


def add_to_manifest(archive: Archive, archived: ArchivedFile) -> None:
    """List a file that is in the folder."""
    archive.manifest = archive.manifest.with_file(archived)
    with using_folder(archive.folder):
        write_manifest(archive.folder, archive.manifest)


def _not_whole(folder: Path, detail: str) -> UserError:
    return UserError(
        "The archive in {folder} is not the one that this database knows ({detail}): nothing was "
        "changed. `jieru archive verify` tells every difference.",
        folder=folder,
        detail=detail,
    )
