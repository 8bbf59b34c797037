"""Equipment that may get a credential: a device, or a platform's gateway, found by its names."""

from datetime import date
from typing import Final, Literal, NamedTuple

import psycopg

from jieru.credentials import records
from jieru.credentials.records import IssuedCredential
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.wire import PLATFORM_CODE, SERIAL

__all__ = [
    "EndedEquipmentError",
    "Equipment",
    "UnknownEquipmentError",
    "find_equipment",
    "issue_to",
    "replace_of",
]

_SELECT: Final = """
    SELECT platforms.id, devices.id, least(platforms.ended_on, devices.ended_on)
    FROM platforms
    LEFT JOIN devices ON devices.platform_id = platforms.id AND serial = %(serial)s
    WHERE code = %(platform)s AND (%(own)s::integer IS NULL OR platforms.id = %(own)s)
"""


class UnknownEquipmentError(UserError):
    """There is no such platform, or it has no such device."""

    def __init__(
        self, field: Literal["platform", "serial"], message: str, **values: object
    ) -> None:
        """Keep which of the two names is wrong."""
        super().__init__(message, **values)
        self.field = field


class EndedEquipmentError(UserError):
    """The device, or its platform, is no longer in service."""


class Equipment(NamedTuple):
    """A device, or a platform's gateway."""

    platform_id: int
    device_id: int | None
    """None: the gateway."""
    ended_on: date | None

    def require_in_service(self, today: date) -> None:
        """Check that it is in service.

        Raises:
            EndedEquipmentError: it has ended, or its platform.
        """
        if self.ended_on is not None and self.ended_on <= today:
            raise EndedEquipmentError(_("This equipment has ended: it gets no credential."))


def find_equipment(
    connection: psycopg.Connection,
    *,
    platform: str,
    serial: str | None,
    only_platform_id: int | None = None,
) -> Equipment:
    """The equipment of these names.

    Args:
        connection: to the database.
        platform: its code.
        serial: of a device; None: the platform's gateway.
        only_platform_id: the one platform that the caller may see; None: all.

    Raises:
        UnknownEquipmentError: there is none.
    """
    row = None
    if PLATFORM_CODE.fullmatch(platform):
        is_serial = serial is not None and SERIAL.fullmatch(serial)
        names = {
            "platform": platform,
            "serial": serial if is_serial else None,
            "own": only_platform_id,
        }
        row = connection.execute(_SELECT, names).fetchone()
    if row is None:
        raise UnknownEquipmentError(
            "platform", _("There is no platform {platform}."), platform=platform
        )
    equipment = Equipment(*row)
    if serial is not None and equipment.device_id is None:
        raise UnknownEquipmentError(
            "serial",
            _("There is no device {serial} on platform {platform}."),
            serial=serial,
            platform=platform,
        )
    return equipment


def issue_to(
    connection: psycopg.Connection, equipment: Equipment, *, today: date
) -> IssuedCredential:
    """Issue a credential to equipment in service, inside the caller's audited transaction.

    Raises:
        EndedEquipmentError: it has ended.
        records.AlreadyIssuedError: it has an open credential.
    """
    equipment.require_in_service(today)
    return records.issue(
        connection, platform_id=equipment.platform_id, device_id=equipment.device_id
    )


def replace_of(
    connection: psycopg.Connection, equipment: Equipment, credential_id: int, *, today: date
) -> IssuedCredential:
    """Put another credential into the place of one of this equipment's.

    Raises:
        EndedEquipmentError: it has ended.
        records.RevokedError: the credential is not open.
    """
    equipment.require_in_service(today)
    return records.replace(connection, credential_id)
