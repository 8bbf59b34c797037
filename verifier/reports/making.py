"""Any report by the name of its kind: for the command and for the console's downloads."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from jieru.errors import UserError
from jieru.i18n import Language
from verifier.reports.document import SignedCount
from verifier.reports.fonts import report_fonts
from verifier.reports.pages import approval_pdf, enterprise_pdf, notice_pdf
from verifier.reports.sheets import SheetName
from verifier.reports.tables import csv_table, json_tables
from verifier.reports.workbook import workbook

__all__ = ["KINDS", "Report", "ReportKind", "make_report"]

ReportKind = Literal["notice", "approval", "enterprise", "workbook", "csv", "json"]
KINDS: Final[tuple[ReportKind, ...]] = get_args(ReportKind)

_PDF: Final = "application/pdf"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report."""

    content: bytes
    media_type: str
    file_name: str
    """In ASCII, for a download."""


def make_report(
    signed: SignedCount,
    kind: ReportKind,
    language: Language,
    *,
    font_folder: str = "",
    platform: str | None = None,
    uscc: str | None = None,
    table: SheetName = "determinations",
) -> Report:
    """Make one report of a signed count; the same input gives the same bytes.

    Args:
        signed: the count, its signature checked.
        kind: which report.
        language: its language.
        font_folder: where the font of the PDF reports is (the setting `report_font_path`).
        platform: of an `enterprise` report.
        uscc: of an `enterprise` report.
        table: of a `csv` report.

    Raises:
        UserError: the enterprise is not named or not listed, or there is no font for Chinese.
    """
    stem = f"jieru-{signed.document.count_id}"
    match kind:
        case "notice":
            content = notice_pdf(signed, language, report_fonts(font_folder))
            return Report(content, _PDF, f"{stem}-notice-{language}.pdf")
        case "approval":
            content = approval_pdf(signed, language, report_fonts(font_folder))
            return Report(content, _PDF, f"{stem}-approval-{language}.pdf")
        case "enterprise":
            if not platform or not uscc:
                raise UserError(
                    "Name the enterprise: its platform's code and its unified social credit code."
                )
            content = enterprise_pdf(signed, platform, uscc, language, report_fonts(font_folder))
            return Report(content, _PDF, f"{stem}-{platform}-{uscc}-{language}.pdf")
        case "workbook":
            return Report(workbook(signed, language), _XLSX, f"{stem}-{language}.xlsx")
        case "csv":
            content = csv_table(signed, table, language)
            return Report(content, "text/csv; charset=utf-8", f"{stem}-{table}-{language}.csv")
        case "json":
            content = json_tables(signed, language)
            return Report(content, "application/json", f"{stem}-{language}.json")
