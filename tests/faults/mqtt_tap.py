"""What crosses an ingester's connection to the broker: which message was acknowledged when."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.support.tcp_proxy import Direction

__all__ = ["Acknowledged", "MqttTap"]

_CONNECT, _PUBLISH, _PUBACK = 1, 3, 4
_PROTOCOL_5: Final = 5


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A message that an ingester has acknowledged: from now on nobody else keeps it."""

    topic: str
    payload: bytes
    at_s: float
    """By the clock of this machine, in seconds since the Unix epoch."""


class MqttTap:
    """Reads along all connections of all ingesters; one observer for each connection."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._lock = threading.Lock()
        self._acknowledged: list[Acknowledged] = []
        self.strays = 0
        """Acknowledgements of what was not delivered on their connection, or was acknowledged."""

    def connection(self) -> "_Connection":
        """The observer of a new connection."""
        return _Connection(self)

    def add(self, delivered: tuple[str, bytes] | None) -> None:
        """Take note of an acknowledgement of what was delivered."""
        with self._lock:
            if delivered is None:
                self.strays += 1
            else:
                self._acknowledged.append(Acknowledged(*delivered, time.time()))

    @property
    def acknowledged(self) -> list[Acknowledged]:
        """All so far, in order."""
        with self._lock:
            return list(self._acknowledged)


class _Connection:
    """Packets of MQTT 3.1.1 or 5, whichever the client said in its CONNECT."""

    def __init__(self, tap: MqttTap) -> None:
        self._tap = tap
        self._rest = dict.fromkeys(Direction, b"")
        self._has_properties = False
        self._delivered: dict[bytes, tuple[str, bytes]] = {}

    def passed(self, direction: Direction, data: bytes) -> None:
        """Read the whole packets among the bytes so far."""
        buffered = self._rest[direction] + data
        position = 0
        for kind, flags, start, end in _packets(buffered):
            body = buffered[start:end]
            if direction is Direction.TO_CLIENT and kind == _PUBLISH and flags & 6:
                self._take_publish(body)
            elif direction is Direction.TO_SERVER and kind == _PUBACK:
                self._tap.add(self._delivered.pop(body[:2], None))
            elif direction is Direction.TO_SERVER and kind == _CONNECT:
                name_bytes = int.from_bytes(body[:2])
                self._has_properties = body[2 + name_bytes] == _PROTOCOL_5
            position = end
        self._rest[direction] = buffered[position:]

    def _take_publish(self, body: bytes) -> None:
        position = 2 + int.from_bytes(body[:2])
        topic = body[2:position].decode()
        packet_id = body[position : position + 2]
        position += 2
        if self._has_properties:
            length, position = _variable_integer(body, position)
            position += length
        self._delivered[packet_id] = (topic, body[position:])


def _packets(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Type, flags, start and end of the body of each whole packet."""
    position = 0
    while position + 2 <= len(data):
        try:
            length, start = _variable_integer(data, position + 1)
        except IndexError:
            return
        end = start + length
        if end > len(data):
            return
        yield data[position] >> 4, data[position] & 15, start, end
        position = end


def _variable_integer(data: bytes, position: int) -> tuple[int, int]:
    """A Variable Byte Integer (MQTT 5.0, 1.5.5) and where it ends."""
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return value, position
