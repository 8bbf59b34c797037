"""Files to download: templates, row errors, and failed rows ready to be corrected. Pure.

Every cell is text: a spreadsheet must neither compute a name that begins with `=` nor, in a
workbook, take the zeros from a serial.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import xlsxwriter

from api.imports.kept import FailedRows
from jieru.csv_file import csv_file
from jieru.errors import UserError
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from registry.cells import guarded, unguarded
from registry.kinds import Kind
from registry.rows import REASONS_COLUMN, RowError

__all__ = [
    "CSV_MEDIA_TYPE",
    "XLSX_MEDIA_TYPE",
    "errors_csv",
    "failed_rows_csv",
    "failed_rows_xlsx",
    "template_csv",
    "template_xlsx",
]

CSV_MEDIA_TYPE: Final = "text/csv"
XLSX_MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_LONGEST_CELL: Final = 32_767
"""What a workbook takes (ECMA-376)."""
_COLUMN_WIDTH: Final = 24
_WIDE_COLUMN: Final = 80

Translate = Callable[[str], str]


def template_csv(kind: Kind, language: Language) -> bytes:
    """A file with a header and nothing else."""
    return csv_file([_header(kind, language)])


def template_xlsx(kind: Kind, language: Language) -> bytes:
    """A workbook to be filled in, with a second sheet that explains each column."""
    translate = translations(language).gettext
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        header = _header(kind, language)
        _write_table(book, translate(_("Rows")), [header], len(header))
        explanations = book.add_worksheet(translate(_("Columns")))
        explanations.set_column(0, 2, _COLUMN_WIDTH)
        explanations.set_column(3, 3, _WIDE_COLUMN)
        heads = [_("Column"), _("In Chinese"), _("Required"), _("What belongs into it")]
        rows = [[translate(head) for head in heads]]
        for column in kind.everyday_columns:
            required = _("yes") if column.is_required else _("no")
            explanation = translate(column.explanation)
            rows.append([column.name, column.chinese, translate(required), explanation])
        _write_rows(explanations, rows, book.add_format({"bold": True}))
    return content.getvalue()


def errors_csv(errors: Iterable[RowError], language: Language) -> bytes:
    """Every row error: row, column, reason."""
    translate = translations(language).gettext
    rows = ([str(error.row), error.column, _spoken(error.reason, translate)] for error in errors)
    return csv_file([RowError._fields, *rows])


def failed_rows_csv(failed: FailedRows, errors: Iterable[RowError], language: Language) -> bytes:
    """The rows that have errors, as they came, after a column with the reasons."""
    rows = _with_reasons(failed, errors, language)
    return csv_file([guarded(unguarded(cell)) for cell in row] for row in rows)


def failed_rows_xlsx(failed: FailedRows, errors: Iterable[RowError], language: Language) -> bytes:
    """A template or failed rows as a workbook whose cells stay as they are typed."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"constant_memory": True}) as book:
        title = translations(language).gettext(_("Rows"))
        rows = _with_reasons(failed, errors, language)
        _write_table(book, title, rows, 1 + len(failed.header))
    return content.getvalue()


def _header(kind: Kind, language: Language) -> list[str]:
    return [column.chinese if language == "zh" else column.name for column in kind.everyday_columns]


def _with_reasons(
    failed: FailedRows, errors: Iterable[RowError], language: Language
) -> Iterable[list[str]]:
    """The reasons come first, so that a row with too many cells keeps them in their places."""
    translate = translations(language).gettext
    reasons: dict[int, list[str]] = {}
    for error in errors:
        reasons.setdefault(error.row, []).append(_reason(error, translate))
    english, chinese = REASONS_COLUMN
    yield [chinese if language == "zh" else english, *failed.header]
    for number, cells in failed.rows:
        yield [" ".join(reasons.get(number, ())), *cells]


def _reason(error: RowError, translate: Translate) -> str:
    spoken = _spoken(error.reason, translate)
    return f"{error.column}: {spoken}" if error.column else spoken


def _spoken(sentence: UserError, translate: Translate) -> str:
    values: Mapping[str, object] = sentence.values
    return translate(sentence.message).format(**values)


def _write_table(
    book: xlsxwriter.Workbook, title: str, rows: Iterable[Sequence[str]], width: int
) -> None:
    """A sheet of text under a header that stays in sight."""
    sheet = book.add_worksheet(title)
    sheet.set_column(0, max(width - 1, 0), _COLUMN_WIDTH, book.add_format({"num_format": "@"}))
    sheet.freeze_panes(1, 0)
    _write_rows(sheet, rows, book.add_format({"bold": True, "num_format": "@"}))


def _write_rows(
    sheet: Any,  # noqa: ANN401 - the library has no types
    rows: Iterable[Sequence[str]],
    header_format: object,
) -> None:
    for number, row in enumerate(rows):
        for place, text in enumerate(row):
            if text:
                form = (header_format,) if number == 0 else ()
                sheet.write_string(number, place, text[:_LONGEST_CELL], *form)
