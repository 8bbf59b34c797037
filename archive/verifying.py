"""Checking that an archive is whole: manifest, files and the database's records say the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import psycopg

from archive.folder import new_manifest, require_folder, using_folder
from archive.manifest import (
    MANIFEST_NAME,
    ArchivedFile,
    Manifest,
    ManifestError,
    read_manifest,
)
from archive.parquet_file import UnreadableFileError, digest_of_file, read_rows
from archive.records import hold_archive, read_records
from archive.rows import RowsDigest, in_batches
from jieru.errors import UserError

__all__ = ["Verified", "verify_archive"]

_ROWS_AT_ONCE: Final = 20_000

_Report = Callable[[UserError], None]


class Verified(NamedTuple):
    """What was looked at."""

    files: int
    heartbeats: int


def verify_archive(connection: psycopg.Connection, folder: Path, report: _Report) -> Verified:
    """Read every file and compare it with the manifest, and that with the database.

    Args:
        connection: in autocommit mode.
        folder: of the archive.
        report: called with one sentence for each finding.

    Returns:
        The files that were read, and the heartbeats in those that are whole.

    Raises:
        UserError: the folder is not there, or may not be read.
        WorldError: the archive is being changed, or the folder fails.
    """
    require_folder(folder, is_written=False)
    with hold_archive(connection, is_shared=True), using_folder(folder):
        recorded = {each.content.file: each.content for each in read_records(connection)}
        expected = new_manifest(connection)
        manifest = _manifest(folder, expected, report, is_needed=bool(recorded))
        listed = manifest.by_name()
        _compare_with_records(listed, recorded, report)
        for path in sorted(folder.iterdir()):
            is_ours = path.name == MANIFEST_NAME or path.name.endswith(".partial")
            if path.name not in listed and not is_ours:
                report(UserError("{file} is not in the manifest.", file=path.name))
        heartbeats = sum(_check_readable(folder, each, report) for each in manifest.files)
    return Verified(len(listed), heartbeats)


def _manifest(folder: Path, expected: Manifest, report: _Report, *, is_needed: bool) -> Manifest:
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        report(UserError("The manifest was changed or is damaged: {reason}.", reason=error))
        return expected
    if manifest is None:
        if is_needed:
            report(UserError("The manifest is missing."))
        return expected
    if msgspec.structs.replace(manifest, files=()) != expected:
        report(UserError("The manifest is that of another database."))
    return manifest


def _compare_with_records(
    listed: dict[str, ArchivedFile], recorded: dict[str, ArchivedFile], report: _Report
) -> None:
    for name in sorted(listed.keys() | recorded.keys()):
        if name not in recorded:
            report(
                UserError("{file} is in the manifest, and the database has no record.", file=name)
            )
        elif name not in listed:
            report(
                UserError("The database has a record of {file}, and the manifest none.", file=name)
            )
        elif listed[name] != recorded[name]:
            report(UserError("Manifest and database say different things of {file}.", file=name))


def _check_readable(folder: Path, archived: ArchivedFile, report: _Report) -> int:
    """The same; a file that its disk does not give is a finding, and the next one is looked at."""
    try:
        return _check_file(folder, archived, report)
    except OSError as error:
        reason = error.strerror or error
        report(UserError("{file} cannot be read: {reason}.", file=archived.file, reason=reason))
        return 0


def _check_file(folder: Path, archived: ArchivedFile, report: _Report) -> int:
    """The heartbeats of a file that is what the manifest says; 0, and a finding, if it is not."""
    path = folder / archived.file
    if not path.is_file():
        report(UserError("{file} is missing.", file=archived.file))
        return 0
    size = path.stat().st_size
    if size != archived.file_bytes:
        report(
            UserError(
                "{file} was changed: it has {size} bytes instead of {expected}.",
                file=archived.file,
                size=size,
                expected=archived.file_bytes,
            )
        )
        return 0
    if digest_of_file(path) != archived.file_sha256:
        report(UserError("{file} was changed: it has another SHA-256.", file=archived.file))
        return 0
    digest = RowsDigest()
    try:
        for batch in in_batches(read_rows(path), _ROWS_AT_ONCE):
            digest.add(batch)
    except UnreadableFileError as error:
        report(UserError("{file} cannot be read: {reason}.", file=archived.file, reason=error))
        return 0
    if (digest.rows, digest.hexdigest()) != (archived.heartbeats, archived.rows_sha256):
        report(UserError("{file} holds other heartbeats than were archived.", file=archived.file))
        return 0
    return digest.rows
