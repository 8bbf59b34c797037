"""The hours of many devices side by side, as the signals look at them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from jieru.calendar import HOURS_PER_DAY
from verifier.counting.activity import (
    Assignments,
    IntArray,
    PresenceRows,
    first_ordinal,
    join_assignments,
)

__all__ = ["BYTES_PER_DAY", "Fleet", "Stretch", "gather_fleet", "heard_hours"]

BYTES_PER_DAY: Final = HOURS_PER_DAY // 8


@dataclass(frozen=True, slots=True)
class Stretch:
    """Civil days, all of which a fleet is looked at on."""

    first_day: int
    """Ordinal of the first."""
    days: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """Devices in the hands of cases, ordered by case: a device that changed hands comes twice.

    `n` members.
    """

    stretch: Stretch
    device: IntArray
    """Shape (n,): the device's id."""
    case: IntArray
    """Shape (n,), ascending: place of its enterprise on its platform."""
    hours: npt.NDArray[np.uint8]
    """Shape (n, days * 3): a bit for each civil hour, first bit first; none while not assigned."""
    first: IntArray
    """Shape (n,): the first day of the stretch, counted from 0, on which it was heard."""
    end: IntArray
    """Shape (n,): the day after the last one; `first` where it was never heard."""

    def __len__(self) -> int:
        """How many members it has."""
        return len(self.device)


def gather_fleet(
    blocks: Iterable[PresenceRows], assignments: Assignments, stretch: Stretch
) -> Fleet:
    """Put presence beside one another, each device in the hands of whom it was assigned to.

    Args:
        blocks: presence of the months of the stretch; of a device and month one row.
        assignments: whose each device was.
        stretch: the days that are looked at.
    """
    order = np.argsort(assignments.case, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    hours = np.zeros((len(order), stretch.days * BYTES_PER_DAY), dtype=np.uint8)
    for block in blocks:
        row, assignment = join_assignments(block.device, assignments)
        for month in np.unique(block.month[row]).tolist():
            chosen = block.month[row] == month
            _put_month(
                hours,
                place[assignment[chosen]],
                block.hours[row[chosen]],
                first_ordinal(month) - stretch.first_day,
                _days_of(month),
            )
    first, end = assignments.first[order], assignments.end[order]
    _forget_days_of_others(hours, first - stretch.first_day, end - stretch.first_day)
    heard_from, heard_until = _span(hours)
    return Fleet(
        stretch=stretch,
        device=assignments.device[order],
        case=assignments.case[order],
        hours=hours,
        first=heard_from,
        end=heard_until,
    )


def heard_hours(fleet: Fleet, members: slice | IntArray) -> npt.NDArray[np.bool_]:
    """In which hours some members were heard.

    Returns:
        Shape (members, days, 24).
    """
    bits = np.unpackbits(fleet.hours[members], axis=1)
    return bits.view(np.bool_).reshape(-1, fleet.stretch.days, HOURS_PER_DAY)


def _put_month(
    hours: npt.NDArray[np.uint8],
    places: IntArray,
    rows: npt.NDArray[np.uint8],
    start: int,
    days: int,
) -> None:
    """Put one month's rows where its days stand; those beyond the stretch fall away."""
    total = hours.shape[1] // BYTES_PER_DAY
    first, end = max(start, 0), min(start + days, total)
    if first < end:
        target = slice(first * BYTES_PER_DAY, end * BYTES_PER_DAY)
        source = slice((first - start) * BYTES_PER_DAY, (end - start) * BYTES_PER_DAY)
        hours[places, target] = rows[:, source]


def _forget_days_of_others(hours: npt.NDArray[np.uint8], first: IntArray, end: IntArray) -> None:
    days = hours.shape[1] // BYTES_PER_DAY
    cut = np.flatnonzero((first > 0) | (end < days))
    day = np.arange(days)
    own = (day >= first[cut, None]) & (day < end[cut, None])
    hours[cut] *= np.repeat(own, BYTES_PER_DAY, axis=1)


def _span(hours: npt.NDArray[np.uint8]) -> tuple[IntArray, IntArray]:
    """The first day with a bit, and the day after the last one."""
    days = hours.shape[1] // BYTES_PER_DAY
    heard: npt.NDArray[np.bool_] = hours.reshape(len(hours), days, BYTES_PER_DAY).max(axis=2) > 0
    first = heard.argmax(axis=1).astype(np.int64)
    end = days - heard[:, ::-1].argmax(axis=1).astype(np.int64)
    return first, np.where(heard.any(axis=1), end, first)


def _days_of(month: int) -> int:
    return first_ordinal(month + 1) - first_ordinal(month)
