"""The body of a request, read and expanded within bounds of time and room."""

import asyncio
import zlib
from typing import Final

from starlette.requests import ClientDisconnect, Request

from ingest.http.problems import Problem
from ingest.http.room import Hold
from jieru.i18n import marked as _

__all__ = ["BODY_LIMIT_BYTES", "EXPANDED_LIMIT_BYTES", "is_read_to_end", "read_body"]

BODY_LIMIT_BYTES: Final = 1024 * 1024
EXPANDED_LIMIT_BYTES: Final = 4 * 1024 * 1024
_BODY_S: Final = 20.0
_IN_A_THREAD_BYTES: Final = 16 * 1024
"""From so many on others need not wait while they are expanded."""
_THROWN_AWAY_BYTES: Final = 2 * BODY_LIMIT_BYTES
_THROWN_AWAY_S: Final = 2.0
_IS_READ: Final = "is_read"


async def read_body(request: Request, hold: Hold) -> bytes:
    """The bytes that were meant.

    Args:
        request: of somebody whom we know.
        hold: grows by what is held.

    Raises:
        Problem: it is too long, takes too long, or cannot be expanded.
        FullError: there is no room for it now.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise Problem(415, _("The body may be sent as it is, or compressed with gzip."))
    try:
        async with asyncio.timeout(_BODY_S):
            body = await _read(request, hold)
    except TimeoutError:
        raise Problem(408, _("The body did not arrive in time; send less at once.")) from None
    except ClientDisconnect:
        raise Problem(400, _("The request ended before its body did.")) from None
    if not body:
        raise Problem(400, _("The request has no body; put heartbeats there."))
    if encoding == "identity":
        return body
    many = len(body) > _IN_A_THREAD_BYTES
    expanded = await asyncio.to_thread(_expanded, body) if many else _expanded(body)
    hold.grow(len(expanded))
    return expanded


async def is_read_to_end(request: Request) -> bool:
    """Whether nothing of a refused request is on its way any more; some of it is thrown away.

    To hang up on what is still being sent would take the answer from whoever sends it.
    """
    if getattr(request.state, _IS_READ, False):
        return True
    if "expect" in request.headers:  # it waits for leave to send
        return False
    length = 0
    try:
        async with asyncio.timeout(_THROWN_AWAY_S):
            async for part in request.stream():
                length += len(part)
                if length > _THROWN_AWAY_BYTES:
                    return False
    except (TimeoutError, ClientDisconnect):
        return False
    return True


async def _read(request: Request, hold: Hold) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > BODY_LIMIT_BYTES:
        raise _too_long(BODY_LIMIT_BYTES)
    parts: list[bytes] = []
    length = 0
    async for part in request.stream():
        hold.grow(len(part))
        length += len(part)
        if length > BODY_LIMIT_BYTES:
            raise _too_long(BODY_LIMIT_BYTES)
        parts.append(part)
    setattr(request.state, _IS_READ, True)
    return b"".join(parts)


def _expanded(body: bytes) -> bytes:
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    parts: list[bytes] = []
    length = 0
    try:
        while not reader.eof:
            part = reader.decompress(body, BODY_LIMIT_BYTES)
            body = reader.unconsumed_tail
            if not (part or body):
                break
            length += len(part)
            if length > EXPANDED_LIMIT_BYTES:
                raise _too_long(EXPANDED_LIMIT_BYTES)
            parts.append(part)
    except zlib.error:
        raise Problem(400, _("The body is not compressed with gzip, as its header says.")) from None
    if not reader.eof or reader.unused_data:
        raise Problem(400, _("The body is cut off, or goes on after gzip's end."))
    return b"".join(parts)


def _too_long(limit: int) -> Problem:
    return Problem(
        413, _("The body has more than {limit} bytes; divide it."), {"limit": f"{limit:,}"}
    )
