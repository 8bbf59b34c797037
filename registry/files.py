"""A file as rows of cells: CSV (UTF-8 or GB18030) and XLSX, told apart by content, not by name.

Nothing is guessed that would be evidence later: a number that the spreadsheet has rounded, a
failed formula or a merged cell is refused, because what was meant cannot be known any more.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from jieru.errors import UserError

__all__ = ["Cell", "SheetRow", "parse_sheet", "read_content"]

Cell = str | date | UserError
"""What a cell holds: text, the date of a date cell, or why neither can be had from it."""

FILE_LIMIT_BYTES: Final = 100 * 1024 * 1024
_UNPACKED_LIMIT_BYTES: Final = 256 * 1024 * 1024
_AREA_LIMIT_CELLS: Final = 5_000_000
"""The reader's table is dense: one stray cell in the far corner would take gigabytes."""
_ROW_LIMIT: Final = 300_000
_EXACT_INTEGER_LIMIT: Final = 10**15
"""Spreadsheets keep 15 digits of a number."""

_ZIP_MAGIC: Final = b"PK\x03\x04"
_OLD_EXCEL_MAGIC: Final = b"\xd0\xcf\x11\xe0"
_COMPRESSIONS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What a workbook may use (ECMA-376 part 2)."""
_UTF16_MAGICS: Final = (b"\xff\xfe", b"\xfe\xff")
_DELIMITERS: Final = ",;\t"

_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Z]{0,3})([0-9]{1,7})["']""")
_ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\bt\s*=\s*["']e["'][^>]*>""")
_SHEET_TAG: Final = "{*}sheets/{*}sheet"
_RELATION_TAG: Final = "{*}Relationship"
_RELATION_ID = re.compile(r"\{.*\}id")

_SpreadsheetValue = int | float | str | bool | time | date | datetime | timedelta


class SheetRow(NamedTuple):
    """One row that holds anything; `number` is the one a spreadsheet shows (the first is 1)."""

    number: int
    cells: list[Cell]


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
        rows: Iterable[SheetRow] = _workbook_rows(content, name)
    else:
        rows = _csv_rows(_decoded(content, name), name, column_names)
    return list(_filled_rows(rows, name))


def _filled_rows(rows: Iterable[SheetRow], name: str) -> Iterator[SheetRow]:
    """Those that hold anything, as long as there are not too many to be held at once."""
    count = cells = 0
    for row in rows:
        if any(not isinstance(cell, str) or cell.strip() for cell in row.cells):
            count, cells = count + 1, cells + len(row.cells)
            if count > _ROW_LIMIT or cells > _AREA_LIMIT_CELLS:
                raise UserError(
                    "{name} has more than {rows} rows or {cells} cells: split it.",
                    name=name,
                    rows=_ROW_LIMIT,
                    cells=_AREA_LIMIT_CELLS,
                )
            yield row


def _decoded(content: bytes, name: str) -> str:
    if content.startswith(_UTF16_MAGICS):
        raise UserError("{name} is UTF-16 text: save it as CSV UTF-8 or as .xlsx.", name=name)
    for encoding in ("utf-8-sig", "gb18030"):  # strict, and hardly any GB18030 is UTF-8 too
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UserError(
        "{name} is neither CSV in UTF-8 or GB18030 nor a workbook (.xlsx): save it as one of them.",
        name=name,
    )


def _csv_rows(text: str, name: str, column_names: Collection[str]) -> Iterator[SheetRow]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=_delimiter(text, column_names), strict=True
    )
    number = 0
    while True:
        number += 1
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
        yield SheetRow(number, list(cells))


def _delimiter(text: str, column_names: Collection[str]) -> str:
    """The delimiter under which the first line holds most of the expected names."""
    header = text.partition("\n")[0].replace('"', "")

    def expected(delimiter: str) -> int:
        return sum(part.strip().lower() in column_names for part in header.split(delimiter))

    return max(_DELIMITERS, key=expected)


def _workbook_rows(content: bytes, name: str) -> Iterator[SheetRow]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _refuse_bomb(archive, name)
            with CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
                title = _first_visible_sheet(workbook, name)
                _refuse_unreadable(_sheet_xml(archive, title), name)
                sheet = workbook.get_sheet_by_name(title)
                _refuse_merged(sheet, name)
                rows = sheet.to_python(skip_empty_area=False)
    except (  # whatever a broken archive makes its readers raise
        CalamineError,
        ET.ParseError,
        EOFError,
        LookupError,
        RuntimeError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
    ):
        raise UserError(
            "{name} is no workbook that can be read: open it and save it as .xlsx again.", name=name
        ) from None
    for number, values in enumerate(rows, 1):
        yield SheetRow(number, [_cell(value) for value in values])


def _refuse_bomb(archive: zipfile.ZipFile, name: str) -> None:
    if sum(part.file_size for part in archive.infolist()) > _UNPACKED_LIMIT_BYTES:
        raise UserError(
            "{name} is larger than {limit} MB: split it.",
            name=name,
            limit=_UNPACKED_LIMIT_BYTES >> 20,
        )
    if any(part.compress_type not in _COMPRESSIONS for part in archive.infolist()):
        raise zipfile.BadZipFile
    if archive.testzip() is not None:  # a part that is longer than it says fails its checksum
        raise zipfile.BadZipFile


def _first_visible_sheet(workbook: CalamineWorkbook, name: str) -> str:
    for sheet in workbook.sheets_metadata:
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
            return sheet.name
    raise UserError("{name} has no visible worksheet.", name=name)


def _sheet_xml(archive: zipfile.ZipFile, title: str) -> bytes:
    """The XML of one sheet; calamine tells neither of failed formulas nor how far a sheet goes.

    Raises:
        KeyError: the workbook lists no such sheet, or its part is missing.
    """
    parts = {
        sheet.get("name"): [value for key, value in sheet.items() if _RELATION_ID.fullmatch(key)]
        for sheet in _xml(archive, "xl/workbook.xml").findall(_SHEET_TAG)
    }
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in _xml(archive, "xl/_rels/workbook.xml.rels").findall(_RELATION_TAG)
    }
    target = targets["".join(parts[title])]
    return archive.read(target[1:] if target.startswith("/") else f"xl/{target}")


def _xml(archive: zipfile.ZipFile, part: str) -> ET.Element:
    return ET.fromstring(archive.read(part))  # noqa: S314 - expat bounds the growth of entities


def _refuse_unreadable(xml: bytes, name: str) -> None:
    rows = columns = 1
    for letters, digits in _REFERENCE.findall(xml):
        rows, columns = max(rows, int(digits)), max(columns, _column_number(letters))
    if rows * columns > _AREA_LIMIT_CELLS:
        raise UserError(
            "The sheet in {name} reaches to row {rows} and column {columns}: delete the stray "
            "cells outside the table.",
            name=name,
            rows=rows,
            columns=columns,
        )
    errors = [
        (reference[1] + reference[2]).decode() if (reference := _REFERENCE.search(cell)) else "?"
        for cell in _ERROR_CELL.findall(xml)
    ]
    if errors:
        raise UserError(
            "Formulas in {name} have failed ({cells}): replace them by values.",
            name=name,
            cells=_some(errors),
        )


@cache
def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _refuse_merged(sheet: CalamineSheet, name: str) -> None:
    ranges = sheet.merged_cell_ranges
    if ranges:
        raise UserError(
            "{name} has merged cells, of which only the first holds a value (in row {rows}): "
            "split them and fill each.",
            name=name,
            rows=_some(str(first[0] + 1) for first, _last in ranges),
        )


def _some(names: Iterable[str], limit: int = 10) -> str:
    listed = list(names)
    return ", ".join(listed[:limit]) + (", …" if len(listed) > limit else "")


def _cell(value: _SpreadsheetValue) -> Cell:
    match value:
        case str():
            return value
        case bool():
            return str(value).upper()
        case int() | float():
            return _number(value)
        case datetime() if value.time() == time():
            return value.date()
        case datetime() | time() | timedelta():
            return UserError("A time of day: format the cell as text and type it again.")
        case date():
            return value


def _number(value: float) -> Cell:
    if abs(value) >= _EXACT_INTEGER_LIMIT:
        return UserError(
            "A number of more than 15 digits, which a spreadsheet rounds: format the cell as "
            "text and type it again."
        )
    return str(int(value)) if value == int(value) else str(value)
