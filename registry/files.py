"""A file as rows of cells: CSV (UTF-8 or GB18030) and XLSX, told apart by content, not by name."""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from jieru.errors import UserError
from registry.sheet_rows import Cell, SheetRow
from registry.workbooks.reader import workbook_rows

__all__ = ["Cell", "SheetRow", "parse_sheet", "read_content"]

FILE_LIMIT_BYTES: Final = 100 * 1024 * 1024
_CELL_LIMIT: Final = 5_000_000
_ROW_LIMIT: Final = 300_000
_ROW_NUMBER_MAX: Final = 1_048_576
"""The last row of a spreadsheet; empty rows are read, too."""

_ZIP_MAGIC: Final = b"PK\x03\x04"
_OLD_EXCEL_MAGIC: Final = b"\xd0\xcf\x11\xe0"
_UTF16_MAGICS: Final = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS: Final = ",;\t"
_BYTE_ORDER_MARK: Final = "\ufeff"
_DECLARED_DELIMITER: Final = re.compile(r"sep=([,;\t])\s*", re.IGNORECASE)
"""What Excel takes a first line for, and does not show."""
_PIECE_BYTES: Final = 1 << 20
_ROW_LENGTH_MAX: Final = 200_000
"""More than any row needs; without it a quotation mark that is never closed is a row of a file."""


def read_content(path: Path) -> bytes:
    """The bytes of a file, at most one more than `parse_sheet` takes.

    Raises:
        UserError: it cannot be read.
    """
    try:
        with path.open("rb") as source:
            return source.read(FILE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise UserError("The file {path} does not exist.", path=path) from None
    except OSError as error:
        raise UserError(
            "The file {path} cannot be read: {reason}", path=path, reason=error.strerror or error
        ) from None


def parse_sheet(content: bytes, name: str, column_names: Collection[str]) -> list[SheetRow]:
    """The rows of a CSV or XLSX file, empty ones left out; of a workbook, its first visible sheet.

    Args:
        content: the file.
        name: what messages call it.
        column_names: header names, by which the delimiter of a CSV file is recognised.

    Raises:
        UserError: it is none of the formats, or broken; the message says what to do.
    """
    if len(content) > FILE_LIMIT_BYTES:
        raise UserError(
            "{name} is larger than {limit} MB: split it.", name=name, limit=FILE_LIMIT_BYTES >> 20
        )
    if content.startswith(_OLD_EXCEL_MAGIC):
        raise UserError(
            "{name} is an old Excel file (.xls) or has a password: save it as .xlsx without a "
            "password.",
            name=name,
        )
    if content.startswith(_ZIP_MAGIC):
        rows: Iterable[SheetRow] = workbook_rows(content, name)
    else:
        rows = _csv_rows(content, name, column_names)
    return list(_filled_rows(rows, name))


def _filled_rows(rows: Iterable[SheetRow], name: str) -> Iterator[SheetRow]:
    """Those that hold anything, as long as there are not too many to be held at once."""
    count = cells = 0
    for row in rows:
        if any(not isinstance(cell, str) or cell.strip() for cell in row.cells):
            count, cells = count + 1, cells + len(row.cells)
            if count > _ROW_LIMIT or cells > _CELL_LIMIT:
                raise _too_many_rows(name)
            yield row


def _too_many_rows(name: str) -> UserError:
    return UserError(
        "{name} has more than {rows} rows or {cells} cells: split it.",
        name=name,
        rows=_ROW_LIMIT,
        cells=_CELL_LIMIT,
    )


def _encoding_of(content: bytes, name: str) -> str:
    """The encoding in which all of the file is text; it is looked at piece by piece.

    Raises:
        UserError: there is none.
    """
    if content.startswith(_UTF16_MAGICS):
        raise UserError("{name} is UTF-16 text: save it as CSV UTF-8 or as .xlsx.", name=name)
    for encoding in ("utf-8", "gb18030"):  # strict, and hardly any GB18030 is UTF-8 too
        if b"\0" not in content and _is_text(content, encoding):
            return encoding
    raise UserError(
        "{name} is neither CSV in UTF-8 or GB18030 nor a workbook (.xlsx): save it as one of them.",
        name=name,
    )


def _is_text(content: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(content), _PIECE_BYTES):
            decoder.decode(content[start : start + _PIECE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _csv_rows(content: bytes, name: str, column_names: Collection[str]) -> Iterator[SheetRow]:
    encoding = _encoding_of(content, name)
    lines = _Lines(io.TextIOWrapper(io.BytesIO(content), encoding, newline=""), name)
    delimiter = lines.declared or _delimiter(lines.first, column_names)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 0
    while True:
        number = lines.row = number + 1
        lines.length = 0
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UserError(
                "{name} is broken as CSV at row {row}, perhaps a quotation mark that is never "
                "closed: {reason}",
                name=name,
                row=number,
                reason=error,
            ) from None
        if cells is None:
            return
        if number > _ROW_NUMBER_MAX:
            raise _too_many_rows(name)
        yield SheetRow(number, list(cells))


class _Lines:
    """The lines of a CSV file, as long as no row has more of them than a row can need."""

    def __init__(self, source: io.TextIOWrapper, name: str) -> None:
        """Read the first line, after what spreadsheets put before it."""
        self.row = 1
        self.length = 0
        """Characters of this row."""
        self.declared: str | None = None
        """The delimiter that the file itself names."""
        self._source = source
        self._name = name
        self.first = self._line().lstrip(_BYTE_ORDER_MARK)
        if match := _DECLARED_DELIMITER.fullmatch(self.first):
            self.declared = match[1]
            self.first = self._line()
        self._is_first = True

    def __iter__(self) -> Iterator[str]:
        """Itself."""
        return self

    def __next__(self) -> str:
        """The next line, with its end."""
        line = self.first if self._is_first else self._line()
        self._is_first = False
        if not line:
            raise StopIteration
        return line

    def _line(self) -> str:
        line = self._source.readline(_ROW_LENGTH_MAX + 1)
        self.length += len(line)
        if self.length > _ROW_LENGTH_MAX:
            raise UserError(
                "Row {row} of {name} has more than {longest} characters: perhaps a quotation mark "
                "is never closed, or line breaks are missing.",
                name=self._name,
                row=self.row,
                longest=_ROW_LENGTH_MAX,
            )
        return line


def _delimiter(first_line: str, column_names: Collection[str]) -> str:
    """The delimiter under which the first line holds most of the expected names."""
    header = first_line.replace('"', "")

    def expected(delimiter: str) -> int:
        return sum(part.strip().lower() in column_names for part in header.split(delimiter))

    return max(_DELIMITERS, key=expected)
