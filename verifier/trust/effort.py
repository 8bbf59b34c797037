"""Whoever earns by the day does what a day takes, and no day longer than it pays. Pure.

Machines work as there is work. Evidence that is made for the count follows its rules: so many hours
a day as are required, and nothing any more once the window is full.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from verifier.counting.activity import IntArray
from verifier.counting.windows import WindowRule
from verifier.trust.fleet import BYTES_PER_DAY, Fleet

__all__ = ["RequiredHours", "Silence", "required_hours", "share_not_live", "silence_when_full"]

_TOO_FEW: Final = 20
"""Device days of which no share is told."""


class RequiredHours(NamedTuple):
    """How often devices of a case were heard for exactly the hours that are required."""

    share: npt.NDArray[np.float64]
    """Shape (cases,): of the active days of its devices; 0 where these are fewer than twenty."""
    first: IntArray
    """Shape (cases,): the first such day, from 0; without meaning where the share is 0."""
    last: IntArray


def required_hours(fleet: Fleet, active_hours_min: IntArray) -> RequiredHours:
    """Share of exact days: (device days with just h hours) / (device days with at least h hours).

    Args:
        fleet: by case.
        active_hours_min: h of each case, 1 to 24.
    """
    cases, days = len(active_hours_min), fleet.stretch.days
    exact, enough = np.zeros((cases, days), dtype=np.int64), np.zeros(cases, dtype=np.int64)
    starts = np.flatnonzero(np.diff(fleet.case, prepend=-1))
    if len(starts):
        heard = np.bitwise_count(fleet.hours).reshape(len(fleet), days, BYTES_PER_DAY).sum(axis=2)
        required = active_hours_min[fleet.case][:, None]
        case = fleet.case[starts]
        exact[case] = np.add.reduceat(heard == required, starts, axis=0, dtype=np.int64)
        enough[case] = np.add.reduceat((heard >= required).sum(axis=1), starts)
    share = np.where(enough >= _TOO_FEW, exact.sum(axis=1) / np.maximum(enough, 1), 0.0)
    seen = exact > 0
    return RequiredHours(share, seen.argmax(axis=1), days - 1 - seen[:, ::-1].argmax(axis=1))


class Silence(NamedTuple):
    """A run of days without any activity that begins as soon as nothing more is needed."""

    first: int
    """Its first day, counted from 0 at the window's first."""
    days: int


def silence_when_full(active: npt.NDArray[np.bool_], rule: WindowRule) -> Silence | None:
    """The longest silence of a case that had just done what its window takes.

    It begins within the window or on the day after it, when there are `active_days_min` active days
    already and the rest of the window is no longer than the gap it may have: so nothing that comes
    after could change the outcome.

    Args:
        active: on which days the case was active, from the window's first day to the last day of
            evidence.
        rule: what the window takes.

    Returns:
        None: there is none.
    """
    days = np.flatnonzero(active)
    silences = [
        Silence(begin, end - begin)
        for number, (begin, end) in enumerate(
            zip((days + 1).tolist(), [*days[1:].tolist(), len(active)], strict=True), start=1
        )
        if end > begin
        and number >= rule.active_days_min
        and rule.window_days - rule.longest_gap_days_max <= begin <= rule.window_days
    ]
    return max(silences, key=lambda each: each.days, default=None)


def share_not_live(hours: npt.NDArray[np.uint8], live_hours: npt.NDArray[np.uint8]) -> float:
    """Share of hours that nobody heard while they passed: 1 - |hours and live| / |hours|.

    Args:
        hours: bits of the hours that make a window's active days, of all its devices.
        live_hours: of the same hours, those of which a heartbeat arrived while it was fresh.
    """
    heard = int(np.bitwise_count(hours).sum())
    live = int(np.bitwise_count(hours & live_hours).sum())
    return 1 - live / heard if heard else 0.0
