"""Beats as messages of the wire contract (design section 4)."""

from collections.abc import Iterator
from typing import NamedTuple
from zlib import crc32

from jieru.wire import DeviceAddress, DeviceStatus, encode_payload, heartbeat_topic
from simulators.beats import Beat, BeatKind, beats_of_fleet
from simulators.fleet import Fleet
from simulators.garbling import garble

__all__ = ["Message", "messages_of_fleet"]


class Message(NamedTuple):
    """One publication: QoS 1, not retained."""

    topic: str
    payload: bytes
    sent_at_ms: int
    """When the scenario has it sent, in milliseconds since the Unix epoch."""
    kind: BeatKind


def messages_of_fleet(fleet: Fleet, platform: str | None = None) -> Iterator[Message]:
    """Every message of the city, or of one platform, in the order of sending."""
    return map(_message, beats_of_fleet(fleet, platform))


def _message(beat: Beat) -> Message:
    return Message(
        heartbeat_topic(DeviceAddress(beat.platform, beat.device.serial)),
        _payload(beat),
        beat.sent_at_ms,
        beat.kind,
    )


def _payload(beat: Beat) -> bytes:
    if beat.garbling is not None:
        return garble(beat.garbling, beat.ts, beat.seq)
    # A checksum is chance enough, and the same for a machine and its mirror image.
    noise = crc32(f"{beat.device.machine}/{beat.seq}".encode())
    status = DeviceStatus.IDLE if noise % 20 == 0 else DeviceStatus.RUNNING
    power_kw = 0.8 if status is DeviceStatus.IDLE else 4 + noise % 300 / 100
    metrics: dict[str, object] = {"power_kw": power_kw, "pieces": noise // 1000 % 60}
    if beat.counter is None:
        return encode_payload(beat.ts, beat.seq, status, metrics)
    return encode_payload(beat.ts, beat.seq, status, metrics, boot=beat.boot, counter=beat.counter)
