"""What can go wrong with a request: the kinds of problems, and their documents (RFC 9457).

The `type` of a problem is an address on the reference page, where each kind is explained.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "PROBLEM_MEDIA_TYPE",
    "SENTENCE",
    "FieldError",
    "Kind",
    "Problem",
    "ProblemDocument",
    "WrongField",
    "field_path",
    "problem_responses",
    "reason_of",
    "wrong_fields",
    "wrong_value",
]

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
SENTENCE: Final = "sentence"
"""The type of an error of pydantic's whose reason is a sentence of ours."""


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
    STALE_DRAFT = _Explanation(
        409,
        _("Draft out of date"),
        _(
            "The draft is older than what it rests on; errors says what changed. Draft the count "
            "again (`POST /api/v1/counts/2026/draft`, with its year), look at it, then submit it."
        ),
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
    TOO_MANY_REQUESTS = _Explanation(
        429,
        _("Too many requests"),
        _("One caller asks for too much: wait as many seconds as Retry-After says, then go on."),
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

    BUSY = _Explanation(
        503,
        _("Busy"),
        _(
            "Others are at work on the same, and nothing of this request was stored. Send it again "
            "in a few seconds."
        ),
    )
    ENDING = _Explanation(
        503,
        _("Server stopping"),
        _(
            "The server is being stopped: nothing of this request was stored. Send it again in a "
            "minute."
        ),
    )
    NO_ROOM = _Explanation(
        507,
        _("No room left"),
        _(
            "A disk of the server is full: nothing of this request was stored. Tell whoever runs "
            "it, and send it again when there is room."
        ),
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

    def __init__(self, kind: Kind, message: str = "", **values: object) -> None:
        """Take an English message with `{named}` values; without one, the meaning of the kind."""
        message = message or kind.value.meaning
        super().__init__(kind, message, values)
        self.kind = kind
        self.message = message
        self.values = values
        self.fields: Sequence[WrongField] = ()
        self.headers: Mapping[str, str] = {}

    def about(self, fields: Sequence[WrongField]) -> Self:
        """Name each value that is wrong; returns this problem."""
        self.fields = fields
        return self

    def with_headers(self, headers: Mapping[str, str]) -> Self:
        """Add headers to the answer; returns this problem."""
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


def wrong_value(field: str, reason: UserError) -> Problem:
    """A body that is refused for one of its values; the reason is a sentence of its own."""
    return Problem(Kind.INVALID_REQUEST, reason.message, **reason.values).about(
        [WrongField(field, reason)]
    )


def wrong_fields(errors: Sequence[Any]) -> list[WrongField]:
    """What pydantic found wrong in a body or a form, each under its dotted path."""
    return [WrongField(field_path(item["loc"]), reason_of(item)) for item in errors]


def field_path(path: Sequence[int | str]) -> str:
    """A dotted path; a name that somebody made up may be no text, and is written so that it is."""
    return ".".join(map(str, path)).encode("utf-8", "backslashreplace").decode()


def reason_of(item: Any) -> UserError:  # noqa: ANN401 - pydantic's, a mapping of many shapes
    """What pydantic found wrong with one value."""
    if item["type"] == SENTENCE:
        message, values = item["ctx"]["sentence"], item["ctx"]["values"]
        return UserError(message, **values)
    template = _FIELD_MESSAGES.get(item["type"])
    # What we have no words for is pydantic's own, where a brace is a brace.
    message = template or item["msg"].replace("{", "{{").replace("}", "}}")
    return UserError(message, **item.get("ctx", {}))
