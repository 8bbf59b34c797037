"""The presence of one civil day as it is stated, and the file beside the statements that keeps it.

The file holds the very rows that were digested, compressed: so that one can say later which hour of
which device differs, and not only that one does.
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
    "state_day",
    "unpack_rows",
]

DayRows = npt.NDArray[np.void]

_ROW: Final = np.dtype([("device", ">i4"), ("publisher", ">i4"), ("hours", "u1", BYTES_PER_DAY)])


@dataclass(frozen=True, slots=True)
class ChangedHours:
    """What became of a day of one device, by one publisher."""

    device_id: int
    publisher_id: int
    added: tuple[int, ...]
    """Hours of the day, 0 to 23."""
    removed: tuple[int, ...]


def day_rows(presence: MonthOfPresence, day: date) -> DayRows:
    """The rows of a day with an hour in them, in the order of device and publisher."""
    hours = presence.hours[:, (day.day - 1) * BYTES_PER_DAY : day.day * BYTES_PER_DAY]
    heard = hours.any(axis=1)
    rows = np.zeros(int(heard.sum()), dtype=_ROW)
    rows["device"] = device_of_key(presence.keys[heard])
    rows["publisher"] = publisher_of_key(presence.keys[heard])
    rows["hours"] = hours[heard]
    return rows


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
    if len(raw) != size or hashlib.sha256(raw).hexdigest() != stated.sha256:
        return None
    return np.frombuffer(raw, dtype=_ROW)


def changed_hours(before: DayRows, after: DayRows) -> list[ChangedHours]:
    """Where two states of a day differ, by device and publisher."""
    keys = np.union1d(_keys(before), _keys(after))
    was, is_now = _aligned(keys, before), _aligned(keys, after)
    found = []
    for place in np.flatnonzero((was != is_now).any(axis=1)).tolist():
        key = keys[place : place + 1]
        found.append(
            ChangedHours(
                device_id=int(device_of_key(key)[0]),
                publisher_id=int(publisher_of_key(key)[0]),
                added=_hours(is_now[place] & ~was[place]),
                removed=_hours(was[place] & ~is_now[place]),
            )
        )
    return found


def _keys(rows: DayRows) -> npt.NDArray[np.int64]:
    return keys_of(rows["device"].astype(np.int64), rows["publisher"].astype(np.int64))


def _aligned(keys: npt.NDArray[np.int64], rows: DayRows) -> npt.NDArray[np.uint8]:
    found = np.zeros((len(keys), BYTES_PER_DAY), dtype=np.uint8)
    found[np.searchsorted(keys, _keys(rows))] = rows["hours"]
    return found


def _hours(bits: npt.NDArray[np.uint8]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(np.unpackbits(bits)[:HOURS_PER_DAY]).tolist())
