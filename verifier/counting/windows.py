"""Effective windows: from the days on which an enterprise was active to when it was connected.

Pure. Days are numbered (proleptic ordinals, `date.toordinal`), and many enterprises are looked at
together: a row is one enterprise on one platform, a column one day. Costs are linear in the days,
by running sums: a window holds no run of more than g inactive days exactly when none of its days
starts g+1 inactive days that end inside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "ActiveDays",
    "IntArray",
    "Window",
    "WindowRule",
    "best_attempts",
    "earliest_windows",
    "possible_windows",
]

_ROWS_AT_A_TIME = 1_024
"""Keeps the running sums of some years in a few megabytes, near the processor."""

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


class WindowRule(NamedTuple):
    """What makes a window effective; all in days."""

    window_days: int
    active_days_min: int
    longest_gap_days_max: int


@dataclass(frozen=True, slots=True)
class Window:
    """`window_days` days from an active day on."""

    first_day: date
    last_day: date
    active_days: int
    longest_gap_days: int
    """The longest run of inactive days inside it."""


@dataclass(frozen=True, slots=True)
class ActiveDays:
    """On which days enterprises were active; every day outside the columns is inactive."""

    first_day: int
    """Ordinal of the first column."""
    active: BoolArray
    """Shape (rows, days)."""
    hours: npt.NDArray[np.int32] | None = None
    """Shape (2, rows, days): the hours of active devices, and those of them heard live; None: not
    asked for."""

    def between(self, first: int, last: int) -> BoolArray:
        """The days from `first` to `last`, both inclusive, whether or not there are columns."""
        rows, columns = self.active.shape
        days = np.zeros((rows, max(last - first + 1, 0)), dtype=np.bool_)
        start, stop = max(first, self.first_day), min(last + 1, self.first_day + columns)
        if start < stop:
            source = self.active[:, start - self.first_day : stop - self.first_day]
            days[:, start - first : stop - first] = source
        return days

    def with_rows_of(self, other: "ActiveDays", chosen: BoolArray) -> "ActiveDays":
        """The same days, some rows as another reading of the same columns has them."""
        hours = self.hours
        if hours is not None and other.hours is not None:
            hours = np.where(chosen[:, None], other.hours, hours)
        return ActiveDays(
            self.first_day, np.where(chosen[:, None], other.active, self.active), hours
        )

    def rows(self, indices: IntArray) -> "ActiveDays":
        """Some of the rows."""
        return ActiveDays(self.first_day, self.active[indices])


def earliest_windows(days: ActiveDays, rule: WindowRule, as_of: date) -> list[Window | None]:
    """The earliest complete effective window of each row, over all history.

    Args:
        days: evidence; what lies after `as_of` is not used.
        rule: what makes a window effective.
        as_of: the last day a complete window may have.
    """
    last_column = days.first_day + days.active.shape[1] - 1
    # Beyond the columns nothing is active, so no window starts there, though some end there.
    last = min(as_of.toordinal(), last_column + rule.window_days - 1)
    return _first_windows(days, rule, days.first_day, last, last)


def possible_windows(
    days: ActiveDays, rule: WindowRule, as_of: date, starts: tuple[date, date]
) -> list[Window | None]:
    """The earliest window of each row if every day after `as_of` were active.

    Args:
        days: evidence; what lies after `as_of` is not used.
        rule: what makes a window effective.
        as_of: the last day of evidence.
        starts: the first and the last day on which the window may start, both inclusive.
    """
    first, last = starts[0].toordinal(), starts[1].toordinal() + rule.window_days - 1
    return _first_windows(days, rule, first, last, as_of.toordinal())


def best_attempts(
    days: ActiveDays, rule: WindowRule, as_of: date, starts: tuple[date, date]
) -> list[Window | None]:
    """The complete window of each row that holds the most active days, effective or not.

    Of several, the one with the shortest gap, then the earliest. None where no active day starts
    a window that is complete by `as_of`.
    """
    first = starts[0].toordinal()
    last = min(starts[1].toordinal() + rule.window_days - 1, as_of.toordinal())
    attempts: list[Window | None] = []
    for row in days.between(first, last):
        begins = np.flatnonzero(row[: max(len(row) - rule.window_days + 1, 0)])
        total = np.concatenate(([0], np.cumsum(row)))
        held = total[begins + rule.window_days] - total[begins]
        # Gaps are dear to measure: only where the active days are the most there are.
        begins = begins[held == held.max(initial=0)]
        windows = _windows(np.broadcast_to(row, (len(begins), len(row))), first, begins, rule)
        attempts.append(min(windows, key=lambda each: each.longest_gap_days, default=None))
    return attempts


def _first_windows(
    days: ActiveDays, rule: WindowRule, first: int, last: int, as_of: int
) -> list[Window | None]:
    """The earliest effective window of each row inside `first` to `last`, active after `as_of`."""
    found: list[Window | None] = []
    for part in _parts(days):
        active = part.between(first, last)
        active[:, max(as_of + 1 - first, 0) :] = True
        starts = _effective_starts(active, rule)
        rows = np.flatnonzero(starts.any(axis=1))
        windows: list[Window | None] = [None] * len(active)
        if len(rows):
            columns = starts[rows].argmax(axis=1)
            for row, window in zip(
                rows.tolist(), _windows(active[rows], first, columns, rule), strict=True
            ):
                windows[row] = window
        found.extend(windows)
    return found


def _parts(days: ActiveDays) -> Iterator[ActiveDays]:
    for start in range(0, len(days.active), _ROWS_AT_A_TIME):
        yield ActiveDays(days.first_day, days.active[start : start + _ROWS_AT_A_TIME])


def _effective_starts(active: BoolArray, rule: WindowRule) -> BoolArray:
    """On which days a window starts that is effective and lies inside the columns.

    Returns:
        Shape (rows, days - window_days + 1); no columns where a window does not fit.
    """
    rows, columns = active.shape
    window, gap = rule.window_days, rule.longest_gap_days_max
    places = columns - window + 1
    if places <= 0:
        return np.zeros((rows, 0), dtype=np.bool_)
    total = _running_sum(active)
    starts = active[:, :places] & (total[:, window:] - total[:, :places] >= rule.active_days_min)
    if gap < window:
        silent = (
            total[:, gap + 1 :] == total[:, : columns - gap]
        )  # the next gap+1 days are inactive
        too_long = _running_sum(silent)
        starts &= too_long[:, window - gap :] == too_long[:, :places]
    return starts


def _running_sum(flags: BoolArray) -> npt.NDArray[np.int32]:
    """How many flags of each row come before each column; one column more than the flags."""
    total = np.zeros((flags.shape[0], flags.shape[1] + 1), dtype=np.int32)
    np.cumsum(flags, axis=1, dtype=np.int32, out=total[:, 1:])
    return total


def _windows(active: BoolArray, first: int, columns: IntArray, rule: WindowRule) -> list[Window]:
    """The window of each row that starts at its column, which is an active day."""
    offsets = np.arange(rule.window_days)
    inside = np.take_along_axis(active, columns[:, None] + offsets, axis=1)
    last_active = np.maximum.accumulate(np.where(inside, offsets, 0), axis=1)
    active_days = inside.sum(axis=1).tolist()
    longest_gaps = (offsets - last_active).max(axis=1).tolist()
    return [
        Window(
            first_day=date.fromordinal(first + column),
            last_day=date.fromordinal(first + column + rule.window_days - 1),
            active_days=days,
            longest_gap_days=gap,
        )
        for column, days, gap in zip(columns.tolist(), active_days, longest_gaps, strict=True)
    ]
