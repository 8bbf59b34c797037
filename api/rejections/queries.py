"""Rejections in the database, newest first."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import psycopg
from fastapi import Query
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable

from api.access.caller import Caller
from api.rejections.answers import RejectionAnswer, RejectionPage
from api.web.filters import PlatformFilter, TopicFilter
from api.web.paging import PageRequest, read_cursor, write_cursor
from api.web.periods import FromInstant, ToInstant
from jieru.i18n import marked as _
from jieru.wire import RejectionReason

__all__ = ["RejectionFilter", "list_rejections"]

_SELECT: Final = SQL("""
    SELECT id, received_at, reason, topic, payload, payload_bytes FROM rejections
    WHERE {conditions} ORDER BY received_at DESC, id DESC LIMIT %(limit)s
""")
# As the index has them.
_OF_PLATFORM: Final = SQL(
    "topic LIKE 'jieru/v1/%%/%%' AND split_part(topic, '/', 3) = %(platform)s"
)
_OF_OWN_PLATFORM: Final = SQL("topic LIKE 'jieru/v1/%%/%%' AND split_part(topic, '/', 3) = %(own)s")


ReasonFilter = Annotated[RejectionReason | None, Query(description=_("Why."))]


@dataclass(frozen=True, slots=True)
class RejectionFilter:
    """Which rejections a list holds; None: all."""

    reason: ReasonFilter = None
    platform: PlatformFilter = None
    """Whose topics they came on, registered or not."""
    topic_prefix: TopicFilter = None
    since: FromInstant = None
    """Received at this moment or later."""
    until: ToInstant = None
    """Received before this moment."""


def list_rejections(
    connection: psycopg.Connection, caller: Caller, wanted: RejectionFilter, page: PageRequest
) -> RejectionPage:
    """One page of rejections, newest first; an operator sees those of the own platform's topics.

    Raises:
        Problem: the cursor is none of this list.
    """
    conditions, values = _conditions(caller, wanted)
    after = read_cursor(page.cursor, datetime, int)
    if after is not None:
        conditions.append(SQL("(received_at, id) < (%(after_at)s, %(after_id)s)"))
        values |= {"after_at": after[0], "after_id": after[1]}
    values["limit"] = page.limit + 1
    statement = _SELECT.format(conditions=SQL(" AND ").join(conditions or [SQL("true")]))
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, values, prepare=False).fetchall()
    next_cursor = None
    if len(rows) > page.limit:
        rows.pop()
        next_cursor = write_cursor((rows[-1]["received_at"], rows[-1]["id"]))
    return RejectionPage(items=[_answer(row) for row in rows], next_cursor=next_cursor)


def _conditions(
    caller: Caller, wanted: RejectionFilter
) -> tuple[list[Composable], dict[str, object]]:
    conditions: list[Composable] = []
    values: dict[str, object] = {}
    if caller.platform is not None:
        conditions.append(_OF_OWN_PLATFORM)
        values["own"] = caller.platform.code
    if wanted.reason is not None:
        conditions.append(SQL("reason = %(reason)s"))
        values["reason"] = wanted.reason
    if wanted.platform:
        conditions.append(_OF_PLATFORM)
        values["platform"] = wanted.platform
    if wanted.topic_prefix:
        conditions.append(SQL("topic ^@ %(topic_prefix)s"))
        values["topic_prefix"] = wanted.topic_prefix
    if wanted.since is not None:
        conditions.append(SQL("received_at >= %(since)s"))
        values["since"] = wanted.since
    if wanted.until is not None:
        conditions.append(SQL("received_at < %(until)s"))
        values["until"] = wanted.until
    return conditions, values


def _answer(row: Mapping[str, Any]) -> RejectionAnswer:
    payload: bytes = row["payload"]
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        text = None
    return RejectionAnswer(
        id=row["id"],
        received_at=row["received_at"],
        reason=row["reason"],
        topic=row["topic"],
        payload_base64=base64.b64encode(payload).decode(),
        payload_text=text,
        payload_bytes=row["payload_bytes"],
    )
