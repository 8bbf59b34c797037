"""Builders of messages and heartbeats."""

from collections.abc import Mapping

from ingest.decode import Heartbeat, Origin, TimeRules
from ingest.message import Message
from jieru.publishers import CLOUD_ID
from jieru.wire import DeviceAddress, DeviceStatus, encode_payload, heartbeat_topic

__all__ = ["KNOWN_TOPIC", "NOON_MS", "RULES", "heartbeat", "message", "origins", "topic_of"]

NOON_MS = 1_772_424_000_000
"""2026-03-02 12:00 in Asia/Shanghai."""
KNOWN_TOPIC = heartbeat_topic(DeviceAddress("xielian", "CNC-1"))
RULES = TimeRules.of_policy(
    max_delay_hours=72, max_clock_ahead_minutes=10, is_event_clock=False, live_within_minutes=60
)


def topic_of(serial: str, platform: str = "xielian") -> str:
    """The heartbeat topic of a device."""
    return heartbeat_topic(DeviceAddress(platform, serial))


def origins(device_ids: Mapping[str, int], publisher_id: int = CLOUD_ID) -> dict[str, Origin]:
    """What topics stand for: each for a device, all for one publisher."""
    return {topic: Origin(device_id, publisher_id) for topic, device_id in device_ids.items()}


def message(
    payload: bytes | None = None,
    *,
    topic: str = KNOWN_TOPIC,
    received_ms: int = NOON_MS,
    packet_id: int | None = 1,
) -> Message:
    """A good message unless told otherwise."""
    payload = encode_payload(received_ms) if payload is None else payload
    return Message(topic, payload[:4096], len(payload), received_ms, packet_id)


def heartbeat(  # noqa: PLR0913 - the fields of one
    device_id: int = 1,
    ts_ms: int = NOON_MS,
    *,
    received_ms: int | None = None,
    is_late: bool = False,
    seq: int | None = None,
    status: DeviceStatus | None = None,
    metrics: bytes | None = None,
    publisher_id: int = CLOUD_ID,
    is_live: bool = False,
    boot: int | None = None,
    counter: float | None = None,
) -> Heartbeat:
    """A heartbeat in time, of which nobody knows whether it was live, unless told otherwise."""
    return Heartbeat(
        device_id,
        publisher_id,
        ts_ms,
        ts_ms if received_ms is None else received_ms,
        is_late,
        seq,
        status,
        metrics,
        message(encode_payload(ts_ms)),
        is_live,
        boot,
        counter,
    )
