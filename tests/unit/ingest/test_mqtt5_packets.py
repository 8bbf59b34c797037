"""From the bytes of a connection to messages, and acknowledgements back to bytes."""

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.message import Message
from ingest.mqtt5_packets import encode_pubacks, read_packets

_NOON_MS = 1_772_424_000_000


def _publish(topic: str, payload: bytes, packet_id: int | None, *, retain: bool = False) -> bytes:
    qos = mqtt5.QoS.AT_MOST_ONCE if packet_id is None else mqtt5.QoS.AT_LEAST_ONCE
    packet = mqtt5.PublishPacket(
        topic, payload=payload, qos=qos, packet_id=packet_id, retain=retain
    )
    return bytes(packet.write())


def test_messages_are_read_in_order_and_other_packets_apart() -> None:
    """Each with its length, its flag and its packet id; the rest waits for more bytes."""
    first, second = _publish("a", b"1", 7), _publish("b", b"22", None, retain=True)
    ping = bytes(mqtt5.PingRespPacket().write())
    size, messages, others = read_packets(first + ping + second + first[:-1], _NOON_MS)
    assert size == len(first + ping + second)
    assert messages == [
        Message("a", b"1", 1, received_ms=_NOON_MS, packet_id=7),
        Message("b", b"22", 2, received_ms=_NOON_MS, packet_id=None),
    ]
    assert [type(packet) for packet in others] == [mqtt5.PingRespPacket]


@pytest.mark.parametrize("size", [4095, 4096, 4097, 70_000])
def test_of_a_long_payload_the_first_4096_bytes_are_kept(size: int) -> None:
    """With its whole length."""
    payload = bytes(number % 251 for number in range(size))
    _size, (message,), _others = read_packets(_publish("a", payload, 1), _NOON_MS)
    assert message.payload == payload[:4096]
    assert message.payload_bytes == size


def test_what_is_not_mqtt_is_an_error() -> None:
    """The connection is to be given up."""
    with pytest.raises(ValueError, match="flags"):
        read_packets(b"\x41" + bytes(20), _NOON_MS)


@given(st.lists(st.integers(1, 65_535), max_size=50))
def test_acknowledgements_are_what_the_codec_writes(packet_ids: list[int]) -> None:
    """In the order of receipt, end to end."""
    written = [bytes(mqtt5.PubAckPacket(packet_id).write()) for packet_id in packet_ids]
    assert encode_pubacks(packet_ids) == b"".join(written)
