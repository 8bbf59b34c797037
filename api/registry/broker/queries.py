"""What the broker told of connections, for whom it concerns.

An operator sees the own platform's usernames; names of no platform are for administrators.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import psycopg
from fastapi import Query
from psycopg.rows import class_row, dict_row
from psycopg.sql import SQL, Composable

from api.access.caller import Caller
from api.access.roles import Role
from api.registry.broker.answers import (
    BrokerEventAnswer,
    BrokerEventPage,
    BrokerSessionAnswer,
    BrokerSessionPage,
)
from api.web.filters import PlatformFilter
from api.web.paging import PageRequest, read_cursor, write_cursor
from jieru.broker_events.event import Detail, EventKind
from jieru.i18n import Language, translations
from jieru.i18n import marked as _
from jieru.refusals.topics import denied_topic

__all__ = [
    "EventFilter",
    "SessionFilter",
    "VanishedFile",
    "has_broker_told",
    "list_events",
    "list_sessions",
    "recent_refusals",
    "usernames_of_device",
    "vanished_files",
]

_RECENT: Final = timedelta(days=7)
_SELECT_SESSIONS: Final = SQL("""
    SELECT s.username, p.code AS platform, is_connected, since, address, last_event
    FROM broker_sessions s LEFT JOIN platforms p ON p.id = s.platform_id
    WHERE {conditions} ORDER BY s.username COLLATE "C" LIMIT %(limit)s
""")
_SELECT_EVENTS: Final = SQL("""
    SELECT e.id, kind, username, p.code AS platform, is_user, client_id, address, topic, detail,
           number, first_at, at
    FROM broker_events e LEFT JOIN platforms p ON p.id = e.platform_id
    WHERE {conditions} ORDER BY at DESC, e.id DESC LIMIT %(limit)s
""")
# A broker that has only refused so far has told of nobody whom it let in.
_HAS_TOLD: Final = """
    SELECT EXISTS (SELECT FROM broker_sessions) OR EXISTS (SELECT FROM broker_events)
"""
_REFUSED_WORDS: Final = {
    Detail.WRONG_SECRET: _("The secret is wrong."),
    Detail.UNKNOWN_USER: _("No credential has this username."),
    Detail.REVOKED: _("The credential is revoked."),
}

UsernameFilter = Annotated[
    str, Query(max_length=128, pattern=r"^[^\x00]*$", description=_("At the broker."))
]
KindFilter = Annotated[EventKind | None, Query(description=_("What happened."))]

_SELECT_VANISHED: Final = """
    SELECT path, kind, vanished_at, back_at IS NOT NULL AS is_back FROM broker_files
    WHERE vanished_at IS NOT NULL AND coalesce(back_at, now()) > now() - interval '1 day'
    ORDER BY path COLLATE "C"
"""


@dataclass(frozen=True, slots=True)
class VanishedFile:
    """A file by which the broker knows its users, and that somebody took away."""

    path: str
    kind: str
    """`passwords` or `acl`."""
    vanished_at: datetime
    is_back: bool


@dataclass(frozen=True, slots=True)
class SessionFilter:
    """Which sessions a list holds."""

    platform: PlatformFilter = None
    username: UsernameFilter = ""


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events a list holds."""

    platform: PlatformFilter = None
    username: UsernameFilter = ""
    kind: KindFilter = None


def list_sessions(
    connection: psycopg.Connection, caller: Caller, wanted: SessionFilter, page: PageRequest
) -> BrokerSessionPage:
    """One page of sessions, by username.

    Raises:
        Problem: the cursor is none of this list.
    """
    conditions, values = _conditions(caller, wanted.platform, wanted.username)
    after = read_cursor(page.cursor, str)
    if after is not None:
        conditions.append(SQL('username COLLATE "C" > %(after)s'))
        values["after"] = after[0]
    rows = _read(connection, _SELECT_SESSIONS, conditions, values, page)
    next_cursor = None
    if len(rows) > page.limit:
        rows.pop()
        next_cursor = write_cursor((rows[-1]["username"],))
    items = [BrokerSessionAnswer(**row) for row in rows]
    return BrokerSessionPage(items=items, next_cursor=next_cursor)


def list_events(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: EventFilter,
    page: PageRequest,
    language: Language,
) -> BrokerEventPage:
    """One page of events, the newest first.

    Raises:
        Problem: the cursor is none of this list.
    """
    conditions, values = _conditions(caller, wanted.platform, wanted.username)
    if wanted.kind is not None:
        conditions.append(SQL("kind = %(kind)s"))
        values["kind"] = wanted.kind
    after = read_cursor(page.cursor, datetime, int)
    if after is not None:
        conditions.append(SQL("(at, e.id) < (%(after_at)s, %(after_id)s)"))
        values |= {"after_at": after[0], "after_id": after[1]}
    rows = _read(connection, _SELECT_EVENTS, conditions, values, page)
    next_cursor = None
    if len(rows) > page.limit:
        rows.pop()
        next_cursor = write_cursor((rows[-1]["at"], rows[-1]["id"]))
    translate = translations(language).gettext
    return BrokerEventPage(items=[_answer(row, translate) for row in rows], next_cursor=next_cursor)


def recent_refusals(
    connection: psycopg.Connection,
    caller: Caller,
    usernames: Sequence[str] | None,
    language: Language,
    *,
    platform: str | None,
    now: datetime,
    limit: int,
) -> list[BrokerEventAnswer]:
    """What was refused and dropped in the last seven days, the newest first.

    Args:
        connection: for reading.
        caller: who asks.
        usernames: of these; None: of all.
        language: of the reader.
        platform: of its users; None: of all that the caller may see.
        now: the moment of the request.
        limit: so many at most.
    """
    conditions, values = _conditions(caller, platform, "")
    conditions += [SQL("kind IN ('refused', 'denied')"), SQL("at >= %(since)s")]
    values["since"] = now - _RECENT
    if usernames is not None:
        conditions.append(SQL("username = ANY (%(usernames)s)"))
        values["usernames"] = list(usernames)
    rows = _read(connection, _SELECT_EVENTS, conditions, values, PageRequest(limit=limit))
    translate = translations(language).gettext
    return [_answer(row, translate) for row in rows[:limit]]


def has_broker_told(connection: psycopg.Connection) -> bool:
    """Whether a broker is followed here: where none is, that nothing was told says nothing."""
    (has_told,) = connection.execute(_HAS_TOLD).fetchone() or (False,)
    return bool(has_told)


def vanished_files(connection: psycopg.Connection) -> list[VanishedFile]:
    """The broker's files that are gone, and for a day those that were."""
    with connection.cursor(row_factory=class_row(VanishedFile)) as cursor:
        return cursor.execute(_SELECT_VANISHED).fetchall()


def usernames_of_device(platform: str, serial: str) -> list[str]:
    """Under which a device itself comes; a gateway's and a cloud's are of many."""
    return [f"{platform}/own/{serial}", f"{platform}/{serial}"]


def _conditions(
    caller: Caller, platform: str | None, username: str
) -> tuple[list[Composable], dict[str, Any]]:
    conditions: list[Composable] = []
    values: dict[str, Any] = {}
    if caller.platform_id is not None:
        conditions.append(SQL("platform_id = %(own)s"))
        values["own"] = caller.platform_id
    elif caller.role is not Role.ADMIN:
        conditions.append(SQL("platform_id IS NOT NULL"))
    if platform is not None:
        conditions.append(SQL("platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)"))
        values["platform"] = platform
    if username:
        conditions.append(SQL("username = %(username)s"))
        values["username"] = username
    return conditions, values


def _read(
    connection: psycopg.Connection,
    statement: SQL,
    conditions: list[Composable],
    values: dict[str, Any],
    page: PageRequest,
) -> list[dict[str, Any]]:
    values["limit"] = page.limit + 1
    composed = statement.format(conditions=SQL(" AND ").join(conditions or [SQL("true")]))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(composed, values, prepare=False).fetchall()


def _answer(row: dict[str, Any], translate: Callable[[str], str]) -> BrokerEventAnswer:
    fault = cause = None
    if row["kind"] == EventKind.DENIED and row["topic"]:
        told = denied_topic(row["username"], row["topic"])
        fault = told.fault.spoken(translate)
        cause = told.cause.spoken(translate) if told.cause else None
    elif row["kind"] == EventKind.REFUSED and row["detail"] in _REFUSED_WORDS:
        fault = translate(_REFUSED_WORDS[Detail(row["detail"])])
    return BrokerEventAnswer(**row, fault=fault, cause=cause)
