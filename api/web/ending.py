"""What becomes of requests when the server is told to end before they are answered.

They have some seconds; then their statements are cancelled and nothing more is committed, so that
each answer can say whether anything was stored.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.web.language import language_of
from api.web.problems import PROBLEM_MEDIA_TYPE, Kind, Problem, ProblemDocument
from jieru.i18n import marked as _
from jieru.i18n import translations

__all__ = ["AnsweredAtTheEnd", "Outcome", "committing", "ending_problem"]

RETRY_AFTER_S: Final = 30
_STORED: Final = _(
    "The server is being stopped and could not answer any more, but what you asked for was stored: "
    "look at it, and do not send it again."
)
_UNKNOWN: Final = _(
    "The server is being stopped, and it is not known whether this request was stored: look before "
    "you send it again."
)


class Outcome:
    """What is known of the changes of one request."""

    def __init__(self) -> None:
        """Nothing is stored yet."""
        self.is_committing = False
        self.is_stored = False

    @property
    def sentence(self) -> str:
        """For whoever sent it."""
        if self.is_committing:
            return _UNKNOWN
        return _STORED if self.is_stored else Kind.ENDING.value.meaning


_OUTCOME: ContextVar[Outcome | None] = ContextVar("outcome", default=None)


@contextmanager
def committing() -> Iterator[None]:
    """Note for the request at hand that its change is being committed, and then that it was."""
    outcome = _OUTCOME.get() or Outcome()
    outcome.is_committing = True
    yield
    outcome.is_committing = False
    outcome.is_stored = True


def ending_problem() -> Problem:
    """What a request is answered that the server's end interrupted."""
    outcome = _OUTCOME.get() or Outcome()
    return Problem(Kind.ENDING, outcome.sentence).with_headers({"Retry-After": str(RETRY_AFTER_S)})


class AnsweredAtTheEnd:
    """ASGI middleware: a request that is cancelled, its time being over, is answered all the same.

    The server would answer it with 500 and two words.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        outcome = Outcome()
        _OUTCOME.set(outcome)
        is_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            if is_begun:
                raise
            await _answer(Request(scope), outcome, send)


async def _answer(request: Request, outcome: Outcome, send: Send) -> None:
    language = language_of(request)
    speak = translations(language).gettext
    kind = Kind.ENDING
    document = ProblemDocument(
        type=f"/docs#problem-{kind.slug}",
        title=speak(kind.value.title),
        status=kind.value.status,
        detail=speak(outcome.sentence),
    )
    is_page = "text/html" in request.headers.get("accept", "")
    body = document.detail if is_page else json.dumps(document.model_dump(), ensure_ascii=False)
    headers = {
        "content-type": "text/plain; charset=utf-8" if is_page else PROBLEM_MEDIA_TYPE,
        "content-language": language,
        "retry-after": str(RETRY_AFTER_S),
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "connection": "close",
    }
    await send(
        {
            "type": "http.response.start",
            "status": kind.value.status,
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body.encode()})
