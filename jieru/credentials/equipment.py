"""Who may get a credential, found by name: a platform's cloud, a gateway of it, or a device."""

from datetime import date
from typing import Final, Literal, NamedTuple

import psycopg

from jieru.credentials import records
from jieru.credentials.records import IssuedCredential
from jieru.errors import UserError
from jieru.i18n import marked as _
from jieru.publishers import CLOUD_ID, ITSELF_ID
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
    SELECT platforms.id, devices.id, publishers.id, least(platforms.ended_on, devices.ended_on)
    FROM platforms
    LEFT JOIN devices ON devices.platform_id = platforms.id AND serial = %(serial)s
    LEFT JOIN publishers ON publishers.platform_id = platforms.id AND publishers.name = %(gateway)s
    WHERE code = %(platform)s AND (%(own)s::integer IS NULL OR platforms.id = %(own)s)
"""
_SELECT_OF_CREDENTIAL: Final = """
    SELECT platforms.id, publisher_id, devices.id, least(platforms.ended_on, devices.ended_on)
    FROM credentials
    JOIN platforms ON platforms.id = credentials.platform_id
    LEFT JOIN devices ON devices.id = device_id
    WHERE credentials.id = %s
"""


class UnknownEquipmentError(UserError):
    """There is no such platform, it has no such device or gateway, or both are named."""

    def __init__(
        self, field: Literal["platform", "serial", "gateway"], message: str, **values: object
    ) -> None:
        """Keep which of the names is wrong."""
        super().__init__(message, **values)
        self.field = field


class EndedEquipmentError(UserError):
    """The device, or its platform, is no longer in service."""


class Equipment(NamedTuple):
    """A platform's cloud, one of its gateways or one of its devices."""

    platform_id: int
    publisher_id: int
    """As whom it publishes."""
    device_id: int | None
    """Of a device."""
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
    serial: str | None = None,
    gateway: str | None = None,
    only_platform_id: int | None = None,
) -> Equipment:
    """The equipment of these names.

    Args:
        connection: to the database.
        platform: its code.
        serial: of a device that publishes itself.
        gateway: the name of a gateway; without either, the platform's cloud.
        only_platform_id: the one platform that the caller may see; None: all.

    Raises:
        UnknownEquipmentError: there is none.
    """
    if serial is not None and gateway is not None:
        raise UnknownEquipmentError(
            "gateway", _("A credential is a device's or a gateway's, not both: name one of them.")
        )
    row = None
    if PLATFORM_CODE.fullmatch(platform):
        names = {
            "platform": platform,
            "serial": _name(serial),
            "gateway": _name(gateway),
            "own": only_platform_id,
        }
        row = connection.execute(_SELECT, names).fetchone()
    if row is None:
        raise UnknownEquipmentError(
            "platform", _("There is no platform {platform}."), platform=platform
        )
    platform_id, device_id, gateway_id, ended_on = row
    if serial is not None and device_id is None:
        raise UnknownEquipmentError(
            "serial",
            _("There is no device {serial} on platform {platform}."),
            serial=serial,
            platform=platform,
        )
    if gateway is not None and gateway_id is None:
        raise UnknownEquipmentError(
            "gateway",
            _("There is no gateway {gateway} on platform {platform}."),
            gateway=gateway,
            platform=platform,
        )
    publisher_id = CLOUD_ID if serial is None else ITSELF_ID
    return Equipment(platform_id, gateway_id or publisher_id, device_id, ended_on)


def _name(said: str | None) -> str | None:
    """What can be a name, and so can be asked for."""
    return said if said is not None and SERIAL.fullmatch(said) else None


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
        connection,
        platform_id=equipment.platform_id,
        publisher_id=equipment.publisher_id,
        device_id=equipment.device_id,
    )


def replace_of(
    connection: psycopg.Connection, credential_id: int, *, today: date
) -> IssuedCredential:
    """Put another credential of the same equipment, and of the same form, into one's place.

    Raises:
        EndedEquipmentError: the equipment has ended.
        records.RevokedError: the credential is not open.
        LookupError: there is no such credential (a bug).
    """
    row = connection.execute(_SELECT_OF_CREDENTIAL, (credential_id,)).fetchone()
    if row is None:
        raise LookupError(f"no credential {credential_id}")
    Equipment(*row).require_in_service(today)
    return records.replace(connection, credential_id)
