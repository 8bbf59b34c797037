"""Importing a file into the registry: all rows or none, and every bad row reported."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from jieru.audit import Actor, changing
from jieru.errors import UserError, WorldError
from jieru.i18n import marked
from registry.backdating import backdated_rows, prolonged_rows, refused_recording_days
from registry.changes import Changes, changes_to, forbidden_changes, outlasting, overlaps
from registry.connection_requests import Asked, asked_by_rows, write_requests
from registry.date_bounds import implausible_dates, implausible_dates_of_row
from registry.files import SheetRow, parse_sheet, read_content
from registry.kinds import KINDS, Kind, KindName, Reference, Relation
from registry.rows import (
    FileRow,
    RowError,
    header_names,
    read_rows,
    unknown_references,
    without_foreign_platforms,
)
from registry.storing import (
    ended_records,
    enterprises_of_others,
    enterprises_to_ask_for,
    known_references,
    registered_records,
    today_of,
    write_changes,
)

__all__ = [
    "OTHER_DISTRICT",
    "ImportRejected",
    "ImportResult",
    "Importer",
    "ParsedFile",
    "import_file",
    "import_parsed",
    "parse_file",
]

OTHER_DISTRICT: Final = "other"
"""The district of an enterprise outside the policy's list."""


class ImportRejected(UserError):  # noqa: N818 - a file is rejected; "Error" would say less
    """Nothing was imported, because of these rows."""

    def __init__(self, name: str, row_errors: Sequence[RowError]) -> None:
        """Keep all errors, ordered by row and column."""
        super().__init__(
            marked("Nothing was imported from {name}. Errors: {count}; bad rows: {rows}."),
            name=name,
            count=len(row_errors),
            rows=len({error.row for error in row_errors}),
        )
        self.row_errors = list(row_errors)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file as far as it can be read and checked without the registry."""

    kind: Kind
    name: str
    sheet: Sequence[SheetRow]
    """As it came, the header first."""
    rows: Sequence[FileRow]
    errors: Sequence[RowError]


@dataclass(frozen=True, slots=True)
class Importer:
    """Who imports, and how far."""

    actor: Actor
    own_platform: str | None = None
    """The code of an operator's only platform; None: somebody who may change every record."""
    backdate_days_max: int | None = None
    """Days before the day of recording that count by themselves; None: nothing is said of it."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many rows of the file did, or with a dry run would do, what."""

    created: int
    """Rows with a new record (a device or an assignment, for devices)."""
    changed: int
    """Rows that change a registered record and create none."""
    unchanged: int
    requested_rows: tuple[int, ...] = ()
    """Rows of an operator's file that ask to connect an enterprise of another platform."""
    backdated_rows: tuple[int, ...] = ()
    """New rows that begin so long ago that their evidence does not count from the first day."""
    evidence_from: date | None = None
    """From which day on that of these rows counts; None: there are none."""


class _Found(NamedTuple):
    """What the rows of a file would do."""

    changes: list[Changes]
    """In each of the kind's tables."""
    asked: Asked


def import_file(
    connection: psycopg.Connection,
    kind: KindName,
    path: Path,
    *,
    districts: Collection[str],
    actor: Actor,
    backdate_days_max: int | None = None,
    dry_run: bool = False,
) -> ImportResult:
    """Import a CSV or XLSX file (design section 8, "CSV columns"); see `import_parsed`.

    Raises:
        UserError: the file cannot be read as this kind, or what `import_parsed` raises.
        WorldError: the database went away.
    """
    file = parse_file(kind, read_content(path), path.name)
    importer = Importer(actor, backdate_days_max=backdate_days_max)
    return import_parsed(connection, file, districts=districts, importer=importer, dry_run=dry_run)


def parse_file(kind: KindName, content: bytes, name: str) -> ParsedFile:
    """Read a file; what is wrong with single rows comes with it.

    Args:
        kind: what the rows are.
        content: the file.
        name: what messages call it.

    Raises:
        UserError: it cannot be read as a file of this kind.
    """
    chosen = KINDS[kind]
    sheet = parse_sheet(content, name, header_names(chosen))
    rows, errors = read_rows(chosen, sheet)
    return ParsedFile(chosen, name, sheet, rows, errors)


def import_parsed(
    connection: psycopg.Connection,
    file: ParsedFile,
    *,
    districts: Collection[str],
    importer: Importer,
    dry_run: bool = False,
) -> ImportResult:
    """Check the rows beside the registry, and write them.

    It runs in a transaction of its own, or inside the one that the caller has begun. Every other
    change of the registry waits until that transaction ends.

    Args:
        connection: to a migrated database.
        file: from `parse_file`.
        districts: the districts an enterprise may have (the policy's, and `OTHER_DISTRICT`).
        importer: under whose name, and for which platform.
        dry_run: check everything and report the same, but write nothing and lock nothing.

    Raises:
        ImportRejected: rows are wrong; it carries all of them.
        UserError: the database refuses the rows.
        WorldError: the database went away.
    """
    own_platform = importer.own_platform
    try:
        with connection.transaction() if dry_run else changing(connection, importer.actor):
            today = today_of(connection)
            changes, asked = _checked(connection, file, districts, own_platform)
            if not dry_run:
                for relation, found in zip(file.kind.relations, changes, strict=True):
                    write_changes(connection, relation, found, own_platform=own_platform)
                write_requests(connection, asked.new, by=importer.actor.name)
    except (psycopg.IntegrityError, psycopg.errors.InsufficientPrivilege) as error:
        raise UserError(
            "The database refused the rows of {name}; nothing was imported: {reason}",
            name=file.name,
            reason=error.diag.message_primary or str(error),
        ) from error
    except psycopg.OperationalError as error:
        raise WorldError(
            "The database failed during the import of {name}; nothing was imported, run it "
            "again. ({reason})",
            name=file.name,
            reason=" ".join(str(error).split()),
        ) from error
    created = {row.number for found in changes for row in found.created}
    changed = {row.number for found in changes for row in found.changed} - created
    requested = tuple(row.number for row in asked.new)
    unchanged = len(file.rows) - len(created) - len(changed) - len(requested)
    days_max = importer.backdate_days_max
    late = sorted(
        number
        for relation, found in zip(file.kind.relations, changes, strict=True)
        for number in (
            *backdated_rows(relation, [*found.created, *asked.new], today, days_max),
            *prolonged_rows(found.prolonged, today, days_max),
        )
    )
    return ImportResult(
        created=len(created),
        changed=len(changed),
        unchanged=unchanged,
        requested_rows=requested,
        backdated_rows=tuple(late),
        evidence_from=today - timedelta(days=days_max)
        if late and today is not None and days_max is not None
        else None,
    )


def _checked(
    connection: psycopg.Connection,
    file: ParsedFile,
    districts: Collection[str],
    own_platform: str | None,
) -> _Found:
    """What the rows change in each of the kind's tables, and what they ask instead.

    Raises:
        ImportRejected: any of them is wrong, by the file alone or beside what is registered.
    """
    kind, rows, found = file.kind, file.rows, list(file.errors)
    if own_platform is not None:
        rows, foreign = without_foreign_platforms(rows, own_platform)
        found += foreign
    known = {Reference.DISTRICT: districts}
    known |= known_references(connection, kind, rows, own_platform)
    found += unknown_references(kind, rows, known, own_platform)
    asked = Asked([], [], [])
    if own_platform is not None and kind.may_ask:
        asked = asked_by_rows(connection, rows, own_platform)
        found += asked.errors
    asking = {row.number for row in (*asked.new, *asked.open)}
    asking.update(error.row for error in asked.errors)
    unread = _unread_enterprises(connection, rows, own_platform)
    today = today_of(connection)
    if any(relation.told for relation in kind.relations):
        found += refused_recording_days(rows, today)
    found += [error for row in asked.new for error in implausible_dates_of_row(row, today)]
    changes = []
    for relation in kind.relations:
        registered = registered_records(connection, relation, rows)
        found += forbidden_changes(relation, rows, registered)
        found += overlaps(relation, rows, registered)
        saying = [row for row in rows if row.number not in asking] if asking else rows
        change = changes_to(relation, _readable(relation, saying) if found else saying, registered)
        found += implausible_dates(relation, change, registered, today)
        if own_platform is not None:
            found += _records_of_others(connection, relation, rows, change.changed, own_platform)
        written = [*change.created, *change.changed] if relation.period else change.created
        # Whether an enterprise has ended is told to whoever may read it.
        written = [row for row in written if row.values.get("uscc") not in unread]
        found += outlasting(relation, written, ended_records(connection, relation, written))
        changes.append(change)
    if found:
        order = [column.name for column in kind.columns]
        found.sort(key=lambda error: (error.row, _place(error.column, order)))
        raise ImportRejected(file.name, found)
    return _Found(changes, asked)


def _unread_enterprises(
    connection: psycopg.Connection, rows: Sequence[FileRow], own_platform: str | None
) -> set[str]:
    """Those of the enterprises that the rows name of which an operator may read nothing."""
    if own_platform is None:
        return set()
    named = {row.values.get("uscc") for row in rows} - {None}
    return enterprises_to_ask_for(connection, named, own_platform)


def _readable(relation: Relation, rows: Sequence[FileRow]) -> list[FileRow]:
    """The rows of which no cell was refused that speaks of this table."""
    return [row for row in rows if row.key(relation.key + relation.others) is not None]


def _records_of_others(
    connection: psycopg.Connection,
    relation: Relation,
    rows: Sequence[FileRow],
    changed: Sequence[FileRow],
    own_platform: str,
) -> list[RowError]:
    """Rows by which an operator would say or change what is not the operator's to keep.

    Nothing is said of what is registered. Of an enterprise that the operator may not read, not even
    whether the row agrees with it: who guesses could tell.
    """
    if relation.name != "enterprises":
        return []
    named = [row for row in rows if "uscc" in row.values]
    unread = enterprises_to_ask_for(connection, [row.values["uscc"] for row in named], own_platform)
    others = enterprises_of_others(
        connection, [row.values["uscc"] for row in changed], own_platform
    )
    already = UserError(
        "Is registered, but not by your platform: leave the row out. To connect it is a request, "
        "which the bureau confirms."
    )
    otherwise = UserError(
        "Is registered otherwise and not kept by your platform: leave the row out, or ask the "
        "bureau to correct the record."
    )
    errors = [
        RowError(row.number, "uscc", already) for row in named if row.values["uscc"] in unread
    ]
    errors += [
        RowError(row.number, "uscc", otherwise)
        for row in changed
        if row.values["uscc"] in others - unread
    ]
    return errors


def _place(column: str, order: Sequence[str]) -> int:
    first = column.partition(",")[0]
    return order.index(first) if first else -1
