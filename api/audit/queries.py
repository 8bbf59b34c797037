"""The audit in the database, the newest entry first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composable

from api.access.caller import Caller
from api.audit.answers import AuditEntry, AuditPage, RecordKind
from api.web.database import RequestDatabase
from api.web.paging import PageRequest, read_cursor, write_cursor

__all__ = ["OF_OPERATORS", "AuditFilter", "list_entries", "read_entries"]

_AT_ONCE: Final = 500
"""Entries of an export that are read at once; between, its reader holds no connection."""
_NO_CHANGE: Final = frozenset({"revision"})
"""Fields that follow from a change of others."""

OF_OPERATORS: Final = frozenset(
    {
        RecordKind.PLATFORMS,
        RecordKind.RECOGNITIONS,
        RecordKind.ENTERPRISES,
        RecordKind.CONNECTIONS,
        RecordKind.CONNECTION_REQUESTS,
        RecordKind.DEVICES,
        RecordKind.ASSIGNMENTS,
        RecordKind.DECISIONS,
        RecordKind.OPENING_STOCKS,
        RecordKind.USERS,
        RecordKind.API_KEYS,
        RecordKind.CREDENTIALS,
        RecordKind.PUBLISHERS,
        RecordKind.SECOND_FACTORS,
        RecordKind.PENDING_CLOSINGS,
        RecordKind.COUNT_PAYMENTS,
        RecordKind.RECOVERIES,
        RecordKind.DECLARATIONS,
        RecordKind.SOURCES,
    }
)
"""Records of an own platform whose changes its operator reads; of others, such as who is under
review or drawn to be visited, it knows nothing."""

_SELECT: Final = SQL("""
    SELECT number, changed_at, actor, origin, action, record_kind, record_id,
           platforms.code AS platform, before, after, encode(hash, 'hex') AS hash
    FROM audit_entries LEFT JOIN platforms ON platforms.id = platform_id
    WHERE {conditions} ORDER BY number DESC LIMIT %(limit)s
""")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries a list holds; None: all."""

    actor: str | None = None
    record_kind: RecordKind | None = None
    record_id: int | None = None
    platform: str | None = None
    """The code of the platform whose records were changed."""
    since: datetime | None = None
    """Changed at this moment or later."""
    until: datetime | None = None
    """Changed before this moment."""


def list_entries(
    connection: psycopg.Connection, caller: Caller, wanted: AuditFilter, page: PageRequest
) -> AuditPage:
    """One page of entries, the newest first; an operator sees those of the own platform.

    Raises:
        Problem: the cursor is none of this list.
    """
    after = read_cursor(page.cursor, int)
    conditions, values = _conditions(caller, wanted)
    if after is not None:
        conditions.append(SQL("number < %(after)s"))
        values["after"] = after[0]
    statement = _SELECT.format(conditions=SQL(" AND ").join(conditions))
    with connection.cursor(row_factory=dict_row) as cursor:
        values["limit"] = page.limit + 1
        # A plan made for all values of the parameters would be the wrong one for most.
        rows = cursor.execute(statement, values, prepare=False).fetchall()
    next_cursor = None
    if len(rows) > page.limit:
        rows.pop()
        next_cursor = write_cursor((rows[-1]["number"],))
    return AuditPage(items=[_entry(row) for row in rows], next_cursor=next_cursor)


def read_entries(
    database: RequestDatabase, caller: Caller, wanted: AuditFilter
) -> Iterator[Sequence[AuditEntry]]:
    """All entries that match, some at a time."""
    page = PageRequest(None, _AT_ONCE)
    while True:
        with database.reading() as connection:
            found = list_entries(connection, caller, wanted, page)
        yield found.items
        if found.next_cursor is None:
            return
        page = PageRequest(found.next_cursor, _AT_ONCE)


def _conditions(caller: Caller, wanted: AuditFilter) -> tuple[list[Composable], dict[str, object]]:
    possible: dict[str, tuple[Composable, object]] = {
        "own": (SQL("platform_id = %(own)s"), caller.platform_id),
        "seen": (
            SQL("record_kind = ANY (%(seen)s)"),
            None if caller.platform_id is None else sorted(OF_OPERATORS),
        ),
        "actor": (SQL("actor = %(actor)s"), wanted.actor),
        "record_kind": (SQL("record_kind = %(record_kind)s"), wanted.record_kind),
        "record_id": (SQL("record_id = %(record_id)s"), wanted.record_id),
        "platform": (
            SQL("platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)"),
            wanted.platform,
        ),
        "since": (SQL("changed_at >= %(since)s"), wanted.since),
        "until": (SQL("changed_at < %(until)s"), wanted.until),
    }
    asked = {name: part for name, part in possible.items() if part[1] is not None}
    conditions = [condition for condition, _value in asked.values()]
    return conditions or [SQL("true")], {name: value for name, (_c, value) in asked.items()}


def _entry(row: dict[str, Any]) -> AuditEntry:
    return AuditEntry(**row, changed_fields=_changed_fields(row["before"], row["after"]))


def _changed_fields(before: dict[str, Any] | None, after: dict[str, Any]) -> list[str]:
    if before is None:
        return []
    return sorted(
        name
        for name in before.keys() | after.keys()
        if name not in _NO_CHANGE and before.get(name) != after.get(name)
    )
