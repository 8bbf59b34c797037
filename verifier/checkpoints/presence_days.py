"""The presence of one civil day as it is stated, and the file beside the statements that keeps it.

The file holds the very rows that were digested, compressed: so that one can say later which hour of
which device differs, and not only that one does.

Days that were stated before live hours were kept were digested without them, and are so for good:
a digest is that of one of the two layouts, and no row of the one is ever taken for the other's.
"""

import hashlib
import zlib
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from jieru.calendar import HOURS_PER_DAY
from verifier.checkpoints.statement import StatedDay
from verifier.evidence.hours import (
    BYTES_PER_DAY,
    MonthOfPresence,
    device_of_key,
    keys_of,
    publisher_of_key,
)

__all__ = [
    "ChangedHours",
    "DayRows",
    "changed_hours",
    "day_rows",
    "pack_rows",
    "rows_as_stated",
    "state_day",
    "unpack_rows",
]

DayRows = npt.NDArray[np.void]

_ROW_BEFORE: Final = np.dtype(
    [("device", ">i4"), ("publisher", ">i4"), ("hours", "u1", BYTES_PER_DAY)]
)
"""Of before live hours were kept."""
_ROW: Final = np.dtype([*_ROW_BEFORE.descr, ("live_hours", "u1", BYTES_PER_DAY)])


@dataclass(frozen=True, slots=True)
class ChangedHours:
    """What became of a day of one device, by one publisher."""

    device_id: int
    publisher_id: int
    added: tuple[int, ...]
    """Hours of the day, 0 to 23."""
    removed: tuple[int, ...]
    live_added: tuple[int, ...] = ()
    """Hours that are live now and were not."""
    live_removed: tuple[int, ...] = ()


def day_rows(presence: MonthOfPresence, day: date) -> DayRows:
    """The rows of a day with an hour in them, in the order of device and publisher."""
    of_day = slice((day.day - 1) * BYTES_PER_DAY, day.day * BYTES_PER_DAY)
    hours = presence.hours[:, of_day]
    heard = hours.any(axis=1)
    rows = np.zeros(int(heard.sum()), dtype=_ROW)
    rows["device"] = device_of_key(presence.keys[heard])
    rows["publisher"] = publisher_of_key(presence.keys[heard])
    rows["hours"] = hours[heard]
    rows["live_hours"] = presence.live_hours[heard, of_day]
    return rows


def rows_as_stated(rows: DayRows, sha256: str | None) -> DayRows:
    """The rows of a day in the layout in which its digest is this one; else in that of today.

    Args:
        rows: as `day_rows` gives them.
        sha256: as the day was stated; None: it was not yet.
    """
    before = np.zeros(len(rows), dtype=_ROW_BEFORE)
    for name in _ROW_BEFORE.names or ():
        before[name] = rows[name]
    is_of_before = sha256 == hashlib.sha256(before.tobytes()).hexdigest()
    return before if is_of_before and len(rows) else rows


def state_day(day: date, rows: DayRows) -> StatedDay:
    """What is stated of a day."""
    return StatedDay(day=day, rows=len(rows), sha256=hashlib.sha256(rows.tobytes()).hexdigest())


def pack_rows(rows: DayRows) -> bytes:
    """The content of the file of a day."""
    return zlib.compress(rows.tobytes())


def unpack_rows(content: bytes | None, stated: StatedDay) -> DayRows | None:
    """The rows in the file of a day; None: they are not those that were stated.

    A day without any has no file.
    """
    size = stated.rows * _ROW.itemsize
    try:
        raw = zlib.decompressobj().decompress(content, size + 1) if content else b""
    except zlib.error:
        return None
    layout = _ROW if len(raw) == size else _ROW_BEFORE
    if len(raw) != stated.rows * layout.itemsize:
        return None
    if hashlib.sha256(raw).hexdigest() != stated.sha256:
        return None
    return np.frombuffer(raw, dtype=layout)


def changed_hours(before: DayRows, after: DayRows) -> list[ChangedHours]:
    """Where two states of a day differ, by device and publisher.

    Args:
        before: as it was stated; in the layout of before it says nothing of live hours.
        after: as `day_rows` gives it.
    """
    keys = np.union1d(_keys(before), _keys(after))
    was, is_now = _aligned(keys, before, "hours"), _aligned(keys, after, "hours")
    is_live = _aligned(keys, after, "live_hours")
    was_live = is_live if before.dtype == _ROW_BEFORE else _aligned(keys, before, "live_hours")
    found = []
    differs = (was != is_now).any(axis=1) | (was_live != is_live).any(axis=1)
    for place in np.flatnonzero(differs).tolist():
        key = keys[place : place + 1]
        found.append(
            ChangedHours(
                device_id=int(device_of_key(key)[0]),
                publisher_id=int(publisher_of_key(key)[0]),
                added=_hours(is_now[place] & ~was[place]),
                removed=_hours(was[place] & ~is_now[place]),
                live_added=_hours(is_live[place] & ~was_live[place]),
                live_removed=_hours(was_live[place] & ~is_live[place]),
            )
        )
    return found


def _keys(rows: DayRows) -> npt.NDArray[np.int64]:
    return keys_of(rows["device"].astype(np.int64), rows["publisher"].astype(np.int64))


def _aligned(keys: npt.NDArray[np.int64], rows: DayRows, column: str) -> npt.NDArray[np.uint8]:
    found = np.zeros((len(keys), BYTES_PER_DAY), dtype=np.uint8)
    found[np.searchsorted(keys, _keys(rows))] = rows[column]
    return found


def _hours(bits: npt.NDArray[np.uint8]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(np.unpackbits(bits)[:HOURS_PER_DAY]).tolist())
