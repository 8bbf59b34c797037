"""Connections as callers see and change them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final

import psycopg
from fastapi import Query
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.connection_requests.answers import ConnectionRequestRecord
from api.registry.connection_requests.queries import read_request
from api.registry.connections.answers import (
    ConnectionChange,
    ConnectionPage,
    ConnectionRecord,
    NewConnection,
)
from api.web.filters import (
    DistrictFilter,
    EnterpriseFilter,
    PlatformFilter,
    State,
    StateFilter,
    TextFilter,
    contains,
)
from api.web.listing import Where
from api.web.reading import Records
from api.web.records import is_record_id, refusals_answered
from api.web.revisions import ExpectedRevision
from jieru.i18n import marked as _
from registry import connections
from registry.confirmations import Standing
from registry.connection_requests import Connected, Requested, connect

__all__ = [
    "CONNECTIONS",
    "ConnectionFilter",
    "change_connection",
    "create_connection",
    "end_connection",
]


ConfirmationFilter = Annotated[
    Standing | None,
    Query(description=_("What the enterprise itself says of the connection; by default all.")),
]


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
    confirmation: ConfirmationFilter = None


_ENTERPRISE: Final = (SQL("JOIN enterprises ON enterprises.id = connections.enterprise_id"),)

CONNECTIONS: Final = Records(
    table="connections",
    order={"id": int},
    end="to_date",
    select="""
        SELECT connections.id, platforms.code AS platform, uscc,
               enterprises.name AS enterprise_name, contract_no, signed_on, from_date, to_date,
               (recorded_at AT TIME ZONE 'Asia/Shanghai')::date AS recorded_on,
               extension.first_on AS extended_from,
               (extension.told_at AT TIME ZONE 'Asia/Shanghai')::date AS extended_on,
               connections.revision, standing.state AS confirmation,
               standing.since AS confirmation_since
        FROM connections
        JOIN platforms ON platforms.id = platform_id
        JOIN enterprises ON enterprises.id = enterprise_id
        JOIN connection_confirmations AS standing ON standing.connection_id = connections.id
        LEFT JOIN LATERAL (
            SELECT first_on, told_at
            FROM told_periods(from_date, to_date, recorded_at, extended_from, extended_at)
            WHERE first_on > from_date ORDER BY first_on DESC LIMIT 1
        ) AS extension ON true
    """,
    visible=Where(SQL("connections.platform_id = %(own)s")),
    address="connections.id = %(id)s",
    parts={"id": is_record_id},
    missing=_("There is no connection {id}."),
    filters={
        "platform": Where(
            SQL("connections.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)")
        ),
        "enterprise": Where(
            SQL("""connections.enterprise_id =
                   (SELECT id FROM enterprises WHERE uscc = %(enterprise)s)""")
        ),
        "district": Where(SQL("enterprises.district = %(district)s"), joins=_ENTERPRISE),
        "text": Where(
            contains(
                (
                    Identifier("enterprises", "uscc"),
                    Identifier("enterprises", "name"),
                    Identifier("connections", "contract_no"),
                )
            ),
            joins=_ENTERPRISE,
        ),
        "confirmation": Where(
            SQL("""(SELECT state FROM connection_confirmations
                    WHERE connection_id = connections.id) = %(confirmation)s""")
        ),
    },
    build=lambda row, _now: ConnectionRecord.model_validate(row),
    listed=ConnectionPage,
    export_kind="connections",
    export_select="""
        SELECT platforms.code AS platform, uscc, contract_no, signed_on, from_date, to_date
        FROM connections
        JOIN platforms ON platforms.id = platform_id
        JOIN enterprises ON enterprises.id = enterprise_id
        WHERE connections.id = ANY (%(ids)s) ORDER BY connections.id
    """,
)
"""In the order of their registration; an operator sees those of the own platform."""


@refusals_answered()
def create_connection(
    connection: psycopg.Connection, caller: Caller, new: NewConnection, *, now: datetime
) -> ConnectionRecord | ConnectionRequestRecord:
    """Register a connection or request it (`registry.connection_requests`), in a transaction."""
    made = connect(
        connection, new.model_dump(), own_platform=caller.platform_code, by=caller.actor.name
    )
    match made:
        case Requested(request_id):
            return read_request(connection, caller, request_id)
        case Connected(connection_id):
            return CONNECTIONS.one(connection, caller.platform_id, now, id=connection_id)


@refusals_answered()
def change_connection(
    connection: psycopg.Connection,
    caller: Caller,
    connection_id: int,
    change: ConnectionChange,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> ConnectionRecord:
    """Change what `change` names of a connection that the caller sees."""
    CONNECTIONS.row(connection, caller.platform_id, now, id=connection_id)
    changes = change.model_dump(exclude_unset=True)
    connections.change_connection(connection, connection_id, changes, expected.revisions)
    return CONNECTIONS.one(connection, caller.platform_id, now, id=connection_id)


@refusals_answered()
def end_connection(
    connection: psycopg.Connection,
    caller: Caller,
    connection_id: int,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> ConnectionRecord:
    """End a connection that the caller sees."""
    CONNECTIONS.row(connection, caller.platform_id, now, id=connection_id)
    connections.end_connection(connection, connection_id, on, expected.revisions)
    return CONNECTIONS.one(connection, caller.platform_id, now, id=connection_id)
