"""How rows go from the process that reads a workbook to the one that asked: JSON, a row a line.

The last line is `null`, so that a reader which dies half-way is never taken for one at the end;
a refusal takes its place. Pure.
"""

import json
from datetime import date
from typing import Any, Final

from jieru.errors import UserError
from registry.sheet_rows import Cell, SheetRow

__all__ = ["END", "line_of_refusal", "line_of_row", "read_line"]

END: Final = b"null\n"


def line_of_row(row: SheetRow) -> bytes:
    """A row as a line."""
    return _line([row.number, [_written(cell) for cell in row.cells]])


def line_of_refusal(refusal: UserError) -> bytes:
    """The sentence for which the whole file is refused, as a line."""
    return _line(_written(refusal))


def read_line(line: bytes) -> SheetRow | UserError | None:
    """What a line says: a row, a refusal, or that this was all.

    Raises:
        ValueError: nothing of these.
    """
    match json.loads(line):
        case None:
            return None
        case [int(number), list(cells)]:
            return SheetRow(number, [_read(cell) for cell in cells])
        case dict() as refusal:
            return _refusal(refusal)
    raise ValueError(line[:80])


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _written(cell: Cell) -> object:
    match cell:
        case str():
            return cell
        case date():
            return {"date": cell.isoformat()}
        case UserError():
            return {"message": cell.message, "values": cell.values}


def _read(cell: Any) -> Cell:  # noqa: ANN401 - JSON
    match cell:
        case str():
            return cell
        case {"date": str(day)}:
            return date.fromisoformat(day)
    return _refusal(cell)


def _refusal(said: dict[str, Any]) -> UserError:
    message, values = said["message"], said["values"]
    return UserError(message, **values)
