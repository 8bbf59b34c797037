"""PUBLISH packets made and PUBACKs read by hand: the codec's objects would cost more than all else.

Pure. Section numbers are those of the MQTT 5.0 specification (OASIS).
"""

import struct
from typing import Final, NamedTuple

from simulators.load.payloads import Message

__all__ = ["PacketError", "Puback", "duplicate_of", "publish_packet", "read_pubacks"]

_PUBLISH_QOS1: Final = 0x32
_DUPLICATE: Final = 0x08
_PUBACK, _PINGRESP = 0x40, 0xD0
_HEAD_BYTES: Final = 2
_ONE_BYTE: Final = 0x7F
"""The largest remaining length that one byte holds (1.5.5)."""
_SHORT_PUBACK_BYTES: Final = 2
"""Without a reason code, which is then 0 (3.4.2.1)."""
_pack_length = struct.Struct("!H").pack


class PacketError(Exception):
    """The broker ended the connection, or spoke something else than MQTT 5."""


class Puback(NamedTuple):
    """One acknowledgement."""

    packet_id: int
    reason_code: int


def publish_packet(message: Message, packet_id: int) -> bytes:
    """A PUBLISH at QoS 1 without properties (3.3)."""
    topic, payload, _fault = message
    body = b"%b%b%b\0%b" % (_pack_length(len(topic)), topic, _pack_length(packet_id), payload)
    return bytes((_PUBLISH_QOS1,)) + _variable_length(len(body)) + body


def duplicate_of(packet: bytes) -> bytes:
    """A packet marked as sent before (3.3.1.1)."""
    return bytes((packet[0] | _DUPLICATE,)) + packet[1:]


def _variable_length(size: int) -> bytes:
    digits = bytearray()
    while size > _ONE_BYTE:
        digits.append(size & _ONE_BYTE | 0x80)
        size >>= 7
    digits.append(size)
    return bytes(digits)


def read_pubacks(data: bytes) -> tuple[int, list[Puback]]:
    """All whole packets in `data`.

    Returns:
        How many bytes they were, and the acknowledgements among them.

    Raises:
        PacketError: there is a packet that a publisher should not be sent.
    """
    position, size = 0, len(data)
    pubacks: list[Puback] = []
    while size - position >= _HEAD_BYTES:
        kind, length = data[position], data[position + 1]
        end = position + _HEAD_BYTES + length
        if length > _ONE_BYTE:
            raise PacketError("a packet of the broker is longer than was allowed")
        if end > size:
            break
        if kind == _PUBACK:
            packet_id = data[position + 2] << 8 | data[position + 3]
            reason_code = 0 if length == _SHORT_PUBACK_BYTES else data[position + 4]
            pubacks.append(Puback(packet_id, reason_code))
        elif kind != _PINGRESP:
            raise PacketError(f"the broker sent a packet of type {kind:#x}")
        position = end
    return position, pubacks
