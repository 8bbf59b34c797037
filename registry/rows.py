"""From cells to rows: the header, each cell, each row by itself, and the rows beside each other.

All functions are pure. None stops at the first bad row: each gives all errors that it sees.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Final, NamedTuple

from jieru.errors import UserError
from registry.cells import Value, shown
from registry.files import Cell, SheetRow
from registry.kinds import Column, Kind, Reference

__all__ = [
    "ERROR_LIMIT",
    "REASONS_COLUMN",
    "FileRow",
    "RowError",
    "header_names",
    "is_over_before_it_begins",
    "read_row",
    "read_rows",
    "unknown_references",
    "without_foreign_platforms",
]

REASONS_COLUMN: Final = ("reasons", "错误原因")
"""What a file of failed rows has in addition, for people; it is not read when it comes back."""
_NAMES_SHOWN: Final = 20
ERROR_LIMIT: Final = 200_000
"""Errors that are collected: a file that is wrong throughout must not fill the memory."""


class RowError(NamedTuple):
    """Why a row cannot be taken."""

    row: int
    """As a spreadsheet numbers it; the header is row 1."""
    column: str
    """The column's name, several joined by a comma, or empty when the whole row is meant."""
    reason: UserError
    """One sentence, in the reader's language when it is turned into text."""


class FileRow(NamedTuple):
    """One row; a cell that was refused is missing from `values`."""

    number: int
    values: dict[str, Value]

    def key(self, columns: Iterable[str]) -> tuple[Value, ...] | None:
        """The values of these columns, or None when one of them was refused."""
        try:
            return tuple([self.values[column] for column in columns])
        except KeyError:
            return None


def header_names(kind: Kind) -> set[str]:
    """Every name that a header of this kind may hold."""
    names = {name for column in kind.columns for name in (column.name, column.chinese)}
    return names.union(REASONS_COLUMN)


def read_rows(kind: Kind, sheet: Sequence[SheetRow]) -> tuple[list[FileRow], list[RowError]]:
    """Read and check everything that the file alone can tell.

    Raises:
        UserError: the header is not that of this kind.
    """
    columns = _columns_of_header(kind, sheet)
    absent = dict.fromkeys(column.name for column in kind.columns if column not in columns)
    rows: list[FileRow] = []
    errors: list[RowError] = []
    for number, cells in islice(sheet, 1, None):
        if len(errors) >= ERROR_LIMIT:
            errors.append(_too_many_errors(number))
            return rows, errors
        if len(cells) != len(columns) and not _is_padding(cells[len(columns) :], cells, columns):
            errors.append(_wrong_width(number, len(cells), len(columns)))
            continue
        named = ((column, cell) for column, cell in zip(columns, cells, strict=False) if column)
        row, wrong = read_row(kind, number, named, absent)
        rows.append(row)
        errors.extend(wrong)
    errors.extend(_repetitions(kind, rows))
    errors.extend(_contradictions(kind, rows))
    return rows, errors


def read_row(
    kind: Kind,
    number: int,
    cells: Iterable[tuple[Column, Cell]],
    absent: Mapping[str, Value] = MappingProxyType({}),
) -> tuple[FileRow, list[RowError]]:
    """Read and check what one row says by itself; `absent` are the columns that it lacks."""
    values: dict[str, Value] = {**absent}
    errors: list[RowError] = []
    for column, cell in cells:
        try:
            values[column.name] = _value(column, cell)
        except UserError as refused:
            # Without its traceback, which would keep the whole frame of every bad cell.
            errors.append(RowError(number, column.name, refused.with_traceback(None)))
    row = FileRow(number, values)
    errors.extend(_row_errors(kind, row))
    return row, errors


def is_over_before_it_begins(start: date, end: date) -> bool:
    """Whether a period has no day, for its end is the first day that is no longer included."""
    return end <= start


def without_foreign_platforms(
    rows: Iterable[FileRow], own: str
) -> tuple[list[FileRow], list[RowError]]:
    """The rows as an operator may import them: a platform that is not `own` is refused.

    Whether there is such a platform is not said.
    """
    ours: list[FileRow] = []
    errors: list[RowError] = []
    for row in rows:
        if row.values.get("platform", own) == own:
            ours.append(row)
            continue
        others = {name: value for name, value in row.values.items() if name != "platform"}
        ours.append(FileRow(row.number, others))
        reason = UserError("Is not your platform: you can import for {own} only.", own=own)
        errors.append(RowError(row.number, "platform", reason))
    return ours, errors


def unknown_references(
    kind: Kind,
    rows: Iterable[FileRow],
    known: Mapping[Reference, Collection[str]],
    own_platform: str | None = None,
) -> list[RowError]:
    """Every cell that names a platform, enterprise or district that does not exist.

    An operator, who has an `own_platform`, is not told whether an enterprise is registered by
    others, but where a row may ask for it.
    """
    is_told = own_platform is None or kind.may_ask
    checked = [(column.name, column.names) for column in kind.columns if column.names]
    return [
        RowError(row.number, column, _unknown(reference, value, known[reference], is_told=is_told))
        for row in rows
        for column, reference in checked
        if isinstance(value := row.values.get(column), str) and value not in known[reference]
    ]


def _unknown(
    reference: Reference, value: str, known: Collection[str], *, is_told: bool
) -> UserError:
    match reference:
        case Reference.ENTERPRISE if not is_told:
            return UserError(
                "The enterprise {value} is none of your platform's: register it, or connect it "
                "first; an open request does not connect it yet.",
                value=value,
            )
        case Reference.PLATFORM:
            return UserError(
                "The platform {value} is not registered: import it first.", value=value
            )
        case Reference.ENTERPRISE:
            return UserError(
                "The enterprise {value} is not registered: import it first.", value=value
            )
        case Reference.DISTRICT:
            return UserError(
                "“{value}” is none of: {choices}.",
                value=shown(value),
                choices=", ".join(sorted(known)),
            )


def _columns_of_header(kind: Kind, sheet: Sequence[SheetRow]) -> list[Column | None]:
    """The column under each name of the header; None under that of the reasons."""
    if not sheet or sheet[0].number != 1:
        raise UserError(
            "Row 1 is empty: it must hold the names of the columns ({expected}).",
            expected=_expected(kind),
        )
    by_name: dict[str, Column | None] = dict.fromkeys(REASONS_COLUMN)
    by_name.update(
        (name, column) for column in kind.columns for name in (column.name, column.chinese)
    )
    header = [cell.strip() if isinstance(cell, str) else str(cell) for cell in sheet[0].cells]
    while not header[-1]:
        header.pop()
    unknown = [name for name in header if name.lower() not in by_name]
    found = [by_name[name.lower()] for name in header if name.lower() in by_name]
    missing = [
        column.name for column in kind.columns if column.is_in_every_header and column not in found
    ]
    repeated = [column.name for column in kind.columns if found.count(column) > 1]
    if missing or unknown or repeated:
        raise UserError(
            "The header must hold exactly the columns {expected}. Missing: {missing}. Unknown: "
            "{unknown}. More than once: {repeated}.",
            expected=_expected(kind),
            missing=", ".join(missing) or "-",
            unknown=", ".join(f"“{shown(name)}”" for name in unknown[:_NAMES_SHOWN]) or "-",
            repeated=", ".join(repeated) or "-",
        )
    return found


def _expected(kind: Kind) -> str:
    return ",".join(column.name for column in kind.columns if column.is_in_every_header)


def _is_padding(
    beyond: Iterable[Cell], cells: Sequence[Cell], columns: Sequence[Column | None]
) -> bool:
    """Whether a row is only longer than the header, and empty there."""
    return len(cells) > len(columns) and all(
        isinstance(cell, str) and not cell.strip() for cell in beyond
    )


def _too_many_errors(number: int) -> RowError:
    reason = UserError(
        "Reading stopped here after {limit} errors: correct those first.", limit=ERROR_LIMIT
    )
    return RowError(number, "", reason)


def _wrong_width(number: int, width: int, expected: int) -> RowError:
    return RowError(
        number,
        "",
        UserError(
            "The row has {width} cells, the header {expected}: a separator is missing or too many, "
            "or a text with a separator in it lacks its quotation marks.",
            width=width,
            expected=expected,
        ),
    )


def _value(column: Column, cell: Cell) -> Value:
    if isinstance(cell, str) and not cell.strip():
        if column.is_required:
            raise UserError("Is empty, but required.")
        return None
    return column.read(cell)


def _row_errors(kind: Kind, row: FileRow) -> Iterable[RowError]:
    values = row.values
    if kind.together:
        present = [values[name] is not None for name in kind.together if name in values]
        if len(present) == len(kind.together) and any(present) and not all(present):
            yield RowError(
                row.number,
                kind.together[present.index(False)],
                UserError(
                    "{names} belong together: give both, or neither for a device that is not "
                    "yet assigned.",
                    names=", ".join(kind.together),
                ),
            )
    if kind.period is None:
        return
    start, end = kind.period.start, kind.period.end
    first, last = values.get(start), values.get(end)
    if start in values and first is None and last is not None:
        yield RowError(row.number, end, UserError("Has an end, but {start} is empty.", start=start))
    if isinstance(first, date) and isinstance(last, date) and is_over_before_it_begins(first, last):
        yield RowError(
            row.number,
            end,
            UserError(
                "{last} is not after {start} {first}; an end is the first day that is no longer "
                "included.",
                last=last.isoformat(),
                start=start,
                first=first.isoformat(),
            ),
        )


def _repetitions(kind: Kind, rows: Iterable[FileRow]) -> Iterable[RowError]:
    first_rows: dict[tuple[Value, ...], int] = {}
    for row in rows:
        key = row.key(kind.key)
        if key is None:
            continue
        first = first_rows.setdefault(key, row.number)
        if first != row.number:
            yield RowError(
                row.number,
                ", ".join(kind.key),
                UserError("The same as in row {other}: keep one of the two.", other=first),
            )


def _contradictions(kind: Kind, rows: Iterable[FileRow]) -> Iterable[RowError]:
    """Rows that say different things of one record (a device that is listed twice)."""
    for relation in kind.relations:
        if relation.key == kind.key:
            continue
        said: dict[tuple[object, ...], tuple[int, Value]] = {}
        for row in rows:
            key = row.key(relation.key)
            for column in relation.others:
                if key is None or column not in row.values:
                    continue
                value = row.values[column]
                other, before = said.setdefault((column, *key), (row.number, value))
                if value != before:
                    yield RowError(
                        row.number,
                        column,
                        UserError(
                            "Says “{value}” where row {other} says “{before}” of the same "
                            "{subject}.",
                            value=shown(str(value or "")),
                            other=other,
                            before=shown(str(before or "")),
                            subject=", ".join(relation.key),
                        ),
                    )
