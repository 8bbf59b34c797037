"""Gateways as callers see and change them."""

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.gateways.answers import (
    GatewayChange,
    GatewayCredential,
    GatewayPage,
    GatewayRecord,
    NewGateway,
)
from api.web.filters import PlatformFilter, TextFilter, contains
from api.web.listing import Search, Where, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem
from api.web.reading import Row
from api.web.records import refusals_answered
from api.web.revisions import ExpectedRevision
from jieru.i18n import marked as _
from jieru.wire import (
    PLATFORM_CODE,
    SERIAL,
    DeviceAddress,
    Publisher,
    PublisherKind,
    heartbeat_topic,
)
from registry import gateways
from registry.gateways import GatewayAddress

__all__ = [
    "GatewayFilter",
    "change_gateway",
    "create_gateway",
    "list_gateways",
    "read_gateway",
]

_ANY_DEVICE: Final = "+"
# "> 2" says what the index of gateways' credentials is restricted to.
_SELECT: Final = SQL("""
    SELECT platforms.code AS platform, publishers.name, site, publishers.created_at,
           publishers.revision, credentials.id AS credential_id, username,
           credentials.created_at AS issued_at
    FROM publishers
    JOIN platforms ON platforms.id = publishers.platform_id
    LEFT JOIN credentials ON credentials.publisher_id = publishers.id
         AND credentials.publisher_id > 2 AND revoked_at IS NULL
    WHERE {condition}
    ORDER BY publishers.platform_id, publishers.name
""")
_OF_PAGE: Final = SQL("publishers.id = ANY (%(ids)s)")
_OF_ADDRESS: Final = SQL("""
    platforms.code = %(platform)s AND publishers.name = %(name)s
    AND (%(own)s::integer IS NULL OR platforms.id = %(own)s)
""")
_IS_GATEWAY: Final = Where(SQL("publishers.kind = 'gateway'"))
_IS_OWN: Final = Where(SQL("publishers.platform_id = %(own)s"), is_range=True)
_OF_PLATFORM: Final = Where(
    SQL("publishers.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)"),
    is_range=True,
)
_WITH_TEXT: Final = Where(
    contains((Identifier("publishers", "name"), Identifier("publishers", "site")))
)


@dataclass(frozen=True, slots=True)
class GatewayFilter:
    """Which gateways a list holds; None: all."""

    platform: PlatformFilter = None
    text: TextFilter = None
    """Part of its name or site."""


def list_gateways(
    connection: psycopg.Connection, caller: Caller, wanted: GatewayFilter, page: PageRequest
) -> GatewayPage:
    """One page of the gateways that the caller may see, by platform and name.

    Raises:
        Problem: the cursor is none of this list.
    """
    conditions = [_IS_GATEWAY]
    if caller.platform_id is not None:
        conditions.append(_IS_OWN)
    if wanted.platform is not None:
        conditions.append(_OF_PLATFORM)
    if wanted.text:
        conditions.append(_WITH_TEXT)
    values = {"own": caller.platform_id, "platform": wanted.platform, "text": wanted.text}
    order = {"platform_id": int, "name": str}
    found = find_page(connection, Search("publishers", order, conditions, values), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT.format(condition=_OF_PAGE), {"ids": found.ids})
        return GatewayPage(items=[_record(row) for row in rows], next_cursor=found.next_cursor)


def read_gateway(
    connection: psycopg.Connection, caller: Caller, address: GatewayAddress
) -> GatewayRecord:
    """One gateway.

    Raises:
        Problem: there is no such gateway, or not for this caller.
    """
    if PLATFORM_CODE.fullmatch(address.platform) and SERIAL.fullmatch(address.name):
        values = {**address._asdict(), "own": caller.platform_id}
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_SELECT.format(condition=_OF_ADDRESS), values).fetchone()
        if row is not None:
            return _record(row)
    raise Problem(
        Kind.NOT_FOUND, _("The platform {platform} has no gateway {name}."), **address._asdict()
    )


@refusals_answered()
def create_gateway(
    connection: psycopg.Connection, caller: Caller, new: NewGateway
) -> GatewayRecord:
    """Register a gateway (`registry.gateways`), in a transaction of changes."""
    address = gateways.create_gateway(
        connection, new.model_dump(), own_platform=caller.platform_code
    )
    return read_gateway(connection, caller, address)


@refusals_answered()
def change_gateway(
    connection: psycopg.Connection,
    caller: Caller,
    address: GatewayAddress,
    change: GatewayChange,
    expected: ExpectedRevision,
) -> GatewayRecord:
    """Change what `change` names of a gateway that the caller sees."""
    read_gateway(connection, caller, address)
    changes = change.model_dump(exclude_unset=True)
    gateways.change_gateway(connection, address, changes, expected.revisions)
    return read_gateway(connection, caller, address)


def _record(row: Row) -> GatewayRecord:
    credential = None
    if row["credential_id"] is not None:
        credential = GatewayCredential(
            id=row["credential_id"], username=row["username"], created_at=row["issued_at"]
        )
    any_device = DeviceAddress(row["platform"], _ANY_DEVICE)
    topic = heartbeat_topic(any_device, Publisher(PublisherKind.GATEWAY, row["name"]))
    return GatewayRecord.model_validate({**row, "credential": credential, "topic": topic})
