"""The workbook (XLSX): one sheet for each table, text as text, numbers and dates as such."""

import io
from datetime import UTC, date
from typing import Final

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from jieru.errors import UserError
from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.reports.document import SignedCount
from verifier.reports.provenance import footer, mark
from verifier.reports.sheets import SHEETS, Sheet, sheet
from verifier.reports.speech import Speech

__all__ = ["workbook"]

_ROWS_MAX: Final = 1_048_576
_UNITS_MAX: Final = 32_767
"""UTF-16 code units that a cell takes."""
_SHORT: Final = _UNITS_MAX // 2
"""Characters that always fit, for each takes two units at most."""
_DAY_ZERO: Final = date(1899, 12, 30).toordinal()
"""The day before the first one that a workbook counts, as if 1900 had been a leap year."""
_HEADER_MAX: Final = 255
"""Characters that the header or the footer of a printed page takes."""

_OPTIONS: Final = {
    # Names stand once and are pointed to: quicker than writing them out, and smaller.
    "constant_memory": False,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_WORDS: Final = {"bold": True, "bg_color": "#DCE6F1", "border": 1, "text_wrap": True}
_FORMATS: Final[dict[Language, dict[str, str]]] = {
    "zh": {"number": "#,##0", "date": 'yyyy"年"m"月"d"日"'},
    "en": {"number": "#,##0", "date": "d mmmm yyyy"},
}


def workbook(signed: SignedCount, language: Language) -> bytes:
    """The whole count as a workbook; the same input gives the same bytes.

    Raises:
        UserError: a table has more rows than a sheet holds.
    """
    speech = Speech(language, signed.document)
    tables = [sheet(name, signed, language) for name in SHEETS]
    for table in tables:
        _require_room(table)
    output = io.BytesIO()
    book = Workbook(output, _OPTIONS)
    document = signed.document
    book.set_properties(
        {
            "title": speech.text(_("Count {count}"), count=document.count_id),
            "author": "Jieru",
            "comments": mark(signed, speech) or " ".join(footer(signed, speech)),
            # No time zone is written: UTC, as the format has it.
            "created": document.frozen_at.astimezone(UTC).replace(tzinfo=None),
        }
    )
    formats = {
        kind: book.add_format({"num_format": each}) for kind, each in _FORMATS[language].items()
    }
    formats["text"] = book.add_format({"num_format": "@"})
    formats["words"] = book.add_format(_WORDS)
    for table in tables:
        page = book.add_worksheet(table.title)
        _set_up(page, table, signed, speech)
        _write(page, table, formats)
    book.close()
    return output.getvalue()


def _require_room(table: Sheet) -> None:
    """Find out before the first row is written: the writer leaves out what does not fit."""
    if sum(1 for _row in table.rows()) >= _ROWS_MAX:
        raise UserError(
            "The table “{table}” has more rows than a workbook holds: take it as CSV.",
            table=table.title,
        )


def _set_up(page: Worksheet, table: Sheet, signed: SignedCount, speech: Speech) -> None:
    """What the sheet looks like on the screen and on paper."""
    for number, column in enumerate(table.columns):
        page.set_column(number, number, column.width)
    page.freeze_panes(1, 0)
    page.repeat_rows(0)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    # `&` begins a code in these.
    lines = [mark(signed, speech), *footer(signed, speech)]
    page.set_header(f"&C{lines[0].replace('&', '&&')}"[:_HEADER_MAX])
    page.set_footer(f"&L{' '.join(lines[1:]).replace('&', '&&')}"[: _HEADER_MAX - 8] + "&R&P / &N")


def _write(page: Worksheet, table: Sheet, formats: dict[str, Format]) -> None:
    styles = [formats[column.kind] for column in table.columns]
    for number, column in enumerate(table.columns):
        page.write_string(0, number, column.title, formats["words"])
    write_string, write_number = page.write_string, page.write_number
    last = 0
    for last, row in enumerate(table.rows(), start=1):
        for number, value in enumerate(row):
            if value is None or value == "":
                continue
            if isinstance(value, str):
                text = value if len(value) <= _SHORT else _fitting(value)
                write_string(last, number, text, styles[number])
            elif isinstance(value, int):
                write_number(last, number, value, styles[number])
            else:
                write_number(last, number, value.toordinal() - _DAY_ZERO, styles[number])
    page.autofilter(0, 0, last, len(table.columns) - 1)


def _fitting(text: str) -> str:
    """As much of a text as a cell takes; what is cut off stands in the other formats."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * _UNITS_MAX:
        return text
    return units[: 2 * (_UNITS_MAX - 1)].decode("utf-16-le", "ignore") + "…"
