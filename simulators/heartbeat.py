"""One heartbeat, published now with a credential of equipment: the first that an operator tries.

It speaks MQTT 3.1.1, which every broker does. That has no answer for "you may not publish here": a
broker acknowledges such a message and drops it. So the topic is made from the credential's name.
Operators have it in every installation, so it needs nothing of the extra `jieru[demo]`.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from jieru.broker import BrokerAddress
from jieru.credentials.usernames import parse_username
from jieru.errors import UserError, WorldError
from jieru.i18n import gettext as _
from jieru.wire import (
    SERIAL,
    DeviceAddress,
    DeviceStatus,
    HeartbeatTopic,
    encode_payload,
    heartbeat_topic,
)

__all__ = ["publish_heartbeat", "topic_of_user"]

_TIMEOUT_S: Final = 10
_WRONG_CREDENTIAL: Final = {134, 135}
"""By the MQTT 5 code into which paho translates a CONNACK return code."""


def topic_of_user(username: str | None, serial: str | None) -> HeartbeatTopic:
    """For which device a user publishes, and as whom; cloud and gateway name one of the devices.

    Raises:
        UserError: the user is not equipment's, or the serial is missing, malformed or another's.
    """
    user = parse_username(username or "")
    if user is None:
        raise UserError(
            "The address names no credential of equipment: write mqtt://USER:SECRET@HOST:PORT with "
            "USER as PLATFORM, PLATFORM%2Fvia%2FGATEWAY or PLATFORM%2Fown%2FSERIAL."
        )
    if user.serial is not None and serial not in (None, user.serial):
        raise UserError(
            "This credential is of device {own} alone; it publishes nothing for {serial}.",
            own=user.serial,
            serial=serial,
        )
    serial = user.serial or serial
    if serial is None:
        raise UserError("Name one of the platform's devices with --serial.")
    if not SERIAL.fullmatch(serial):
        raise UserError(
            "{serial} is no serial: 1 to 64 letters, digits, dots, hyphens and underscores; `own` "
            "and `via` are none.",
            serial=serial,
        )
    return HeartbeatTopic(DeviceAddress(user.platform, serial), user.publisher)


def publish_heartbeat(
    address: BrokerAddress, named: HeartbeatTopic, status: DeviceStatus, *, at: datetime
) -> str:
    """Publish, wait for the broker's acknowledgement; the topic.

    Raises:
        UserError: the broker does not take the credential.
        WorldError: it cannot be reached, or does not acknowledge.
    """
    topic = heartbeat_topic(named.device, named.publisher)
    payload = encode_payload(int(at.timestamp() * 1000), status=status)
    publisher = _Publisher(address)
    publisher.connect()
    publisher.publish(topic, payload)
    return topic


class _Publisher:
    """A client for one message, which works as long as it is waited for."""

    def __init__(self, address: BrokerAddress) -> None:
        self._address = address
        self._answer: ReasonCode | None = None
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.connect_timeout = _TIMEOUT_S
        self._client.on_connect = self._remember
        if address.username is not None:
            self._client.username_pw_set(address.username, address.password)
        context = address.tls_context()
        if context is not None:
            self._client.tls_set_context(context)

    def connect(self) -> None:
        """Come in.

        Raises:
            UserError: the broker does not take the credential.
            WorldError: it cannot be reached.
        """
        try:
            self._client.connect(self._address.host, self._address.port)
        except OSError as error:
            raise self._failure(error) from None
        self._work_until(lambda: self._answer is not None)
        if self._answer is not None and self._answer.value in _WRONG_CREDENTIAL:
            raise UserError(
                "The broker at {address} does not take the credential of {username}: it is "
                "mistyped, replaced or revoked.",
                address=self._address,
                username=self._address.username,
            )
        if self._answer is not None and self._answer.is_failure:
            raise self._failure(self._answer)

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand one message over, and leave.

        Raises:
            WorldError: the broker does not acknowledge it.
        """
        message = self._client.publish(topic, payload, qos=1)
        self._work_until(message.is_published)
        self._client.disconnect()

    def _work_until(self, is_done: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + _TIMEOUT_S
        while not is_done():
            result = self._client.loop()
            if is_done():
                return
            if result != paho.MQTT_ERR_SUCCESS:
                raise self._failure(paho.error_string(result))
            if time.monotonic() > deadline_s:
                raise self._failure(_("no answer within {seconds} s").format(seconds=_TIMEOUT_S))

    def _failure(self, reason: object) -> WorldError:
        return WorldError(
            "No broker takes the heartbeat at {address}: start it, or correct the address. "
            "({reason})",
            address=self._address,
            reason=reason,
        )

    def _remember(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._answer = reason
