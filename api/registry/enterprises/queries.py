"""Enterprises as callers see and change them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.enterprises.answers import (
    EnterpriseChange,
    EnterpriseDetail,
    EnterprisePage,
    EnterpriseRecord,
    NewEnterprise,
)
from api.registry.parents import ENTERPRISE_IS_VISIBLE, NO_SUCH_ENTERPRISE
from api.web.filters import (
    DistrictFilter,
    PlatformFilter,
    State,
    StateFilter,
    TextFilter,
    contains,
    today_of,
)
from api.web.listing import Where
from api.web.reading import Records
from api.web.records import is_uscc, refusals_answered
from api.web.revisions import ExpectedRevision
from registry import enterprises
from registry.device_status import STATUS, Liveness

__all__ = [
    "ENTERPRISES",
    "EnterpriseFilter",
    "change_enterprise",
    "create_enterprise",
    "end_enterprise",
    "read_enterprise",
    "reopen_enterprise",
]

_COUNT_DEVICES: Final = SQL("""
    SELECT status, count(*) FROM (
        SELECT {status} AS status
        FROM assignments
        JOIN devices ON devices.id = assignments.device_id
        LEFT JOIN device_states ON device_states.device_id = devices.id
        WHERE enterprise_id = %(enterprise)s AND from_date <= %(today)s
          AND (to_date IS NULL OR to_date > %(today)s)
          AND (devices.ended_on IS NULL OR devices.ended_on > %(today)s)
          AND (%(own)s::integer IS NULL OR devices.platform_id = %(own)s)
    ) AS devices GROUP BY status
""").format(status=SQL(STATUS))


@dataclass(frozen=True, slots=True)
class EnterpriseFilter:
    """Which enterprises a list holds; None: all."""

    platform: PlatformFilter = None
    """Ever connected to it."""
    district: DistrictFilter = None
    text: TextFilter = None
    """Part of its uscc or name."""
    state: StateFilter = State.OPEN


ENTERPRISES: Final = Records(
    table="enterprises",
    order={"uscc": str},
    end="ended_on",
    select="""
        SELECT enterprises.id, uscc, enterprises.name, district, industry_code,
               enterprises.ended_on, platforms.code AS kept_by, enterprises.revision
        FROM enterprises LEFT JOIN platforms ON platforms.id = kept_by_platform_id
    """,
    visible=Where(SQL(ENTERPRISE_IS_VISIBLE)),
    address="uscc = %(uscc)s",
    parts={"uscc": is_uscc},
    missing=NO_SUCH_ENTERPRISE,
    filters={
        # Another platform's connections are not an operator's to see, not even by this filter.
        "platform": Where(
            SQL("""EXISTS (
                SELECT FROM connections JOIN platforms ON platforms.id = connections.platform_id
                WHERE connections.enterprise_id = enterprises.id AND platforms.code = %(platform)s
                  AND (%(own)s::integer IS NULL OR platforms.id = %(own)s)
            )""")
        ),
        "district": Where(SQL("enterprises.district = %(district)s")),
        "text": Where(
            contains((Identifier("enterprises", "uscc"), Identifier("enterprises", "name")))
        ),
    },
    build=lambda row, _now: EnterpriseRecord.model_validate(row),
    listed=EnterprisePage,
    export_kind="enterprises",
    export_select="""
        SELECT uscc, name, district, industry_code FROM enterprises WHERE id = ANY (%(ids)s)
        ORDER BY uscc
    """,
)
"""By uscc; an operator sees those ever connected to the own platform, and those that it keeps."""


def read_enterprise(
    connection: psycopg.Connection, caller: Caller, uscc: str, *, now: datetime
) -> EnterpriseDetail:
    """One enterprise, and how its devices stand.

    Raises:
        Problem: there is no such enterprise, or not for this caller.
    """
    own = caller.platform_id
    row = ENTERPRISES.row(connection, own, now, uscc=uscc)
    values = {"enterprise": row["id"], "own": own, "now": now, "today": today_of(now)}
    counted: dict[str, int] = dict(connection.execute(_COUNT_DEVICES, values).fetchall())
    devices = {status: counted.get(status, 0) for status in Liveness}
    return EnterpriseDetail.model_validate({**row, "devices": devices})


@refusals_answered()
def create_enterprise(
    connection: psycopg.Connection,
    caller: Caller,
    new: NewEnterprise,
    *,
    districts: Collection[str],
    now: datetime,
) -> EnterpriseDetail:
    """Register an enterprise (`registry.enterprises`), in a transaction of changes."""
    uscc = enterprises.create_enterprise(
        connection, new.model_dump(), districts=districts, own_platform=caller.platform_code
    )
    return read_enterprise(connection, caller, uscc, now=now)


@refusals_answered()
def change_enterprise(
    connection: psycopg.Connection,
    caller: Caller,
    uscc: str,
    change: EnterpriseChange,
    expected: ExpectedRevision,
    *,
    districts: Collection[str],
    now: datetime,
) -> EnterpriseDetail:
    """Change what `change` names of an enterprise that the caller sees and keeps."""
    ENTERPRISES.row(connection, caller.platform_id, now, uscc=uscc)
    enterprises.change_enterprise(
        connection,
        uscc,
        change.model_dump(exclude_unset=True),
        expected.revisions,
        districts=districts,
        own_platform=caller.platform_code,
    )
    return read_enterprise(connection, caller, uscc, now=now)


@refusals_answered()
def end_enterprise(
    connection: psycopg.Connection,
    caller: Caller,
    uscc: str,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> EnterpriseDetail:
    """End an enterprise that the caller sees and keeps."""
    ENTERPRISES.row(connection, caller.platform_id, now, uscc=uscc)
    enterprises.end_enterprise(
        connection, uscc, on, expected.revisions, own_platform=caller.platform_code
    )
    return read_enterprise(connection, caller, uscc, now=now)


@refusals_answered()
def reopen_enterprise(
    connection: psycopg.Connection,
    caller: Caller,
    uscc: str,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> EnterpriseDetail:
    """Take back the end of an enterprise that the caller sees and keeps."""
    ENTERPRISES.row(connection, caller.platform_id, now, uscc=uscc)
    enterprises.reopen_enterprise(
        connection, uscc, expected.revisions, own_platform=caller.platform_code
    )
    return read_enterprise(connection, caller, uscc, now=now)
