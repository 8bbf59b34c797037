"""Declarations: an operator says in time that machines stand still or are under repair.

In time is not later than the day after it began, as comparable schemes ask; what is said afterwards
explains nothing. The bureau records that the enterprise confirmed it.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

import psycopg

from jieru.calendar import civil_date
from jieru.errors import UserError
from jieru.i18n import marked as _
from registry.refusals import ConflictError, NotRegisteredError, WrongColumn, WrongColumnsError

__all__ = ["DeclarationKind", "NewDeclaration", "confirm_declaration", "declare"]

DAYS_LATE_MAX: Final = 1
_LONGEST_DAYS: Final = 366

_SELECT_NOW: Final = "SELECT now()"
_SELECT_CONNECTED: Final = """
    SELECT enterprises.id FROM enterprises
    WHERE uscc = %(uscc)s AND EXISTS (
        SELECT FROM connections
        WHERE enterprise_id = enterprises.id AND platform_id = %(platform_id)s
          AND from_date <= %(to_date)s AND (to_date IS NULL OR to_date > %(from_date)s))
"""
_SELECT_DEVICE: Final = """
    SELECT devices.id FROM devices
    WHERE platform_id = %(platform_id)s AND serial = %(serial)s AND EXISTS (
        SELECT FROM assignments
        WHERE device_id = devices.id AND enterprise_id = %(enterprise_id)s
          AND from_date <= %(to_date)s AND (to_date IS NULL OR to_date > %(from_date)s))
"""
_INSERT: Final = """
    INSERT INTO declarations
        (platform_id, enterprise_id, device_id, kind, from_date, to_date, reason, declared_by)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
_SELECT_STATE: Final = "SELECT confirmed_by FROM declarations WHERE id = %s"
_CONFIRM: Final = """
    UPDATE declarations SET confirmed_by = %s, confirmed_at = now(), confirmation = %s
    WHERE id = %s AND confirmed_at IS NULL
"""


class DeclarationKind(StrEnum):
    """What is declared."""

    STOP = "stop"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDeclaration:
    """What an operator declares."""

    platform_id: int
    uscc: str
    serial: str | None
    """None: all that the enterprise has on the platform."""
    kind: DeclarationKind
    from_date: date
    to_date: date
    """The last day, inclusive."""
    reason: str


def declare(connection: psycopg.Connection, new: NewDeclaration, *, by: str) -> int:
    """Record a declaration, by the database's clock; the caller commits.

    Returns:
        Its id.

    Raises:
        WrongColumnsError: it comes too late, or ends before it begins.
        ConflictError: enterprise or device are not the platform's in those days.
    """
    _require_in_time(connection, new)
    values = {
        "platform_id": new.platform_id,
        "uscc": new.uscc,
        "serial": new.serial,
        "from_date": new.from_date,
        "to_date": new.to_date,
    }
    enterprise = connection.execute(_SELECT_CONNECTED, values).fetchone()
    if enterprise is None:
        raise ConflictError(
            _("Your platform does not serve the enterprise {uscc} in these days."), uscc=new.uscc
        )
    device = None
    if new.serial is not None:
        of_enterprise = {**values, "enterprise_id": enterprise[0]}
        device = connection.execute(_SELECT_DEVICE, of_enterprise).fetchone()
        if device is None:
            raise ConflictError(
                _("The device {serial} is not assigned to this enterprise in these days."),
                serial=new.serial,
            )
    row = connection.execute(
        _INSERT,
        (
            new.platform_id,
            enterprise[0],
            device[0] if device else None,
            new.kind.value,
            new.from_date,
            new.to_date,
            new.reason,
            by,
        ),
    ).fetchone()
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    declaration_id: int = row[0]
    return declaration_id


def confirm_declaration(
    connection: psycopg.Connection, declaration_id: int, *, confirmation: str, by: str
) -> None:
    """Record that the enterprise confirmed a declaration; the caller commits.

    Raises:
        NotRegisteredError: there is no such declaration.
        ConflictError: it is confirmed already.
    """
    if connection.execute(_CONFIRM, (by, confirmation, declaration_id)).rowcount:
        return
    row = connection.execute(_SELECT_STATE, (declaration_id,)).fetchone()
    if row is None:
        raise NotRegisteredError
    raise ConflictError(_("{name} recorded the confirmation already."), name=row[0])


def _require_in_time(connection: psycopg.Connection, new: NewDeclaration) -> None:
    row = connection.execute(_SELECT_NOW).fetchone()
    if row is None:
        raise RuntimeError("SELECT now() gave no row")
    earliest = civil_date(row[0]) - timedelta(days=DAYS_LATE_MAX)
    wrong = []
    if new.from_date < earliest:
        wrong.append(
            WrongColumn(
                "from_date",
                UserError(
                    _("must be {day} or later: stops and repairs are declared in time"),
                    day=earliest.isoformat(),
                ),
            )
        )
    if not new.from_date <= new.to_date <= new.from_date + timedelta(days=_LONGEST_DAYS):
        wrong.append(
            WrongColumn(
                "to_date",
                UserError(_("must be from the first day to a year after it")),
            )
        )
    if wrong:
        raise WrongColumnsError(wrong)
