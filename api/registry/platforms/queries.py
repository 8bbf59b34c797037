"""Platforms as callers see and change them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.parents import NO_SUCH_PLATFORM
from api.registry.platforms.answers import NewPlatform, PlatformChange, PlatformPage, PlatformRecord
from api.web.filters import State, StateFilter, TextFilter, contains, today_of
from api.web.listing import Where
from api.web.reading import Records
from api.web.records import refusals_answered
from api.web.revisions import ExpectedRevision
from jieru.wire import PLATFORM_CODE
from registry import platforms

__all__ = [
    "PLATFORMS",
    "PlatformFilter",
    "change_platform",
    "create_platform",
    "end_platform",
    "reopen_platform",
]


@dataclass(frozen=True, slots=True)
class PlatformFilter:
    """Which platforms a list holds; None: all."""

    text: TextFilter = None
    """Part of its code, name or operator's uscc."""
    state: StateFilter = State.OPEN


PLATFORMS: Final = Records(
    table="platforms",
    order={"code": str},
    end="ended_on",
    select="""
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
    """,
    visible=Where(SQL("platforms.id = %(own)s"), is_range=True),
    address="code = %(code)s",
    parts={"code": PLATFORM_CODE.fullmatch},
    missing=NO_SUCH_PLATFORM,
    filters={
        "text": Where(
            contains(Identifier("platforms", name) for name in ("code", "name", "operator_uscc"))
        ),
    },
    build=lambda row, _now: PlatformRecord.model_validate(row),
    listed=PlatformPage,
    export_kind="platforms",
    export_select="""
        SELECT code, name, operator_uscc FROM platforms WHERE id = ANY (%(ids)s) ORDER BY code
    """,
)
"""By code; an operator sees the own platform only."""


@refusals_answered()
def create_platform(
    connection: psycopg.Connection, caller: Caller, new: NewPlatform, *, now: datetime
) -> PlatformRecord:
    """Register a platform (`registry.platforms`), in a transaction of changes."""
    code = platforms.create_platform(connection, new.model_dump())
    return PLATFORMS.one(connection, caller.platform_id, now, code=code)


@refusals_answered()
def change_platform(
    connection: psycopg.Connection,
    caller: Caller,
    code: str,
    change: PlatformChange,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> PlatformRecord:
    """Change what `change` names of a platform that the caller sees."""
    PLATFORMS.row(connection, caller.platform_id, now, code=code)
    changes = change.model_dump(exclude_unset=True)
    platforms.change_platform(connection, code, changes, expected.revisions)
    return PLATFORMS.one(connection, caller.platform_id, now, code=code)


@refusals_answered()
def end_platform(
    connection: psycopg.Connection,
    caller: Caller,
    code: str,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> PlatformRecord:
    """End a platform that the caller sees."""
    PLATFORMS.row(connection, caller.platform_id, now, code=code)
    platforms.end_platform(connection, code, on, expected.revisions, today=today_of(now))
    return PLATFORMS.one(connection, caller.platform_id, now, code=code)


@refusals_answered()
def reopen_platform(
    connection: psycopg.Connection,
    caller: Caller,
    code: str,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> PlatformRecord:
    """Take back the end of a platform that the caller sees."""
    PLATFORMS.row(connection, caller.platform_id, now, code=code)
    platforms.reopen_platform(connection, code, expected.revisions)
    return PLATFORMS.one(connection, caller.platform_id, now, code=code)
