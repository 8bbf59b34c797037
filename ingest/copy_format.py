"""Heartbeats in PostgreSQL's binary COPY format.

Source: PostgreSQL documentation, COPY, "Binary Format"; the bytes of each type are those of its
`..._recv` function. Written by hand because a row costs a third of a generic writer's time, and
this is the hottest loop but one.
"""

import struct
from collections.abc import Sequence
from typing import Final

from ingest.decode import Heartbeat
from jieru.wire import DeviceStatus

__all__ = ["encode_heartbeats"]

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
_TRAILER: Final = struct.pack("!h", -1)
_NULL: Final = struct.pack("!i", -1)
_FIELDS: Final = 6
_MILLISECONDS_TO_2000: Final = 946_684_800_000
"""PostgreSQL counts instants in microseconds from 2000-01-01 UTC."""

# Field count, then length and value: device_id int4, time timestamptz, received_at timestamptz.
_pack_fixed = struct.Struct("!hiiiqiq").pack
_pack_bigint = struct.Struct("!iq").pack
_pack_jsonb_head = struct.Struct("!ib").pack
_JSONB_VERSION: Final = 1

_STATUS: Final[dict[DeviceStatus | None, bytes]] = {
    status: struct.pack("!i", len(status.value)) + status.value.encode() for status in DeviceStatus
}
_STATUS[None] = _NULL


def encode_heartbeats(heartbeats: Sequence[Heartbeat]) -> bytes:
    """Rows for `COPY heartbeats (device_id, time, received_at, seq, status, metrics)`."""
    parts = [_HEADER]
    append = parts.append
    for device_id, ts_ms, received_ms, _is_late, seq, status, metrics, _message in heartbeats:
        append(
            _pack_fixed(
                _FIELDS,
                4,
                device_id,
                8,
                (ts_ms - _MILLISECONDS_TO_2000) * 1000,
                8,
                (received_ms - _MILLISECONDS_TO_2000) * 1000,
            )
        )
        append(_NULL if seq is None else _pack_bigint(8, seq))
        append(_STATUS[status])
        if metrics is None:
            append(_NULL)
        else:
            append(_pack_jsonb_head(len(metrics) + 1, _JSONB_VERSION))
            append(metrics)
    append(_TRAILER)
    return b"".join(parts)
