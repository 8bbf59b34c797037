"""A heartbeat's row as PostgreSQL sends it, which is what digests are taken of. Pure.

Source: PostgreSQL documentation, COPY, "Binary Format". A row's bytes are canonical: integers and
instants have one form, and so have `jsonb` (as the server writes it) and the names of a status. So
two rows are the same exactly when their bytes are, and a digest of the rows of a database can be
told from a file, and the other way round.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from typing import Final, NamedTuple

from jieru.publishers import CLOUD_ID

__all__ = [
    "COPY_HEADER",
    "COPY_TRAILER",
    "Fields",
    "RowsDigest",
    "as_today",
    "decode_row",
    "encode_row",
    "in_batches",
    "key_of",
    "rows_not_in",
]

COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
COPY_TRAILER: Final = struct.pack("!h", -1)

_FIELDS: Final = 9
_FIELDS_WITHOUT_COUNTER: Final = 7
"""Of files from before `boot` and `counter` were kept."""
_FIELDS_WITHOUT_PUBLISHER: Final = 6
"""Of files from before it was kept who published, which is older."""
_JSONB_VERSION: Final = 1
_TO_2000_US: Final = 946_684_800_000_000
"""PostgreSQL counts instants in microseconds from 2000-01-01 UTC."""

# Field count, then length and value: device_id int4, time timestamptz, received_at timestamptz.
_FIXED: Final = struct.Struct("!hiiiqiq")
_LENGTH: Final = struct.Struct("!i")
_SEQ: Final = struct.Struct("!iq")
_BIGINT: Final = struct.Struct("!q")
_METRICS_HEAD: Final = struct.Struct("!ib")
_NULL: Final = _LENGTH.pack(-1)
_COUNT: Final = struct.Struct("!h")
_PUBLISHER: Final = struct.Struct("!ii")
_DOUBLE: Final = struct.Struct("!d")
_COUNTER: Final = struct.Struct("!id")
_KEY: Final = struct.Struct("!6xi4xq")
"""device_id and time, of which a row is the only one."""


class Fields(NamedTuple):
    """What a row says."""

    device_id: int
    time_us: int
    """Microseconds since the Unix epoch, as all instants here."""
    received_us: int
    seq: int | None
    status: str | None
    metrics: str | None
    """As the database writes `jsonb`."""
    publisher_id: int | None
    """None: the row is of a file from before it was kept."""
    boot: int | None = None
    counter: float | None = None


class RowsDigest:
    """SHA-256 of rows in their order, and how many there were."""

    def __init__(self) -> None:
        """No row yet."""
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, rows: Sequence[bytes]) -> None:
        """The next rows."""
        self.rows += len(rows)
        self._hash.update(b"".join(rows))

    def hexdigest(self) -> str:
        """The digest so far."""
        return self._hash.hexdigest()


def key_of(row: bytes) -> tuple[int, ...]:
    """By what rows are ordered, and are the only ones: device and time."""
    return _KEY.unpack_from(row)


def decode_row(row: bytes) -> Fields:
    """What the bytes of a row say."""
    fields, _four, device_id, _eight, time_us, _eight, received_us = _FIXED.unpack_from(row)
    at = _FIXED.size
    seq = status = metrics = publisher_id = boot = counter = None
    (length,) = _LENGTH.unpack_from(row, at)
    at += _LENGTH.size
    if length >= 0:
        (seq,) = _BIGINT.unpack_from(row, at)
        at += length
    (length,) = _LENGTH.unpack_from(row, at)
    at += _LENGTH.size
    if length >= 0:
        status = row[at : at + length].decode()
        at += length
    (length,) = _LENGTH.unpack_from(row, at)
    at += _LENGTH.size
    if length >= 0:
        metrics = row[at + 1 : at + length].decode()  # after the version's byte
        at += length
    if fields > _FIELDS_WITHOUT_PUBLISHER:
        _four, publisher_id = _PUBLISHER.unpack_from(row, at)
        at += _PUBLISHER.size
    if fields == _FIELDS:
        (length,) = _LENGTH.unpack_from(row, at)
        at += _LENGTH.size
        if length >= 0:
            (boot,) = _BIGINT.unpack_from(row, at)
            at += length
        (length,) = _LENGTH.unpack_from(row, at)
        at += _LENGTH.size
        if length >= 0:
            (counter,) = _DOUBLE.unpack_from(row, at)
    return Fields(
        device_id,
        time_us + _TO_2000_US,
        received_us + _TO_2000_US,
        seq,
        status,
        metrics,
        publisher_id,
        boot,
        counter,
    )


def encode_row(
    device_id: int,
    time_us: int,
    received_us: int,
    seq: int | None,
    status: str | None,
    metrics: str | None,
    publisher_id: int | None = None,
    *controller: float | None,
) -> bytes:
    """The bytes of a row that says this; the last two are `boot` and `counter`.

    Without a publisher, or without these two, it is as it was in files before they were kept.
    """
    fields = _FIELDS if controller else _FIELDS_WITHOUT_COUNTER
    if publisher_id is None:
        fields = _FIELDS_WITHOUT_PUBLISHER
    parts = [
        _FIXED.pack(fields, 4, device_id, 8, time_us - _TO_2000_US, 8, received_us - _TO_2000_US),
        _NULL if seq is None else _SEQ.pack(8, seq),
    ]
    if status is None:
        parts.append(_NULL)
    else:
        name = status.encode()
        parts += _LENGTH.pack(len(name)), name
    if metrics is None:
        parts.append(_NULL)
    else:
        text = metrics.encode()
        parts += _METRICS_HEAD.pack(len(text) + 1, _JSONB_VERSION), text
    if publisher_id is not None:
        parts.append(_PUBLISHER.pack(4, publisher_id))
    if controller:
        boot, counter = controller
        parts.append(_NULL if boot is None else _SEQ.pack(8, boot))
        parts.append(_NULL if counter is None else _COUNTER.pack(8, counter))
    return b"".join(parts)


def as_today(row: bytes) -> bytes:
    """A row as the database has it today: before it was kept who published, the cloud did.

    Before they were kept, neither `boot` nor `counter` is known.
    """
    (fields,) = _COUNT.unpack_from(row)
    if fields == _FIELDS:
        return row
    publisher = b"" if fields == _FIELDS_WITHOUT_COUNTER else _PUBLISHER.pack(4, CLOUD_ID)
    return _COUNT.pack(_FIELDS) + row[_COUNT.size :] + publisher + _NULL + _NULL


def in_batches(rows: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    """Rows in groups of so many at most."""
    source = iter(rows)
    while batch := list(islice(source, size)):
        yield batch


def rows_not_in(rows: Iterable[bytes], *known: Iterable[bytes]) -> Iterator[bytes]:
    """Those rows that none of the others holds, byte by byte; all of them ordered by key."""
    if not known:
        yield from rows
        return
    others = merge(*known, key=key_of)
    other = next(others, None)
    alike: set[bytes] = set()
    """Rows of the others with the key of the last row that was looked at."""
    last_key: tuple[int, ...] = ()
    for row in rows:
        key = key_of(row)
        if key != last_key:
            alike.clear()
            last_key = key
        while other is not None and key_of(other) <= key:
            if key_of(other) == key:
                alike.add(other)
            other = next(others, None)
        if row not in alike:
            yield row
