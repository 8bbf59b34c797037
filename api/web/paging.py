"""Lists in pages: a cursor names the last record seen, so that pages stay whole while others write.

A cursor is opaque to clients: base64url of the last record's sort key as JSON. It is checked as
strictly as any other input, for anybody can write one.
"""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from api.web.problems import Kind, Problem, WrongField
from jieru.errors import UserError
from jieru.i18n import marked as _

__all__ = [
    "Key",
    "KeyPart",
    "Page",
    "PageRequest",
    "RequestedPage",
    "cut_page",
    "read_cursor",
    "write_cursor",
]

LIMIT: Final = 50
LIMIT_MAX: Final = 500
_CURSOR_LENGTH_MAX: Final = 500
_INT64: Final = range(-(2**63), 2**63)

Item = TypeVar("Item")
KeyPart = int | str | datetime
Key = tuple[Any, ...]
"""What a list is sorted by: the parts of one record's key, each a `KeyPart`."""


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    items: list[Item]
    next_cursor: str | None = Field(
        description="Send it as `cursor` to get the next page; null: this is the last one."
    )


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page of a list, and how long."""

    cursor: str | None = None
    """`next_cursor` of the page before; None: the first page."""
    limit: int = LIMIT


async def _requested_page(
    cursor: Annotated[
        str | None,
        Query(
            description=_("`next_cursor` of the page before; without it, the first page."),
            max_length=_CURSOR_LENGTH_MAX,
        ),
    ] = None,
    limit: Annotated[
        int, Query(description=_("How many records at most."), ge=1, le=LIMIT_MAX)
    ] = LIMIT,
) -> PageRequest:
    """The page that a request asks for."""
    return PageRequest(cursor or None, limit)


RequestedPage = Annotated[PageRequest, Depends(_requested_page)]


def write_cursor(key: Sequence[KeyPart]) -> str:
    """The cursor that stands after the record with this sort key."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None, *types: type[KeyPart]) -> Key | None:
    """The sort key that a cursor names; None for the first page.

    Raises:
        Problem: the cursor is none of ours, or of another list.
    """
    if cursor is None:
        return None
    try:
        # `validate` is an argument of b64decode only; what is not in the alphabet must not vanish.
        parts = json.loads(urlsafe_b64decode(_padded(cursor)))
        if not isinstance(parts, list) or len(parts) != len(types):
            raise ValueError  # noqa: TRY301 - one answer to every wrong cursor
        key = tuple(_part(part, kind) for part, kind in zip(parts, types, strict=True))
    except (ValueError, binascii.Error, RecursionError):
        reason = UserError("is not a cursor of this list: take `next_cursor` of the page before")
        raise Problem(
            Kind.INVALID_REQUEST,
            _("The cursor is none of this list: begin with its first page again."),
        ).about([WrongField("cursor", reason, "query")]) from None
    return key


def _padded(cursor: str) -> bytes:
    if not cursor.isascii() or not cursor.replace("-", "").replace("_", "").isalnum():
        raise ValueError
    return (cursor + "=" * (-len(cursor) % 4)).encode()


def _part(part: object, kind: type[KeyPart]) -> KeyPart:
    if kind is int and type(part) is int and part in _INT64:
        return part
    if kind is str and isinstance(part, str) and "\0" not in part:
        part.encode()  # a lone surrogate is no text
        return part
    if kind is datetime and isinstance(part, str):
        instant = datetime.fromisoformat(part)
        if instant.tzinfo is not None:
            return instant
    raise ValueError


def cut_page(keys: Sequence[Key], limit: int) -> tuple[Sequence[Key], str | None]:
    """The keys of one page, and the cursor after it.

    Args:
        keys: in the list's order, one more than `limit` where there are so many.
        limit: the length of the page.
    """
    if len(keys) <= limit:
        return keys, None
    return keys[:limit], write_cursor(keys[limit - 1])
