"""Assignments: how a device comes to stand for an enterprise, and until when."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import psycopg

from jieru.errors import UserError
from registry.cells import Value
from registry.kinds import KINDS
from registry.records import read_record
from registry.refusals import WrongColumn, WrongColumnsError
from registry.writing import (
    Revisions,
    change_record,
    end_period,
    lock_record,
    write_new,
)

__all__ = ["change_assignment", "create_assignment", "end_assignment"]

_RELATION: Final = KINDS["devices"].relations[1]
_LOCK: Final = """
    SELECT platforms.code AS platform, serial, uscc, from_date AS assigned_from,
           to_date AS assigned_to, assignments.revision
    FROM assignments
    JOIN devices ON devices.id = device_id
    JOIN platforms ON platforms.id = devices.platform_id
    JOIN enterprises ON enterprises.id = enterprise_id
    WHERE assignments.id = %(id)s FOR UPDATE OF assignments
"""
_HAS_DEVICE: Final = """
    SELECT EXISTS (SELECT FROM devices JOIN platforms ON platforms.id = platform_id
                   WHERE code = %s AND serial = %s)
"""


def create_assignment(
    connection: psycopg.Connection, said: Mapping[str, Value], *, own_platform: str | None = None
) -> int:
    """Assign a registered device to an enterprise; the assignment's id.

    Args:
        connection: in a transaction of the caller's changes, as for all that follow.
        said: by column of the import file of devices.
        own_platform: the code of an operator's only platform.

    Raises:
        WrongColumnsError: columns are wrong, or there is no such device.
        ConflictError: the device is assigned at that time already, or what the assignment hangs on
            has ended.
    """
    row = read_record(connection, "devices", said, own_platform=own_platform)
    values = row.values
    for column in ("uscc", "assigned_from"):
        if values[column] is None:  # a device may be without both, an assignment not
            raise _wrong(column, UserError("Is empty, but required."))
    ((has_device,),) = connection.execute(_HAS_DEVICE, (values["platform"], values["serial"]))
    if not has_device:
        reason = UserError("The device {serial} is not registered.", serial=values["serial"])
        raise _wrong("serial", reason)
    return write_new(connection, _RELATION, row)


def change_assignment(
    connection: psycopg.Connection,
    assignment_id: int,
    changes: Mapping[str, Value],
    revisions: Revisions,
) -> None:
    """Change the end of an assignment; without a change it keeps its revision.

    Its enterprise never changes, for evidence hangs on it.

    Raises:
        NotRegisteredError: there is no such assignment.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: the end is wrong.
        ConflictError: its period would meet another one, or outlast what it hangs on.
    """
    found = lock_record(connection, _LOCK, revisions, id=assignment_id)
    if changes:
        change_record(connection, "devices", _RELATION, found, changes)


def end_assignment(
    connection: psycopg.Connection, assignment_id: int, on: date, revisions: Revisions
) -> None:
    """End an assignment.

    Raises:
        NotRegisteredError: there is no such assignment.
        ChangedMeanwhileError: it has another revision by now.
        WrongColumnsError: it begins later.
        ConflictError: it has an end already.
    """
    found = lock_record(connection, _LOCK, revisions, id=assignment_id)
    end_period(connection, _RELATION, found, on)


def _wrong(column: str, reason: UserError) -> WrongColumnsError:
    return WrongColumnsError([WrongColumn(column, reason)])
