"""A few machines of one platform that go on sending while a demonstration is looked at.

All send every few seconds; one of them falls silent after a while, and one is registered nowhere,
so that the console has something to tell.
"""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from jieru.broker import BrokerAddress
from jieru.wire import DeviceAddress, DeviceStatus, encode_payload, heartbeat_topic

__all__ = ["LivingFleet"]

_EVERY_S: Final = 15.0
_ROUNDS_UNTIL_SILENCE: Final = 4
_STATUSES: Final = (DeviceStatus.RUNNING, DeviceStatus.RUNNING, DeviceStatus.IDLE)
_UNREGISTERED: Final = "NOT-REGISTERED-1"
_CONNECT_TIMEOUT_S: Final = 10


class LivingFleet:
    """Machines that send as the platform's cloud, in a thread of their own; a context manager."""

    def __init__(
        self, broker: BrokerAddress, devices: Sequence[DeviceAddress], *, every_s: float = _EVERY_S
    ) -> None:
        """Choose the machines; the last of them is the one that falls silent.

        Args:
            broker: with a user that may publish for the platform's cloud.
            devices: of one platform.
            every_s: seconds between two heartbeats of a machine.
        """
        self._broker = broker
        self._devices = devices
        self._every_s = every_s
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._live, name="living-fleet", daemon=True)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.username_pw_set(broker.username or "", broker.password)
        self._client.connect_timeout = _CONNECT_TIMEOUT_S

    def __enter__(self) -> Self:
        # Whoever cannot be reached now is tried again: whether the broker lives is another's care.
        self._client.connect_async(self._broker.host, self._broker.port)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _live(self) -> None:
        turn = 0
        while True:
            self._send_all(turn)
            turn += 1
            if self._is_over.wait(self._every_s):
                return

    def _send_all(self, turn: int) -> None:
        living = self._devices if turn < _ROUNDS_UNTIL_SILENCE else self._devices[:-1]
        for place, device in enumerate(living):
            self._send(device, _STATUSES[(turn + place) % len(_STATUSES)], turn)
        self._send(self._devices[0]._replace(serial=_UNREGISTERED), _STATUSES[0], turn)

    def _send(self, device: DeviceAddress, status: DeviceStatus, turn: int) -> None:
        payload = encode_payload(int(time.time() * 1000), seq=turn, status=status)
        self._client.publish(heartbeat_topic(device), payload, qos=1)
