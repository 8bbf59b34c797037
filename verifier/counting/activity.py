"""Presence to active days: which devices were active on a day, and so which enterprises were.

Pure. Presence comes in blocks of rows, one row per device and civil month, so memory is bounded by
the result: for each month heard, a number per case (an enterprise on a platform) and day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from jieru.calendar import days_in_month
from jieru.presence import DAYS_PER_ROW, active_hours_by_day
from verifier.counting.windows import ActiveDays

__all__ = [
    "END_OF_TIME",
    "ActiveDevices",
    "Assignments",
    "Coverage",
    "MonthlyCounts",
    "PresenceRows",
    "Recorded",
    "active_days",
    "count_active_devices",
    "covered_days",
    "first_ordinal",
    "join_assignments",
    "mask_days",
    "merge_publishers",
]

END_OF_TIME: Final = date.max.toordinal()
"""The end of what has no end yet."""

_MONTH_BITS: Final = 20
"""More than enough for the months of any year that a date can have."""

IntArray = npt.NDArray[np.int64]
MonthlyCounts = dict[int, npt.NDArray[np.int32]]
"""By month (`year * 12 + month - 1`): active devices, shape (cases, 31).

Columns past the end of a shorter month mean nothing."""


@dataclass(frozen=True, slots=True)
class PresenceRows:
    """Some rows of `presence`, in any order; of a device and month one, whoever published."""

    device: IntArray
    month: IntArray
    """`year * 12 + month - 1`."""
    hours: npt.NDArray[np.uint8]
    """Shape (n, 93): `bit(744)` as PostgreSQL sends it."""
    live_hours: npt.NDArray[np.uint8] | None = None
    """Of `hours` those that were heard live; None: not read."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """When the server was told of periods."""

    on: IntArray
    """Ordinals of civil days."""
    at: IntArray
    """Microseconds since 2000-01-01 00:00 UTC, as PostgreSQL counts them."""


@dataclass(frozen=True, slots=True)
class Assignments:
    """Which device stood for which case, and when; ordinals, `end` exclusive."""

    device: IntArray
    """Sorted; a device that changed hands comes more than once."""
    case: IntArray
    first: IntArray
    end: IntArray
    recorded: Recorded | None = None
    """None: each on its first day."""
    evidence_from: IntArray | None = None
    """From which day on they give evidence; None: from the first."""

    @property
    def start(self) -> IntArray:
        """The first day that counts."""
        return self.first if self.evidence_from is None else self.evidence_from


@dataclass(frozen=True, slots=True)
class Coverage:
    """The connections of the cases; ordinals, `end` exclusive, disjoint within a case."""

    case: IntArray
    first: IntArray
    end: IntArray
    recorded: Recorded | None = None
    """None: each on its first day."""
    evidence_from: IntArray | None = None
    """From which day on they give evidence; None: from the first."""

    @property
    def start(self) -> IntArray:
        """The first day that counts."""
        return self.first if self.evidence_from is None else self.evidence_from


def merge_publishers(rows: PresenceRows) -> PresenceRows:
    """Rows as the database has them, one for each publisher, as one for each device and month.

    A device was heard in an hour when anybody published for it then (design section 5). Nearly
    always there is one publisher, and the rows are answered as they are.
    """
    keys = rows.device << _MONTH_BITS | rows.month
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    if len(starts) == len(keys):
        return rows
    firsts = order[starts]
    return PresenceRows(
        device=rows.device[firsts],
        month=rows.month[firsts],
        hours=np.bitwise_or.reduceat(rows.hours[order], starts, axis=0),
        live_hours=None
        if rows.live_hours is None
        else np.bitwise_or.reduceat(rows.live_hours[order], starts, axis=0),
    )


@dataclass(frozen=True, slots=True)
class ActiveDevices:
    """What one pass over presence adds up."""

    counts: tuple[MonthlyCounts, ...]
    """Under each reading of the assignments."""
    days_before: IntArray
    """Of each assignment: the active days of its device that count under the last reading and not
    under the one before; where there is one reading, none."""


def count_active_devices(
    blocks: Iterable[PresenceRows],
    readings: Sequence[Assignments],
    active_hours_min: IntArray,
    as_of: date,
) -> ActiveDevices:
    """How many assigned devices of each case were active on each day, for each month heard.

    Args:
        blocks: presence; no two rows for the same device and month.
        readings: which device counts for which case; the same assignments each time, which may
            begin to count on other days.
        active_hours_min: hours a device must be heard to be active, for each case.
        as_of: the last day whose evidence is used.
    """
    assignments = readings[0]
    counts: tuple[MonthlyCounts, ...] = tuple({} for _reading in readings)
    days_before = np.zeros(len(assignments.device), dtype=np.int64)
    cases = len(active_hours_min)
    same_everywhere = cases > 0 and bool((active_hours_min == active_hours_min[0]).all())
    for block in blocks:
        row, assignment = join_assignments(block.device, assignments)
        if not len(row):
            continue
        case, month = assignments.case[assignment], block.month[row]
        # Sorted by month and case, so that equal ones are neighbours and add up in one pass.
        order = np.lexsort((case, month))
        row, assignment, case, month = row[order], assignment[order], case[order], month[order]
        hours = active_hours_by_day(block.hours)[row]
        threshold = active_hours_min[:1] if same_everywhere else active_hours_min[case, None]
        heard = hours >= threshold
        days = []
        for reading, found in zip(readings, counts, strict=True):
            active = heard.copy() if len(readings) > 1 else heard
            start, end = reading.start[assignment], reading.end[assignment]
            mask_days(active, month, start, end, as_of)
            _add(found, active, month, case, cases)
            days.append(active)
        if len(readings) > 1:
            before = days[-1] & ~days[-2]
            np.add.at(days_before, assignment, before.sum(axis=1))
    return ActiveDevices(counts, days_before)


def _add(
    counts: MonthlyCounts,
    active: npt.NDArray[np.bool_],
    month: IntArray,
    case: IntArray,
    cases: int,
) -> None:
    """Add up the rows of each case and month; they are sorted by month and case."""
    starts = np.flatnonzero(np.diff(month * cases + case, prepend=-1))
    sums = np.add.reduceat(active, starts, axis=0, dtype=np.int32)
    month, case = month[starts], case[starts]
    for each in np.unique(month).tolist():
        chosen = slice(*np.searchsorted(month, (each, each + 1)))
        if each not in counts:
            counts[each] = np.zeros((cases, DAYS_PER_ROW), dtype=np.int32)
        counts[each][case[chosen]] += sums[chosen]


def active_days(
    counts: MonthlyCounts, active_devices_min: IntArray, coverage: Coverage
) -> ActiveDays:
    """On which days each case was active: enough active devices, and a connection that covers.

    Args:
        counts: active devices by month, of the same cases.
        active_devices_min: devices that must be active, for each case.
        coverage: the connections of the cases.
    """
    cases = len(active_devices_min)
    if not counts:
        return ActiveDays(first_day=1, active=np.zeros((cases, 0), dtype=np.bool_))
    first_month, last_month = min(counts), max(counts)
    first_day = first_ordinal(first_month)
    active = np.zeros((cases, first_ordinal(last_month + 1) - first_day), dtype=np.bool_)
    for month, devices in counts.items():
        start, length = first_ordinal(month) - first_day, _days_in(month)
        enough = devices[:, :length] >= active_devices_min[:, None]
        active[:, start : start + length] = enough
    active &= covered_days(coverage, first_day, active.shape)
    return ActiveDays(first_day=first_day, active=active)


def join_assignments(device: IntArray, assignments: Assignments) -> tuple[IntArray, IntArray]:
    """Every pair of a presence row and an assignment of its device."""
    start = np.searchsorted(assignments.device, device, side="left")
    several = np.searchsorted(assignments.device, device, side="right") - start
    row = np.repeat(np.arange(len(device)), several)
    # 0, 1, ... within each row, so that the second assignment follows the first.
    nth = np.arange(len(row)) - np.repeat(np.cumsum(several) - several, several)
    return row, start[row] + nth


def mask_days(
    active: npt.NDArray[np.bool_], month: IntArray, first: IntArray, end: IntArray, as_of: date
) -> None:
    """Take away the days outside the assignment and after `as_of`."""
    months, place = np.unique(month, return_inverse=True)
    month_first = np.array([first_ordinal(each) for each in months.tolist()])[place]
    start = first - month_first
    stop = np.minimum(end, as_of.toordinal() + 1) - month_first
    cut = np.flatnonzero((start > 0) | (stop < DAYS_PER_ROW))
    day = np.arange(DAYS_PER_ROW)
    active[cut] &= (day >= start[cut, None]) & (day < stop[cut, None])


def covered_days(
    coverage: Coverage, first_day: int, shape: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """Which days of the columns a connection covers, for each case."""
    cases, days = shape
    change = np.zeros((cases, days + 1), dtype=np.int8)
    start = np.clip(coverage.start - first_day, 0, days)
    stop = np.clip(coverage.end - first_day, 0, days)
    np.add.at(change, (coverage.case, start), 1)
    np.add.at(change, (coverage.case, stop), -1)
    covered: npt.NDArray[np.bool_] = np.cumsum(change[:, :days], axis=1, dtype=np.int8) > 0
    return covered


def first_ordinal(month: int) -> int:
    """Ordinal of the first day of a month given as `year * 12 + month - 1`."""
    return date(month // 12, month % 12 + 1, 1).toordinal()


def _days_in(month: int) -> int:
    return days_in_month(date(month // 12, month % 12 + 1, 1))
