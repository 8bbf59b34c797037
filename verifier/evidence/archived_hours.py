"""What archived heartbeats say of a month."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from archive.reading import ArchivedKeys
from jieru.calendar import HOURS_PER_DAY
from verifier.evidence.hours import BYTES_PER_DAY, Heard, keys_of
from verifier.evidence.stored_hours import Delays, Stretch, first_byte_of

__all__ = ["add_archived"]

_US_PER_HOUR: Final = 3_600_000_000
_DAY_1970: Final = date(1970, 1, 1).toordinal()
_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def add_archived(
    certain: Heard, between: Heard, rows: ArchivedKeys, within: Stretch, month: date, delays: Delays
) -> int:
    """Put the hours of some archived heartbeats where they belong.

    Args:
        certain: takes those of which is known whether they were late.
        between: takes those that were late by one rule and in time by another.
        rows: some of a file.
        within: of the month.
        month: its first day.
        delays: of all ingesters there were.

    Returns:
        How many heartbeats of the month there were.
    """
    start_us, end_us = ((each - _EPOCH) // _MICROSECOND for each in within)
    is_inside = (rows.time_us >= start_us) & (rows.time_us < end_us)
    device, publisher, time_us, received_us = (column[is_inside] for column in rows)
    delay_us = received_us - time_us
    is_late = delay_us > delays.late // _MICROSECOND
    is_between = ~is_late & (delay_us > delays.soon // _MICROSECOND)
    is_live = delay_us <= delays.live_soon // _MICROSECOND
    is_perhaps_live = delay_us <= delays.live_late // _MICROSECOND
    keys, hours = keys_of(device, publisher), time_us // _US_PER_HOUR
    kinds = np.array([~is_late, is_late, is_live, is_perhaps_live])
    for which, heard in ((~is_between, certain), (is_between, between)):
        for day, own, bits in _by_day(keys[which], hours[which], kinds[:, which]):
            first = first_byte_of(np.full(len(own), day + _DAY_1970), month)
            heard.add(own, first, *bits)
    return len(keys)


def _by_day(
    keys: npt.NDArray[np.int64], hours: npt.NDArray[np.int64], kinds: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.uint8]]]:
    """Each day (UTC, from the epoch), its keys, and for each kind the hours of each."""
    days = hours // HOURS_PER_DAY
    for day in np.unique(days).tolist():
        of_day = days == day
        own, places = np.unique(keys[of_day], return_inverse=True)
        heard = np.zeros((len(kinds), len(own), BYTES_PER_DAY * 8), dtype=np.bool_)
        for bits, is_of_kind in zip(heard, kinds[:, of_day], strict=True):
            bits[places[is_of_kind], hours[of_day][is_of_kind] % HOURS_PER_DAY] = True
        yield day, own, np.packbits(heard, axis=2)
