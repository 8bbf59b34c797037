"""Rejections in the database, newest first."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final

import psycopg
from fastapi import Query
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable

from api.access.caller import Caller
from api.rejections.answers import (
    RejectionAnswer,
    RejectionGroup,
    RejectionGroupPage,
    RejectionPage,
)
from api.web.database import RequestDatabase
from api.web.filters import PlatformFilter, TopicFilter
from api.web.paging import PageRequest, read_cursor, write_cursor
from api.web.periods import FromInstant, ToInstant, instants_between
from api.web.rejection_details import told
from jieru.i18n import Language
from jieru.i18n import marked as _
from jieru.wire import RejectionReason

__all__ = [
    "RejectionFilter",
    "group_rejections",
    "list_rejections",
    "read_rejections",
]

_AT_ONCE: Final = 500
_SELECT: Final = SQL("""
    SELECT id, received_at, reason, topic, payload, payload_bytes, path, detail FROM rejections
    WHERE {conditions} ORDER BY received_at DESC, id DESC LIMIT %(limit)s
""")
# The last one of each group is read whole.
_SELECT_GROUPS: Final = SQL("""
    WITH groups AS (
        SELECT topic, reason, count(*) AS number, min(received_at) AS first_at,
               max(received_at) AS last_at
        FROM rejections WHERE {conditions} GROUP BY topic, reason
    )
    SELECT g.topic, g.reason, g.number, g.first_at, g.last_at,
           r.id, r.received_at, r.payload, r.payload_bytes, r.path, r.detail
    FROM groups g
    JOIN LATERAL (
        SELECT id, received_at, payload, payload_bytes, path, detail FROM rejections
        WHERE topic = g.topic AND reason = g.reason AND received_at = g.last_at
        ORDER BY id DESC LIMIT 1
    ) r ON true
    WHERE {after}
    ORDER BY g.last_at DESC, g.topic COLLATE "C", g.reason COLLATE "C" LIMIT %(limit)s
""")
_AFTER_GROUP: Final = SQL("""
    (g.last_at < %(after_at)s OR g.last_at = %(after_at)s
     AND (g.topic COLLATE "C", g.reason COLLATE "C") > (%(after_topic)s, %(after_reason)s))
""")
# As the indexes have them: Sparkplug's topics have the platform's code in their second part.
_OF: Final = SQL("""
    (topic LIKE 'jieru/v1/%%/%%' AND split_part(topic, '/', 3) = {code}
     OR topic LIKE 'spBv1.0/%%/%%' AND split_part(split_part(topic, '/', 2), '.', 1) = {code})
""")
_OF_PLATFORM: Final = _OF.format(code=SQL("%(platform)s"))
_OF_OWN_PLATFORM: Final = _OF.format(code=SQL("%(own)s"))


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
    connection: psycopg.Connection,
    caller: Caller,
    wanted: RejectionFilter,
    page: PageRequest,
    language: Language,
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
    return RejectionPage(items=[_answer(row, language) for row in rows], next_cursor=next_cursor)


def group_rejections(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: RejectionFilter,
    page: PageRequest,
    language: Language,
    *,
    now: datetime,
) -> RejectionGroupPage:
    """Rejections by topic and reason, the one that was last added to first.

    Args:
        connection: for reading.
        caller: an operator sees the own platform's topics.
        wanted: which ones; of no more than 31 days, by default the last seven.
        page: of groups.
        language: in which their details are told.
        now: the moment of the request.

    Raises:
        Problem: the cursor is none of this list, or the time is too long.
    """
    period = instants_between(wanted.since, wanted.until, newest=now)
    bounded = replace(wanted, since=period.start, until=period.end)
    conditions, values = _conditions(caller, bounded)
    after = read_cursor(page.cursor, datetime, str, str)
    if after is not None:
        values |= {"after_at": after[0], "after_topic": after[1], "after_reason": after[2]}
    values["limit"] = page.limit + 1
    statement = _SELECT_GROUPS.format(
        conditions=SQL(" AND ").join(conditions), after=_AFTER_GROUP if after else SQL("true")
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(statement, values, prepare=False).fetchall()
    next_cursor = None
    if len(rows) > page.limit:
        rows.pop()
        last = rows[-1]
        next_cursor = write_cursor((last["last_at"], last["topic"], last["reason"]))
    return RejectionGroupPage(
        items=[
            RejectionGroup(
                topic=row["topic"],
                reason=row["reason"],
                number=row["number"],
                first_at=row["first_at"],
                last_at=row["last_at"],
                example=_answer(row, language),
            )
            for row in rows
        ],
        next_cursor=next_cursor,
    )


def read_rejections(
    database: RequestDatabase, caller: Caller, wanted: RejectionFilter, language: Language
) -> Iterator[Sequence[RejectionAnswer]]:
    """All rejections that match, newest first, some at a time; between, no connection is held."""
    cursor: str | None = None
    while True:
        with database.reading() as connection:
            page = list_rejections(
                connection, caller, wanted, PageRequest(cursor, _AT_ONCE), language
            )
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


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


def _answer(row: Mapping[str, Any], language: Language) -> RejectionAnswer:
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
        detail=told(row, language),
    )
