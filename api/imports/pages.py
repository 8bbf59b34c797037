"""Imports for people: choose a file, see what it would do or what is wrong, then import it."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.access.caller import Caller
from api.access.gate import GatedRoute
from api.access.roles import Permission
from api.console.announcement import Done, go_on
from api.console.choices import word_choices
from api.console.forms import FormValues, Mistakes, mistakes_of
from api.console.listed import page_addresses
from api.console.visit import CurrentVisit, Visit
from api.console.words import IMPORT_OUTCOME_WORDS, KIND_WORDS, words
from api.imports.queries import (
    ImportRecord,
    apply_import,
    errors_of_import,
    find_import,
    list_imports,
    receive_import,
    size_of_import,
)
from api.imports.room import file_limit_bytes
from api.imports.routes import ImportId
from api.imports.turns import in_turn
from api.imports.upload import read_form_file
from api.web.paging import PageRequest, RequestedPage
from api.web.policy import CurrentRegistryRules
from api.web.problems import Kind, Problem, WrongField
from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.kinds import KINDS, KindName
from registry.rows import RowError

__all__ = ["router"]

router = APIRouter(include_in_schema=False, route_class=GatedRoute)

_LIST: Final = "/imports"
_ERRORS_PER_PAGE: Final = 50
_LAST_PAGE: Final = 100_000
_ROWS_SHOWN: Final = 50
_ROW_SEPARATOR: Final = ", "
_SEE_OTHER: Final = 303


@router.get(_LIST)
def show_imports(visit: CurrentVisit, page: RequestedPage) -> HTMLResponse:
    """The form for a file, and the files that came before."""
    return _imports(visit, page)


@router.post(_LIST)
async def take_file(
    visit: CurrentVisit, rules: CurrentRegistryRules, values: FormValues
) -> Response:
    """Check a file and go on to what it would do."""
    chosen = values.get("kind", "")

    def work() -> ImportRecord:
        kind = _kind_of(visit.caller, chosen)
        return receive_import(visit.database, visit.caller, kind, file, rules=rules, dry_run=True)

    try:
        file = await read_form_file(visit.request)
        if not file.content:
            raise _without_file()
        record = await in_turn(visit.request, visit.caller, work, size_bytes=len(file.content))
    except Problem as problem:
        mistakes = mistakes_of(visit.request, problem)
        return await run_in_threadpool(_imports, visit, PageRequest(), chosen, mistakes)
    return RedirectResponse(f"{_LIST}/{record.id}", _SEE_OTHER)


@router.get("/imports/{import_id}")
def show_import(
    visit: CurrentVisit,
    import_id: ImportId,
    page: Annotated[int, Query(ge=1, le=_LAST_PAGE)] = 1,
) -> HTMLResponse:
    """What a file would do, what it did, or what is wrong with it."""
    with visit.database.snapshot() as connection:
        record = find_import(connection, visit.caller, import_id)
        errors = errors_of_import(connection, visit.caller, import_id)
    first = (page - 1) * _ERRORS_PER_PAGE
    shown = errors[first : first + _ERRORS_PER_PAGE]
    address = f"{_LIST}/{record.id}"
    has_more = first + _ERRORS_PER_PAGE < len(errors)
    may_change = visit.may(Permission.CHANGE_REGISTRY)
    return visit.render(
        "imports/errors.html" if visit.wants_part("errors") else "imports/import.html",
        {
            "record": record,
            "kind": visit.translate(KIND_WORDS[record.kind]),
            "outcome": words(record.outcome, IMPORT_OUTCOME_WORDS, visit.translate),
            "refusal": _spoken(visit, record.refusal) if record.refusal else "",
            "errors": [
                (
                    error.row,
                    _columns_in_words(visit, record.kind, error),
                    _spoken(visit, error.reason),
                )
                for error in shown
            ],
            "requested_rows": _ROW_SEPARATOR.join(map(str, record.requested_rows[:_ROWS_SHOWN])),
            "displaced": _ROW_SEPARATOR.join(map(str, record.displaced)),
            "has_more_requested": record.requested > _ROWS_SHOWN,
            "backdated_rows": _ROW_SEPARATOR.join(map(str, record.backdated_rows[:_ROWS_SHOWN])),
            "has_more_backdated": record.backdated > _ROWS_SHOWN,
            "first_address": address if page > 1 else None,
            "next_address": f"{address}?page={page + 1}" if has_more else None,
            "may_apply": record.is_applicable and may_change,
            "may_change": may_change,
        },
    )


@router.post("/imports/{import_id}/apply")
async def take_apply(
    visit: CurrentVisit, rules: CurrentRegistryRules, import_id: ImportId
) -> Response:
    """Import the file that was checked."""
    size_bytes = await run_in_threadpool(size_of_import, visit.database, visit.caller, import_id)
    record = await in_turn(
        visit.request,
        visit.caller,
        lambda: apply_import(visit.database, visit.caller, import_id, rules=rules),
        size_bytes=size_bytes,
    )
    address = f"{_LIST}/{record.id}"
    if record.outcome == "applied":
        return go_on(address, Done.IMPORTED)
    return RedirectResponse(address, _SEE_OTHER)


def _imports(
    visit: Visit, page: PageRequest, chosen: str = "", mistakes: Mistakes | None = None
) -> HTMLResponse:
    with visit.database.reading() as connection:
        records, next_cursor = list_imports(connection, visit.caller, page)
    return visit.render(
        "imports/rows.html" if visit.wants_part("imports") else "imports/imports.html",
        {
            "records": [
                (
                    record,
                    visit.translate(KIND_WORDS[record.kind]),
                    words(record.outcome, IMPORT_OUTCOME_WORDS, visit.translate),
                )
                for record in records
            ],
            "kinds": word_choices(_kinds_for(visit.caller), KIND_WORDS, visit.translate),
            "chosen": chosen,
            "limit_mib": file_limit_bytes(visit.caller) >> 20,
            "mistaken": mistakes,
            "may_change": visit.may(Permission.CHANGE_REGISTRY),
            **page_addresses(_LIST, {}, page, next_cursor),
        },
        status=mistakes.status if mistakes else 200,
    )


def _kinds_for(caller: Caller) -> list[KindName]:
    """In the order in which they build on one another."""
    kinds: list[KindName] = ["enterprises", "connections", "devices"]
    if caller.may(Permission.CHANGE_PLATFORMS):
        return ["platforms", "recognitions", *kinds]
    return kinds


def _kind_of(caller: Caller, chosen: str) -> KindName:
    for kind in _kinds_for(caller):
        if kind == chosen:
            return kind
    raise Problem(Kind.INVALID_REQUEST).about([WrongField("kind", UserError("is required"))])


def _without_file() -> Problem:
    return Problem(Kind.INVALID_REQUEST, _("The form has no file: choose one.")).about(
        [WrongField("file", UserError("is required"))]
    )


def _columns_in_words(visit: Visit, kind: KindName, error: RowError) -> str:
    """The columns of an error as the template of the reader's language names them."""
    if visit.language != "zh":
        return error.column
    chinese = {column.name: column.chinese for column in KINDS[kind].columns}
    names = [name.strip() for name in error.column.split(",")]
    return "、".join(chinese.get(name, name) for name in names)


def _spoken(visit: Visit, sentence: UserError) -> str:
    return visit.translate(sentence.message).format(**sentence.values)
