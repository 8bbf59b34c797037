"""The tap tells what was acknowledged, in either version, wherever the bytes are cut."""

import pytest

from tests.faults.mqtt_tap import MqttTap
from tests.support.tcp_proxy import Direction

_CONNECT = {
    "5": b"\x10\x0d\x00\x04MQTT\x05\x00\x00\x0a\x00\x00\x00",
    "3.1.1": b"\x10\x0c\x00\x04MQTT\x04\x00\x00\x0a\x00\x00",
}
_SUBACK = b"\x90\x03\x00\x01\x01"


def _publish(version: str, packet_id: int, payload: bytes, *, qos: int = 1) -> bytes:
    number = packet_id.to_bytes(2) if qos else b""
    properties = b"\x02\x01\x01" if version == "5" else b""
    body = b"\x00\x03a/b" + number + properties + payload
    length, rest = len(body) % 128 | 128, len(body) // 128
    return bytes([0x30 | qos << 1, length, rest]) + body


def _puback(packet_id: int) -> bytes:
    return b"\x40\x02" + packet_id.to_bytes(2)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("step", [1, 3, 10_000])
def test_what_is_acknowledged_is_known_with_its_payload(version: str, step: int) -> None:
    """Not what is only delivered, nor what nobody acknowledges (QoS 0)."""
    tap = MqttTap()
    connection = tap.connection()
    delivered = _SUBACK + b"".join(
        _publish(version, number, b"x" * 200 + b"%d" % number) for number in (1, 2, 3)
    )
    ways = {
        Direction.TO_SERVER: _CONNECT[version],
        Direction.TO_CLIENT: delivered + _publish(version, 0, b"loose", qos=0),
    }
    for direction, data in ways.items():
        for start in range(0, len(data), step):
            connection.passed(direction, data[start : start + step])
    assert tap.acknowledged == []
    connection.passed(Direction.TO_SERVER, _puback(2) + _puback(1)[:3])
    connection.passed(Direction.TO_SERVER, _puback(1)[3:])
    assert [(each.topic, each.payload[-1:]) for each in tap.acknowledged] == [
        ("a/b", b"2"),
        ("a/b", b"1"),
    ]
    assert tap.strays == 0


def test_an_acknowledgement_of_nothing_is_a_stray() -> None:
    """Of what another connection delivered, or of what was acknowledged before."""
    tap = MqttTap()
    first, second = tap.connection(), tap.connection()
    first.passed(Direction.TO_SERVER, _CONNECT["5"])
    first.passed(Direction.TO_CLIENT, _publish("5", 1, b"x" * 200))
    second.passed(Direction.TO_SERVER, _CONNECT["5"] + _puback(1))
    assert tap.strays == 1
    first.passed(Direction.TO_SERVER, _puback(1) + _puback(1))
    assert (len(tap.acknowledged), tap.strays) == (1, 2)
