"""One heartbeat, published now with a credential of equipment: the first that an operator tries.

It speaks MQTT 3.1.1, which every broker does. That has no answer for "you may not publish here": a
broker acknowledges such a message and drops it. So the topic is made from the credential's name.
"""

from datetime import datetime
from typing import Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from jieru.broker import BrokerAddress
from jieru.errors import UserError, WorldError
from jieru.wire import (
    PLATFORM_CODE,
    SERIAL,
    DeviceAddress,
    DeviceStatus,
    encode_payload,
    heartbeat_topic,
)

__all__ = ["device_of", "publish_heartbeat"]

_TIMEOUT_S: Final = 10
_WRONG_CREDENTIAL: Final = {134, 135}
"""By the MQTT 5 code into which paho translates a CONNACK return code."""


def device_of(username: str | None, serial: str | None) -> DeviceAddress:
    """The device for which a user may publish; a platform's gateway names one of its devices.

    Raises:
        UserError: the user is no equipment's, or the serial is missing, malformed or another's.
    """
    platform, slash, own_serial = (username or "").partition("/")
    if not PLATFORM_CODE.fullmatch(platform) or (slash and not SERIAL.fullmatch(own_serial)):
        raise UserError(
            "The address names no credential of equipment: write mqtt://PLATFORM:SECRET@HOST:PORT, "
            "or mqtt://PLATFORM%2FSERIAL:SECRET@HOST:PORT for that of one device."
        )
    if slash and serial not in (None, own_serial):
        raise UserError(
            "This credential is of device {own} alone; it publishes nothing for {serial}.",
            own=own_serial,
            serial=serial,
        )
    serial = own_serial or serial
    if serial is None:
        raise UserError("Name one of the gateway's devices with --serial.")
    if not SERIAL.fullmatch(serial):
        raise UserError(
            "{serial} is no serial: 1 to 64 letters, digits, dots, hyphens and underscores.",
            serial=serial,
        )
    return DeviceAddress(platform, serial)


async def publish_heartbeat(
    address: BrokerAddress, device: DeviceAddress, status: DeviceStatus, *, at: datetime
) -> str:
    """Publish, wait for the broker's acknowledgement; the topic.

    Raises:
        UserError: the broker does not take the credential.
        WorldError: it cannot be reached, or does not acknowledge.
    """
    topic = heartbeat_topic(device)
    payload = encode_payload(int(at.timestamp() * 1000), status=status)
    client = aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        protocol=aiomqtt.ProtocolVersion.V311,
        tls_context=address.tls_context(),
        timeout=_TIMEOUT_S,
    )
    try:
        async with client:
            await client.publish(topic, payload, qos=1)
    except aiomqtt.MqttError as error:
        raise _refusal(error, address) from None
    return topic


def _refusal(error: aiomqtt.MqttError, address: BrokerAddress) -> UserError | WorldError:
    if (
        isinstance(error, aiomqtt.MqttCodeError)
        and isinstance(error.rc, ReasonCode)
        and error.rc.value in _WRONG_CREDENTIAL
    ):
        return UserError(
            "The broker at {address} does not take the credential of {username}: it is mistyped, "
            "replaced or revoked.",
            address=address,
            username=address.username,
        )
    return WorldError(
        "No broker takes the heartbeat at {address}: start it, or correct the address. ({reason})",
        address=address,
        reason=error,
    )
