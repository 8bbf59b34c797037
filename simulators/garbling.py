"""How a payload is garbled, and what the wire contract (design section 4) says to it."""

import struct
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from jieru.wire import PAYLOAD_LIMIT_BYTES, RejectionReason, encode_payload

__all__ = ["REASONS", "Garbling", "garble"]


class Garbling(StrEnum):
    """Kinds of damage seen in the field."""

    NOT_JSON = "not-json"
    TRUNCATED = "truncated"
    BINARY = "binary"
    ARRAY = "array"
    WITHOUT_TS = "without-ts"
    TEXT_TS = "text-ts"
    NEGATIVE_SEQ = "negative-seq"
    UNKNOWN_STATUS = "unknown-status"
    METRICS_LIST = "metrics-list"
    OVERSIZED = "oversized"
    TS_IN_SECONDS = "ts-in-seconds"


REASONS: Final = dict.fromkeys(Garbling, RejectionReason.MALFORMED_PAYLOAD) | {
    Garbling.OVERSIZED: RejectionReason.PAYLOAD_TOO_LARGE,
    # Ten digits read as milliseconds are a day of January 1970.
    Garbling.TS_IN_SECONDS: RejectionReason.BEFORE_EPOCH,
}
"""The reason for which each kind is rejected."""

_PAYLOADS: Final[dict[Garbling, Callable[[int, int], bytes]]] = {
    Garbling.NOT_JSON: lambda ts, seq: f"ts={ts};seq={seq};status=running".encode(),
    Garbling.TRUNCATED: lambda ts, seq: encode_payload(ts, seq)[:-8],
    Garbling.BINARY: lambda ts, seq: b"\xff\x00\xfe" + struct.pack("<QI", ts, seq),
    Garbling.ARRAY: lambda ts, seq: b"[" + encode_payload(ts, seq) + b"]",
    Garbling.WITHOUT_TS: lambda _, seq: f'{{"seq":{seq}}}'.encode(),
    Garbling.TEXT_TS: lambda ts, seq: f'{{"ts":"{ts}","seq":{seq}}}'.encode(),
    Garbling.NEGATIVE_SEQ: lambda ts, seq: encode_payload(ts, -1 - seq),
    Garbling.UNKNOWN_STATUS: lambda ts, _: f'{{"ts":{ts},"status":"sleeping"}}'.encode(),
    Garbling.METRICS_LIST: lambda ts, _: f'{{"ts":{ts},"metrics":[1,2,3]}}'.encode(),
    Garbling.OVERSIZED: lambda ts, seq: encode_payload(
        ts, seq, metrics={"log": "x" * PAYLOAD_LIMIT_BYTES}
    ),
    Garbling.TS_IN_SECONDS: lambda ts, seq: encode_payload(ts // 1000, seq),
}


def garble(garbling: Garbling, ts: int, seq: int) -> bytes:
    """The damaged payload of a heartbeat; `ts` in milliseconds since the Unix epoch."""
    return _PAYLOADS[garbling](ts, seq)
