"""One record said by hand is read as a row of a file is: by the same cells, under the same rules.

So what a form or a program may say of a record is what a file may say.
"""

from collections.abc import Collection, Mapping
from typing import Final

import psycopg

from registry.cells import Value, guarded
from registry.date_bounds import implausible_dates_of_row
from registry.files import Cell
from registry.kinds import KINDS, KindName, Reference
from registry.refusals import WrongColumn, WrongColumnsError
from registry.rows import FileRow, read_row, unknown_references, without_foreign_platforms
from registry.storing import known_references, today_of

__all__ = ["THE_ROW", "cell_of", "read_change", "read_record"]

THE_ROW: Final = 1
"""The number of the row that a record by itself is; no message names it."""


def read_record(
    connection: psycopg.Connection,
    kind: KindName,
    said: Mapping[str, Value],
    *,
    among: Collection[str] | None = None,
    districts: Collection[str] = (),
    own_platform: str | None = None,
) -> FileRow:
    """Read a record and check it as far as it stands for itself.

    Args:
        connection: tells which platforms and enterprises are registered.
        kind: what it is, in the words of the import files.
        said: by column; one that is missing or None is an empty cell.
        among: the columns whose mistakes matter; None: all.
        districts: the districts that an enterprise may have.
        own_platform: the code of an operator's only platform.

    Raises:
        WrongColumnsError: columns are wrong; it names each.
    """
    chosen = KINDS[kind]
    cells = ((column, cell_of(said.get(column.name))) for column in chosen.columns)
    row, errors = read_row(chosen, THE_ROW, cells)
    rows = [row]
    if own_platform is not None:
        rows, foreign = without_foreign_platforms(rows, own_platform)
        errors += foreign
    known = {
        Reference.DISTRICT: districts,
        **known_references(connection, chosen, rows, own_platform),
    }
    errors += unknown_references(chosen, rows, known, own_platform)
    errors += implausible_dates_of_row(rows[0], today_of(connection))
    wrong = [
        WrongColumn(error.column, error.reason)
        for error in errors
        if among is None or any(name in among for name in error.column.split(", "))
    ]
    if wrong:
        raise WrongColumnsError(wrong)
    return rows[0]


def read_change(
    connection: psycopg.Connection,
    kind: KindName,
    found: Mapping[str, Value],
    changes: Mapping[str, Value],
    *,
    districts: Collection[str] = (),
) -> FileRow:
    """Read a registered record with some of its columns changed.

    What is registered already may be what no file could say today: only changes are judged.

    Raises:
        WrongColumnsError: columns that change are wrong; it names each.
    """
    row = read_record(connection, kind, {**found, **changes}, among=changes, districts=districts)
    return FileRow(row.number, {**found, **row.values})


def cell_of(value: Value) -> Cell:
    """What somebody said, as the cell of a file that says the same."""
    match value:
        case None:
            return ""
        case str():
            # Reading takes a guard off, and this text never had one.
            return guarded(value.strip())
        case int():
            return str(value)
    return value
