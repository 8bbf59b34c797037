"""A broker that only replays: MQTT 5, QoS 1, as fast as it is acknowledged.

It makes all its messages before it listens, so that while it runs it costs next to nothing and
what is measured is the receiver. It keeps to the receiver's Receive Maximum and checks that
PUBACKs come in the order of delivery (MQTT 5.0, 4.6), for a receiver that acknowledged wrongly
would be fast for nothing.

Run as a program: `python -m benchmarks.stub_broker DEVICES ROUNDS SPACING_MS WINDOW`; prints its
port,
then, when everything is acknowledged, one JSON line.
"""

import json
import selectors
import socket
import struct
import sys
import time
from array import array
from dataclasses import dataclass

import mqtt5

__all__ = ["DEVICE_PLATFORM", "device_serial"]

DEVICE_PLATFORM = "bench"
_IDS = 65_535
_LISTEN_TIMEOUT_S = 120


def device_serial(number: int) -> str:
    """Serial of the n-th device of the benchmark's fleet."""
    return f"CNC-{number:06d}"


@dataclass(frozen=True, slots=True)
class _Replay:
    """All packets, end to end, and where each ends."""

    packets: bytearray
    ends: "array[int]"


def _make_replay(devices: int, rounds: int, spacing_ms: int, window: int) -> _Replay:
    """Every device once a round, rounds `spacing_ms` apart, the last one now.

    Packet ids go round within the window: with acknowledgements in order, an id is free again
    just when its turn comes.
    """
    packets, ends = bytearray(), array("q")
    heads = []
    for number in range(devices):
        topic = f"jieru/v1/{DEVICE_PLATFORM}/{device_serial(number)}/heartbeat".encode()
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
            packets += b"\x32" + bytes((size & 0x7F | 0x80, size >> 7)) + body
            ends.append(len(packets))
            count += 1
    return _Replay(packets, ends)


def _read_packet(connection: socket.socket, rest: bytearray) -> mqtt5.Packet:
    while True:
        try:
            packet, size = mqtt5.read(memoryview(bytes(rest)))
        except IndexError:
            data = connection.recv(65_536)
            if not data:
                raise ConnectionError("the receiver left") from None
            rest += data
        else:
            del rest[:size]
            return packet


def _serve(devices: int, rounds: int, spacing_ms: int, window: int) -> dict[str, float]:
    replay = _make_replay(devices, rounds, spacing_ms, window)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(_LISTEN_TIMEOUT_S)
        print(listener.getsockname()[1], flush=True)
        connection, _address = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rest = bytearray()
    connect = _read_packet(connection, rest)
    if not isinstance(connect, mqtt5.ConnectPacket) or connect.receive_max < window:
        raise ConnectionError(f"expected CONNECT with Receive Maximum of at least {window}")
    connection.sendall(mqtt5.ConnAckPacket(session_present=False).write())
    subscribe = _read_packet(connection, rest)
    if not isinstance(subscribe, mqtt5.SubscribePacket):
        raise ConnectionError("expected SUBSCRIBE")
    connection.sendall(
        mqtt5.SubAckPacket(
            subscribe.packet_id, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]
        ).write()
    )
    return _replay_all(connection, replay, rest, window)


def _replay_all(
    connection: socket.socket, replay: _Replay, rest: bytearray, window: int
) -> dict[str, float]:
    connection.setblocking(False)  # noqa: FBT003 - the standard library's signature
    selector = selectors.DefaultSelector()
    selector.register(connection, selectors.EVENT_READ | selectors.EVENT_WRITE)
    view, ends = memoryview(replay.packets), replay.ends
    total, sent_bytes, acknowledged = len(ends), 0, 0
    started = time.perf_counter()
    while acknowledged < total:
        allowed_bytes = ends[min(acknowledged + window, total) - 1]
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
                    raise ConnectionError("the receiver left before the end")
                rest += data
                acknowledged += _take_pubacks(rest, acknowledged, window)
    return {"messages": total, "seconds": time.perf_counter() - started}


def _take_pubacks(rest: bytearray, acknowledged: int, window: int) -> int:
    """Check and remove the whole PUBACKs at the start of `rest`; how many they were."""
    count = 0
    position = 0
    while len(rest) - position >= 2:
        kind, length = rest[position], rest[position + 1]
        if len(rest) - position < 2 + length:
            break
        if kind == 0x40:
            packet_id = int.from_bytes(rest[position + 2 : position + 4])
            if packet_id != (acknowledged + count) % window + 1:
                raise ConnectionError("acknowledged out of order")
            count += 1
        elif kind != 0xC0:
            raise ConnectionError(f"unexpected packet type {kind:#x}")
        position += 2 + length
    del rest[:position]
    return count


if __name__ == "__main__":
    result = _serve(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(result), flush=True)
