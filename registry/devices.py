"""Devices: how one is registered, changed, ended and reopened."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import psycopg

from jieru.wire import DeviceAddress
from registry.cells import Value
from registry.kinds import KINDS
from registry.records import THE_ROW
from registry.rows import FileRow
from registry.writing import (
    Revisions,
    change_record,
    create_record,
    lock_record,
    require_ended,
    require_later,
    require_not_ended,
    require_plausible_end,
    require_within,
    write_new,
)

__all__ = ["change_device", "create_device", "end_device", "reopen_device"]

_RELATION: Final = KINDS["devices"].relations[0]
_ASSIGNMENTS: Final = KINDS["devices"].relations[1]
_LOCK: Final = """
    SELECT devices.id, platforms.code AS platform, serial, kind, devices.name, expected_interval_s,
           devices.ended_on, devices.revision
    FROM devices JOIN platforms ON platforms.id = platform_id
    WHERE platforms.code = %(platform)s AND serial = %(serial)s FOR UPDATE OF devices
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


def create_device(
    connection: psycopg.Connection, said: Mapping[str, Value], *, own_platform: str | None = None
) -> DeviceAddress:
    """Register a device and, where its enterprise is named, assign it.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        said: by column of the import file.
        own_platform: the code of an operator's only platform.

    Raises:
        WrongColumnsError: columns are wrong.
        ConflictError: the device is registered already, or its platform or enterprise has ended.
    """
    _id, row = create_record(connection, "devices", _RELATION, said, own_platform=own_platform)
    if row.values["uscc"] is not None:
        write_new(connection, _ASSIGNMENTS, row)
    return DeviceAddress(str(row.values["platform"]), str(row.values["serial"]))


def change_device(
    connection: psycopg.Connection,
    address: DeviceAddress,
    changes: Mapping[str, Value],
    revisions: Revisions,
) -> None:
    """Change some columns of a device.

    Raises:
        NotRegisteredError: there is no such device.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: columns that change are wrong.
    """
    found = lock_record(connection, _LOCK, revisions, **address._asdict())
    change_record(connection, "devices", _RELATION, found, changes)


def end_device(
    connection: psycopg.Connection,
    address: DeviceAddress,
    on: date,
    revisions: Revisions,
    *,
    today: date,
) -> None:
    """End a device and its assignment; what it still sends is kept as evidence.

    Its credential is revoked, unless the end lies ahead.

    Raises:
        NotRegisteredError: there is no such device.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: it is assigned only later.
        ConflictError: it has an end already.
    """
    found = lock_record(connection, _LOCK, revisions, **address._asdict())
    require_not_ended(found["ended_on"])
    require_plausible_end(connection, on)
    values = {"id": found["id"], "on": on}
    for (begins_on,) in connection.execute(_SELECT_LATER_ASSIGNMENT, values):
        require_later(on, begins_on)
    connection.execute(_END_ASSIGNMENT, values)
    connection.execute(_SET_END, values)
    if on <= today:
        connection.execute(_REVOKE_CREDENTIALS, values)


def reopen_device(
    connection: psycopg.Connection, address: DeviceAddress, revisions: Revisions
) -> None:
    """Take back the end of a device; its assignment stays ended, its revoked credential revoked.

    Raises:
        NotRegisteredError: there is no such device.
        ChangedMeanwhileError: it has another revision by now.
        ConflictError: it has no end, or its platform has one.
    """
    found = lock_record(connection, _LOCK, revisions, **address._asdict())
    require_ended(found["ended_on"])
    require_within(connection, _RELATION, FileRow(THE_ROW, found))
    connection.execute(_SET_END, {"id": found["id"], "on": None})
