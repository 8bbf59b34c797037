"""Assignments as callers see and change them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import psycopg
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.assignments.answers import (
    AssignmentChange,
    AssignmentPage,
    AssignmentRecord,
    NewAssignment,
)
from api.web.filters import (
    DistrictFilter,
    EnterpriseFilter,
    PlatformFilter,
    SerialFilter,
    State,
    StateFilter,
    TextFilter,
    contains,
)
from api.web.listing import Where
from api.web.reading import Records
from api.web.records import Body, is_record_id, refusals_answered
from api.web.revisions import ExpectedRevision
from jieru.i18n import marked as _
from registry import assignments
from registry.cells import Value

__all__ = [
    "ASSIGNMENTS",
    "AssignmentFilter",
    "change_assignment",
    "create_assignment",
    "end_assignment",
]


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Which assignments a list holds; None: all."""

    platform: PlatformFilter = None
    serial: SerialFilter = None
    """Of the device, whole."""
    enterprise: EnterpriseFilter = None
    """By uscc."""
    district: DistrictFilter = None
    """Of the enterprise."""
    text: TextFilter = None
    """Part of the device's serial, or of the enterprise's uscc or name."""
    state: StateFilter = State.OPEN


_DEVICE: Final = (SQL("JOIN devices ON devices.id = assignments.device_id"),)
_OF_TEXT: Final = contains(
    (
        # Looked up for one assignment after another, as near ones are.
        SQL("(SELECT serial FROM devices WHERE devices.id = assignments.device_id)"),
        SQL("(SELECT uscc FROM enterprises WHERE enterprises.id = enterprise_id)"),
        SQL("(SELECT name FROM enterprises WHERE enterprises.id = enterprise_id)"),
    )
)
_OF_TEXT_FAR: Final = SQL("""(
    assignments.device_id IN (SELECT devices.id FROM devices WHERE {of_device})
    OR assignments.enterprise_id IN
        (SELECT enterprises.id FROM enterprises WHERE {of_enterprise})
)""").format(
    of_device=contains([Identifier("devices", "serial")]),
    of_enterprise=contains([Identifier("enterprises", "uscc"), Identifier("enterprises", "name")]),
)

ASSIGNMENTS: Final = Records(
    table="assignments",
    order={"id": int},
    end="to_date",
    select="""
        SELECT assignments.id, platforms.code AS platform, serial, uscc,
               enterprises.name AS enterprise_name, from_date, to_date,
               (recorded_at AT TIME ZONE 'Asia/Shanghai')::date AS recorded_on,
               extension.first_on AS extended_from,
               (extension.told_at AT TIME ZONE 'Asia/Shanghai')::date AS extended_on,
               assignments.revision
        FROM assignments
        JOIN devices ON devices.id = device_id
        JOIN platforms ON platforms.id = devices.platform_id
        JOIN enterprises ON enterprises.id = enterprise_id
        LEFT JOIN LATERAL (
            SELECT first_on, told_at
            FROM told_periods(from_date, to_date, recorded_at, extended_from, extended_at)
            WHERE first_on > from_date ORDER BY first_on DESC LIMIT 1
        ) AS extension ON true
    """,
    visible=Where(SQL("devices.platform_id = %(own)s"), joins=_DEVICE),
    address="assignments.id = %(id)s",
    parts={"id": is_record_id},
    missing=_("There is no assignment {id}."),
    filters={
        "platform": Where(
            SQL("devices.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)"),
            joins=_DEVICE,
        ),
        "serial": Where(SQL("devices.serial = %(serial)s"), joins=_DEVICE),
        "enterprise": Where(
            SQL("""assignments.enterprise_id =
                   (SELECT id FROM enterprises WHERE uscc = %(enterprise)s)""")
        ),
        "district": Where(
            SQL("enterprises.district = %(district)s"),
            joins=(SQL("JOIN enterprises ON enterprises.id = assignments.enterprise_id"),),
        ),
        "text": Where(_OF_TEXT, far=_OF_TEXT_FAR),
    },
    build=lambda row, _now: AssignmentRecord.model_validate(row),
    listed=AssignmentPage,
    export_kind="devices",
    export_select="""
        SELECT platforms.code AS platform, serial, uscc, devices.kind, devices.name,
               from_date AS assigned_from, to_date AS assigned_to, expected_interval_s
        FROM assignments
        JOIN devices ON devices.id = device_id
        JOIN platforms ON platforms.id = devices.platform_id
        JOIN enterprises ON enterprises.id = enterprise_id
        WHERE assignments.id = ANY (%(ids)s) ORDER BY assignments.id
    """,
)
"""In the order of their registration; an operator sees those of the own platform's devices.

Their import file is that of devices.
"""

_answered: Final = refusals_answered(assigned_from="from_date", assigned_to="to_date")


@_answered
def create_assignment(
    connection: psycopg.Connection, caller: Caller, new: NewAssignment, *, now: datetime
) -> AssignmentRecord:
    """Assign a device (`registry.assignments`), in a transaction of changes."""
    assignment_id = assignments.create_assignment(
        connection, _said(new), own_platform=caller.platform_code
    )
    return ASSIGNMENTS.one(connection, caller.platform_id, now, id=assignment_id)


@_answered
def change_assignment(
    connection: psycopg.Connection,
    caller: Caller,
    assignment_id: int,
    change: AssignmentChange,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> AssignmentRecord:
    """Change what `change` names of an assignment that the caller sees."""
    ASSIGNMENTS.row(connection, caller.platform_id, now, id=assignment_id)
    assignments.change_assignment(connection, assignment_id, _said(change), expected.revisions)
    return ASSIGNMENTS.one(connection, caller.platform_id, now, id=assignment_id)


@_answered
def end_assignment(
    connection: psycopg.Connection,
    caller: Caller,
    assignment_id: int,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> AssignmentRecord:
    """End an assignment that the caller sees."""
    ASSIGNMENTS.row(connection, caller.platform_id, now, id=assignment_id)
    assignments.end_assignment(connection, assignment_id, on, expected.revisions)
    return ASSIGNMENTS.one(connection, caller.platform_id, now, id=assignment_id)


def _said(body: Body) -> dict[str, Value]:
    """What was sent, by column of the import file of devices."""
    columns = {"from_date": "assigned_from", "to_date": "assigned_to"}
    sent = body.model_dump(exclude_unset=True)
    return {columns.get(name, name): value for name, value in sent.items()}
