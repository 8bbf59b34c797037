"""The one address to which EMQX's rules post events of its clients."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import structlog
from fastapi import FastAPI, Request, Response
from starlette.responses import PlainTextResponse

from jieru.broker_events.emqx import BODY_LIMIT_BYTES, HookError, read_hook
from jieru.broker_events.event import BrokerEvent, legible

__all__ = ["create_hook_app"]

_NO_CONTENT: Final = 204
_BAD: Final = 400
_UNAUTHORIZED: Final = 401
_TOO_LARGE: Final = 413
_REASON_LIMIT: Final = 200

_log: Final = structlog.get_logger()


def create_hook_app(take: Callable[[BrokerEvent], None], token: str) -> FastAPI:
    """An application that takes events from whoever shows the token.

    Args:
        take: what becomes of an event; does not wait.
        token: expected as `Authorization: Bearer ...`.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    expected = f"Bearer {token}".encode()

    @app.post("/events")
    async def events(request: Request) -> Response:
        shown = request.headers.get("authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(shown, expected):
            return PlainTextResponse("who is there?", status_code=_UNAUTHORIZED)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_LIMIT_BYTES:
                return PlainTextResponse("too large", status_code=_TOO_LARGE)
        try:
            event = read_hook(bytes(body), now=datetime.now(UTC))
        except HookError as error:
            reason = legible(str(error), _REASON_LIMIT)
            _log.warning("broker_event_refused", reason=reason)
            return PlainTextResponse(reason, status_code=_BAD)
        if event is not None:
            take(event)
        return Response(status_code=_NO_CONTENT)

    return app
