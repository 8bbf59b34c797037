"""Heartbeats of a whole fleet as MQTT 5 packets, made before the clock starts, and sent fast.

As fast as they are acknowledged, at QoS 1; PUBACKs must come in the order of sending (MQTT 5.0,
4.6), for whoever acknowledged wrongly would be fast for nothing.
"""

import selectors
import socket
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import mqtt5

__all__ = ["PLATFORM", "Replay", "device_serial", "make_replay", "read_packet", "send_all"]

PLATFORM = "bench"

_PUBLISH_QOS1 = b"\x32"
_PUBACK, _PINGREQ = 0x40, 0xC0
_HEAD_BYTES = 2


def device_serial(number: int) -> str:
    """Serial of the n-th device of the benchmark's fleet."""
    return f"CNC-{number:06d}"


@dataclass(frozen=True, slots=True)
class Replay:
    """All packets, end to end, and where each ends."""

    packets: bytearray
    ends: "array[int]"
    window: int
    """Unacknowledged packets at most; packet ids go round within it."""


def make_replay(
    devices: int,
    rounds: range,
    window: int,
    *,
    first_ms: int,
    spacing_ms: int,
    member: int = 0,
    members: int = 1,
) -> Replay:
    """Every device once a round, the round 0 at `first_ms`, each `spacing_ms` later.

    Within a round the devices are spread over a second. Packet ids go round within the window: with
    acknowledgements in order, an id is free again just when its turn comes.

    Args:
        devices: of the fleet.
        rounds: which ones.
        window: what the receiver takes unacknowledged.
        first_ms: in milliseconds since the Unix epoch.
        spacing_ms: between two rounds.
        member: of a group that shares the messages in turn, the place.
        members: how many they are.
    """
    packets, ends = bytearray(), array("q")
    count = 0
    for round_number in rounds:
        for number in range((member - round_number) % members, devices, members):
            topic = f"jieru/v1/{PLATFORM}/{device_serial(number)}/heartbeat".encode()
            ts = first_ms + round_number * spacing_ms + number % 1000
            payload = (
                b'{"ts":%d,"seq":%d,"status":"running",'
                b'"metrics":{"spindle_rpm":%d,"temperature_c":%d.5}}'
                % (ts, round_number, 900 + number % 600, 20 + number % 40)
            )
            head = struct.pack("!H", len(topic)) + topic
            body = head + struct.pack("!HB", count % window + 1, 0) + payload
            size = len(body)
            packets += _PUBLISH_QOS1 + bytes((size & 0x7F | 0x80, size >> 7)) + body
            ends.append(len(packets))
            count += 1
    return Replay(packets, ends, window)


def read_packet(connection: socket.socket, rest: bytearray) -> mqtt5.Packet:
    """The next packet; `rest` holds what was read beyond it.

    Raises:
        ConnectionError: the other side left.
    """
    while True:
        try:
            packet, size = mqtt5.read(memoryview(bytes(rest)))
        except IndexError:
            data = connection.recv(65_536)
            if not data:
                raise ConnectionError("the other side left") from None
            rest += data
        else:
            del rest[:size]
            return packet


def send_all(connections: Sequence[socket.socket], replays: Sequence[Replay]) -> None:
    """Send each connection its replay within its window; returns at the last acknowledgement.

    Raises:
        ConnectionError: the other side left, or acknowledged out of order.
    """
    with selectors.DefaultSelector() as selector:
        for connection, replay in zip(connections, replays, strict=True):
            connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
            selector.register(connection, selectors.EVENT_READ, _Sending(connection, replay))
        left = len(connections)
        while left:
            for key in selector.get_map().values():
                wanted = selectors.EVENT_READ
                if key.data.may_send:
                    wanted |= selectors.EVENT_WRITE
                if key.events != wanted:
                    selector.modify(key.fileobj, wanted, key.data)
            for key, events in selector.select():
                if events & selectors.EVENT_WRITE:
                    key.data.send()
                if events & selectors.EVENT_READ:
                    key.data.receive()
                    if key.data.is_done:
                        selector.unregister(key.fileobj)
                        left -= 1


class _Sending:
    """How far one connection is."""

    def __init__(self, connection: socket.socket, replay: Replay) -> None:
        self._connection = connection
        self._replay = replay
        self._view = memoryview(replay.packets)
        self._sent_bytes = 0
        self._acknowledged = 0
        self._rest = bytearray()

    @property
    def _allowed_bytes(self) -> int:
        ends = self._replay.ends
        return ends[min(self._acknowledged + self._replay.window, len(ends)) - 1]

    @property
    def may_send(self) -> bool:
        return self._sent_bytes < self._allowed_bytes

    @property
    def is_done(self) -> bool:
        return self._acknowledged == len(self._replay.ends)

    def send(self) -> None:
        self._sent_bytes += self._connection.send(
            self._view[self._sent_bytes : self._allowed_bytes]
        )

    def receive(self) -> None:
        data = self._connection.recv(1 << 20)
        if not data:
            raise ConnectionError("the other side left before the end")
        self._rest += data
        self._acknowledged += _take_pubacks(self._rest, self._acknowledged, self._replay.window)


def _take_pubacks(rest: bytearray, acknowledged: int, window: int) -> int:
    """Check and remove the whole PUBACKs at the start of `rest`; how many they were."""
    count = 0
    position = 0
    while len(rest) - position >= _HEAD_BYTES:
        kind, length = rest[position], rest[position + 1]
        if len(rest) - position < _HEAD_BYTES + length:
            break
        if kind == _PUBACK:
            packet_id = int.from_bytes(rest[position + 2 : position + 4])
            if packet_id != (acknowledged + count) % window + 1:
                raise ConnectionError("acknowledged out of order")
            count += 1
        elif kind != _PINGREQ:
            raise ConnectionError(f"unexpected packet type {kind:#x}")
        position += _HEAD_BYTES + length
    del rest[:position]
    return count
