"""From a message to a heartbeat or a rejection: the wire contract applied, and nothing else.

Pure: what is known of devices and time is passed in.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import UNSET

from ingest.message import Message
from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.wire import (
    EARLIEST_TIMESTAMP_MS,
    LATEST_TIMESTAMP_MS,
    PAYLOAD_DEPTH_LIMIT,
    PAYLOAD_LIMIT_BYTES,
    DeviceStatus,
    HeartbeatPayload,
    RejectionReason,
    heartbeat_topic,
    is_storable,
    is_too_deep,
    parse_heartbeat_topic,
)

__all__ = [
    "Heartbeat",
    "Origin",
    "Rejection",
    "TimeRules",
    "decode",
    "decode_all",
    "unknown_topics",
]

_UNKNOWN: Final = {RejectionReason.UNKNOWN_DEVICE, RejectionReason.UNKNOWN_PUBLISHER}

_MILLISECONDS_PER_MINUTE: Final = 60_000

_NEVER_LIVE: Final = -(2**63)
"""No delay is as small."""

_OPENING_BRACE: Final = ord("{")

_LONGEST_SHALLOW: Final = 2 * PAYLOAD_DEPTH_LIMIT
"""Bytes: no shorter payload has room for too many pairs of brackets, and nearly all are shorter."""

_BACKSLASH: Final = b"\\"
"""One byte is found several times as fast as six, and mostly is not there."""
_NO_CHARACTER: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""U+0000, or a part of a surrogate pair, which may well be whole."""
_CLASSES: Final = bytes(
    1 if byte in b"0123456789+-" else 2 if byte in b"eE" else 0 for byte in range(256)
)
_LONG_EXPONENT: Final = b"\2\1\1\1"
"""What `e-400` and `E1000` are in the classes of their bytes, and `e+40` too, which is harmless."""

_read_json = msgspec.json.Decoder(HeartbeatPayload).decode


@dataclass(frozen=True, slots=True)
class TimeRules:
    """What the policy says of clocks and delays, in milliseconds."""

    max_delay_ms: int
    max_clock_ahead_ms: int
    is_event_clock: bool = False
    """Take `ts` as the time of receipt: for simulations only."""
    live_within_ms: int = _NEVER_LIVE
    """So old a heartbeat that is live may be; never older than one in time."""

    @classmethod
    def of_policy(
        cls,
        *,
        max_delay_hours: int,
        max_clock_ahead_minutes: int,
        is_event_clock: bool,
        live_within_minutes: int | None = None,
    ) -> "TimeRules":
        """From the policy's parameters of the same names; without the last nothing is live."""
        max_delay_ms = max_delay_hours * MILLISECONDS_PER_HOUR
        live_within_ms = (
            _NEVER_LIVE
            if live_within_minutes is None
            else min(live_within_minutes * _MILLISECONDS_PER_MINUTE, max_delay_ms)
        )
        return cls(
            max_delay_ms,
            max_clock_ahead_minutes * _MILLISECONDS_PER_MINUTE,
            is_event_clock,
            live_within_ms,
        )


class Origin(msgspec.Struct, frozen=True, gc=False):
    """What a topic stands for: one device, and one who publishes for it."""

    device_id: int
    publisher_id: int


class Heartbeat(msgspec.Struct, frozen=True, gc=False):
    """One heartbeat of a known device, ready to be stored."""

    device_id: int
    publisher_id: int
    ts_ms: int
    received_ms: int
    is_late: bool
    """Received more than `max_delay_hours` after `ts`: kept, but its hour does not count."""
    seq: int | None
    status: DeviceStatus | None
    metrics: bytes | None
    """A JSON object as it came."""
    message: Message
    """Where it comes from, should the database refuse it."""
    is_live: bool = False
    """Received within `live_within_minutes` of `ts`, and so in time."""
    boot: int | None = None
    counter: float | None = None


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """A message that is not taken, with its reason."""

    reason: RejectionReason
    message: Message


def decode(
    message: Message, origins: Mapping[str, Origin], rules: TimeRules
) -> Heartbeat | Rejection:
    """Read one message by the wire contract (design section 4).

    Args:
        message: as it was delivered.
        origins: what each known topic stands for; a known topic is a valid one.
        rules: what is too late and what is too far ahead.

    Returns:
        The heartbeat, or the first reason in the contract's order not to take it; what its
        metrics hold comes last.
    """
    result = _decode(message, origins, rules)
    if isinstance(result, Heartbeat) and not _has_storable_metrics(result):
        return Rejection(RejectionReason.MALFORMED_PAYLOAD, message)
    return result


def _decode(  # noqa: PLR0911 - one return for each reason of the contract
    message: Message, origins: Mapping[str, Origin], rules: TimeRules
) -> Heartbeat | Rejection:
    """Read one message without a look at what its metrics hold."""
    origin = origins.get(message.topic)
    if origin is None and parse_heartbeat_topic(message.topic) is None:
        return Rejection(RejectionReason.BAD_TOPIC, message)
    if message.payload_bytes > PAYLOAD_LIMIT_BYTES:
        return Rejection(RejectionReason.PAYLOAD_TOO_LARGE, message)
    try:
        fields, metrics = _read(message.payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return Rejection(RejectionReason.MALFORMED_PAYLOAD, message)
    if origin is None:
        return Rejection(_unknown(message.topic, origins), message)
    ts_ms, received_ms = fields.ts, message.received_ms
    if ts_ms < EARLIEST_TIMESTAMP_MS:
        return Rejection(RejectionReason.BEFORE_EPOCH, message)
    if ts_ms > LATEST_TIMESTAMP_MS:
        return Rejection(RejectionReason.FUTURE_TIMESTAMP, message)
    if rules.is_event_clock:
        received_ms = ts_ms
    elif ts_ms - received_ms > rules.max_clock_ahead_ms:
        return Rejection(RejectionReason.FUTURE_TIMESTAMP, message)
    delay_ms = received_ms - ts_ms
    return Heartbeat(
        origin.device_id,
        origin.publisher_id,
        ts_ms,
        received_ms,
        delay_ms > rules.max_delay_ms,
        None if fields.seq is UNSET else fields.seq,
        None if fields.status is UNSET else fields.status,
        metrics,
        message,
        delay_ms <= rules.live_within_ms,
        None if fields.boot is UNSET else fields.boot,
        None if fields.counter is UNSET else fields.counter,
    )


def decode_all(
    messages: Iterable[Message], origins: Mapping[str, Origin], rules: TimeRules
) -> tuple[list[Heartbeat], list[Rejection]]:
    """Read messages as `decode` reads each; both lists are in the order of receipt.

    Except that heartbeats with metrics that cannot be stored are the last of the rejections.
    """
    heartbeats: list[Heartbeat] = []
    rejections: list[Rejection] = []
    for message in messages:
        result = _decode(message, origins, rules)
        if isinstance(result, Heartbeat):
            heartbeats.append(result)
        else:
            rejections.append(result)
    if not _may_be_unstorable(heartbeats):
        return heartbeats, rejections
    storable: list[Heartbeat] = []
    for each in heartbeats:
        if _has_storable_metrics(each):
            storable.append(each)
        else:
            rejections.append(Rejection(RejectionReason.MALFORMED_PAYLOAD, each.message))
    return storable, rejections


def _may_be_unstorable(heartbeats: Iterable[Heartbeat]) -> bool:
    """Whether a closer look is due: nearly never, and this one costs a batch next to nothing."""
    metrics = b"\n".join([each.metrics for each in heartbeats if each.metrics is not None])
    return bool(
        _BACKSLASH in metrics and _NO_CHARACTER.search(metrics)
    ) or _LONG_EXPONENT in metrics.translate(_CLASSES)


def _has_storable_metrics(heartbeat: Heartbeat) -> bool:
    return heartbeat.metrics is None or is_storable(heartbeat.metrics)


def unknown_topics(rejections: Iterable[Rejection]) -> set[str]:
    """Well-formed topics whose device or publisher was not among those that were passed in."""
    return {rejection.message.topic for rejection in rejections if rejection.reason in _UNKNOWN}


def _unknown(topic: str, origins: Mapping[str, Origin]) -> RejectionReason:
    """Which of the two is not known: a device that is has its platform's topic here."""
    named = parse_heartbeat_topic(topic)
    if named is not None and heartbeat_topic(named.device) in origins:
        return RejectionReason.UNKNOWN_PUBLISHER
    return RejectionReason.UNKNOWN_DEVICE


def _read(payload: bytes) -> tuple[HeartbeatPayload, bytes | None]:
    """The known keys of a payload, and its metrics as they came.

    Raises:
        msgspec.MsgspecError: it is no JSON object, or a known key is out of its range or has the
            wrong type.
        UnicodeDecodeError: it is not UTF-8 (the JSON reader skips strings it need not keep).
        RecursionError: it is nested deeper than the JSON reader follows.
        ValueError: it is nested deeper than the contract allows, or its metrics are no object.
    """
    if not payload.isascii():
        payload.decode()
    fields = _read_json(payload)
    if len(payload) > _LONGEST_SHALLOW and is_too_deep(payload):
        raise ValueError("nested too deep")
    if fields.metrics is UNSET:
        return fields, None
    metrics = bytes(fields.metrics)
    if metrics[0] != _OPENING_BRACE:
        raise ValueError("metrics is not an object")
    return fields, metrics
