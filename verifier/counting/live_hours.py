"""Which share of the hours that make active days was heard live. Pure.

Counted in the pass over presence that finds the active days: for each case and day the hours of its
active devices, and those of them of which a heartbeat arrived while it was fresh.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from jieru.presence import DAYS_PER_ROW, active_hours_by_day
from verifier.counting.activity import (
    Assignments,
    PresenceRows,
    first_ordinal,
    join_assignments,
    mask_days,
)
from verifier.counting.live_days import LiveDays
from verifier.counting.windows import ActiveDays, IntArray, Window

__all__ = ["LiveHours", "LiveShare", "live_share"]

_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class LiveShare:
    """Hours of a window of which it is known whether they were heard live."""

    hours: int
    live_hours: int

    @property
    def percent(self) -> int | None:
        """Whole percents, rounded down; None: of no hour it is known."""
        return self.live_hours * _PERCENT // self.hours if self.hours else None


class LiveHours:
    """Adds up what passes, for each case and day."""

    def __init__(
        self,
        assignments: Assignments,
        active_hours_min: IntArray,
        live_days: LiveDays,
        as_of: date,
    ) -> None:
        """Nothing has passed yet.

        Args:
            assignments: which device counts for which case.
            active_hours_min: hours a device must be heard to be active, for each case.
            live_days: what lies outside of them is left out.
            as_of: the last day whose evidence is used.
        """
        self._assignments = assignments
        self._hours_min = active_hours_min
        self._live_days = live_days
        self._as_of = as_of
        self._by_month: dict[int, npt.NDArray[np.int32]] = {}

    def passing(self, blocks: Iterable[PresenceRows]) -> Iterator[PresenceRows]:
        """The same blocks, added up as they pass."""
        for block in blocks:
            self._add(block)
            yield block

    def beside(self, days: ActiveDays) -> ActiveDays:
        """The active days of the same cases, with the hours that make them."""
        cases, columns = days.active.shape
        hours = np.zeros((2, cases, columns), dtype=np.int32)
        for month, sums in self._by_month.items():
            start = first_ordinal(month) - days.first_day
            length = first_ordinal(month + 1) - first_ordinal(month)
            hours[:, :, start : start + length] = sums[:, :, :length]
        return replace(days, hours=hours)

    def _add(self, block: PresenceRows) -> None:
        if block.live_hours is None or not self._live_days.stretches:
            return
        row, assignment = join_assignments(block.device, self._assignments)
        if not len(row):
            return
        case, month = self._assignments.case[assignment], block.month[row]
        order = np.lexsort((case, month))
        row, assignment, case, month = row[order], assignment[order], case[order], month[order]
        hours = active_hours_by_day(block.hours)[row]
        live = active_hours_by_day(block.live_hours)[row]
        active = hours >= self._hours_min[case, None]
        # Days that do not count have no part in the share of those that do.
        start, end = self._assignments.start[assignment], self._assignments.end[assignment]
        mask_days(active, month, start, end, self._as_of)
        starts = np.flatnonzero(np.diff(month * len(self._hours_min) + case, prepend=-1))
        sums = [
            np.add.reduceat(kind * active, starts, axis=0, dtype=np.int32) for kind in (hours, live)
        ]
        month, case = month[starts], case[starts]
        for each in np.unique(month).tolist():
            known = self._live_days.of_month(each)
            if not known.any():
                continue
            chosen = slice(*np.searchsorted(month, (each, each + 1)))
            if each not in self._by_month:
                shape = (2, len(self._hours_min), DAYS_PER_ROW)
                self._by_month[each] = np.zeros(shape, dtype=np.int32)
            for kind, added in zip(self._by_month[each], sums, strict=True):
                kind[case[chosen]] += added[chosen] * known


def live_share(days: ActiveDays, row: int, window: Window) -> LiveShare | None:
    """Of the hours that make the active days of a window, those that were heard live.

    Args:
        days: of all cases, with their hours or without.
        row: of the case.
        window: its own.

    Returns:
        None: hours were not added up, as the policy asks for no share.
    """
    if days.hours is None:
        return None
    start = max(window.first_day.toordinal() - days.first_day, 0)
    end = window.last_day.toordinal() + 1 - days.first_day
    active = days.active[row, start:end]
    hours, live = (int(kind[row, start:end][active].sum()) for kind in days.hours)
    return LiveShare(hours, live)
