"""The wire contract, version 1 (design section 4): topics, payloads, limits, rejections."""

import re
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, NamedTuple

import msgspec

from jieru.calendar import epoch_milliseconds

__all__ = [
    "EARLIEST_TIMESTAMP_MS",
    "HEARTBEAT_TOPIC_FILTER",
    "PAYLOAD_LIMIT_BYTES",
    "PLATFORM_CODE",
    "SERIAL",
    "DeviceAddress",
    "DeviceStatus",
    "HeartbeatPayload",
    "RejectionReason",
    "encode_payload",
    "heartbeat_topic",
    "parse_heartbeat_topic",
]

PLATFORM_CODE: Final = re.compile(r"[a-z0-9-]{2,32}")
SERIAL: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
PAYLOAD_LIMIT_BYTES: Final = 4096
EARLIEST_TIMESTAMP_MS: Final = epoch_milliseconds(date(2020, 1, 1))
"""Midnight of 2020-01-01 in Asia/Shanghai; no honest device predates the system."""
HEARTBEAT_TOPIC_FILTER: Final = "jieru/v1/+/+/heartbeat"

_TOPIC = re.compile(rf"jieru/v1/({PLATFORM_CODE.pattern})/({SERIAL.pattern})/heartbeat")


class DeviceStatus(StrEnum):
    """What a device says of itself."""

    RUNNING = "running"
    IDLE = "idle"
    FAULT = "fault"
    STOPPED = "stopped"
    MAINTENANCE = "maintenance"


class RejectionReason(StrEnum):
    """Why a message was not taken."""

    BAD_TOPIC = "bad_topic"
    RETAINED = "retained"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    MALFORMED_PAYLOAD = "malformed_payload"
    UNKNOWN_DEVICE = "unknown_device"
    FUTURE_TIMESTAMP = "future_timestamp"
    BEFORE_EPOCH = "before_epoch"


class DeviceAddress(NamedTuple):
    """Where a device stands on the wire: its platform's code and its serial there."""

    platform: str
    serial: str


class HeartbeatPayload(msgspec.Struct, gc=False):
    """The JSON object of one heartbeat; unknown keys are ignored, a wrong type is an error."""

    ts: int
    seq: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | msgspec.UnsetType = msgspec.UNSET
    """A bigint of the database."""
    status: DeviceStatus | msgspec.UnsetType = msgspec.UNSET
    metrics: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """The object's bytes as they came: the database is the first to look inside."""


def heartbeat_topic(address: DeviceAddress) -> str:
    """The topic on which one device publishes its heartbeats."""
    return f"jieru/v1/{address.platform}/{address.serial}/heartbeat"


def parse_heartbeat_topic(topic: str) -> DeviceAddress | None:
    """The device a heartbeat topic names, or None when the topic breaks the contract."""
    match = _TOPIC.fullmatch(topic)
    return DeviceAddress(match[1], match[2]) if match else None


def encode_payload(
    ts: int,
    seq: int | None = None,
    status: DeviceStatus | None = None,
    metrics: dict[str, object] | None = None,
) -> bytes:
    """Write one heartbeat as a device does; `ts` in milliseconds since the Unix epoch."""
    payload: dict[str, object] = {"ts": ts}
    if seq is not None:
        payload["seq"] = seq
    if status is not None:
        payload["status"] = status.value
    if metrics is not None:
        payload["metrics"] = metrics
    return msgspec.json.encode(payload)
