"""Reports of a frozen count, to download: made anew each time, from what was signed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import psycopg
from fastapi import Query
from starlette.responses import Response

from api.access.caller import Caller
from api.access.roles import Permission
from api.counts.procedure_source import ProcedureSource
from api.counts.visible_counts import refusals, signed_file_of
from api.web.database import RequestDatabase
from api.web.filters import EnterpriseFilter, PlatformFilter
from api.web.problems import Kind, Problem
from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.procedure.records import CountRecord
from verifier.reports import Report, SheetName, make_report, read_signed_count

__all__ = ["DOWNLOAD_RESPONSE", "ReportRequest", "download"]

DownloadKind = Literal["notice", "approval", "enterprise", "workbook", "csv", "json", "signed"]


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """Which report is wanted."""

    kind: Annotated[
        DownloadKind,
        Query(description=_("Which report; `signed` is the signed file that all of them rest on.")),
    ]
    platform: PlatformFilter = None
    uscc: EnterpriseFilter = None
    table: Annotated[SheetName, Query(description=_("Of `csv`: which table."))] = "determinations"
    language: Annotated[
        Language | None, Query(description=_("Of the report; by default the reader's."))
    ] = None


DOWNLOAD_RESPONSE: Final[dict[int | str, dict[str, object]]] = {
    200: {
        "description": "The report; its kind says of which media type it is.",
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in (
                "application/pdf",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "text/csv",
            )
        }
        | {"application/json": {"schema": {"type": "object"}}},
    }
}


def download(
    database: RequestDatabase,
    caller: Caller,
    source: ProcedureSource,
    find: Callable[[psycopg.Connection], CountRecord],
    wanted: ReportRequest,
    language: Language,
) -> Response:
    """A report of a count; an operator gets the public notice, and own enterprises.

    Args:
        database: needed for a moment only; a report takes seconds.
        caller: who asks.
        source: where the font is, and whose signatures count.
        find: the count, or a problem where it is not there.
        wanted: which report.
        language: of the report, where none is asked for.

    Raises:
        Problem: the count is not there or not frozen, the enterprise is not listed, or the report
            is not for this caller.
    """
    if not caller.may(Permission.READ_PROCEDURE) and not (
        wanted.kind == "notice"
        or (wanted.kind == "enterprise" and wanted.platform == caller.platform_code)
    ):
        raise Problem(Kind.FORBIDDEN)
    with database.reading() as connection:
        record = find(connection)
        content = signed_file_of(connection, record, source.trusted)
    if wanted.kind == "signed":
        report = Report(content, "application/json", f"jieru-{record.count_id}-signed.json")
    else:
        with refusals():
            report = make_report(
                read_signed_count(content),
                wanted.kind,
                wanted.language or language,
                font_folder=source.settings.report_font_path,
                platform=wanted.platform,
                uscc=wanted.uscc,
                table=wanted.table,
            )
    return Response(
        report.content,
        media_type=report.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{report.file_name}"',
            "Cache-Control": "no-store",
        },
    )
