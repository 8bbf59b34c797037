"""The access log in the database, the newest entry first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row
from psycopg.sql import SQL, Composable

from api.access_log.answers import AccessEntry, AccessPage
from api.web.database import RequestDatabase
from api.web.paging import PageRequest, read_cursor, write_cursor
from jieru.access_entries import AccessKind

__all__ = ["AccessFilter", "list_accesses", "read_accesses"]

_AT_ONCE: Final = 500
"""Entries of an export that are read at once; between, its reader holds no connection."""

_SELECT: Final = SQL("""
    SELECT number, at, kind, actor, origin, record FROM access_entries
    WHERE {conditions} ORDER BY number DESC LIMIT %(limit)s
""")


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which entries a list holds; None: all."""

    kind: AccessKind | None = None
    actor: str | None = None
    since: datetime | None = None
    """At this moment or later."""
    until: datetime | None = None
    """Before this moment."""


def list_accesses(
    connection: psycopg.Connection, wanted: AccessFilter, page: PageRequest
) -> AccessPage:
    """One page of entries, the newest first.

    Raises:
        Problem: the cursor is none of this list.
    """
    after = read_cursor(page.cursor, int)
    possible: dict[str, tuple[Composable, object]] = {
        "kind": (SQL("kind = %(kind)s"), wanted.kind),
        "actor": (SQL("actor = %(actor)s"), wanted.actor),
        "since": (SQL("at >= %(since)s"), wanted.since),
        "until": (SQL("at < %(until)s"), wanted.until),
        "after": (SQL("number < %(after)s"), after[0] if after else None),
    }
    asked = {name: part for name, part in possible.items() if part[1] is not None}
    conditions = [condition for condition, _value in asked.values()] or [SQL("true")]
    values = {name: value for name, (_condition, value) in asked.items()}
    statement = _SELECT.format(conditions=SQL(" AND ").join(conditions))
    with connection.cursor(row_factory=class_row(AccessEntry)) as cursor:
        # A plan made for all values of the parameters would be the wrong one for most.
        rows = cursor.execute(
            statement, {**values, "limit": page.limit + 1}, prepare=False
        ).fetchall()
    next_cursor = None
    if len(rows) > page.limit:
        rows.pop()
        next_cursor = write_cursor((rows[-1].number,))
    return AccessPage(items=rows, next_cursor=next_cursor)


def read_accesses(
    database: RequestDatabase, wanted: AccessFilter
) -> Iterator[Sequence[AccessEntry]]:
    """All entries that match, some at a time."""
    page = PageRequest(None, _AT_ONCE)
    while True:
        with database.reading() as connection:
            found = list_accesses(connection, wanted, page)
        yield found.items
        if found.next_cursor is None:
            return
        page = PageRequest(found.next_cursor, _AT_ONCE)
