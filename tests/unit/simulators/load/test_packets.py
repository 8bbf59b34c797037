"""Packets made by hand, against the codec."""

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.load.packets import (
    PacketError,
    Puback,
    duplicate_of,
    publish_packet,
    read_pubacks,
)
from simulators.load.payloads import Message


@given(
    payload=st.binary(max_size=300) | st.integers(100, 20_000).map(bytes),
    packet_id=st.integers(1, 65_535),
)
def test_a_publish_is_what_the_codec_reads(payload: bytes, packet_id: int) -> None:
    """Topic, payload, packet id and QoS 1, whatever the length."""
    packet = publish_packet(Message(b"a/b", payload, None), packet_id)
    for data, is_duplicate in ((packet, False), (duplicate_of(packet), True)):
        read, size = mqtt5.read(memoryview(data))
        assert isinstance(read, mqtt5.PublishPacket)
        assert size == len(data)
        assert (read.topic, read.payload, read.packet_id) == ("a/b", payload, packet_id)
        assert (int(read.qos), read.retain, read.duplicate) == (1, False, is_duplicate)


def test_pubacks_are_read_with_their_reason_codes() -> None:
    """Short, long, and one that has not arrived whole."""
    short = mqtt5.PubAckPacket(7).write()
    refused = mqtt5.PubAckPacket(
        300, reason_code=mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS
    ).write()
    data = bytes(short + mqtt5.PingRespPacket().write() + refused + short[:3])
    size, pubacks = read_pubacks(data)
    assert pubacks == [Puback(7, 0), Puback(300, 16)]
    assert data[size:] == short[:3]
    assert read_pubacks(b"") == (0, [])


@pytest.mark.parametrize(
    "data",
    [bytes(mqtt5.DisconnectPacket().write()), b"\x30\x05hello", b"\x40\x80\x01" + bytes(128)],
)
def test_what_a_publisher_should_not_be_sent_ends_the_connection(data: bytes) -> None:
    """A DISCONNECT, a message, a packet longer than was allowed."""
    with pytest.raises(PacketError):
        read_pubacks(data)
