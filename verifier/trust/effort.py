"""Whoever earns by the day does what a day takes, and no day longer than it pays. Pure.

Machines work as there is work. Evidence that is made for the count follows its rules: so many hours
a day as are required, and nothing any more once the window is full.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from jieru.presence import active_hours_by_day
from verifier.counting.activity import IntArray
from verifier.counting.windows import ActiveDays, WindowRule
from verifier.trust.fleet import Fleet

__all__ = [
    "RequiredHours",
    "Silence",
    "quiet_days",
    "required_hours",
    "shares_not_live",
    "silence_when_full",
]

_TOO_FEW: Final = 20
"""Device days, or cases, of which no share is told."""
_HOURS_TOO_FEW: Final = 100
_DAYS_PER_WEEK: Final = 7
_MEMBERS_AT_ONCE: Final = 10_000

BoolArray = npt.NDArray[np.bool_]


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
        heard = active_hours_by_day(fleet.hours)
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
    length: int
    """Its days, those on which the city rested too."""
    days: int
    """Those on which the city worked."""


def silence_when_full(active: BoolArray, quiet: BoolArray, rule: WindowRule) -> Silence | None:
    """The longest silence of a case that had just done what its window takes.

    It begins within the window or on the day after it, when there are `active_days_min` active days
    already and the rest of the window is no longer than the gap it may have: so nothing that comes
    after could change the outcome. Days on which the city rested are no part of its length.

    Args:
        active: on which days the case was active, from the window's first day to the last day of
            evidence.
        quiet: on which of the same days the city rested.
        rule: what the window takes.

    Returns:
        None: there is none.
    """
    days = np.flatnonzero(active)
    ends = [*days[1:].tolist(), len(active)]
    silences = [
        Silence(begin, end - begin, int((~quiet[begin:end]).sum()))
        for number, (begin, end) in enumerate(zip((days + 1).tolist(), ends, strict=True), start=1)
        if end > begin
        and number >= rule.active_days_min
        and rule.window_days - rule.longest_gap_days_max <= begin <= rule.window_days
    ]
    return max(silences, key=lambda each: each.days, default=None)


def quiet_days(days: ActiveDays) -> BoolArray:
    """On which days the city rested, as at Spring Festival: shape (days,).

    quiet(d) = share(d) < usual(weekday of d) / 2, share the active ones of all cases between their
    first and their last active day, usual its median over the same weekday. Of fewer than twenty
    cases nothing is told.
    """
    count = days.active.shape[1]
    has_any = days.active.any(axis=1)
    active = days.active[has_any]
    if len(active) < _TOO_FEW or not count:
        return np.zeros(count, dtype=np.bool_)
    change = np.zeros(count + 1, dtype=np.int64)
    np.add.at(change, active.argmax(axis=1), 1)
    np.add.at(change, count - active[:, ::-1].argmax(axis=1), -1)
    there = np.cumsum(change[:count])
    share = active.sum(axis=0) / np.maximum(there, 1)
    weekday = (days.first_day + np.arange(count)) % _DAYS_PER_WEEK
    is_told = there >= _TOO_FEW
    quiet = np.zeros(count, dtype=np.bool_)
    for each in range(_DAYS_PER_WEEK):
        chosen = np.flatnonzero(is_told & (weekday == each))
        if len(chosen):
            quiet[chosen] = share[chosen] < np.median(share[chosen]) / 2
    return quiet


def shares_not_live(
    fleet: Fleet,
    live_hours: npt.NDArray[np.uint8],
    known: npt.NDArray[np.bool_],
    first: IntArray,
    last: IntArray,
) -> npt.NDArray[np.float64]:
    """Share of hours that nobody heard while they passed: 1 - |hours and live| / |hours|.

    Of days of which nobody wrote it down nothing is told (docs/decisions/0038), and of fewer than a
    hundred hours no share: it is 0.

    Args:
        fleet: by case.
        live_hours: beside `fleet.hours`, those of which a heartbeat arrived while it was fresh.
        known: shape (days,): of which days of the stretch it is known which hours were live.
        first: day of each case, from 0, from which on its hours are looked at.
        last: the last such day, inclusive.

    Returns:
        Shape (cases,).
    """
    heard = np.zeros(len(first), dtype=np.int64)
    live = np.zeros(len(first), dtype=np.int64)
    starts = np.flatnonzero(np.diff(fleet.case, prepend=-1))
    if not len(starts):
        return np.zeros(len(first))
    day = np.arange(fleet.stretch.days)
    for begin in range(0, len(fleet), _MEMBERS_AT_ONCE):
        block = slice(begin, begin + _MEMBERS_AT_ONCE)
        case = fleet.case[block]
        chosen = (day >= first[case, None]) & (day <= last[case, None]) & known
        hours = fleet.hours[block]
        np.add.at(heard, case, (active_hours_by_day(hours) * chosen).sum(axis=1))
        np.add.at(live, case, (active_hours_by_day(hours & live_hours[block]) * chosen).sum(axis=1))
    return np.where(heard >= _HOURS_TOO_FEW, 1 - live / np.maximum(heard, 1), 0.0)
