"""Heartbeats of a whole fleet as MQTT 5 packets, made before the clock starts, and sent fast.

Shared by the stub broker (which sends to a subscriber) and the load publisher (which sends to a
broker): both send QoS 1 as fast as it is acknowledged, and check that PUBACKs come in the order
of sending (MQTT 5.0, 4.6), for whoever acknowledged wrongly would be fast for nothing.
"""

import selectors
import socket
import struct
import time
from array import array
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


def make_replay(devices: int, rounds: int, spacing_ms: int, window: int) -> Replay:
    """Every device once a round, rounds `spacing_ms` apart, the last one now.

    Packet ids go round within the window: with acknowledgements in order, an id is free again
    just when its turn comes.
    """
    packets, ends = bytearray(), array("q")
    heads = []
    for number in range(devices):
        topic = f"jieru/v1/{PLATFORM}/{device_serial(number)}/heartbeat".encode()
        heads.append(struct.pack("!H", len(topic)) + topic)
    first_ms = int(time.time() * 1000) - rounds * spacing_ms
    count = 0
    for round_number in range(rounds):
        for number in range(devices):
            ts = first_ms + round_number * spacing_ms + number % 1000
            payload = (
                b'{"ts":%d,"seq":%d,"status":"running",'
                b'"metrics":{"spindle_rpm":%d,"temperature_c":%d.5}}'
                % (ts, round_number, 900 + number % 600, 20 + number % 40)
            )
            body = heads[number] + struct.pack("!HB", count % window + 1, 0) + payload
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


def send_all(connection: socket.socket, replay: Replay, rest: bytearray) -> float:
    """Send everything within the window; the seconds until the last acknowledgement.

    Raises:
        ConnectionError: the other side left, or acknowledged out of order.
    """
    connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
    selector = selectors.DefaultSelector()
    selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
    view, ends = memoryview(replay.packets), replay.ends
    total, sent_bytes, acknowledged = len(ends), 0, 0
    started = time.perf_counter()
    while acknowledged < total:
        allowed_bytes = ends[min(acknowledged + replay.window, total) - 1]
        wants = selectors.EVENT_READ
        if sent_bytes < allowed_bytes:
            wants |= selectors.EVENT_WRITE
        selector.modify(connection, wants)
        for _key, events in selector.select():
            if events & selectors.EVENT_WRITE:
                sent_bytes += connection.send(view[sent_bytes:allowed_bytes])
            if events & selectors.EVENT_READ:
                data = connection.recv(1 << 20)
                if not data:
                    raise ConnectionError("the other side left before the end")
                rest += data
                acknowledged += _take_pubacks(rest, acknowledged, replay.window)
    selector.close()
    return time.perf_counter() - started


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
