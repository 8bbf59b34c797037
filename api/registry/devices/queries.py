"""Devices in the database: lists, one device, and its changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, LiteralString, NamedTuple

import psycopg
from fastapi import Query
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.devices.answers import DeviceChange, DevicePage, DeviceRecord, NewDevice
from api.registry.parents import no_such_device
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
from api.web.records import (
    already_ended,
    contradictions_refused,
    not_ended,
    only_row,
    require_later,
    require_readable,
    require_room,
    require_within,
)
from api.web.revisions import ExpectedRevision, require_revision
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE, SERIAL, DeviceAddress
from registry.device_status import CONDITIONS, NEVER_HEARD, Liveness, liveness
from registry.kinds import KINDS
from registry.records import date_in, read_record

__all__ = [
    "DeviceFilter",
    "KnownDevice",
    "change_device",
    "create_device",
    "device_export",
    "end_device",
    "find_device",
    "list_devices",
    "read_device",
    "reopen_device",
]

_SELECT: Final[LiteralString] = """
    SELECT devices.id, devices.platform_id, platforms.code AS platform, devices.serial,
           devices.kind, devices.name, devices.expected_interval_s, devices.registered_at,
           devices.ended_on, devices.revision, last_seen_at, status AS reported,
           enterprises.uscc, enterprises.name AS enterprise_name, enterprises.district,
           assignments.from_date
    FROM devices
    JOIN platforms ON platforms.id = devices.platform_id
    LEFT JOIN device_states ON device_states.device_id = devices.id
    LEFT JOIN assignments ON assignments.device_id = devices.id
         AND assignments.from_date <= %(today)s
         AND (assignments.to_date IS NULL OR assignments.to_date > %(today)s)
    LEFT JOIN enterprises ON enterprises.id = assignments.enterprise_id
"""
_OF_PAGE: Final[LiteralString] = """
    WHERE devices.id = ANY (%(ids)s) ORDER BY devices.platform_id, devices.serial
"""
_OF_ADDRESS: Final[LiteralString] = """
    WHERE platforms.code = %(platform)s AND devices.serial = %(serial)s
      AND (%(own)s::integer IS NULL OR platforms.id = %(own)s)
"""
_SELECT_PAGE: Final[LiteralString] = _SELECT + _OF_PAGE
_SELECT_ONE: Final[LiteralString] = _SELECT + _OF_ADDRESS
_LOCK_ONE: Final[LiteralString] = _SELECT_ONE + " FOR UPDATE OF devices"
_EXPORT: Final[LiteralString] = """
    SELECT platforms.code AS platform, devices.serial, uscc, devices.kind, devices.name,
           from_date AS assigned_from, to_date AS assigned_to, devices.expected_interval_s
    FROM devices
    JOIN platforms ON platforms.id = devices.platform_id
    LEFT JOIN assignments ON assignments.device_id = devices.id
    LEFT JOIN enterprises ON enterprises.id = assignments.enterprise_id
    WHERE devices.id = ANY (%(ids)s)
    ORDER BY devices.platform_id, devices.serial, from_date
"""
_SELECT_PLATFORM: Final = "SELECT id, ended_on FROM platforms WHERE code = %s"
_SELECT_ENTERPRISE: Final = "SELECT id, ended_on FROM enterprises WHERE uscc = %s"
_INSERT: Final = """
    INSERT INTO devices (platform_id, serial, kind, name, expected_interval_s)
    VALUES (%s, %s, %s, %s, %s) RETURNING id
"""
_INSERT_ASSIGNMENT: Final = """
    INSERT INTO assignments (device_id, enterprise_id, from_date, to_date)
    VALUES (%s, %s, %s, %s)
"""
_UPDATE: Final = """
    UPDATE devices SET kind = %(kind)s, name = %(name)s,
                       expected_interval_s = %(expected_interval_s)s
    WHERE id = %(id)s
"""
_SET_END: Final = "UPDATE devices SET ended_on = %(on)s WHERE id = %(id)s"
_SELECT_LATER_ASSIGNMENT: Final = """
    SELECT from_date FROM assignments WHERE device_id = %(id)s AND from_date >= %(on)s
    ORDER BY from_date LIMIT 1
"""
_END_ASSIGNMENT: Final = """
    UPDATE assignments SET to_date = %(on)s
    WHERE device_id = %(id)s AND (to_date IS NULL OR to_date > %(on)s)
"""
_REVOKE_CREDENTIALS: Final = """
    UPDATE credentials SET revoked_at = now() WHERE device_id = %(id)s AND revoked_at IS NULL
"""

_JOIN_STATES: Final = SQL("LEFT JOIN device_states ON device_states.device_id = devices.id")
_WAS_NEVER_HEARD: Final = SQL("devices.id IN ({})").format(SQL(NEVER_HEARD))
_JOIN_OWNER: Final = SQL("""
    JOIN assignments ON assignments.device_id = devices.id
         AND assignments.from_date <= %(today)s
         AND (assignments.to_date IS NULL OR assignments.to_date > %(today)s)
    JOIN enterprises ON enterprises.id = assignments.enterprise_id
""")


StatusFilter = Annotated[Liveness | None, Query(description=_("How it stands at this moment."))]


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices a list holds; None: all."""

    platform: PlatformFilter = None
    enterprise: EnterpriseFilter = None
    """The uscc of the enterprise that owns it today."""
    district: DistrictFilter = None
    """Of that enterprise."""
    status: StatusFilter = None
    text: TextFilter = None
    """Part of its serial or name."""
    state: StateFilter = State.OPEN


class KnownDevice(NamedTuple):
    """A registered device, as its evidence knows it."""

    id: int
    last_seen_at: datetime | None


def list_devices(
    connection: psycopg.Connection,
    caller: Caller,
    wanted: DeviceFilter,
    page: PageRequest,
    *,
    now: datetime,
) -> DevicePage:
    """One page of devices, by platform and serial.

    Raises:
        Problem: the cursor is none of this list.
    """
    found = find_page(connection, _search(caller, wanted, now), page)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(_SELECT_PAGE, {"ids": found.ids, "today": today_of(now)})
        return DevicePage(items=[_record(row, now) for row in rows], next_cursor=found.next_cursor)


def read_device(
    connection: psycopg.Connection, caller: Caller, address: DeviceAddress, *, now: datetime
) -> DeviceRecord:
    """One device.

    Raises:
        Problem: there is no such device, or not for this caller.
    """
    return _record(_row(connection, caller, address, now), now)


def find_device(
    connection: psycopg.Connection, caller: Caller, address: DeviceAddress, *, now: datetime
) -> KnownDevice:
    """Which device it is, for those who ask after what was heard of it.

    Raises:
        Problem: there is no such device, or not for this caller.
    """
    row = _row(connection, caller, address, now)
    return KnownDevice(row["id"], row["last_seen_at"])


def device_export(caller: Caller, wanted: DeviceFilter, *, now: datetime) -> Export:
    """The same list as an import file of devices: a row for each assignment."""
    return Export("devices", _search(caller, wanted, now), _EXPORT)


def create_device(
    connection: psycopg.Connection, caller: Caller, new: NewDevice, *, now: datetime
) -> DeviceRecord:
    """Register a device and, where its enterprise is named, assign it.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        caller: an operator registers devices of the own platform only.
        new: as it was sent.
        now: by which the answer tells the device's status.

    Raises:
        Problem: a field is wrong, or the device is registered already.
    """
    reading = read_record(
        connection, "devices", new.model_dump(), own_platform=caller.platform_code
    )
    require_readable(reading)
    values = reading.row.values
    require_room(connection, KINDS["devices"].relations[0], reading.row, is_new=True)
    platform_id, platform_ended_on = only_row(connection, _SELECT_PLATFORM, values["platform"])
    require_within(None, new.platform, platform_ended_on)
    with contradictions_refused():
        (device_id,) = only_row(
            connection,
            _INSERT,
            platform_id,
            *[values[name] for name in ("serial", "kind", "name", "expected_interval_s")],
        )
        if values["uscc"] is not None:
            enterprise_id, ended_on = only_row(connection, _SELECT_ENTERPRISE, values["uscc"])
            require_within(date_in(reading.row, "assigned_to"), str(values["uscc"]), ended_on)
            period = (values["assigned_from"], values["assigned_to"])
            connection.execute(_INSERT_ASSIGNMENT, (device_id, enterprise_id, *period))
    address = DeviceAddress(str(values["platform"]), str(values["serial"]))
    return read_device(connection, caller, address, now=now)


def change_device(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    change: DeviceChange,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> DeviceRecord:
    """Change what `change` names of a device.

    Raises:
        Problem: there is no such device for this caller, it was changed meanwhile, or a field is
            wrong.
    """
    row = _locked(connection, caller, address, expected, now)
    changes = change.model_dump(exclude_unset=True)
    cells = {name: row[name] for name in ("platform", "serial", *DeviceChange.model_fields)}
    reading = read_record(connection, "devices", {**cells, **changes})
    require_readable(reading, among=changes)
    connection.execute(_UPDATE, {**cells, **reading.row.values, "id": row["id"]})
    return read_device(connection, caller, address, now=now)


def end_device(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> DeviceRecord:
    """End a device and its assignment; what it still sends is kept as evidence.

    Its credential is revoked, unless the end lies ahead.

    Raises:
        Problem: there is no such device for this caller, it was changed meanwhile, has an end
            already, or is assigned only later.
    """
    row = _locked(connection, caller, address, expected, now)
    if row["ended_on"] is not None:
        raise already_ended(row["ended_on"])
    values = {"id": row["id"], "on": on}
    later = connection.execute(_SELECT_LATER_ASSIGNMENT, values).fetchone()
    if later is not None:
        require_later(on, later[0])
    connection.execute(_END_ASSIGNMENT, values)
    connection.execute(_SET_END, values)
    if on <= today_of(now):
        connection.execute(_REVOKE_CREDENTIALS, values)
    return read_device(connection, caller, address, now=now)


def reopen_device(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> DeviceRecord:
    """Take back the end of a device; its assignment stays ended, its revoked credential revoked.

    Raises:
        Problem: there is no such device for this caller, it was changed meanwhile, has no end, or
            its platform has one.
    """
    row = _locked(connection, caller, address, expected, now)
    if row["ended_on"] is None:
        raise not_ended()
    _platform_id, platform_ended_on = only_row(connection, _SELECT_PLATFORM, address.platform)
    require_within(None, address.platform, platform_ended_on)
    connection.execute(_SET_END, {"id": row["id"], "on": None})
    return read_device(connection, caller, address, now=now)


def _row(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    now: datetime,
    *,
    select: LiteralString = _SELECT_ONE,
) -> dict[str, Any]:
    platform, serial = address
    if PLATFORM_CODE.fullmatch(platform) and SERIAL.fullmatch(serial):
        values = {
            "platform": platform,
            "serial": serial,
            "own": caller.platform_id,
            "today": today_of(now),
        }
        with connection.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(select, values).fetchone()
        if row is not None:
            return row
    raise no_such_device(platform, serial)


def _locked(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    expected: ExpectedRevision,
    now: datetime,
) -> dict[str, Any]:
    """The row of a device, which nobody else changes until this transaction ends."""
    row = _row(connection, caller, address, now, select=_LOCK_ONE)
    require_revision(expected, row["revision"])
    return row


def _search(caller: Caller, wanted: DeviceFilter, now: datetime) -> Search:
    search = Search("devices", {"platform_id": int, "serial": str})
    search.values = {"today": today_of(now), "now": now}
    if caller.platform_id is not None:
        search.range.append(SQL("devices.platform_id = %(own)s"))
        search.values["own"] = caller.platform_id
    if wanted.platform:
        search.range.append(
            SQL("devices.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)")
        )
        search.values["platform"] = wanted.platform
    search.conditions += in_state(wanted.state, "devices", "ended_on")
    if wanted.enterprise or wanted.district:
        search.joins.append(_JOIN_OWNER)
    if wanted.enterprise:
        search.conditions.append(SQL("enterprises.uscc = %(enterprise)s"))
        search.values["enterprise"] = wanted.enterprise
    if wanted.district:
        search.conditions.append(SQL("enterprises.district = %(district)s"))
        search.values["district"] = wanted.district
    if wanted.status is not None:
        search.joins.append(_JOIN_STATES)
        condition = SQL(CONDITIONS[wanted.status])
        if wanted.status is Liveness.NEVER:
            search.near_conditions.append(condition)
            search.far_conditions.append(_WAS_NEVER_HEARD)
        else:
            search.conditions.append(condition)
    if wanted.text:
        search.conditions.append(
            contains((Identifier("devices", "serial"), Identifier("devices", "name")))
        )
        search.values["text"] = wanted.text
    return search


def _record(row: Mapping[str, Any], now: datetime) -> DeviceRecord:
    owner = None
    if row["uscc"] is not None:
        owner = {
            "uscc": row["uscc"],
            "name": row["enterprise_name"],
            "district": row["district"],
            "assigned_from": row["from_date"],
        }
    return DeviceRecord.model_validate(
        {
            **row,
            "status": liveness(row["last_seen_at"], row["expected_interval_s"], now),
            "enterprise": owner,
        }
    )
