"""Imports for programs."""

from collections.abc import Callable, Collection
from itertools import islice
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.access.caller import Caller, CurrentCaller
from api.access.gate import GatedRoute
from api.imports.answers import (
    ImportAnswer,
    ImportPage,
    ImportSummary,
    RejectedImportDocument,
    RowErrorAnswer,
)
from api.imports.downloads import (
    CSV_MEDIA_TYPE,
    XLSX_MEDIA_TYPE,
    errors_csv,
    failed_rows_csv,
    failed_rows_xlsx,
    template_csv,
    template_xlsx,
)
from api.imports.queries import (
    ImportRecord,
    apply_import,
    errors_of_import,
    failed_rows_of_import,
    find_import,
    list_imports,
    receive_import,
    size_of_import,
)
from api.imports.turns import in_turn
from api.imports.upload import BODY_DOCUMENTATION, Upload
from api.web.database import Database, RequestDatabase
from api.web.language import language_of
from api.web.paging import RequestedPage
from api.web.policy import CurrentRegistryRules
from api.web.problems import PROBLEM_MEDIA_TYPE, Kind, problem_responses
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from registry.kinds import KINDS, KindName
from registry.rows import RowError

__all__ = ["ImportId", "router"]

router = APIRouter(prefix="/api/v1/imports", tags=["imports"], route_class=GatedRoute)

_ERRORS_SHOWN: Final = 1_000
_LARGEST_ID: Final = 2**31 - 1

KindInPath = Annotated[KindName, Path(description=_("What the rows are."))]
ImportId = Annotated[int, Path(description=_("The import's number."), ge=1, le=_LARGEST_ID)]


_REJECTED: Final[dict[int | str, dict[str, Any]]] = {
    422: {
        "model": RejectedImportDocument,
        "description": _("The file has errors, or the request is wrong; nothing was written."),
        "content": {
            PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/RejectedImportDocument"}}
        },
    }
}


def _file_response(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}}


@router.post(
    "/{kind}",
    summary="Import a file",
    description=_(
        "Takes a CSV or XLSX file: all rows or none. With dry_run nothing is written, and the file "
        "is kept for a day to be applied."
    ),
    response_description=_("The file has no error."),
    response_model=ImportAnswer,
    responses={
        **problem_responses(
            Kind.REFUSED, Kind.TOO_LARGE, Kind.UNSUPPORTED_MEDIA_TYPE, Kind.DATABASE_AWAY
        ),
        **_REJECTED,
    },
    openapi_extra=BODY_DOCUMENTATION,
)
async def post_import(
    caller: CurrentCaller,
    request: Request,
    database: Database,
    rules: CurrentRegistryRules,
    kind: KindInPath,
    upload: Upload,
    *,
    dry_run: Annotated[bool, Query(description=_("Check everything, write nothing."))] = False,
) -> Response:
    """Import a file, or check what its import would do."""

    def work() -> Response:
        record = receive_import(database, caller, kind, upload, rules=rules, dry_run=dry_run)
        return _answer(database, caller, record, language_of(request))

    return await in_turn(request, caller, work, size_bytes=len(upload.content))


@router.post(
    "/{import_id}/apply",
    summary="Apply a dry run",
    description=_("Imports the file of a dry run that found no error. Everything is checked anew."),
    response_description=_("The file was imported."),
    response_model=ImportAnswer,
    responses={
        **problem_responses(Kind.NOT_FOUND, Kind.CONFLICT, Kind.DATABASE_AWAY),
        **_REJECTED,
    },
)
async def post_application(
    caller: CurrentCaller,
    request: Request,
    database: Database,
    rules: CurrentRegistryRules,
    import_id: ImportId,
) -> Response:
    """Import the file of a dry run."""

    def work() -> Response:
        record = apply_import(database, caller, import_id, rules=rules)
        return _answer(database, caller, record, language_of(request))

    size_bytes = await run_in_threadpool(size_of_import, database, caller, import_id)
    return await in_turn(request, caller, work, size_bytes=size_bytes)


@router.get(
    "",
    summary="Imports",
    description=_("Every import that was sent, the newest first; an operator's own ones."),
    response_description=_("One page of imports."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_imports(
    caller: CurrentCaller, request: Request, database: Database, page: RequestedPage
) -> ImportPage:
    """One page of imports."""
    with database.reading() as connection:
        records, next_cursor = list_imports(connection, caller, page)
    language = language_of(request)
    return ImportPage(
        items=[ImportSummary(**_summary(record, language)) for record in records],
        next_cursor=next_cursor,
    )


@router.get(
    "/{import_id}",
    summary="An import",
    description=_("What was sent, what became of it, and what is wrong with it."),
    response_description=_("The import."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_import(
    caller: CurrentCaller, request: Request, database: Database, import_id: ImportId
) -> ImportAnswer:
    """One import."""
    language = language_of(request)
    with database.reading() as connection:
        record = find_import(connection, caller, import_id)
        errors = errors_of_import(connection, caller, import_id)
    return ImportAnswer(**_summary(record, language), errors=_row_errors(errors, language))


@router.get(
    "/{import_id}/errors.csv",
    summary="Row errors",
    description=_("Every row error of an import: row, column, reason."),
    response_description=_("A CSV file."),
    response_class=Response,
    responses={
        **_file_response(CSV_MEDIA_TYPE),
        **problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
    },
)
def get_errors(
    caller: CurrentCaller, request: Request, database: Database, import_id: ImportId
) -> Response:
    """Every row error of an import."""
    with database.reading() as connection:
        errors = errors_of_import(connection, caller, import_id)
    content = errors_csv(errors, language_of(request))
    return _file(content, CSV_MEDIA_TYPE, f"import-{import_id}-errors.csv")


@router.get(
    "/{import_id}/failed-rows.csv",
    summary="Failed rows (CSV)",
    description=_(
        "The rows that have errors, as they came, with the reasons in a column of their own. Mend "
        "them and import the file: that column is not read."
    ),
    response_description=_("A CSV file."),
    response_class=Response,
    responses={
        **_file_response(CSV_MEDIA_TYPE),
        **problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
    },
)
def get_failed_rows_csv(
    caller: CurrentCaller, request: Request, database: Database, import_id: ImportId
) -> Response:
    """The rows that have errors."""
    with database.reading() as connection:
        failed = failed_rows_of_import(connection, caller, import_id)
        errors = errors_of_import(connection, caller, import_id)
    content = failed_rows_csv(failed, errors, language_of(request))
    return _file(content, CSV_MEDIA_TYPE, f"import-{import_id}-failed-rows.csv")


@router.get(
    "/{import_id}/failed-rows.xlsx",
    summary="Failed rows (XLSX)",
    description=_(
        "The rows that have errors as a workbook, with the reasons in a column of their own. Mend "
        "them and import the file: that column is not read."
    ),
    response_description=_("A workbook."),
    response_class=Response,
    responses={
        **_file_response(XLSX_MEDIA_TYPE),
        **problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
    },
)
def get_failed_rows_xlsx(
    caller: CurrentCaller, request: Request, database: Database, import_id: ImportId
) -> Response:
    """The failed rows as a workbook."""
    with database.reading() as connection:
        failed = failed_rows_of_import(connection, caller, import_id)
        errors = errors_of_import(connection, caller, import_id)
    content = failed_rows_xlsx(failed, errors, language_of(request))
    return _file(content, XLSX_MEDIA_TYPE, f"import-{import_id}-failed-rows.xlsx")


_HEADER = Query(description=_("The language of the column names; by default the reader's."))
HeaderLanguage = Annotated[Language | None, _HEADER]


@router.get(
    "/templates/{kind}.csv",
    summary="Template (CSV)",
    description=_("A file with the names of the columns and no rows."),
    response_description=_("A CSV file."),
    response_class=Response,
    responses={**_file_response(CSV_MEDIA_TYPE), **problem_responses(Kind.INVALID_REQUEST)},
)
def get_template_csv(request: Request, kind: KindInPath, header: HeaderLanguage = None) -> Response:
    """The names of the columns."""
    content = template_csv(KINDS[kind], header or language_of(request))
    return _file(content, CSV_MEDIA_TYPE, f"{kind}.csv")


@router.get(
    "/templates/{kind}.xlsx",
    summary="Template (XLSX)",
    description=_("A workbook to be filled in; its second sheet explains each column."),
    response_description=_("A workbook."),
    response_class=Response,
    responses={**_file_response(XLSX_MEDIA_TYPE), **problem_responses(Kind.INVALID_REQUEST)},
)
def get_template_xlsx(
    request: Request, kind: KindInPath, header: HeaderLanguage = None
) -> Response:
    """The names of the columns, each explained."""
    content = template_xlsx(KINDS[kind], header or language_of(request))
    return _file(content, XLSX_MEDIA_TYPE, f"{kind}.xlsx")


def _answer(
    database: RequestDatabase, caller: Caller, record: ImportRecord, language: Language
) -> Response:
    """What became of a file: 200, or 422 with its errors."""
    if record.outcome != "rejected":
        answer = ImportAnswer(**_summary(record, language), errors=[])
        return JSONResponse(answer.model_dump(mode="json"))
    with database.reading() as connection:
        errors = errors_of_import(connection, caller, record.id)
    problem = Kind.INVALID_REQUEST
    document = RejectedImportDocument(
        type=f"/docs#problem-{problem.slug}",
        title=translations(language).gettext(problem.value.title),
        status=problem.value.status,
        detail=_message(record, language) or "",
        import_id=record.id,
        error_count=record.error_count,
        row_errors=_row_errors(errors, language),
    )
    return JSONResponse(
        document.model_dump(mode="json"),
        status_code=problem.value.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers={"Content-Language": language},
    )


def _summary(record: ImportRecord, language: Language) -> dict[str, Any]:
    said = {"dry_run": record.outcome != "applied", "message": _message(record, language)}
    return said | {name: getattr(record, name) for name in ImportSummary.model_fields.keys() - said}


def _message(record: ImportRecord, language: Language) -> str | None:
    if record.refusal is None:
        return None
    translate: Callable[[str], str] = translations(language).gettext
    return translate(record.refusal.message).format(**record.refusal.values)


def _row_errors(errors: Collection[RowError], language: Language) -> list[RowErrorAnswer]:
    translate = translations(language).gettext
    return [
        RowErrorAnswer(
            row=error.row,
            column=error.column,
            reason=translate(error.reason.message).format(**error.reason.values),
        )
        for error in islice(errors, _ERRORS_SHOWN)
    ]


def _file(content: bytes, media_type: str, name: str) -> Response:
    charset = "; charset=utf-8" if media_type == CSV_MEDIA_TYPE else ""
    return Response(
        content,
        media_type=f"{media_type}{charset}",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
