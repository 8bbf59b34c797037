"""Whom equipment signs in as at the broker, and where it may publish (design section 4). Pure.

{platform}                the platform's cloud, for every device of it
{platform}/via/{gateway}  a gateway, for every device of the platform
{platform}/own/{serial}   a device, for itself
{platform}/{serial}       a device with a credential of earlier releases; it publishes where the
                          platform's cloud does. A device that is called `in` has none: where the
                          cloud speaks for sources it would speak too
"""

import re
from typing import Final, NamedTuple

from jieru.wire import (
    CLOUD,
    ITSELF,
    PLATFORM_CODE,
    SERIAL,
    DeviceAddress,
    Publisher,
    PublisherKind,
    heartbeat_topic,
)

__all__ = ["EquipmentUser", "parse_username"]

_USERNAME: Final = re.compile(
    rf"({PLATFORM_CODE.pattern})(?:/(?:(own)/({SERIAL.pattern})|via/({SERIAL.pattern})"
    rf"|(?!in\Z)({SERIAL.pattern})))?"
)


class EquipmentUser(NamedTuple):
    """A user at the broker."""

    platform: str
    publisher: Publisher
    serial: str | None = None
    """The one device that it may speak for; None: all of the platform's."""

    def topic(self, any_device: str) -> str:
        """Where it publishes; for whom speaks for all, `any_device` stands for the serial."""
        return heartbeat_topic(
            DeviceAddress(self.platform, self.serial or any_device), self.publisher
        )


def parse_username(username: str) -> EquipmentUser | None:
    """Whom a name stands for; None: it is nobody's."""
    match = _USERNAME.fullmatch(username)
    if match is None:
        return None
    platform, own, own_serial, gateway, serial = match.groups()
    if own:
        return EquipmentUser(platform, ITSELF, own_serial)
    if gateway:
        return EquipmentUser(platform, Publisher(PublisherKind.GATEWAY, gateway))
    return EquipmentUser(platform, CLOUD, serial)
