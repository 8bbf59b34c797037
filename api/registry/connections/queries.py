"""Connections in the database: lists, one connection, and its changes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.connections.answers import (
    ConnectionChange,
    ConnectionPage,
    ConnectionRecord,
    NewConnection,
)
from api.web.csv_export import Export
from api.web.filters import (
    DistrictFilter,
    EnterpriseFilter,
    PlatformFilter,
    State,
    StateFilter,
    TextFilter,
    contains,
    in_state,
    today_of,
)
from api.web.listing import Search, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.records import (
    already_ended,
    contradictions_refused,
    is_record_id,
    only_row,
    require_later,
    require_readable,
    require_room,
    require_within,
)
from api.web.revisions import ExpectedRevision, require_revision
from jieru.i18n import marked as _
from registry.kinds import KINDS
from registry.records import date_in, read_record
from registry.rows import FileRow

__all__ = [
    "ConnectionFilter",
    "change_connection",
    "connection_export",
    "create_connection",
    "end_connection",
    "list_connections",
    "read_connection",
]

_SELECT: Final[LiteralString] = """
    SELECT connections.id, platforms.code AS platform, uscc, enterprises.name AS enterprise_name,
           contract_no, signed_on, from_date, to_date, connections.revision
    FROM connections
    JOIN platforms ON platforms.id = platform_id
    JOIN enterprises ON enterprises.id = enterprise_id
"""
_SELECT_PAGE: Final[LiteralString] = (
    _SELECT + " WHERE connections.id = ANY (%(ids)s) ORDER BY connections.id"
)
_SELECT_ONE: Final[LiteralString] = (
    _SELECT
    + " WHERE connections.id = %(id)s AND (%(own)s::integer IS NULL OR platform_id = %(own)s)"
)
_LOCK_ONE: Final[LiteralString] = _SELECT_ONE + " FOR UPDATE OF connections"
_EXPORT: Final[LiteralString] = """
    SELECT platforms.code AS platform, uscc, contract_no, signed_on, from_date, to_date
    FROM connections
    JOIN platforms ON platforms.id = platform_id
    JOIN enterprises ON enterprises.id = enterprise_id
    WHERE connections.id = ANY (%(ids)s) ORDER BY connections.id
"""
_SELECT_PLATFORM: Final = "SELECT id, ended_on FROM platforms WHERE code = %s"
_SELECT_ENTERPRISE: Final = "SELECT id, ended_on FROM enterprises WHERE uscc = %s"
_INSERT: Final = """
    INSERT INTO connections (platform_id, enterprise_id, contract_no, signed_on, from_date, to_date)
    VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
"""
_UPDATE: Final = """
    UPDATE connections SET contract_no = %(contract_no)s, signed_on = %(signed_on)s,
                           to_date = %(to_date)s
    WHERE id = %(id)s
"""
_END: Final = "UPDATE connections SET to_date = %s WHERE id = %s"
_JOIN_ENTERPRISE: Final = SQL("JOIN enterprises ON enterprises.id = connections.enterprise_id")


@dataclass(frozen=True, slots=True)
class ConnectionFilter:
    """Which connections a list holds; None: all."""

    platform: PlatformFilter = None
    enterprise: EnterpriseFilter = None
    """By uscc."""
    district: DistrictFilter = None
    """Of the enterprise."""
    text: TextFilter = None
    """Part of the enterprise's uscc or name, or of the contract's number."""
    state: StateFilter = State.OPEN


def list_connections(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: ConnectionFilter,
    page: PageRequest,
    *,
    now: datetime,
) -> ConnectionPage:
    """One page of connections, in the order of their registration.

    Raises:
        Problem: the cursor is none of this list.
    """
    found = find_page(connection, _search(caller, wanted, now), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT_PAGE, {"ids": found.ids})
        return ConnectionPage(
            items=[ConnectionRecord.model_validate(row) for row in rows],
            next_cursor=found.next_cursor,
        )


def read_connection(
    connection: psycopg.Connection, caller: Caller, connection_id: int
) -> ConnectionRecord:
    """One connection.

    Raises:
        Problem: there is no such connection, or not for this caller.
    """
    return ConnectionRecord.model_validate(_row(connection, caller, connection_id))


def connection_export(caller: Caller, wanted: ConnectionFilter, *, now: datetime) -> Export:
    """The same list as an import file."""
    return Export("connections", _search(caller, wanted, now), _EXPORT)


def create_connection(
    connection: psycopg.Connection, caller: Caller, new: NewConnection
) -> ConnectionRecord:
    """Register a connection; an enterprise that others registered is connected by its code.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        caller: an operator registers connections of the own platform only.
        new: as it was sent.

    Raises:
        Problem: a field is wrong, or the two are connected at that time already.
    """
    reading = read_record(
        connection, "connections", new.model_dump(), own_platform=caller.platform_code
    )
    require_readable(reading)
    values = reading.row.values
    require_room(connection, KINDS["connections"].relations[0], reading.row, is_new=True)
    platform_id, enterprise_id = _ids_of_open(connection, reading.row)
    columns = ("contract_no", "signed_on", "from_date", "to_date")
    with contradictions_refused():
        (connection_id,) = only_row(
            connection, _INSERT, platform_id, enterprise_id, *[values[name] for name in columns]
        )
    return read_connection(connection, caller, connection_id)


def change_connection(
    connection: psycopg.Connection,
    caller: Caller,
    connection_id: int,
    change: ConnectionChange,
    expected: ExpectedRevision,
) -> ConnectionRecord:
    """Change what `change` names of a connection.

    Raises:
        Problem: there is no such connection for this caller, it was changed meanwhile, a field is
            wrong, or its period would meet another one.
    """
    row = _locked(connection, caller, connection_id, expected)
    changes = change.model_dump(exclude_unset=True)
    reading = read_record(connection, "connections", {**row, **changes})
    require_readable(reading, among=changes)
    if "to_date" in changes:
        require_room(connection, KINDS["connections"].relations[0], reading.row, is_new=False)
        _ids_of_open(connection, reading.row)
    with contradictions_refused():
        connection.execute(_UPDATE, {**row, **reading.row.values})
    return read_connection(connection, caller, connection_id)


def end_connection(
    connection: psycopg.Connection,
    caller: Caller,
    connection_id: int,
    on: date,
    expected: ExpectedRevision,
) -> ConnectionRecord:
    """End a connection.

    Raises:
        Problem: there is no such connection for this caller, it was changed meanwhile, has an end
            already, or begins later.
    """
    row = _locked(connection, caller, connection_id, expected)
    if row["to_date"] is not None:
        raise already_ended(row["to_date"])
    require_later(on, row["from_date"])
    connection.execute(_END, (on, connection_id))
    return read_connection(connection, caller, connection_id)


def _ids_of_open(connection: psycopg.Connection, row: FileRow) -> tuple[int, int]:
    """Of the platform and the enterprise, both of which last as long as the connection."""
    platform, uscc = str(row.values["platform"]), str(row.values["uscc"])
    platform_id, platform_ended_on = only_row(connection, _SELECT_PLATFORM, platform)
    require_within(date_in(row, "to_date"), platform, platform_ended_on)
    enterprise_id, enterprise_ended_on = only_row(connection, _SELECT_ENTERPRISE, uscc)
    require_within(date_in(row, "to_date"), uscc, enterprise_ended_on)
    return platform_id, enterprise_id


def _row(
    connection: psycopg.Connection,
    caller: Caller,
    connection_id: int,
    *,
    select: LiteralString = _SELECT_ONE,
) -> dict[str, Any]:
    if is_record_id(connection_id):
        values = {"id": connection_id, "own": caller.platform_id}
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(select, values).fetchone()
        if row is not None:
            return row
    raise Problem(Kind.NOT_FOUND, _("There is no connection {id}."), id=connection_id)


def _locked(
    connection: psycopg.Connection, caller: Caller, connection_id: int, expected: ExpectedRevision
) -> dict[str, Any]:
    """The row of a connection, which nobody else changes until this transaction ends."""
    row = _row(connection, caller, connection_id, select=_LOCK_ONE)
    require_revision(expected, row["revision"])
    return row


def _search(caller: Caller, wanted: ConnectionFilter, now: datetime) -> Search:
    search = Search("connections", {"id": int}, values={"today": today_of(now)})
    search.conditions += in_state(wanted.state, "connections", "to_date")
    if caller.platform_id is not None:
        search.conditions.append(SQL("connections.platform_id = %(own)s"))
        search.values["own"] = caller.platform_id
    if wanted.platform:
        search.conditions.append(
            SQL("connections.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)")
        )
        search.values["platform"] = wanted.platform
    if wanted.enterprise:
        search.conditions.append(
            SQL("connections.enterprise_id = (SELECT id FROM enterprises WHERE uscc = %(uscc)s)")
        )
        search.values["uscc"] = wanted.enterprise
    if wanted.district or wanted.text:
        search.joins.append(_JOIN_ENTERPRISE)
    if wanted.district:
        search.conditions.append(SQL("enterprises.district = %(district)s"))
        search.values["district"] = wanted.district
    if wanted.text:
        columns = (
            Identifier("enterprises", "uscc"),
            Identifier("enterprises", "name"),
            Identifier("connections", "contract_no"),
        )
        search.conditions.append(contains(columns))
        search.values["text"] = wanted.text
    return search
