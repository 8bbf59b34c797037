"""Devices as callers see and change them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final, NamedTuple

import psycopg
from fastapi import Query
from psycopg.sql import SQL, Identifier

from api.access.caller import Caller
from api.registry.devices.answers import DeviceChange, DevicePage, DeviceRecord, NewDevice
from api.registry.parents import NO_SUCH_DEVICE
from api.web.filters import (
    DistrictFilter,
    EnterpriseFilter,
    PlatformFilter,
    State,
    StateFilter,
    TextFilter,
    contains,
    today_of,
)
from api.web.listing import Where
from api.web.reading import Records, Row
from api.web.records import refusals_answered
from api.web.revisions import ExpectedRevision
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE, SERIAL, DeviceAddress
from registry import devices
from registry.device_status import CONDITIONS, NEVER_HEARD, Liveness, liveness

__all__ = [
    "DEVICES",
    "DeviceFilter",
    "KnownDevice",
    "change_device",
    "create_device",
    "end_device",
    "find_device",
    "read_device",
    "reopen_device",
]

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


_STATES: Final = (SQL("LEFT JOIN device_states ON device_states.device_id = devices.id"),)
_OWNER: Final = (
    SQL("""
        JOIN assignments ON assignments.device_id = devices.id
             AND assignments.from_date <= %(today)s
             AND (assignments.to_date IS NULL OR assignments.to_date > %(today)s)
        JOIN enterprises ON enterprises.id = assignments.enterprise_id
    """),
)


def _standing(status: Liveness) -> Where:
    far = SQL("devices.id IN ({})").format(SQL(NEVER_HEARD)) if status is Liveness.NEVER else None
    return Where(SQL(CONDITIONS[status]), joins=_STATES, far=far)


def _record(row: Row, now: datetime) -> DeviceRecord:
    owner = None
    if row["uscc"] is not None:
        owner = {
            "uscc": row["uscc"],
            "name": row["enterprise_name"],
            "district": row["district"],
            "assigned_from": row["from_date"],
        }
    status = liveness(row["last_seen_at"], row["expected_interval_s"], now)
    return DeviceRecord.model_validate({**row, "status": status, "enterprise": owner})


DEVICES: Final = Records(
    table="devices",
    order={"platform_id": int, "serial": str},
    end="ended_on",
    select="""
        SELECT devices.id, platforms.code AS platform, devices.serial, devices.kind, devices.name,
               devices.expected_interval_s, devices.registered_at, devices.ended_on,
               devices.revision, last_seen_at, status AS reported, enterprises.uscc,
               enterprises.name AS enterprise_name, enterprises.district, assignments.from_date
        FROM devices
        JOIN platforms ON platforms.id = devices.platform_id
        LEFT JOIN device_states ON device_states.device_id = devices.id
        LEFT JOIN assignments ON assignments.device_id = devices.id
             AND assignments.from_date <= %(today)s
             AND (assignments.to_date IS NULL OR assignments.to_date > %(today)s)
        LEFT JOIN enterprises ON enterprises.id = assignments.enterprise_id
    """,
    visible=Where(SQL("devices.platform_id = %(own)s"), is_range=True),
    address="platforms.code = %(platform)s AND devices.serial = %(serial)s",
    parts={"platform": PLATFORM_CODE.fullmatch, "serial": SERIAL.fullmatch},
    missing=NO_SUCH_DEVICE,
    filters={
        "platform": Where(
            SQL("devices.platform_id = (SELECT id FROM platforms WHERE code = %(platform)s)"),
            is_range=True,
        ),
        "enterprise": Where(SQL("enterprises.uscc = %(enterprise)s"), joins=_OWNER),
        "district": Where(SQL("enterprises.district = %(district)s"), joins=_OWNER),
        "status": _standing,
        "text": Where(contains((Identifier("devices", "serial"), Identifier("devices", "name")))),
    },
    build=_record,
    listed=DevicePage,
    export_kind="devices",
    export_select="""
        SELECT platforms.code AS platform, devices.serial, uscc, devices.kind, devices.name,
               from_date AS assigned_from, to_date AS assigned_to, devices.expected_interval_s
        FROM devices
        JOIN platforms ON platforms.id = devices.platform_id
        LEFT JOIN assignments ON assignments.device_id = devices.id
        LEFT JOIN enterprises ON enterprises.id = assignments.enterprise_id
        WHERE devices.id = ANY (%(ids)s)
        ORDER BY devices.platform_id, devices.serial, from_date
    """,
)
"""By platform and serial; an operator sees those of the own platform.

The import file has a row for each assignment.
"""


def read_device(
    connection: psycopg.Connection, caller: Caller, address: DeviceAddress, *, now: datetime
) -> DeviceRecord:
    """One device.

    Raises:
        Problem: there is no such device, or not for this caller.
    """
    return DEVICES.one(connection, caller.platform_id, now, **address._asdict())


def find_device(
    connection: psycopg.Connection, caller: Caller, address: DeviceAddress, *, now: datetime
) -> KnownDevice:
    """Which device it is, for those who ask after what was heard of it.

    Raises:
        Problem: there is no such device, or not for this caller.
    """
    row = DEVICES.row(connection, caller.platform_id, now, **address._asdict())
    return KnownDevice(row["id"], row["last_seen_at"])


@refusals_answered()
def create_device(
    connection: psycopg.Connection, caller: Caller, new: NewDevice, *, now: datetime
) -> DeviceRecord:
    """Register a device (`registry.devices`), in a transaction of changes."""
    address = devices.create_device(connection, new.model_dump(), own_platform=caller.platform_code)
    return read_device(connection, caller, address, now=now)


@refusals_answered()
def change_device(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    change: DeviceChange,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> DeviceRecord:
    """Change what `change` names of a device that the caller sees."""
    find_device(connection, caller, address, now=now)
    changes = change.model_dump(exclude_unset=True)
    devices.change_device(connection, address, changes, expected.revisions)
    return read_device(connection, caller, address, now=now)


@refusals_answered()
def end_device(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    on: date,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> DeviceRecord:
    """End a device that the caller sees."""
    find_device(connection, caller, address, now=now)
    devices.end_device(connection, address, on, expected.revisions, today=today_of(now))
    return read_device(connection, caller, address, now=now)


@refusals_answered()
def reopen_device(
    connection: psycopg.Connection,
    caller: Caller,
    address: DeviceAddress,
    expected: ExpectedRevision,
    *,
    now: datetime,
) -> DeviceRecord:
    """Take back the end of a device that the caller sees."""
    find_device(connection, caller, address, now=now)
    devices.reopen_device(connection, address, expected.revisions)
    return read_device(connection, caller, address, now=now)
