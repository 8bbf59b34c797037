"""HEAD on every address that answers GET: load balancers ask so (RFC 9110, 9.3.2)."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HeadLikeGet", "asks_for_head_alone"]

_SCOPE_KEY: Final = "jieru.is_head"


class HeadLikeGet:
    """ASGI middleware: a HEAD request is answered as GET would be, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        as_get = {**scope, "method": "GET", _SCOPE_KEY: True}
        await self._app(as_get, receive, send_without_body)


def asks_for_head_alone(scope: Scope) -> bool:
    """Whether nobody reads the body, so that one without an end must not be begun."""
    return _SCOPE_KEY in scope
