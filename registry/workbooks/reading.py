"""A workbook as rows of cells: its first visible sheet, once nothing in it is in doubt.

Nothing is guessed that would be evidence later: a number that the spreadsheet has rounded, a
failed formula or a merged cell is refused, because what was meant cannot be known any more.
"""

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Final
from xml.etree import ElementTree as ET

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from jieru.errors import UserError
from registry.sheet_rows import Cell, SheetRow
from registry.workbooks.archive import opened_archive, packed, part_of
from registry.workbooks.limits import WorkbookLimits
from registry.workbooks.refusals import UnreadableError
from registry.workbooks.sheet_xml import plain_xml, sheet_extent, some

__all__ = ["read_workbook"]

_WORKBOOK: Final = "xl/workbook.xml"
_RELATIONS: Final = "xl/_rels/workbook.xml.rels"
_BESIDE: Final = ("_rels/.rels", "[Content_Types].xml", "xl/styles.xml", "xl/sharedStrings.xml")
"""What the parser reads besides the list of sheets and the one sheet."""
_SHEET_TAG: Final = "{*}sheets/{*}sheet"
_RELATION_TAG: Final = "{*}Relationship"
_RELATION_ID: Final = re.compile(r"\{.*\}id")
_EXACT_INTEGER_LIMIT: Final = 10**15
"""Spreadsheets keep 15 digits of a number."""

_SpreadsheetValue = int | float | str | bool | time | date | datetime | timedelta


def read_workbook(content: bytes, limits: WorkbookLimits) -> Iterator[SheetRow]:
    """Every row of the first visible sheet, empty ones too.

    What takes too much memory ends this process instead of raising anything.

    Raises:
        UserError: it cannot be taken; the sentence has a place for the file's `name`.
    """
    with opened_archive(content, limits) as archive:
        parts, sheets = _parts(archive, limits)
    try:
        with CalamineWorkbook.from_filelike(packed(parts.items())) as workbook:
            title = _first_visible_sheet(workbook)
            if title not in sheets:
                raise UnreadableError
            _refuse_doubtful(parts[sheets[title]], limits)
            del parts
            sheet = workbook.get_sheet_by_name(title)
            _refuse_merged(sheet)
            left = [""] * (sheet.start[1] if sheet.start else 0)
            for number, values in enumerate(sheet.iter_rows(), 1):
                yield SheetRow(number, [*left, *map(_cell, values)])
    except (CalamineError, LookupError, ValueError, OverflowError):
        raise UnreadableError from None


def _parts(
    archive: zipfile.ZipFile, limits: WorkbookLimits
) -> tuple[dict[str, bytes], dict[str, str]]:
    """The parts that are read, by name, and the name of the part of each sheet, by its title.

    Of sheets, only those that may be the first visible one.
    """
    parts: dict[str, bytes] = {}
    for name in (_WORKBOOK, _RELATIONS, *_BESIDE):
        part = part_of(archive, name, limits)
        if part is not None:
            plain_xml(part)
            parts[name] = part
    if _WORKBOOK not in parts or _RELATIONS not in parts:
        raise UnreadableError
    sheets: dict[str, str] = {}
    targets = {
        relation.get("Id"): relation.get("Target", "")
        for relation in _xml(parts[_RELATIONS]).findall(_RELATION_TAG)
    }
    for sheet in _xml(parts[_WORKBOOK]).findall(_SHEET_TAG):
        ids = [value for key, value in sheet.items() if _RELATION_ID.fullmatch(key)]
        target = targets.get("".join(ids), "")
        name = target[1:] if target.startswith("/") else f"xl/{target}"
        part = part_of(archive, name, limits)
        title = sheet.get("name", "")
        if title in sheets:
            raise UnreadableError
        if part is None:
            continue
        sheets[title] = name
        parts[name] = part
        if sheet.get("state", "visible") == "visible" and b"worksheet" in part[:4_096]:
            break
    return parts, sheets


def _xml(content: bytes) -> ET.Element:
    try:
        return ET.fromstring(content)  # noqa: S314 - without entities, as plain_xml has seen
    except ET.ParseError:
        raise UnreadableError from None


def _first_visible_sheet(workbook: CalamineWorkbook) -> str:
    for sheet in workbook.sheets_metadata:
        if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible:
            return sheet.name
    raise UserError("{name} has no visible worksheet.")


def _refuse_doubtful(xml: bytes, limits: WorkbookLimits) -> None:
    extent = sheet_extent(xml, limits.cells)
    if extent.failed:
        raise UserError(
            "Formulas in {name} have failed ({cells}): replace them by values.",
            cells=some(extent.failed),
        )
    if extent.uncomputed:
        raise UserError(
            "Formulas in {name} were never computed ({cells}): open it in a spreadsheet program, "
            "save it there, or replace them by values.",
            cells=some(extent.uncomputed),
        )


def _refuse_merged(sheet: CalamineSheet) -> None:
    ranges = sheet.merged_cell_ranges
    if ranges:
        raise UserError(
            "{name} has merged cells, of which only the first holds a value (in row {rows}): "
            "split them and fill each.",
            rows=some(str(first[0] + 1) for first, _last in ranges),
        )


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
