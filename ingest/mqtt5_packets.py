"""Bytes of a connection as messages and back: the hottest loop of all. Pure.

Section numbers are those of the MQTT 5.0 specification (OASIS).
"""

import struct
from collections.abc import Sequence
from typing import Final

import mqtt5

from ingest.message import Message
from jieru.wire import PAYLOAD_LIMIT_BYTES

__all__ = ["encode_pubacks", "read_packets"]

_PUBACK: Final = b"\x40\x02\0\0"
"""With reason code 0 it is four bytes: type, remaining length, packet id (3.4.2.1)."""


def read_packets(
    data: bytes, received_ms: int, payload_limit_bytes: int = PAYLOAD_LIMIT_BYTES
) -> tuple[int, list[Message], list[mqtt5.Packet]]:
    """All whole packets at the start of `data`; no more of a payload than the limit.

    Returns:
        How many bytes they were, the messages among them, and the others.

    Raises:
        ValueError: the bytes are not MQTT 5.
    """
    view = memoryview(data)
    position = 0
    messages: list[Message] = []
    others: list[mqtt5.Packet] = []
    read, publish = mqtt5.read, mqtt5.PublishPacket
    while position < len(data):
        try:
            packet, size = read(view[position:])
        except IndexError:  # the rest is still on its way
            break
        position += size
        if not isinstance(packet, publish):
            others.append(packet)
            continue
        payload = packet.payload
        length = len(payload)
        if length > payload_limit_bytes:
            payload = payload[:payload_limit_bytes]
        messages.append(Message(packet.topic, payload, length, received_ms, packet.packet_id))
    return position, messages, others


def encode_pubacks(packet_ids: Sequence[int]) -> bytes:
    """Their acknowledgements in this order (4.6), end to end."""
    octets = struct.pack(f"!{len(packet_ids)}H", *packet_ids)
    packets = bytearray(_PUBACK) * len(packet_ids)
    packets[2::4], packets[3::4] = octets[::2], octets[1::2]
    return bytes(packets)
