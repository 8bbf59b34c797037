"""Connection requests as callers see and decide them."""

from dataclasses import dataclass
from typing import Annotated, Final

import psycopg
from fastapi import Query
from psycopg.rows import dict_row
from psycopg.sql import SQL

from api.access.caller import Caller
from api.registry.connection_requests.answers import (
    ConnectionRequestPage,
    ConnectionRequestRecord,
)
from api.web.filters import EnterpriseFilter, PlatformFilter
from api.web.listing import Search, Where, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.records import is_record_id, refusals_answered
from jieru.i18n import marked as _
from registry import connection_requests
from registry.connection_requests import RequestStatus

__all__ = [
    "ConnectionRequestFilter",
    "confirm_request",
    "list_requests",
    "read_request",
    "refuse_request",
    "withdraw_request",
]

# An operator is told what the operator said, and what was answered: nothing of the enterprise.
_SELECT: Final = SQL("""
    SELECT connection_requests.id, platforms.code AS platform, connection_requests.uscc,
           CASE WHEN %(own)s::integer IS NULL THEN enterprises.name END AS enterprise_name,
           contract_no, signed_on, from_date, to_date, requested_by, requested_at, status,
           decided_by, decided_at, reason, confirmation, connection_id
    FROM connection_requests
    JOIN platforms ON platforms.id = connection_requests.platform_id
    JOIN enterprises ON enterprises.uscc = connection_requests.uscc
    WHERE {condition}
    ORDER BY connection_requests.id
""")
_OF_PAGE: Final = SQL("connection_requests.id = ANY (%(ids)s)")
_OF_ID: Final = SQL("""
    connection_requests.id = %(id)s
    AND (%(own)s::integer IS NULL OR connection_requests.platform_id = %(own)s)
""")
_IS_OWN: Final = Where(SQL("connection_requests.platform_id = %(own)s"))
_FILTERS: Final = {
    "platform": Where(
        SQL("""connection_requests.platform_id =
               (SELECT id FROM platforms WHERE code = %(platform)s)""")
    ),
    "enterprise": Where(SQL("connection_requests.uscc = %(enterprise)s")),
    "status": Where(SQL("connection_requests.status = %(status)s")),
}

StatusFilter = Annotated[
    RequestStatus | None, Query(description=_("What became of the request; by default all."))
]


@dataclass(frozen=True, slots=True)
class ConnectionRequestFilter:
    """Which requests a list holds; None: all."""

    platform: PlatformFilter = None
    enterprise: EnterpriseFilter = None
    """By uscc."""
    status: StatusFilter = None


def list_requests(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: ConnectionRequestFilter,
    page: PageRequest,
) -> ConnectionRequestPage:
    """One page of the requests that the caller may see, in the order in which they came.

    Raises:
        Problem: the cursor is none of this list.
    """
    values = {name: getattr(wanted, name) for name in _FILTERS}
    conditions = [where for name, where in _FILTERS.items() if values[name] is not None]
    if caller.platform_id is not None:
        conditions.append(_IS_OWN)
    values["own"] = caller.platform_id
    found = find_page(
        connection, Search("connection_requests", {"id": int}, conditions, values), page
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        shown = {"ids": found.ids, "own": caller.platform_id}
        rows = cursor.execute(_SELECT.format(condition=_OF_PAGE), shown)
        items = [ConnectionRequestRecord.model_validate(row) for row in rows]
    return ConnectionRequestPage(items=items, next_cursor=found.next_cursor)


def read_request(
    connection: psycopg.Connection, caller: Caller, request_id: int
) -> ConnectionRequestRecord:
    """One request.

    Raises:
        Problem: there is no such request, or not for this caller.
    """
    if is_record_id(request_id):
        values = {"id": request_id, "own": caller.platform_id}
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_SELECT.format(condition=_OF_ID), values).fetchone()
        if row is not None:
            return ConnectionRequestRecord.model_validate(row)
    raise Problem(Kind.NOT_FOUND, _("There is no connection request {id}."), id=request_id)


@refusals_answered()
def confirm_request(
    connection: psycopg.Connection, caller: Caller, request_id: int, reason: str
) -> ConnectionRequestRecord:
    """Let a request become a connection (`registry.connection_requests`)."""
    read_request(connection, caller, request_id)
    by = caller.actor.name
    connection_requests.confirm_request(connection, request_id, reason=reason, by=by)
    return read_request(connection, caller, request_id)


@refusals_answered()
def refuse_request(
    connection: psycopg.Connection, caller: Caller, request_id: int, reason: str
) -> ConnectionRequestRecord:
    """Refuse a request."""
    read_request(connection, caller, request_id)
    by = caller.actor.name
    connection_requests.refuse_request(connection, request_id, reason=reason, by=by)
    return read_request(connection, caller, request_id)


@refusals_answered()
def withdraw_request(
    connection: psycopg.Connection, caller: Caller, request_id: int
) -> ConnectionRequestRecord:
    """Take a request of the caller's platform back.

    Raises:
        Problem: the caller is no operator, whose request it could be; or as for the others.
    """
    if caller.platform is None:
        raise Problem(
            Kind.FORBIDDEN, _("The operator who asked withdraws a request; the bureau refuses it.")
        )
    read_request(connection, caller, request_id)
    connection_requests.withdraw_request(connection, request_id, by=caller.actor.name)
    return read_request(connection, caller, request_id)
