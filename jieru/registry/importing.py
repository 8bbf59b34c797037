"""Importing a file into the registry: all rows or none, and every bad row reported."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from jieru.errors import UserError, WorldError
from jieru.i18n import marked
from jieru.registry.changes import Changes, changes_to, forbidden_changes, overlaps
from jieru.registry.files import read_sheet
from jieru.registry.kinds import KINDS, Kind, KindName, Reference
from jieru.registry.rows import (
    FileRow,
    RowError,
    header_names,
    read_rows,
    unknown_references,
)
from jieru.registry.storing import (
    known_references,
    lock_tables,
    registered_records,
    write_changes,
)

__all__ = ["OTHER_DISTRICT", "ImportRejected", "ImportResult", "import_file"]

OTHER_DISTRICT: Final = "other"
"""The district of an enterprise outside the policy's list."""


class ImportRejected(UserError):  # noqa: N818 - a file is rejected; "Error" would say less
    """Nothing was imported, because of these rows."""

    def __init__(self, path: Path, row_errors: Sequence[RowError]) -> None:
        """Keep all errors, ordered by row and column."""
        super().__init__(
            marked("Nothing was imported from {name}. Errors: {count}; bad rows: {rows}."),
            name=path.name,
            count=len(row_errors),
            rows=len({error.row for error in row_errors}),
        )
        self.row_errors = list(row_errors)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many rows of the file did, or with a dry run would do, what."""

    created: int
    """Rows with a new record (a device or an assignment, for devices)."""
    changed: int
    """Rows that change a registered record and create none."""
    unchanged: int


def import_file(
    connection: psycopg.Connection,
    kind: KindName,
    path: Path,
    *,
    districts: Collection[str],
    dry_run: bool = False,
) -> ImportResult:
    """Import a CSV or XLSX file (design section 8, "CSV columns").

    It runs in a transaction of its own, or inside the one that the caller has begun. Another
    import of the same kind waits until that transaction ends.

    Args:
        connection: to a migrated database.
        kind: what the rows are.
        path: the file.
        districts: the districts an enterprise may have (the policy's, and `OTHER_DISTRICT`).
        dry_run: check everything and report the same, but write nothing and lock nothing.

    Raises:
        ImportRejected: rows are wrong; it carries all of them.
        UserError: the file cannot be read as this kind, or the database refuses its rows.
        WorldError: the database went away.
    """
    chosen = KINDS[kind]
    rows, errors = read_rows(chosen, read_sheet(path, header_names(chosen)))
    try:
        with connection.transaction():
            if not dry_run:
                lock_tables(connection, chosen)
            changes = _checked_changes(connection, chosen, path, rows, errors, districts)
            if not dry_run:
                for relation, found in zip(chosen.relations, changes, strict=True):
                    write_changes(connection, relation, found)
    except (psycopg.IntegrityError, psycopg.errors.InsufficientPrivilege) as error:
        raise UserError(
            "The database refused the rows of {name}; nothing was imported: {reason}",
            name=path.name,
            reason=error.diag.message_primary or error,
        ) from error
    except psycopg.OperationalError as error:
        raise WorldError(
            "The database failed during the import of {name}; nothing was imported, run it "
            "again. ({reason})",
            name=path.name,
            reason=" ".join(str(error).split()),
        ) from error
    created = {row.number for found in changes for row in found.created}
    changed = {row.number for found in changes for row in found.changed} - created
    return ImportResult(len(created), len(changed), len(rows) - len(created) - len(changed))


def _checked_changes(
    connection: psycopg.Connection,
    kind: Kind,
    path: Path,
    rows: Sequence[FileRow],
    errors: Iterable[RowError],
    districts: Collection[str],
) -> list[Changes]:
    """What the rows change in each of the kind's tables.

    Raises:
        ImportRejected: any of them is wrong, by the file alone or beside what is registered.
    """
    found = list(errors)
    known = {Reference.DISTRICT: districts, **known_references(connection, kind, rows)}
    found += unknown_references(kind, rows, known)
    changes = []
    for relation in kind.relations:
        registered = registered_records(connection, relation, rows)
        found += forbidden_changes(relation, rows, registered)
        found += overlaps(relation, rows, registered)
        if not found:
            changes.append(changes_to(relation, rows, registered))
    if found:
        order = [column.name for column in kind.columns]
        found.sort(key=lambda error: (error.row, _place(error.column, order)))
        raise ImportRejected(path, found)
    return changes


def _place(column: str, order: Sequence[str]) -> int:
    first = column.partition(",")[0]
    return order.index(first) if first else -1
