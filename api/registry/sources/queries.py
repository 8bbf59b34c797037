"""Sources as callers see, declare and end them."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

import psycopg
from fastapi import Query
from psycopg.rows import dict_row
from psycopg.sql import SQL

from api.access.caller import Caller
from api.registry.sources.answers import NewSource, SourcePage, SourceRecord
from api.web.filters import PlatformFilter
from api.web.listing import Search, Where, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem, WrongField
from api.web.reading import Row
from api.web.records import refusals_answered
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.sources.formats import write_format
from jieru.sources.ready_made import ready_made
from jieru.sources.topics import SOURCE_NAME
from jieru.sparkplug.topics import SPARKPLUG_PREFIX, SPARKPLUG_SOURCE
from jieru.wire import PLATFORM_CODE
from registry import sources
from registry.sources import SourceAddress
from verifier.policy import Policy

__all__ = [
    "SourceFilter",
    "content_of",
    "declare_source",
    "end_source",
    "list_sources",
    "read_source",
]

_SELECT: Final = SQL("""
    SELECT platforms.code AS platform, sources.name, version, format, sha256, declared_by,
           declared_at, ended_by, ended_at,
           ended_at IS NULL AND NOT EXISTS (
               SELECT FROM sources AS newer
               WHERE newer.platform_id = sources.platform_id AND newer.name = sources.name
                     AND newer.version > sources.version) AS is_in_force
    FROM sources JOIN platforms ON platforms.id = sources.platform_id
    WHERE {condition}
    ORDER BY sources.platform_id, sources.name, version
""")
_OF_PAGE: Final = SQL("sources.id = ANY (%(ids)s)")
_NEWEST_OF_ADDRESS: Final = SQL("""
    platforms.code = %(platform)s AND sources.name = %(name)s
    AND (%(own)s::integer IS NULL OR platforms.id = %(own)s)
    AND version = (SELECT max(version) FROM sources AS all_versions
                   WHERE all_versions.platform_id = platforms.id
                         AND all_versions.name = sources.name)
""")
_IS_OWN: Final = Where(SQL("sources.platform_id = %(own)s"), is_range=True)
_OF_PLATFORM: Final = Where(
    SQL("sources.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)"),
    is_range=True,
)
_OF_NAME: Final = Where(SQL("sources.name = %(name)s"))
_ANY: Final = Where(SQL("true"))
NameFilter = Annotated[
    str | None,
    Query(description=_("The source's name."), max_length=32, pattern=r"^[a-z0-9-]*$"),
]


@dataclass(frozen=True, slots=True)
class SourceFilter:
    """Which sources a list holds; None: all."""

    platform: PlatformFilter = None
    name: NameFilter = None


def list_sources(
    connection: psycopg.Connection, caller: Caller, wanted: SourceFilter, page: PageRequest
) -> SourcePage:
    """One page of all versions that the caller may see, by platform, name and version.

    Raises:
        Problem: the cursor is none of this list.
    """
    conditions = [_ANY]
    if caller.platform_id is not None:
        conditions.append(_IS_OWN)
    if wanted.platform is not None:
        conditions.append(_OF_PLATFORM)
    if wanted.name is not None:
        conditions.append(_OF_NAME)
    values = {"own": caller.platform_id, "platform": wanted.platform, "name": wanted.name}
    order = {"platform_id": int, "name": str, "version": int}
    found = find_page(connection, Search("sources", order, conditions, values), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT.format(condition=_OF_PAGE), {"ids": found.ids})
        return SourcePage(items=[_record(row) for row in rows], next_cursor=found.next_cursor)


def read_source(
    connection: psycopg.Connection, caller: Caller, address: SourceAddress
) -> SourceRecord:
    """The newest version of a source.

    Raises:
        Problem: there is no such source, or not for this caller.
    """
    if PLATFORM_CODE.fullmatch(address.platform) and SOURCE_NAME.fullmatch(address.name):
        values = {**address._asdict(), "own": caller.platform_id}
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_SELECT.format(condition=_NEWEST_OF_ADDRESS), values).fetchone()
        if row is not None:
            return _record(row)
    raise Problem(
        Kind.NOT_FOUND, _("The platform {platform} has no source {name}."), **address._asdict()
    )


@refusals_answered()
def declare_source(
    connection: psycopg.Connection, caller: Caller, new: NewSource, policy: Policy
) -> SourceRecord:
    """Declare a source, or its next version (`registry.sources`), in a transaction of changes."""
    address = SourceAddress(new.platform, new.name)
    sources.declare_source(
        connection,
        address,
        content_of(new.ready_made, new.format),
        declared_by=caller.actor.name,
        own_platform=caller.platform_code,
        takes_receipt_time=policy.takes_receipt_time,
    )
    return read_source(connection, caller, address)


@refusals_answered()
def end_source(
    connection: psycopg.Connection, caller: Caller, address: SourceAddress
) -> SourceRecord:
    """End a source that the caller sees."""
    read_source(connection, caller, address)
    sources.end_source(connection, address, ended_by=caller.actor.name)
    return read_source(connection, caller, address)


def content_of(ready_made_name: str | None, declared: dict[str, Any] | None) -> bytes:
    """The format that is meant: a ready-made one, or the one that was sent, as JSON.

    Raises:
        Problem: both are given, or neither; or there is no such ready-made one.
    """
    if (ready_made_name is None) == (declared is None):
        raise _wrong("format", UserError(_("Give a format, or the name of a ready-made one.")))
    if declared is not None:
        try:
            return json.dumps(declared).encode()
        except RecursionError:
            raise _wrong("format", UserError(_("It is nested too deep."))) from None
    found = ready_made().get(ready_made_name or "")
    if found is None:
        reason = UserError(_("There is no ready-made format {name}."), name=ready_made_name)
        raise _wrong("ready_made", reason)
    return write_format(found.format)


def _wrong(field: str, reason: UserError) -> Problem:
    return Problem(Kind.INVALID_REQUEST).about([WrongField(field, reason)])


def _record(row: Row) -> SourceRecord:
    begin, end = f"jieru/v1/{row['platform']}", f"in/{row['name']}"
    topics = [f"{begin}/{end}", f"{begin}/via/{{gateway}}/{end}", f"{begin}/own/{{serial}}/{end}"]
    if row["name"] == SPARKPLUG_SOURCE:
        group = f"{SPARKPLUG_PREFIX}{row['platform']}"
        topics = [f"{group}/DDATA/{{edge}}/{{device}}", f"{group}.via/DDATA/{{gateway}}/{{device}}"]
    return SourceRecord.model_validate(
        {**row, "format": json.loads(row["format"]), "topics": topics}
    )
