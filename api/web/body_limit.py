"""How large a request's body may be, counted as it comes in, whatever its headers promise."""

import re
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyLimit", "limit_bytes_of"]

_MIB: Final = 1 << 20
DEFAULT_BYTES: Final = _MIB
_LARGER: Final = (
    # A file of 100,000 devices as CSV is some 10 MB.
    ("POST", re.compile(r"/api/v1/imports/[^/]+"), 32 * _MIB),
    ("POST", re.compile(r"/imports"), 32 * _MIB),
    # What is handed in with cases and visits: photographs and papers, some at a time.
    ("POST", re.compile(r"(/api/v1)?/cases/[^/]+/[^/]+"), 48 * _MIB),
    ("POST", re.compile(r"/api/v1/visits|/visits/new"), 48 * _MIB),
    ("POST", re.compile(r"(/api/v1)?/questions/[^/]+/answer"), 48 * _MIB),
)
"""Routes that take more than the rest: method, path, bytes."""

_WITHOUT_BODY: Final = frozenset({"GET"})
"""Nobody reads a body of theirs; what is received meanwhile only tells that the client is gone."""
_TOO_LARGE: Final = 413


def limit_bytes_of(method: str, path: str) -> int:
    """How many bytes the body of a request may have."""
    for its_method, its_path, limit in _LARGER:
        if method == its_method and its_path.fullmatch(path):
            return limit
    return DEFAULT_BYTES


class BodyLimit:
    """ASGI middleware: whoever reads a body that is too large gets a refusal instead of the rest.

    The refusal is raised where the body is read, so that it is answered as every other problem,
    and only after the gate: strangers learn nothing by sending much.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        limit = limit_bytes_of(scope["method"], scope["path"])
        declared = _declared_bytes(scope)
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            if declared > limit:
                raise HTTPException(_TOO_LARGE)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(_TOO_LARGE)
            return message

        await self._app(scope, receive_within_limit, send)


def _declared_bytes(scope: Scope) -> int:
    """What Content-Length says; 0 where it is missing, as for a chunked body."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0
