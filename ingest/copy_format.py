"""Heartbeats in PostgreSQL's binary COPY format. Pure.

Source: PostgreSQL documentation, COPY, "Binary Format"; the bytes of each type are those of its
`..._recv` function. Written by hand because a row costs a third of a generic writer's time, and
this is the hottest loop but one.
"""

import struct
from collections.abc import Iterable
from typing import Final

from ingest.decode import Heartbeat
from jieru.wire import DeviceStatus

__all__ = ["encode_heartbeats"]

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER: Final = struct.pack("!h", -1)
_NULL_LENGTH: Final = -1
_NULL: Final = struct.pack("!i", _NULL_LENGTH)
_FIELDS: Final = 9
_MILLISECONDS_TO_2000: Final = 946_684_800_000
"""PostgreSQL counts instants in microseconds from 2000-01-01 UTC."""

# Field count, then length and value: device_id int4, time timestamptz, received_at timestamptz,
# publisher_id int4, seq int8; then what depends on the row.
_pack_fixed = struct.Struct("!hiiiqiqiiiq").pack
_pack_fixed_without_seq = struct.Struct("!hiiiqiqiii").pack
_pack_integer = struct.Struct("!iq").pack
_pack_double = struct.Struct("!id").pack
_pack_jsonb_head = struct.Struct("!ib").pack
_JSONB_VERSION: Final = 1

_STATUS: Final[dict[DeviceStatus | None, bytes]] = {
    status: struct.pack("!i", len(status.value)) + status.value.encode() for status in DeviceStatus
}
_STATUS[None] = _NULL
_STATUS_ALONE: Final = {status: packed + _NULL + _NULL for status, packed in _STATUS.items()}
"""Followed by neither `boot` nor `counter`, as nearly always."""


def encode_heartbeats(heartbeats: Iterable[Heartbeat]) -> bytes:
    """Rows for COPY of the columns that `ingest.writer` names, in their order."""
    parts = [_HEADER]
    for heartbeat in heartbeats:
        time = (heartbeat.ts_ms - _MILLISECONDS_TO_2000) * 1000
        received = (heartbeat.received_ms - _MILLISECONDS_TO_2000) * 1000
        device_id, publisher_id = heartbeat.device_id, heartbeat.publisher_id
        seq, metrics = heartbeat.seq, heartbeat.metrics
        fixed = (
            _pack_fixed_without_seq(
                _FIELDS, 4, device_id, 8, time, 8, received, 4, publisher_id, _NULL_LENGTH
            )
            if seq is None
            else _pack_fixed(_FIELDS, 4, device_id, 8, time, 8, received, 4, publisher_id, 8, seq)
        )
        status = (
            _STATUS_ALONE[heartbeat.status]
            if heartbeat.boot is None and heartbeat.counter is None
            else _status_and_counter(heartbeat)
        )
        if metrics is None:
            parts += (fixed, status, _NULL)
        else:
            head = _pack_jsonb_head(len(metrics) + 1, _JSONB_VERSION)
            parts += (fixed, status, head, metrics)
    parts.append(_TRAILER)
    return b"".join(parts)


def _status_and_counter(heartbeat: Heartbeat) -> bytes:
    boot = _NULL if heartbeat.boot is None else _pack_integer(8, heartbeat.boot)
    counter = _NULL if heartbeat.counter is None else _pack_double(8, heartbeat.counter)
    return _STATUS[heartbeat.status] + boot + counter
