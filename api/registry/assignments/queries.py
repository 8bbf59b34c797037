"""Assignments in the database: lists, one assignment, and its changes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.assignments.answers import (
    AssignmentChange,
    AssignmentPage,
    AssignmentRecord,
    NewAssignment,
)
from api.web.csv_export import Export
from api.web.filters import (
    DistrictFilter,
    EnterpriseFilter,
    PlatformFilter,
    SerialFilter,
    State,
    StateFilter,
    TextFilter,
    contains,
    in_state,
    today_of,
)
from api.web.listing import Search, find_page
from api.web.paging import PageRequest
from api.web.problems import Kind, Problem, WrongField
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
from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.kinds import KINDS
from registry.records import date_in, read_record

__all__ = [
    "AssignmentFilter",
    "assignment_export",
    "change_assignment",
    "create_assignment",
    "end_assignment",
    "list_assignments",
    "read_assignment",
]

_SELECT: Final[LiteralString] = """
    SELECT assignments.id, platforms.code AS platform, serial, uscc,
           enterprises.name AS enterprise_name, from_date, to_date, assignments.revision
    FROM assignments
    JOIN devices ON devices.id = device_id
    JOIN platforms ON platforms.id = devices.platform_id
    JOIN enterprises ON enterprises.id = enterprise_id
"""
_SELECT_PAGE: Final[LiteralString] = (
    _SELECT + " WHERE assignments.id = ANY (%(ids)s) ORDER BY assignments.id"
)
_SELECT_ONE: Final[LiteralString] = (
    _SELECT
    + """
    WHERE assignments.id = %(id)s
      AND (%(own)s::integer IS NULL OR devices.platform_id = %(own)s)
"""
)
_LOCK_ONE: Final[LiteralString] = _SELECT_ONE + " FOR UPDATE OF assignments"
_EXPORT: Final[LiteralString] = """
    SELECT platforms.code AS platform, serial, uscc, devices.kind, devices.name,
           from_date AS assigned_from, to_date AS assigned_to, expected_interval_s
    FROM assignments
    JOIN devices ON devices.id = device_id
    JOIN platforms ON platforms.id = devices.platform_id
    JOIN enterprises ON enterprises.id = enterprise_id
    WHERE assignments.id = ANY (%(ids)s) ORDER BY assignments.id
"""
_SELECT_DEVICE: Final = """
    SELECT devices.id, devices.ended_on
    FROM devices JOIN platforms ON platforms.id = platform_id WHERE code = %s AND serial = %s
"""
_SELECT_ENTERPRISE: Final = "SELECT id, ended_on FROM enterprises WHERE uscc = %s"
_INSERT: Final = """
    INSERT INTO assignments (device_id, enterprise_id, from_date, to_date)
    VALUES (%s, %s, %s, %s) RETURNING id
"""
_UPDATE: Final = "UPDATE assignments SET to_date = %s WHERE id = %s"
_JOIN_DEVICE: Final = SQL("JOIN devices ON devices.id = assignments.device_id")
_JOIN_ENTERPRISE: Final = SQL("JOIN enterprises ON enterprises.id = assignments.enterprise_id")
# Looked up for one assignment after another, as near ones are.
_SERIAL: Final = SQL("(SELECT serial FROM devices WHERE devices.id = assignments.device_id)")
_USCC: Final = SQL("(SELECT uscc FROM enterprises WHERE enterprises.id = enterprise_id)")
_NAME: Final = SQL("(SELECT name FROM enterprises WHERE enterprises.id = enterprise_id)")
_OF_TEXT_FAR: Final = SQL("""(
    assignments.device_id IN (SELECT devices.id FROM devices WHERE {of_device})
    OR assignments.enterprise_id IN
        (SELECT enterprises.id FROM enterprises WHERE {of_enterprise})
)""")

_RELATION: Final = KINDS["devices"].relations[1]
_FIELDS: Final = {
    "platform": "platform",
    "serial": "serial",
    "uscc": "uscc",
    "assigned_from": "from_date",
    "assigned_to": "to_date",
}
"""Under which name a record has what an import file of devices has in a column."""
_CHANGEABLE: Final = ("assigned_to",)


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


def list_assignments(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: AssignmentFilter,
    page: PageRequest,
    *,
    now: datetime,
) -> AssignmentPage:
    """One page of assignments, in the order of their registration.

    Raises:
        Problem: the cursor is none of this list.
    """
    found = find_page(connection, _search(caller, wanted, now), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT_PAGE, {"ids": found.ids})
        return AssignmentPage(
            items=[AssignmentRecord.model_validate(row) for row in rows],
            next_cursor=found.next_cursor,
        )


def read_assignment(
    connection: psycopg.Connection, caller: Caller, assignment_id: int
) -> AssignmentRecord:
    """One assignment.

    Raises:
        Problem: there is no such assignment, or not for this caller.
    """
    return AssignmentRecord.model_validate(_row(connection, caller, assignment_id))


def assignment_export(caller: Caller, wanted: AssignmentFilter, *, now: datetime) -> Export:
    """The same list as an import file of devices, which is how assignments are imported."""
    return Export("devices", _search(caller, wanted, now), _EXPORT)


def create_assignment(
    connection: psycopg.Connection, caller: Caller, new: NewAssignment
) -> AssignmentRecord:
    """Assign a registered device to an enterprise.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        caller: an operator assigns devices of the own platform only.
        new: as it was sent.

    Raises:
        Problem: a field is wrong, or the device is assigned at that time already.
    """
    sent = new.model_dump()
    cells = {column: sent[field] for column, field in _FIELDS.items()}
    reading = read_record(connection, "devices", cells, own_platform=caller.platform_code)
    require_readable(reading, names=_FIELDS)
    row, values = reading.row, reading.row.values
    for column in ("uscc", "assigned_from"):
        if values[column] is None:  # a device may be without both, an assignment not
            raise _wrong(_FIELDS[column], UserError("Is empty, but required."))
    device = connection.execute(_SELECT_DEVICE, (values["platform"], values["serial"])).fetchone()
    if device is None:
        reason = UserError("The device {serial} is not registered.", serial=values["serial"])
        raise _wrong("serial", reason)
    require_room(connection, _RELATION, row, is_new=True)
    device_id, ended_on = device
    require_within(date_in(row, "assigned_to"), str(values["serial"]), ended_on)
    enterprise_id, enterprise_ended_on = only_row(connection, _SELECT_ENTERPRISE, values["uscc"])
    require_within(date_in(row, "assigned_to"), str(values["uscc"]), enterprise_ended_on)
    period = (values["assigned_from"], values["assigned_to"])
    with contradictions_refused():
        (assignment_id,) = only_row(connection, _INSERT, device_id, enterprise_id, *period)
    return read_assignment(connection, caller, assignment_id)


def change_assignment(
    connection: psycopg.Connection,
    caller: Caller,
    assignment_id: int,
    change: AssignmentChange,
    expected: ExpectedRevision,
) -> AssignmentRecord:
    """Change what `change` names of an assignment.

    Raises:
        Problem: there is no such assignment for this caller, it was changed meanwhile, a field is
            wrong, or its period would meet another one.
    """
    found = _locked(connection, caller, assignment_id, expected)
    changes = change.model_dump(exclude_unset=True)
    if changes:
        now_said = {**found, **changes}
        cells = {column: now_said[field] for column, field in _FIELDS.items()}
        reading = read_record(connection, "devices", cells)
        require_readable(reading, among=_CHANGEABLE, names=_FIELDS)
        row = reading.row
        require_room(connection, _RELATION, row, is_new=False)
        _device_id, ended_on = only_row(
            connection, _SELECT_DEVICE, found["platform"], found["serial"]
        )
        require_within(date_in(row, "assigned_to"), found["serial"], ended_on)
        _enterprise_id, ended_on = only_row(connection, _SELECT_ENTERPRISE, found["uscc"])
        require_within(date_in(row, "assigned_to"), found["uscc"], ended_on)
        with contradictions_refused():
            connection.execute(_UPDATE, (row.values["assigned_to"], assignment_id))
    return read_assignment(connection, caller, assignment_id)


def end_assignment(
    connection: psycopg.Connection,
    caller: Caller,
    assignment_id: int,
    on: date,
    expected: ExpectedRevision,
) -> AssignmentRecord:
    """End an assignment.

    Raises:
        Problem: there is no such assignment for this caller, it was changed meanwhile, has an end
            already, or begins later.
    """
    row = _locked(connection, caller, assignment_id, expected)
    if row["to_date"] is not None:
        raise already_ended(row["to_date"])
    require_later(on, row["from_date"])
    connection.execute(_UPDATE, (on, assignment_id))
    return read_assignment(connection, caller, assignment_id)


def _wrong(field: str, reason: UserError) -> Problem:
    return Problem(Kind.INVALID_REQUEST).about([WrongField(field, reason)])


def _row(
    connection: psycopg.Connection,
    caller: Caller,
    assignment_id: int,
    *,
    select: LiteralString = _SELECT_ONE,
) -> dict[str, Any]:
    if is_record_id(assignment_id):
        values = {"id": assignment_id, "own": caller.platform_id}
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(select, values).fetchone()
        if row is not None:
            return row
    raise Problem(Kind.NOT_FOUND, _("There is no assignment {id}."), id=assignment_id)


def _locked(
    connection: psycopg.Connection, caller: Caller, assignment_id: int, expected: ExpectedRevision
) -> dict[str, Any]:
    """The row of an assignment, which nobody else changes until this transaction ends."""
    row = _row(connection, caller, assignment_id, select=_LOCK_ONE)
    require_revision(expected, row["revision"])
    return row


def _search(caller: Caller, wanted: AssignmentFilter, now: datetime) -> Search:
    search = Search("assignments", {"id": int}, values={"today": today_of(now)})
    search.conditions += in_state(wanted.state, "assignments", "to_date")
    if caller.platform_id is not None or wanted.platform or wanted.serial:
        search.joins.append(_JOIN_DEVICE)
    if caller.platform_id is not None:
        search.conditions.append(SQL("devices.platform_id = %(own)s"))
        search.values["own"] = caller.platform_id
    if wanted.platform:
        search.conditions.append(
            SQL("devices.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)")
        )
        search.values["platform"] = wanted.platform
    if wanted.serial:
        search.conditions.append(SQL("devices.serial = %(serial)s"))
        search.values["serial"] = wanted.serial
    if wanted.enterprise:
        search.conditions.append(
            SQL("assignments.enterprise_id = (SELECT id FROM enterprises WHERE uscc = %(uscc)s)")
        )
        search.values["uscc"] = wanted.enterprise
    if wanted.district:
        search.joins.append(_JOIN_ENTERPRISE)
        search.conditions.append(SQL("enterprises.district = %(district)s"))
        search.values["district"] = wanted.district
    if wanted.text:
        of_enterprise = [Identifier("enterprises", "uscc"), Identifier("enterprises", "name")]
        search.near_conditions.append(contains([_SERIAL, _USCC, _NAME]))
        search.far_conditions.append(
            _OF_TEXT_FAR.format(
                of_device=contains([Identifier("devices", "serial")]),
                of_enterprise=contains(of_enterprise),
            )
        )
        search.values["text"] = wanted.text
    return search
