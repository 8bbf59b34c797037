"""Reports of a frozen count, to download: made once, from what was signed, and kept."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Final, Literal

import psycopg
from fastapi import Query
from starlette.responses import Response, StreamingResponse

from api.access.caller import Caller
from api.access.roles import Permission
from api.counts.procedure_source import ProcedureSource
from api.counts.visible_counts import refusals, require_as_signed, signed_file_of
from api.web.database import RequestDatabase
from api.web.filters import EnterpriseFilter, PlatformFilter
from api.web.problems import Kind, Problem
from jieru.i18n import Language
from jieru.i18n import marked as _
from verifier.procedure.canonical import sha256_of
from verifier.procedure.code_version import code_version
from verifier.procedure.freezing import export_count
from verifier.procedure.records import CountRecord, count_by_id
from verifier.procedure.signed_part import signed_part
from verifier.procedure.signing import SignedStatement
from verifier.procedure.statement_records import list_statements
from verifier.procedure.trusted_keys import TrustedKeys
from verifier.reports import Report, SheetName, WantedReport, make_report_apart

__all__ = ["DOWNLOAD_RESPONSE", "ReportRequest", "download"]

_OF_A_PART: Final = frozenset({"approval", "enterprise"})
"""Reports that read one enterprise or none."""
_PIECE_BYTES: Final = 1 << 16
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
    with database.snapshot() as connection:
        record = find(connection)
        if wanted.kind == "signed":
            content = signed_file_of(connection, record, source.trusted)
            return _response(
                Report(content, "application/json", f"jieru-{record.count_id}-signed.json")
            )
        require_as_signed(connection, record, source.trusted)
        statements = list_statements(connection, record)
    asked = WantedReport(
        kind=wanted.kind,
        language=wanted.language or language,
        font_folder=source.settings.report_font_path,
        platform=wanted.platform if wanted.kind == "enterprise" else None,
        uscc=wanted.uscc if wanted.kind == "enterprise" else None,
        table=wanted.table if wanted.kind == "csv" else "determinations",
    )

    def signed() -> bytes:
        with database.snapshot() as connection:
            return _read(connection, record, statements, asked, source.trusted)

    def made() -> Report:
        # Without a name here, so that it goes as soon as the other process has it.
        return make_report_apart(signed(), asked)

    with refusals():
        return _response(source.reports.get(_key(record, statements, asked), made))


def _read(
    connection: psycopg.Connection,
    record: CountRecord,
    statements: Sequence[SignedStatement],
    asked: WantedReport,
    trusted: TrustedKeys,
) -> bytes:
    """The signed file, or what of it the report reads."""
    if asked.kind in _OF_A_PART:
        # Nobody digests the rest again, so it must be what was verified in this very snapshot.
        require_as_signed(connection, count_by_id(connection, record.id), trusted)
        return signed_part(connection, record, statements, asked.platform, asked.uscc)
    return export_count(connection, record, statements)


def _key(record: CountRecord, statements: Sequence[SignedStatement], asked: WantedReport) -> str:
    """Of what a report is made, and by which program."""
    return sha256_of(
        {
            "digest": record.digest,
            "signature": (record.signature or b"").hex(),
            "public_key": (record.public_key or b"").hex(),
            "statements": [
                [each.content, each.key_text, hashlib.sha256(each.signature).hexdigest()]
                for each in statements
            ],
            "program": code_version(),
            **asdict(asked),
        }
    )


def _response(report: Report) -> Response:
    content = report.content

    async def pieces() -> AsyncIterator[bytes]:
        # The server would copy all of it for a reader who is slow.
        for start in range(0, len(content), _PIECE_BYTES):
            yield content[start : start + _PIECE_BYTES]

    return StreamingResponse(
        pieces(),
        media_type=report.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{report.file_name}"',
            "Content-Length": str(len(content)),
            "Cache-Control": "no-store",
        },
    )
