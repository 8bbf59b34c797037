"""Platforms in the database: lists, one platform, and its changes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.parents import no_such_platform
from api.registry.platforms.answers import NewPlatform, PlatformChange, PlatformPage, PlatformRecord
from api.web.csv_export import Export
from api.web.filters import State, StateFilter, TextFilter, contains, in_state, today_of
from api.web.listing import Search, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.records import (
    already_ended,
    contradictions_refused,
    not_ended,
    only_row,
    require_readable,
    require_room,
)
from api.web.revisions import ExpectedRevision, require_revision
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE
from registry.kinds import KINDS
from registry.records import read_record

__all__ = [
    "PlatformFilter",
    "change_platform",
    "create_platform",
    "end_platform",
    "list_platforms",
    "platform_export",
    "read_platform",
    "reopen_platform",
]

_SELECT: Final[LiteralString] = """
    SELECT id, code, name, operator_uscc, ended_on, revision,
           (SELECT level FROM recognitions
            WHERE platform_id = platforms.id AND recognised_on <= %(today)s
              AND (revoked_on IS NULL OR revoked_on > %(today)s)
            ORDER BY array_position(ARRAY['municipal', 'provincial', 'national'], level) DESC
            LIMIT 1) AS level,
           (SELECT count(*) FROM connections
            WHERE platform_id = platforms.id AND from_date <= %(today)s
              AND (to_date IS NULL OR to_date > %(today)s)) AS connections
    FROM platforms
"""
_SELECT_PAGE: Final[LiteralString] = _SELECT + " WHERE id = ANY (%(ids)s) ORDER BY code"
_SELECT_ONE: Final[LiteralString] = (
    _SELECT + " WHERE code = %(code)s AND (%(own)s::integer IS NULL OR id = %(own)s)"
)
_LOCK_ONE: Final[LiteralString] = _SELECT_ONE + " FOR UPDATE OF platforms"
_EXPORT: Final[LiteralString] = """
    SELECT code, name, operator_uscc FROM platforms WHERE id = ANY (%(ids)s) ORDER BY code
"""
_INSERT: Final = """
    INSERT INTO platforms (code, name, operator_uscc)
    VALUES (%(code)s, %(name)s, %(operator_uscc)s)
"""
_UPDATE: Final = """
    UPDATE platforms SET name = %(name)s, operator_uscc = %(operator_uscc)s WHERE id = %(id)s
"""
_COUNT_OPEN_CONNECTIONS: Final = """
    SELECT count(*) FROM connections WHERE platform_id = %s AND (to_date IS NULL OR to_date > %s)
"""
_SET_END: Final = "UPDATE platforms SET ended_on = %(on)s WHERE id = %(id)s"
_REVOKE_CREDENTIALS: Final = """
    UPDATE credentials SET revoked_at = now() WHERE platform_id = %(id)s AND revoked_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class PlatformFilter:
    """Which platforms a list holds; None: all."""

    text: TextFilter = None
    """Part of its code, name or operator's uscc."""
    state: StateFilter = State.OPEN


def list_platforms(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: PlatformFilter,
    page: PageRequest,
    *,
    now: datetime,
) -> PlatformPage:
    """One page of platforms, by code.

    Raises:
        Problem: the cursor is none of this list.
    """
    found = find_page(connection, _search(caller, wanted, now), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT_PAGE, {"ids": found.ids, "today": today_of(now)})
        return PlatformPage(
            items=[PlatformRecord.model_validate(row) for row in rows],
            next_cursor=found.next_cursor,
        )


def read_platform(
    connection: psycopg.Connection, caller: Caller, code: str, *, now: datetime
) -> PlatformRecord:
    """One platform.

    Raises:
        Problem: there is no such platform, or not for this caller.
    """
    return PlatformRecord.model_validate(_row(connection, caller, code, now))


def platform_export(caller: Caller, wanted: PlatformFilter, *, now: datetime) -> Export:
    """The same list as an import file."""
    return Export("platforms", _search(caller, wanted, now), _EXPORT)


def create_platform(
    connection: psycopg.Connection, caller: Caller, new: NewPlatform, *, now: datetime
) -> PlatformRecord:
    """Register a platform.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        caller: somebody who may change platforms.
        new: as it was sent.
        now: by which the answer tells the platform's level.

    Raises:
        Problem: a field is wrong, or the platform is registered already.
    """
    reading = read_record(connection, "platforms", new.model_dump())
    require_readable(reading)
    require_room(connection, KINDS["platforms"].relations[0], reading.row, is_new=True)
    with contradictions_refused():
        connection.execute(_INSERT, reading.row.values)
    return read_platform(connection, caller, str(reading.row.values["code"]), now=now)


def change_platform(
    connection: psycopg.Connection,
    caller: Caller,
    code: str,
    change: PlatformChange,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> PlatformRecord:
    """Change what `change` names of a platform.

    Raises:
        Problem: there is no such platform, it was changed meanwhile, or a field is wrong.
    """
    row = _locked(connection, caller, code, expected, now)
    changes = change.model_dump(exclude_unset=True)
    cells = {name: row[name] for name in ("code", *PlatformChange.model_fields)}
    reading = read_record(connection, "platforms", {**cells, **changes})
    require_readable(reading, among=changes)
    connection.execute(_UPDATE, {**cells, **reading.row.values, "id": row["id"]})
    return read_platform(connection, caller, code, now=now)


def end_platform(
    connection: psycopg.Connection,
    caller: Caller,
    code: str,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> PlatformRecord:
    """End a platform whose connections have ended; all its credentials are revoked.

    They stay as they are while the end lies ahead.

    Raises:
        Problem: there is no such platform, it was changed meanwhile, has an end already, or
            connections of it are open.
    """
    row = _locked(connection, caller, code, expected, now)
    if row["ended_on"] is not None:
        raise already_ended(row["ended_on"])
    (count,) = only_row(connection, _COUNT_OPEN_CONNECTIONS, row["id"], on)
    if count:
        raise Problem(
            Kind.CONFLICT,
            _("Connections of it that are still open on {on}: {count}. End them first."),
            on=on,
            count=count,
        )
    values = {"id": row["id"], "on": on}
    connection.execute(_SET_END, values)
    if on <= today_of(now):
        connection.execute(_REVOKE_CREDENTIALS, values)
    return read_platform(connection, caller, code, now=now)


def reopen_platform(
    connection: psycopg.Connection,
    caller: Caller,
    code: str,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> PlatformRecord:
    """Take back the end of a platform; credentials that were revoked stay so.

    Raises:
        Problem: there is no such platform, it was changed meanwhile, or has no end.
    """
    row = _locked(connection, caller, code, expected, now)
    if row["ended_on"] is None:
        raise not_ended()
    connection.execute(_SET_END, {"id": row["id"], "on": None})
    return read_platform(connection, caller, code, now=now)


def _row(
    connection: psycopg.Connection,
    caller: Caller,
    code: str,
    now: datetime,
    *,
    select: LiteralString = _SELECT_ONE,
) -> dict[str, Any]:
    if PLATFORM_CODE.fullmatch(code):
        values = {"code": code, "own": caller.platform_id, "today": today_of(now)}
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(select, values).fetchone()
        if row is not None:
            return row
    raise no_such_platform(code)


def _locked(
    connection: psycopg.Connection,
    caller: Caller,
    code: str,
    expected: ExpectedRevision,
    now: datetime,
) -> dict[str, Any]:
    """The row of a platform, which nobody else changes until this transaction ends."""
    row = _row(connection, caller, code, now, select=_LOCK_ONE)
    require_revision(expected, row["revision"])
    return row


def _search(caller: Caller, wanted: PlatformFilter, now: datetime) -> Search:
    search = Search("platforms", {"code": str}, values={"today": today_of(now)})
    search.conditions += in_state(wanted.state, "platforms", "ended_on")
    if caller.platform_id is not None:
        search.range.append(SQL("platforms.id = %(own)s"))
        search.values["own"] = caller.platform_id
    if wanted.text:
        columns = ("code", "name", "operator_uscc")
        search.conditions.append(contains(Identifier("platforms", name) for name in columns))
        search.values["text"] = wanted.text
    return search
