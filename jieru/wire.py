"""The wire contract, version 1 (design section 4): topics, payloads, limits, rejections. Pure."""

import re
from datetime import date
from enum import StrEnum
from itertools import accumulate
from typing import Annotated, Final, NamedTuple

import msgspec

from jieru.calendar import epoch_milliseconds

__all__ = [
    "CLOUD",
    "EARLIEST_TIMESTAMP_MS",
    "EXPONENT_LIMIT",
    "HEARTBEAT_TOPIC_FILTERS",
    "ITSELF",
    "LATEST_TIMESTAMP_MS",
    "PAYLOAD_DEPTH_LIMIT",
    "PAYLOAD_LIMIT_BYTES",
    "PLATFORM_CODE",
    "SEQ_MAX",
    "SERIAL",
    "DeviceAddress",
    "DeviceStatus",
    "HeartbeatPayload",
    "HeartbeatTopic",
    "Publisher",
    "PublisherKind",
    "RejectionReason",
    "encode_payload",
    "heartbeat_topic",
    "is_storable",
    "is_too_deep",
    "nesting_depth",
    "parse_heartbeat_topic",
]

PLATFORM_CODE: Final = re.compile(r"[a-z0-9-]{2,32}")
SERIAL: Final = re.compile(r"(?!(?:own|via)(?:/|\Z))[A-Za-z0-9._-]{1,64}")
"""Of a device, and the name of a gateway. Topics begin with `own` and `via` where they say who
publishes, so these two are no names."""
PAYLOAD_LIMIT_BYTES: Final = 4096
PAYLOAD_DEPTH_LIMIT: Final = 64
"""Objects and arrays within one another, the payload itself being the first.

Equipment uses two or three. Without a limit of ours the JSON reader's own would decide, and every
Python sets that one elsewhere. This one is lower than that of any program that reads metrics after
us (.NET's reader stops at 64 too), and a payload of ordinary length is too short to reach it.
"""
EXPONENT_LIMIT: Final = 324
"""Of a number in `metrics`, either way: that of the smallest double.

PostgreSQL takes `1e131071`, and then writes it with 131,072 digits to everybody who reads it.
"""
EARLIEST_TIMESTAMP_MS: Final = epoch_milliseconds(date(2020, 1, 1))
"""Midnight of 2020-01-01 in Asia/Shanghai; no honest device predates the system."""
LATEST_TIMESTAMP_MS: Final = 253_402_214_400_000
"""9999-12-31 UTC: beyond it no civil date exists, whatever the clock of receipt says."""
SEQ_MAX: Final = 2**63 - 1
"""A bigint of the database."""
HEARTBEAT_TOPIC_FILTERS: Final = (
    "jieru/v1/+/+/heartbeat",
    "jieru/v1/+/own/+/heartbeat",
    "jieru/v1/+/via/+/+/heartbeat",
)
"""Of every kind of publisher; no topic matches two of them."""

_TOPIC: Final = re.compile(
    rf"jieru/v1/({PLATFORM_CODE.pattern})/(?:(own)/|via/({SERIAL.pattern})/)?({SERIAL.pattern})"
    "/heartbeat"
)
_JSON_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""Or the beginning of one that never ends: without that, each quote in it would be tried anew."""
_ESCAPED_BACKSLASH: Final = rb"\\"
_SURROGATE_PAIR: Final = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_NO_CHARACTER: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_EXPONENT: Final = re.compile(rb"[eE]([-+]?[0-9]+)")
_LONG_EXPONENT: Final = 100
"""Digits; a number that is written so is not worth reading."""
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_STEP: Final = {**dict.fromkeys(b"[{", 1), **dict.fromkeys(b"]}", -1)}


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
    """Of earlier releases; a retained message is taken as any other is."""
    PAYLOAD_TOO_LARGE = "payload_too_large"
    MALFORMED_PAYLOAD = "malformed_payload"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_PUBLISHER = "unknown_publisher"
    """The device is known, and the gateway that the topic names is not."""
    UNKNOWN_SOURCE = "unknown_source"
    """The platform has declared none of the name in the topic."""
    NO_TIMESTAMP = "no_timestamp"
    """It has no time but that of receipt, and may have waited on its way."""
    FUTURE_TIMESTAMP = "future_timestamp"
    BEFORE_EPOCH = "before_epoch"
    UNSTORABLE = "unstorable"
    """Well-formed, and yet the database took it in no way that was tried."""


class DeviceAddress(NamedTuple):
    """Where a device stands on the wire: its platform's code and its serial there."""

    platform: str
    serial: str


class PublisherKind(StrEnum):
    """Whose credential a heartbeat came with."""

    CLOUD = "cloud"
    """The platform's own, which speaks for all of its devices."""
    GATEWAY = "gateway"
    """One of the platform's gateways, by its name."""
    DEVICE = "device"
    """The device itself."""


class Publisher(NamedTuple):
    """Who published, among those who may on a platform."""

    kind: PublisherKind
    gateway: str = ""
    """Its name; empty for the other kinds."""


CLOUD: Final = Publisher(PublisherKind.CLOUD)
ITSELF: Final = Publisher(PublisherKind.DEVICE)


class HeartbeatTopic(NamedTuple):
    """What a topic says, which the broker has held against the credential."""

    device: DeviceAddress
    publisher: Publisher


class HeartbeatPayload(msgspec.Struct, gc=False):
    """The JSON object of one heartbeat; unknown keys are ignored, a wrong type is an error."""

    ts: int
    seq: Annotated[int, msgspec.Meta(ge=0, le=SEQ_MAX)] | msgspec.UnsetType = msgspec.UNSET
    status: DeviceStatus | msgspec.UnsetType = msgspec.UNSET
    metrics: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """The object's bytes as they came: the database is the first to look inside."""
    boot: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    """A random number, another for each start of the controller; a bigint of the database."""
    counter: float | msgspec.UnsetType = msgspec.UNSET
    """Of kilowatt-hours, cycles or pieces, which never falls but with another `boot`."""


def heartbeat_topic(address: DeviceAddress, publisher: Publisher = CLOUD) -> str:
    """The topic on which heartbeats of one device are published by one who may (section 4)."""
    platform, serial = address
    match publisher.kind:
        case PublisherKind.CLOUD:
            return f"jieru/v1/{platform}/{serial}/heartbeat"
        case PublisherKind.DEVICE:
            return f"jieru/v1/{platform}/own/{serial}/heartbeat"
        case PublisherKind.GATEWAY:
            return f"jieru/v1/{platform}/via/{publisher.gateway}/{serial}/heartbeat"


def parse_heartbeat_topic(topic: str) -> HeartbeatTopic | None:
    """What a heartbeat topic names, or None when it breaks the contract."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        return None
    platform, own, gateway, serial = match.groups()
    publisher = CLOUD
    if own:
        publisher = ITSELF
    elif gateway:
        publisher = Publisher(PublisherKind.GATEWAY, gateway)
    return HeartbeatTopic(DeviceAddress(platform, serial), publisher)


def nesting_depth(text: bytes) -> int:
    """How many objects and arrays of a valid JSON text lie within one another at most."""
    brackets = _JSON_STRING.sub(b"", text).translate(None, _NO_BRACKET)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def is_too_deep(payload: bytes) -> bool:
    """Whether a payload of valid JSON is nested deeper than PAYLOAD_DEPTH_LIMIT."""
    # Few opening brackets need no further look. `replace` counts them several times as fast as
    # `count` does before Python 3.13.
    opening = len(payload) - len(payload.replace(b"{", b"").replace(b"[", b""))
    return opening > PAYLOAD_DEPTH_LIMIT and nesting_depth(payload) > PAYLOAD_DEPTH_LIMIT


def is_storable(text: bytes) -> bool:
    """Whether PostgreSQL keeps a valid JSON text, and gives it back about as short as it came.

    A string may not hold U+0000, nor half of a surrogate pair (PostgreSQL documentation, JSON
    Types), nor a number an exponent beyond EXPONENT_LIMIT.
    """
    if b"\\u" in text:
        escapes = _SURROGATE_PAIR.sub(b"", text.replace(_ESCAPED_BACKSLASH, b""))
        if _NO_CHARACTER.search(escapes):
            return False
    exponents = _EXPONENT.findall(_JSON_STRING.sub(b"", text))
    return all(
        len(each) < _LONG_EXPONENT and abs(int(each)) <= EXPONENT_LIMIT for each in exponents
    )


def encode_payload(
    ts: int,
    seq: int | None = None,
    status: DeviceStatus | None = None,
    metrics: dict[str, object] | None = None,
    *,
    boot: int | None = None,
    counter: float | None = None,
) -> bytes:
    """Write one heartbeat as a device does; `ts` in milliseconds since the Unix epoch."""
    payload: dict[str, object] = {"ts": ts}
    if seq is not None:
        payload["seq"] = seq
    if status is not None:
        payload["status"] = status.value
    if metrics is not None:
        payload["metrics"] = metrics
    if boot is not None:
        payload["boot"] = boot
    if counter is not None:
        payload["counter"] = counter
    return msgspec.json.encode(payload)
