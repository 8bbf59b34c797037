"""One record made or changed by hand: the same rules as for the rows of a file.

A record is read as the only row of a file would be; so what a form or a program may say of it is
what a file may say.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import psycopg

from registry.cells import Value, guarded
from registry.changes import Key, overlaps
from registry.files import Cell, SheetRow
from registry.kinds import KINDS, KindName, Reference, Relation
from registry.rows import (
    FileRow,
    RowError,
    read_rows,
    unknown_references,
    without_foreign_platforms,
)
from registry.storing import known_references, registered_records

__all__ = ["Meeting", "Reading", "date_in", "find_meeting", "read_record"]


class Reading(NamedTuple):
    """What somebody says of one record, as far as it could be read."""

    row: FileRow
    errors: Sequence[RowError]
    """Each names its column; the row's number says nothing."""


class Meeting(NamedTuple):
    """A registered record that leaves no room for another one."""

    is_same: bool
    """Whether it has the same key; otherwise its period overlaps."""
    start: date | None
    """None: records of this table have no period."""
    end: date | None


def read_record(
    connection: psycopg.Connection,
    kind: KindName,
    cells: Mapping[str, Value],
    *,
    districts: Collection[str] = (),
    own_platform: str | None = None,
) -> Reading:
    """Read a record and check it as far as it stands for itself.

    Args:
        connection: tells which platforms and enterprises are registered.
        kind: what it is, in the words of the import files.
        cells: by column; one that is missing or None is an empty cell.
        districts: the districts that an enterprise may have.
        own_platform: the code of an operator's only platform.
    """
    chosen = KINDS[kind]
    names = [column.name for column in chosen.columns]
    values: list[Cell] = [_cell(cells.get(name)) for name in names]
    rows, errors = read_rows(chosen, [SheetRow(1, [*names]), SheetRow(2, values)])
    if own_platform is not None:
        rows, foreign = without_foreign_platforms(rows, own_platform)
        errors += foreign
    known = {Reference.DISTRICT: districts, **known_references(connection, chosen, rows)}
    errors += unknown_references(chosen, rows, known)
    return Reading(rows[0], errors)


def find_meeting(
    connection: psycopg.Connection, relation: Relation, row: FileRow, *, is_new: bool
) -> Meeting | None:
    """The registered record that a new or changed one would meet, or None when there is room.

    Args:
        connection: inside the transaction that writes the record.
        relation: the table that the row speaks of.
        row: read without errors.
        is_new: whether a record with the same key is in the way, rather than the changed one.
    """
    registered = registered_records(connection, relation, [row])
    key = row.key(relation.key)
    if key is not None and is_new and key in registered:
        return _meeting(relation, key, registered[key], is_same=True)
    for other, values in registered.items():
        # One at a time: the rule stays where it is, and we learn which one is met.
        if other != key and overlaps(relation, [row], {other: values}):
            return _meeting(relation, other, values, is_same=False)
    return None


def date_in(row: FileRow, column: str) -> date | None:
    """The date in a column of a row that was read without errors."""
    value = row.values[column]
    return value if isinstance(value, date) else None


def _cell(value: Value) -> Cell:
    match value:
        case None:
            return ""
        case str():
            # Reading takes a guard off, and this text never had one.
            return guarded(value.strip())
        case int():
            return str(value)
    return value


def _meeting(relation: Relation, key: Key, values: Sequence[Value], *, is_same: bool) -> Meeting:
    if relation.period is None:
        return Meeting(is_same, None, None)
    start, end = key[-1], values[relation.others.index(relation.period.end)]
    return Meeting(
        is_same, start if isinstance(start, date) else None, end if isinstance(end, date) else None
    )
