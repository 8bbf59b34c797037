"""Where presence and heartbeats say different things. Pure.

A heartbeat is kept once, as its first delivery had it: a repeat that came by another publisher, or
later than the rules allow, sets a bit of its own, and no row is left that proves it. Such a bit is
told apart where the device has a row in that very hour; without any it is invented. A bit of
`hours`, which counts, always needs a row that came in time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jieru.calendar import HOURS_PER_DAY
from jieru.presence import BYTES_PER_MONTH
from verifier.evidence.hours import (
    BYTES_PER_DAY,
    Bits,
    MonthOfPresence,
    device_of_key,
    hours_of_bits,
    publisher_of_key,
)

__all__ = ["Compared", "Difference", "DifferenceKind", "InventedHours", "compare"]


class DifferenceKind(StrEnum):
    """What is wrong with an hour."""

    INVENTED = "invented"
    """It counts, and no heartbeat in time stands behind it."""
    LOST = "lost"
    """A heartbeat came in time, and the hour is not set."""
    INVENTED_LATE = "invented_late"
    """It is said to have been heard late, and no heartbeat stands behind it."""
    LOST_LATE = "lost_late"
    """A heartbeat came late, and the hour is not set."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One hour of one device, by one publisher."""

    kind: DifferenceKind
    device_id: int
    publisher_id: int
    bit: int
    """0 to 743, as presence has it."""


class InventedHours(NamedTuple):
    """Hours of one device that count and have no heartbeat in time behind them."""

    device_id: int
    hours: int
    first_day: int
    """Of the month, 1 to 31."""
    last_day: int


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison of a month found."""

    differences: int
    unprovable: int
    """Bits whose row is another publisher's, or another delivery's."""
    unverifiable_bits: int
    """Of days whose heartbeats are gone."""
    keys: npt.NDArray[np.int64]
    found: tuple[tuple[DifferenceKind, Bits], ...]

    def listed(self) -> Iterator[Difference]:
        """Each difference, by kind, device and publisher."""
        for kind, bits in self.found:
            for place in np.flatnonzero(bits.any(axis=1)).tolist():
                key = self.keys[place : place + 1]
                device, publisher = int(device_of_key(key)[0]), int(publisher_of_key(key)[0])
                for bit in hours_of_bits(bits[place]):
                    yield Difference(kind, device, publisher, bit)

    def invented_by_device(self) -> list[InventedHours]:
        """Devices with invented hours, by id, whoever published; an hour counts once."""
        for kind, bits in self.found:
            if kind is DifferenceKind.INVENTED:
                return [
                    _invented(device, rows)
                    for device, rows in _rows_by_device(self.keys, bits)
                    if rows.any()
                ]
        return []


def compare(
    presence: MonthOfPresence,
    heard: tuple[npt.NDArray[np.int64], Bits, Bits],
    *,
    either: Bits | None = None,
    gone_days: tuple[int, ...] = (),
) -> Compared:
    """Hold a month of presence against what its heartbeats give.

    Args:
        presence: as the table has it.
        heard: all keys of presence and further ones, their hours on time and late.
        either: hours of heartbeats that were late by one rule and in time by another, as they may
            stand in either place; None: there was one rule.
        gone_days: days of the month (1 to 31) of which no heartbeat is left.
    """
    keys, on_time, late = heard
    hours = np.zeros_like(on_time)
    late_hours = np.zeros_like(late)
    places = np.searchsorted(keys, presence.keys)
    # A key comes twice where somebody made a further table of presence: no bit hides in either row.
    np.bitwise_or.at(hours, places, presence.hours)
    np.bitwise_or.at(late_hours, places, presence.late_hours)
    if either is not None:
        on_time = on_time | (either & hours)
        late = late | (either & ~hours)
    is_left = _mask_without(gone_days)
    unverifiable = _count((hours | late_hours) & ~is_left)
    hours, late_hours = hours & is_left, late_hours & is_left
    on_time, late = on_time & is_left, late & is_left

    in_time_by_any = _by_any_publisher(keys, on_time)
    by_any = in_time_by_any | _by_any_publisher(keys, late)
    unproved, unproved_late = hours & ~on_time, late_hours & ~late
    found = (
        (DifferenceKind.INVENTED, unproved & ~in_time_by_any),
        (DifferenceKind.LOST, on_time & ~hours),
        (DifferenceKind.INVENTED_LATE, unproved_late & ~by_any),
        (DifferenceKind.LOST_LATE, late & ~late_hours),
    )
    return Compared(
        differences=sum(_count(bits) for _kind, bits in found),
        unprovable=_count(unproved & in_time_by_any) + _count(unproved_late & by_any),
        unverifiable_bits=unverifiable,
        keys=keys,
        found=found,
    )


def _rows_by_device(
    keys: npt.NDArray[np.int64], bits: Bits
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """The hours of each device that has any."""
    places = np.flatnonzero(bits.any(axis=1))
    devices = device_of_key(keys[places])
    for device in np.unique(devices).tolist():
        yield device, np.bitwise_or.reduce(bits[places[devices == device]], axis=0)


def _invented(device: int, bits: npt.NDArray[np.uint8]) -> InventedHours:
    hours = hours_of_bits(bits)
    days = [hour // HOURS_PER_DAY + 1 for hour in hours]
    return InventedHours(device, len(hours), min(days), max(days))


def _mask_without(days: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    mask = np.full(BYTES_PER_MONTH, 255, dtype=np.uint8)
    for day in days:
        mask[(day - 1) * BYTES_PER_DAY : day * BYTES_PER_DAY] = 0
    return mask


def _by_any_publisher(keys: npt.NDArray[np.int64], bits: Bits) -> Bits:
    """For each row the hours of its device, whoever published."""
    if not len(keys):
        return bits
    devices = device_of_key(keys)
    firsts = np.flatnonzero(np.diff(devices, prepend=-1))
    if len(firsts) == len(devices):
        return bits
    merged = np.bitwise_or.reduceat(bits, firsts, axis=0)
    return merged[np.searchsorted(devices[firsts], devices)]


def _count(bits: Bits) -> int:
    return int(np.bitwise_count(bits).sum(dtype=np.int64))
