"""Whose arrivals are followed: a device, a gateway, or all of a platform."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

import psycopg

from api.access.caller import Caller
from api.registry.devices.queries import find_device
from api.registry.gateways.queries import read_gateway
from api.registry.parents import parent_platform
from api.web.problems import Kind, Problem
from jieru.credentials.usernames import EquipmentUser
from jieru.i18n import marked as _
from jieru.wire import (
    CLOUD,
    ITSELF,
    DeviceAddress,
    Publisher,
    PublisherKind,
    parse_heartbeat_topic,
)
from registry.gateways import GatewayAddress

__all__ = ["Subject", "SubjectName", "find_subject", "newest_devices"]

_MOST_DEVICES: Final = 50
"""Of a platform, the last that were registered: those that somebody connects just now."""
_SELECT_DEVICES: Final = """
    SELECT id FROM devices
    WHERE platform_id = (SELECT id FROM platforms WHERE code = %(platform)s) AND ended_on IS NULL
    ORDER BY id DESC LIMIT %(most)s
"""
_SELECT_DEVICES_OF_EACH: Final = """
    SELECT code, ARRAY(SELECT id FROM devices
                       WHERE platform_id = platforms.id AND ended_on IS NULL
                       ORDER BY id DESC LIMIT %(most)s)
    FROM platforms WHERE code = ANY (%(platforms)s)
"""
_SELECT_GATEWAY_ID: Final = """
    SELECT publishers.id FROM publishers JOIN platforms ON platforms.id = platform_id
    WHERE code = %s AND publishers.name = %s
"""
_SELECT_CREDENTIAL: Final = """
    SELECT EXISTS (SELECT FROM credentials WHERE username = %s AND revoked_at IS NULL)
"""


class SubjectName(NamedTuple):
    """A platform by its code, and one gateway or one device of it; neither: its cloud."""

    platform: str
    gateway: str | None = None
    serial: str | None = None

    @property
    def user(self) -> EquipmentUser:
        """Whom it signs in as at the broker."""
        if self.serial is not None:
            return EquipmentUser(self.platform, ITSELF, self.serial)
        if self.gateway is not None:
            publisher = Publisher(PublisherKind.GATEWAY, self.gateway)
            return EquipmentUser(self.platform, publisher)
        return EquipmentUser(self.platform, CLOUD)

    @property
    def username(self) -> str:
        """The same, as the broker is told it."""
        if self.serial is not None:
            return f"{self.platform}/own/{self.serial}"
        if self.gateway is not None:
            return f"{self.platform}/via/{self.gateway}"
        return self.platform

    @property
    def is_platform(self) -> bool:
        """Whether all of a platform is meant."""
        return self.gateway is None and self.serial is None

    @property
    def usernames(self) -> frozenset[str]:
        """The names of its credentials; of a device also as earlier releases gave it."""
        earlier = {f"{self.platform}/{self.serial}"} if self.serial is not None else set()
        return frozenset({self.username, *earlier})

    def covers(self, topic: str) -> bool:
        """Whether what comes on a topic is of this device, gateway or platform."""
        beginning = f"jieru/v1/{self.platform}/"
        if self.serial is None:
            return topic.startswith(beginning + (f"via/{self.gateway}/" if self.gateway else ""))
        if not topic.startswith(beginning):
            return False
        heartbeat = parse_heartbeat_topic(topic)
        if heartbeat is not None:
            return heartbeat.device == DeviceAddress(self.platform, self.serial)
        # A source's, or a wrong one: the serial stands somewhere in it.
        return f"/{self.serial}/" in topic.removeprefix(f"jieru/v1/{self.platform}") + "/"


class Subject(NamedTuple):
    """What is looked for in the database to tell what arrived of it."""

    name: SubjectName
    device_ids: tuple[int, ...]
    publisher_id: int | None
    """Of a gateway: what others publish of the same devices is not its own."""
    has_credential: bool


def find_subject(connection: psycopg.Connection, caller: Caller, name: SubjectName) -> Subject:
    """What a caller may follow; an operator what is of the own platform.

    Raises:
        Problem: there is no such platform, gateway or device, or not for this caller.
    """
    platform, gateway, own_serial = name
    if gateway is not None and own_serial is not None:
        raise Problem(Kind.REFUSED, _("A device or a gateway: name one of them."))
    publisher_id = None
    if own_serial is not None:
        address = DeviceAddress(platform, own_serial)
        # It must be there for the caller, whatever the moment.
        devices = [_device_id(connection, caller, address)]
    else:
        parent_platform(connection, caller, platform)
        if gateway is not None:
            read_gateway(connection, caller, GatewayAddress(platform, gateway))
            row = connection.execute(_SELECT_GATEWAY_ID, (platform, gateway)).fetchone()
            publisher_id = None if row is None else int(row[0])
        values = {"platform": platform, "most": _MOST_DEVICES}
        devices = [row[0] for row in connection.execute(_SELECT_DEVICES, values)]
    found = connection.execute(_SELECT_CREDENTIAL, (name.username,)).fetchone()
    return Subject(name, tuple(devices), publisher_id, found == (True,))


def newest_devices(
    connection: psycopg.Connection, subjects: Iterable[Subject]
) -> dict[str, tuple[int, ...]]:
    """By its code, the devices of each of their platforms that were registered last."""
    codes = sorted({each.name.platform for each in subjects if each.name.serial is None})
    if not codes:
        return {}
    found = connection.execute(_SELECT_DEVICES_OF_EACH, {"platforms": codes, "most": _MOST_DEVICES})
    return {code: tuple(devices) for code, devices in found}


def _device_id(connection: psycopg.Connection, caller: Caller, address: DeviceAddress) -> int:
    return find_device(connection, caller, address, now=datetime.now(UTC)).id
