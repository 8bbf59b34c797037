"""What went wrong, as a problem document (RFC 9457) for programs and as a page for people.

The `type` of a problem is an address on the reference page, where each kind is explained.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlencode

import psycopg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.web.headers import SECURITY_HEADERS
from api.web.language import language_of
from api.web.rendering import render
from jieru.errors import UserError, WorldError
from jieru.i18n import Language, translations
from jieru.i18n import marked as _

__all__ = [
    "PROBLEM_MEDIA_TYPE",
    "Kind",
    "Problem",
    "ProblemDocument",
    "WrongField",
    "install_problems",
    "problem_responses",
    "wrong_fields",
]

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
_RETRY_AFTER_S: Final = 5

_log = structlog.get_logger()


class _Explanation(NamedTuple):
    status: int
    title: str
    meaning: str


class Kind(Enum):
    """Every kind of problem there is; the name in lower case is its anchor on the page."""

    UNAUTHENTICATED = _Explanation(
        401, _("Not signed in"), _("Sign in, or send an API key as a bearer token.")
    )
    FORBIDDEN = _Explanation(403, _("Not allowed"), _("Your role does not allow this."))
    NOT_FOUND = _Explanation(
        404, _("Not found"), _("Nothing is kept under this address, or not for this year.")
    )
    METHOD_NOT_ALLOWED = _Explanation(
        405, _("Method not allowed"), _("This address does not answer to this HTTP method.")
    )
    CONFLICT = _Explanation(
        409,
        _("Conflict"),
        _("The change contradicts what is registered, such as a period that overlaps another."),
    )
    CHANGED_MEANWHILE = _Explanation(
        412,
        _("Changed meanwhile"),
        _("Somebody else changed the record since you read it. Read it again, then decide."),
    )
    TOO_LARGE = _Explanation(
        413, _("Request too large"), _("The body of the request is larger than is taken here.")
    )
    UNSUPPORTED_MEDIA_TYPE = _Explanation(
        415, _("Unsupported media type"), _("The body is of a kind that is not taken here.")
    )
    INVALID_REQUEST = _Explanation(
        422,
        _("Invalid request"),
        _("A value in the address, the query or the body is wrong; errors names each field."),
    )
    REVISION_REQUIRED = _Explanation(
        428,
        _("Revision required"),
        _("Send the ETag of the record that you read as If-Match, so that no change is lost."),
    )
    TOO_MANY_ATTEMPTS = _Explanation(
        429, _("Too many attempts"), _("Wait as many seconds as Retry-After says, then try again.")
    )
    REFUSED = _Explanation(
        400, _("Request refused"), _("The request cannot be answered as it stands.")
    )
    INTERNAL_ERROR = _Explanation(
        500, _("Internal error"), _("A fault of this program; its log has the details.")
    )
    DATABASE_AWAY = _Explanation(
        503,
        _("Database unavailable"),
        _("The database cannot be reached just now. Ask again after Retry-After seconds."),
    )
    NOT_READY = _Explanation(
        503,
        _("Not ready"),
        _("The database and this program do not fit together; the operator must act."),
    )

    @property
    def slug(self) -> str:
        """The anchor of this kind on the reference page."""
        return self.name.lower()


class WrongField(NamedTuple):
    """One value of the request that is wrong, and why, for each reader in his own language."""

    field: str
    """Name of the parameter, or dotted path in the body."""
    reason: UserError
    location: str = "body"


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """Ends a request with a problem; the message is translated for its reader."""

    def __init__(self, kind: Kind, message: str, **values: object) -> None:
        """Take an English message with `{named}` values."""
        super().__init__(kind, message, values)
        self.kind = kind
        self.message = message
        self.values = values
        self.fields: Sequence[WrongField] = ()
        self.headers: Mapping[str, str] = {}

    def about(self, fields: Sequence[WrongField]) -> Self:
        """The same, naming each value that is wrong."""
        self.fields = fields
        return self

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """The same, with headers of its own."""
        self.headers = headers
        return self


class FieldError(BaseModel):
    """One value of the request that is wrong."""

    location: str = Field(description="`path`, `query`, `header` or `body`.")
    field: str = Field(description="Name of the parameter, or dotted path in the body.")
    message: str = Field(description="What is wrong with it, in the reader's language.")


class ProblemDocument(BaseModel):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "/docs#problem-not_found",
                    "title": "未找到",
                    "status": 404,
                    "detail": "没有代码为 xielian 的平台。",
                    "errors": [],
                }
            ]
        }
    )

    type: str = Field(description="Address at which this kind of problem is explained.")
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(
        default=[], description="With status 422: each field that is wrong."
    )


def problem_responses(*kinds: Kind) -> dict[int | str, dict[str, object]]:
    """The `responses` argument of a route that may end in these problems."""
    return {
        kind.value.status: {
            "model": ProblemDocument,
            "description": kind.value.title,
            "content": {
                PROBLEM_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
            },
        }
        for kind in kinds
    }


def install_problems(app: FastAPI) -> None:
    """Give every exception that can end a request its answer."""
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_exception_handler(psycopg.OperationalError, _answer_database_away)
    app.add_exception_handler(psycopg.InterfaceError, _answer_database_away)
    app.add_exception_handler(PoolTimeout, _answer_database_away)
    for error in (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        app.add_exception_handler(error, _answer_other_schema)
    app.add_exception_handler(WorldError, _answer_database_away)
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
        headers = {**(headers or {}), "Retry-After": str(_RETRY_AFTER_S)}
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
    # The reader gets no address and no driver message: those are for the operator's log.
    _log.warning("database_away", path=request.url.path, error=" ".join(str(error).split()))
    return _respond(request, Kind.DATABASE_AWAY, Kind.DATABASE_AWAY.value.meaning)


async def _answer_other_schema(request: Request, error: Exception) -> Response:
    _log.error("schema_does_not_fit", path=request.url.path, error=" ".join(str(error).split()))
    return _respond(request, Kind.NOT_READY, Kind.NOT_READY.value.meaning)


async def _answer_bug(request: Request, error: Exception) -> Response:
    _log.error("request_failed", method=request.method, path=request.url.path, exc_info=error)
    response = _respond(request, Kind.INTERNAL_ERROR, Kind.INTERNAL_ERROR.value.meaning)
    # This answer is made outside of all middleware.
    response.headers.update(SECURITY_HEADERS)
    return response


_FIELD_MESSAGES: Final = {
    "missing": _("is required"),
    "int_parsing": _("must be a whole number"),
    "int_from_float": _("must be a whole number"),
    "int_type": _("must be a whole number"),
    "civil_date": _("must be a date of the form YYYY-MM-DD"),
    "greater_than_equal": _("must be at least {ge}"),
    "less_than_equal": _("must be at most {le}"),
    "literal_error": _("must be one of {expected}"),
    "enum": _("must be one of {expected}"),
    "string_type": _("must be text"),
    "string_unicode": _("must be text"),
    "extra_forbidden": _("is not known here"),
    "model_attributes_type": _("must be a JSON object"),
    "timezone_aware": _("must carry its time zone"),
    "datetime_parsing": _("must be an instant such as 2026-03-02T08:00:00+08:00"),
    "datetime_from_date_parsing": _("must be an instant such as 2026-03-02T08:00:00+08:00"),
    "string_too_long": _("must have at most {max_length} characters"),
    "string_pattern_mismatch": _("must match {pattern}"),
}


def wrong_fields(errors: Sequence[Any]) -> list[WrongField]:
    """What pydantic found wrong in a body or a form, each under its dotted path."""
    return [WrongField(".".join(map(str, item["loc"])), _reason(item)) for item in errors]


def _reason(item: Any) -> UserError:  # noqa: ANN401 - pydantic's, a mapping of many shapes
    template = _FIELD_MESSAGES.get(item["type"])
    # What we have no words for is pydantic's own, where a brace is a brace.
    message = template or item["msg"].replace("{", "{{").replace("}", "}}")
    return UserError(message, **item.get("ctx", {}))


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - how it was registered
    language = language_of(request)
    errors = []
    for item in error.errors():
        location, *path = item["loc"]
        reason = _reason(item)
        message = _spoken(reason.message, language, reason.values)
        errors.append(
            FieldError(location=str(location), field=".".join(map(str, path)), message=message)
        )
    first = errors[0]
    return _respond(
        request,
        Kind.INVALID_REQUEST,
        _("{field} {message}."),
        {"field": first.field, "message": first.message},
        errors=errors,
    )
