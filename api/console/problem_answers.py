"""What a request that ends in a problem is answered: a document for programs, a page for people."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

import psycopg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.console.rendering import render
from api.web.database import RequestDatabase
from api.web.ending import ending_problem
from api.web.headers import SECURITY_HEADERS, loggable_path
from api.web.lanes import busy
from api.web.language import language_of
from api.web.problems import (
    PROBLEM_MEDIA_TYPE,
    FieldError,
    Kind,
    Problem,
    ProblemDocument,
    field_path,
    reason_of,
)
from api.web.services import services_of
from jieru.durable_files import is_full
from jieru.errors import NoRoomError, UserError, WorldError
from jieru.i18n import Language, translations
from jieru.i18n import marked as _

__all__ = ["install_problems"]

_RETRY_AFTER_S: Final = 5
_FORMS_OF_SECRETS: Final = ("/sign-in", "/account", "/confirm", "/challenge")
"""Passwords and codes: no page has them."""

_log = structlog.get_logger()


def install_problems(app: FastAPI) -> None:
    """Give every exception that can end a request its answer."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(psycopg.OperationalError, _answer_database_away)
    app.add_exception_handler(psycopg.errors.LockNotAvailable, _answer_busy)
    app.add_exception_handler(psycopg.errors.QueryCanceled, _answer_busy)
    app.add_exception_handler(psycopg.InterfaceError, _answer_database_away)
    app.add_exception_handler(PoolTimeout, _answer_database_away)
    for error in (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        app.add_exception_handler(error, _answer_other_schema)
    app.add_exception_handler(WorldError, _answer_database_away)
    app.add_exception_handler(NoRoomError, _answer_no_room)
    app.add_exception_handler(OSError, _answer_system_error)
    app.add_exception_handler(UserError, _answer_user_error)
    app.add_exception_handler(Exception, _answer_bug)


def _respond(
    request: Request,
    kind: Kind,
    message: str,
    values: dict[str, object] | None = None,
    *,
    status: int | None = None,
    errors: Sequence[FieldError] = (),
    headers: dict[str, str] | None = None,
) -> Response:
    language = language_of(request)
    document = ProblemDocument(
        type=f"/docs#problem-{kind.slug}",
        title=_spoken(kind.value.title, language),
        status=status or kind.value.status,
        detail=_spoken(message, language, values),
        errors=list(errors),
    )
    if document.status == Kind.DATABASE_AWAY.value.status:
        headers = {"Retry-After": str(_RETRY_AFTER_S), **(headers or {})}
    if _is_page(request):
        response = render(request, "problem.html", {"problem": document}, status=document.status)
        response.headers.update(headers or {})
        return response
    return JSONResponse(
        document.model_dump(),
        status_code=document.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers={"Content-Language": language, **(headers or {})},
    )


def _is_page(request: Request) -> bool:
    """Whether a person is waiting for a whole page, rather than a program or a part of one."""
    return (
        "text/html" in request.headers.get("accept", "")
        and "hx-request" not in request.headers
        and not request.url.path.startswith("/api/")
    )


def _spoken(message: str, language: Language, values: dict[str, object] | None = None) -> str:
    return translations(language).gettext(message).format(**(values or {}))


async def _answer_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - how it was registered
    if error.kind is Kind.UNAUTHENTICATED:
        return _answer_unauthenticated(request, error)
    if error.kind in {Kind.TOO_MANY_REQUESTS, Kind.BUSY} and _is_page(request):
        return await _answer_waiting(request, error)
    language = language_of(request)
    errors = [
        FieldError(
            location=each.location,
            field=each.field,
            message=_spoken(each.reason.message, language, each.reason.values),
        )
        for each in error.fields
    ]
    return _respond(
        request,
        error.kind,
        error.message,
        error.values,
        errors=errors,
        headers=dict(error.headers),
    )


async def _answer_waiting(request: Request, problem: Problem) -> Response:
    """A page that asks again by itself; what was written in a form is kept in it and sent again.

    Files are not, and neither is what nobody should find in a page: then the form has to be sent
    anew, which browsers keep behind "back".
    """
    seconds = dict(problem.headers).get("Retry-After", "5")
    kept = None if request.method == "GET" else await _form_to_keep(request)
    language = language_of(request)
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    values = {
        "title": _spoken(problem.kind.value.title, language),
        "detail": _spoken(problem.message, language, problem.values),
        "seconds": seconds,
        "address": address,
        "is_form": request.method != "GET",
        "kept": kept,
    }
    response = render(request, "waiting.html", values, status=problem.kind.value.status)
    response.headers["Retry-After"] = seconds
    if request.method == "GET":
        response.headers["Refresh"] = seconds
    return response


async def _form_to_keep(request: Request) -> list[tuple[str, str]] | None:
    """What a form holds, unless it is not to be kept."""
    kind = request.headers.get("content-type", "")
    if not kind.startswith("application/x-www-form-urlencoded"):
        return None
    if request.url.path.startswith(_FORMS_OF_SECRETS):
        return None
    items = (await request.form()).multi_items()
    return [(name, value) for name, value in items if isinstance(value, str)]


def _answer_unauthenticated(request: Request, problem: Problem) -> Response:
    """A program learns how to come in; a person is shown the door."""
    door = f"/sign-in?{urlencode({'next': _address_of_page(request)})}"
    if _is_page(request):
        return RedirectResponse(door, status_code=303)
    headers = {"WWW-Authenticate": "Bearer"}
    if "hx-request" in request.headers:
        headers["HX-Redirect"] = door
    return _respond(request, problem.kind, problem.message, problem.values, headers=headers)


def _address_of_page(request: Request) -> str:
    """Where to go on after signing in: the page itself, or the one a part was asked from."""
    if request.method != "GET" or "hx-request" in request.headers:
        return "/"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


async def _answer_user_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, UserError)  # noqa: S101 - how it was registered
    return _respond(request, Kind.REFUSED, error.message, error.values)


async def _answer_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - how it was registered
    known = {
        kind.value.status: kind
        for kind in (
            Kind.NOT_FOUND,
            Kind.METHOD_NOT_ALLOWED,
            Kind.TOO_LARGE,
            Kind.UNSUPPORTED_MEDIA_TYPE,
        )
    }
    kind = known.get(error.status_code, Kind.REFUSED)
    return _respond(
        request,
        kind,
        kind.value.meaning,
        status=error.status_code,
        headers=dict(error.headers or {}),
    )


async def _answer_database_away(request: Request, error: Exception) -> Response:
    database = services_of(request).find(RequestDatabase)
    if database is not None and database.is_interrupted:
        return await _answer_problem(request, ending_problem())
    # The reader gets no address and no driver message: those are for the operator's log.
    _log.warning(
        "database_away", path=loggable_path(request.url.path), error=" ".join(str(error).split())
    )
    return _respond(request, Kind.DATABASE_AWAY, Kind.DATABASE_AWAY.value.meaning)


async def _answer_busy(request: Request, error: Exception) -> Response:
    """Somebody else holds what this waited for, or it took longer than it may."""
    database = services_of(request).find(RequestDatabase)
    if database is not None and database.is_interrupted:
        return await _answer_problem(request, ending_problem())
    _log.warning(
        "request_gave_way",
        path=loggable_path(request.url.path),
        error=" ".join(str(error).split()),
    )
    return await _answer_problem(request, busy())


async def _answer_no_room(request: Request, error: Exception) -> Response:
    # Which folder it is is for the operator's log.
    _log.error(
        "disk_full", path=loggable_path(request.url.path), error=" ".join(str(error).split())
    )
    return _respond(request, Kind.NO_ROOM, Kind.NO_ROOM.value.meaning)


async def _answer_system_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)  # noqa: S101 - how it was registered
    if not is_full(error):
        raise error
    return await _answer_no_room(request, error)


async def _answer_other_schema(request: Request, error: Exception) -> Response:
    _log.error(
        "schema_does_not_fit",
        path=loggable_path(request.url.path),
        error=" ".join(str(error).split()),
    )
    return _respond(request, Kind.NOT_READY, Kind.NOT_READY.value.meaning)


async def _answer_bug(request: Request, error: Exception) -> Response:
    _log.error(
        "request_failed",
        method=request.method,
        path=loggable_path(request.url.path),
        exc_info=error,
    )
    response = _respond(request, Kind.INTERNAL_ERROR, Kind.INTERNAL_ERROR.value.meaning)
    # This answer is made outside of all middleware.
    response.headers.update(SECURITY_HEADERS)
    return response


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - how it was registered
    language = language_of(request)
    errors = []
    for item in error.errors():
        location, *path = item["loc"]
        reason = reason_of(item)
        message = _spoken(reason.message, language, reason.values)
        errors.append(
            FieldError(
                location=str(location), field=field_path(path) or str(location), message=message
            )
        )
    first = errors[0]
    return _respond(
        request,
        Kind.INVALID_REQUEST,
        _("{field} {message}."),
        {"field": first.field, "message": first.message},
        errors=errors,
    )
