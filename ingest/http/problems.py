"""What is wrong with a request, as a problem document (RFC 9457) in the client's language."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from jieru.accepted_language import most_wanted
from jieru.i18n import Language, process_language, translations
from jieru.i18n import marked as _

__all__ = ["Problem", "answer_problem", "language_of"]

_TITLES: Final[Mapping[int, str]] = {
    400: _("Request cannot be read"),
    401: _("Not signed in"),
    403: _("Not allowed"),
    404: _("Not found"),
    405: _("Method not allowed"),
    408: _("Too slow"),
    413: _("Too much at once"),
    415: _("Form not known"),
    429: _("Too many requests"),
    500: _("Internal error"),
    503: _("Not now"),
}


class Problem(Exception):  # noqa: N818 - what HTTP calls it
    """A request that is not taken; nothing of it is stored."""

    def __init__(
        self,
        status: int,
        message: str,
        values: Mapping[str, object] | None = None,
        *,
        retry_after_s: int = 0,
    ) -> None:
        """Keep what is said of it.

        Args:
            status: of HTTP.
            message: one sentence of the catalogue.
            values: what fills the sentence's gaps.
            retry_after_s: when it may be sent again; 0: nothing is said.
        """
        super().__init__(message)
        self.status = status
        self.message = message
        self.values = values or {}
        self.retry_after_s = retry_after_s


def language_of(request: Request) -> Language:
    """The language of the answer."""
    return most_wanted(request.headers.get("accept-language", "")) or process_language()


def answer_problem(request: Request, problem: Problem, *, is_last: bool) -> Response:
    """The document; where it is the last the connection ends, for some body was not read."""
    language = language_of(request)
    translate = translations(language).gettext
    headers = {"Content-Language": language, "Cache-Control": "no-store"}
    if is_last:
        headers["Connection"] = "close"
    if problem.retry_after_s:
        headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == 401:  # noqa: PLR2004 - of HTTP
        headers["WWW-Authenticate"] = 'Basic realm="jieru", charset="UTF-8"'
    return JSONResponse(
        {
            "type": "about:blank",
            "title": translate(_TITLES[problem.status]),
            "status": problem.status,
            "detail": translate(problem.message).format(**problem.values),
        },
        status_code=problem.status,
        headers=headers,
        media_type="application/problem+json",
    )
