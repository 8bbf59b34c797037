"""A workbook as rows of cells: its first visible sheet, once nothing in it is in doubt.

Nothing is guessed that would be evidence later: a number that the spreadsheet has rounded, a
failed formula or a merged cell is refused, because what was meant cannot be known any more.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping
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
        parts = _parts(archive, limits)
        sheet_part = _first_visible_sheet_part(parts)
        xml = part_of(archive, sheet_part, limits)
    if xml is None:
        raise UnreadableError
    _refuse_doubtful(xml, limits)
    parts[sheet_part] = xml
    source = packed(parts.items())
    del parts, xml
    try:
        with CalamineWorkbook.from_filelike(source) as workbook:
            sheet = workbook.get_sheet_by_name(_first_visible_sheet(workbook))
            _refuse_merged(sheet)
            left = [""] * (sheet.start[1] if sheet.start else 0)
            for number, values in enumerate(sheet.iter_rows(), 1):
                yield SheetRow(number, [*left, *map(_cell, values)])
    except (CalamineError, LookupError, ValueError, OverflowError):
        raise UnreadableError from None


def _parts(archive: zipfile.ZipFile, limits: WorkbookLimits) -> dict[str, bytes]:
    """What the parser reads besides the one sheet, by name; it has no other sheet to read."""
    parts: dict[str, bytes] = {}
    for name in (_WORKBOOK, _RELATIONS, *_BESIDE):
        part = part_of(archive, name, limits)
        if part is not None:
            plain_xml(part)
            parts[name] = part
    if _WORKBOOK not in parts or _RELATIONS not in parts:
        raise UnreadableError
    return parts


def _first_visible_sheet_part(parts: Mapping[str, bytes]) -> str:
    """The name of the part that the first visible sheet is.

    Raises:
        UserError: there is none.
        UnreadableError: sheets or relations of one name are two.
    """
    relations = _xml(parts[_RELATIONS]).findall(_RELATION_TAG)
    by_id = {each.get("Id"): each for each in relations}
    sheets = _xml(parts[_WORKBOOK]).findall(_SHEET_TAG)
    if len(by_id) < len(relations) or len({each.get("name") for each in sheets}) < len(sheets):
        raise UnreadableError
    for sheet in sheets:
        ids = [value for key, value in sheet.items() if _RELATION_ID.fullmatch(key)]
        relation = by_id.get("".join(ids))
        if relation is None:
            raise UnreadableError
        is_worksheet = relation.get("Type", "").endswith("/worksheet")
        if is_worksheet and sheet.get("state", "visible") == "visible":
            target = relation.get("Target", "")
            return target[1:] if target.startswith("/") else f"xl/{target}"
    raise UserError("{name} has no visible worksheet.")


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
