"""Reports of a frozen count: PDF, workbook, CSV and JSON, each a function of the signed file."""

from verifier.reports.apart import WantedReport, make_report_apart
from verifier.reports.document import SignedCount, read_signed_count
from verifier.reports.making import KINDS, Report, ReportKind, make_report
from verifier.reports.sheets import SHEETS, SheetName
from verifier.reports.signed_file import UnvouchedError, open_signed_file

__all__ = [
    "KINDS",
    "SHEETS",
    "Report",
    "ReportKind",
    "SheetName",
    "SignedCount",
    "UnvouchedError",
    "WantedReport",
    "make_report",
    "make_report_apart",
    "open_signed_file",
    "read_signed_count",
]
