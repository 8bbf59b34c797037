"""What is kept of a rejected import, as compressed JSON: its errors, and the rows that have them.

Errors are kept untranslated, so that each reader gets his own language. Pure.
"""

import json
import zlib
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from jieru.errors import UserError
from registry.files import Cell, SheetRow
from registry.rows import REASONS_COLUMN, RowError

__all__ = [
    "FailedRow",
    "FailedRows",
    "failed_rows",
    "pack_errors",
    "pack_rows",
    "sentence_from_json",
    "sentence_to_json",
    "unpack_errors",
    "unpack_rows",
]


class FailedRow(NamedTuple):
    """A row that has an error, as it came."""

    number: int
    cells: list[str]


class FailedRows(NamedTuple):
    """Part of a file: its header and the rows that have errors."""

    header: list[str]
    rows: list[FailedRow]


def failed_rows(sheet: Sequence[SheetRow], errors: Sequence[RowError]) -> FailedRows:
    """The rows of a sheet that have errors, without the reasons of an earlier time."""
    numbers = {error.row for error in errors}
    header, *rows = sheet
    reasons = {
        place
        for place, cell in enumerate(header.cells)
        if isinstance(cell, str) and cell.strip().lower() in REASONS_COLUMN
    }
    return FailedRows(
        _texts(header, reasons),
        [FailedRow(row.number, _texts(row, reasons)) for row in rows if row.number in numbers],
    )


def _texts(row: SheetRow, left_out: set[int]) -> list[str]:
    return [_text(cell) for place, cell in enumerate(row.cells) if place not in left_out]


def _text(cell: Cell) -> str:
    if isinstance(cell, UserError):
        return ""  # what stood there could not be read, and is to be typed again
    return cell.isoformat() if isinstance(cell, date) else cell


def pack_errors(errors: Sequence[RowError]) -> bytes:
    """Errors for `unpack_errors`."""
    return _pack([[error.row, error.column, *sentence_to_json(error.reason)] for error in errors])


def unpack_errors(packed: bytes) -> list[RowError]:
    """What `pack_errors` was given."""
    return [
        RowError(row, column, sentence_from_json(sentence))
        for row, column, *sentence in _unpack(packed)
    ]


def pack_rows(rows: FailedRows) -> bytes:
    """Rows for `unpack_rows`."""
    return _pack(rows)


def unpack_rows(packed: bytes) -> FailedRows:
    """What `pack_rows` was given."""
    header, rows = _unpack(packed)
    return FailedRows(header, [FailedRow(*row) for row in rows])


def sentence_to_json(sentence: UserError) -> tuple[str, dict[str, object]]:
    """A sentence as its message and the values in it."""
    values: dict[str, object] = {
        name: value if value is None or isinstance(value, int | str) else str(value)
        for name, value in sentence.values.items()
    }
    return sentence.message, values


def sentence_from_json(sentence: Sequence[Any]) -> UserError:
    """The sentence of a message and the values in it."""
    message, values = sentence
    return UserError(message, **values)


def _pack(value: object) -> bytes:
    return zlib.compress(json.dumps(value, ensure_ascii=False).encode())


def _unpack(packed: bytes) -> Any:  # noqa: ANN401 - JSON
    return json.loads(zlib.decompress(packed))
