"""Archived heartbeats of a time, read for who computes with them and not for the database."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from archive.folder import is_intact, using_folder
from archive.manifest import ArchivedFile
from archive.parquet_file import UnreadableFileError, read_keys
from archive.records import read_records
from jieru.errors import UserError

__all__ = ["ArchivedKeys", "archived_files", "dropped_files", "read_archived"]


class ArchivedKeys(NamedTuple):
    """Heartbeats without what they said; instants in microseconds since the Unix epoch."""

    device: npt.NDArray[np.int64]
    publisher: npt.NDArray[np.int64]
    time_us: npt.NDArray[np.int64]
    received_us: npt.NDArray[np.int64]


def archived_files(
    connection: psycopg.Connection, start: datetime, end: datetime
) -> list[ArchivedFile]:
    """The files with something of this time, in the order of their ranges."""
    return [
        each.content
        for each in read_records(connection)
        if each.content.range_from < end and each.content.range_to > start
    ]


def dropped_files(
    connection: psycopg.Connection, start: datetime, end: datetime
) -> list[ArchivedFile]:
    """Of those, the ones whose heartbeats the database does not hold."""
    return [
        each.content
        for each in read_records(connection)
        if each.dropped_at is not None
        and each.content.range_from < end
        and each.content.range_to > start
    ]


def read_archived(folder: Path, archived: ArchivedFile) -> Iterator[ArchivedKeys]:
    """The heartbeats of a file, some at a time, once it is known to be what was archived.

    Raises:
        UserError: it is missing or was changed.
        WorldError: the folder fails.
    """
    with using_folder(folder):
        if not is_intact(folder, archived):
            raise _damaged(archived)
        try:
            for columns in read_keys(folder / archived.file):
                yield ArchivedKeys(*columns)
        except UnreadableFileError:
            raise _damaged(archived) from None


def _damaged(archived: ArchivedFile) -> UserError:
    return UserError(
        "{file} is missing or damaged: restore it from a backup first.", file=archived.file
    )
