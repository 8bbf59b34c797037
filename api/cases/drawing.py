"""Drawings of a case's evidence, as paths of small pictures: hours, delays, hand-overs.

The style sheet gives the colours by class; every figure also stands in words beside its picture.
Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from jieru.calendar import HOURS_PER_DAY

__all__ = [
    "AXIS_LEFT",
    "Bar",
    "BarChart",
    "Calendar",
    "DelayDay",
    "DelayStrip",
    "Life",
    "Tick",
    "bar_chart",
    "calendars",
    "delay_strip",
]

BoolArray = npt.NDArray[np.bool_]

_CELL: Final = 4
"""Width of a day and height of an hour, in units of the picture."""
_DAYS_PER_WEEK: Final = 7
_MOSTLY: Final = 0.5

AXIS_LEFT: Final = 150
_BAR_ROW: Final = 22
_BAR_HEIGHT: Final = 12
_BAR_ROOM: Final = 560
_MARGIN_DAYS: Final = 7

_DELAY_CELL: Final = 18
_DELAY_CLASSES: Final = 5
_SHADES: Final = (0.0, 0.05, 0.25, 0.6)
"""From which share of a day's heartbeats on a cell is one shade darker."""


class Tick(NamedTuple):
    """A mark of the axis of days."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Calendar:
    """One enterprise's hours: a column for a day, a row for an hour, midnight on top."""

    name: str
    width: int
    height: int
    paths: Mapping[str, str]
    """By class: `usual` heard as mostly on that weekday, `extra` heard otherwise, `missing` silent
    otherwise, `shared` an exception that both have at the same hour."""
    ticks: Sequence[Tick]
    exceptions: int
    """Hours that are otherwise than mostly."""
    shared: int


def calendars(
    names: Sequence[str], heard: Sequence[BoolArray], first: date, *, lag_days: int = 0
) -> list[Calendar]:
    """One calendar, or two to be compared.

    Args:
        names: of the enterprises.
        heard: of each, shape (days, 24).
        first: the first day of all.
        lag_days: by how much the second one is earlier than the first; it is drawn moved by that.
    """
    exceptions = [_exceptions(each) for each in heard]
    shared = [np.zeros_like(each) for each in heard]
    if len(heard) > 1:
        moved = _moved(exceptions[1], lag_days)
        # The same exception: the hour is heard in both, or silent in both.
        alike = exceptions[0] & moved & (heard[0] == _moved(heard[1], lag_days))
        shared = [alike, _moved(alike, -lag_days)]
    return [
        _calendar(name, hours, odd, both, first)
        for name, hours, odd, both in zip(names, heard, exceptions, shared, strict=True)
    ]


def _exceptions(heard: BoolArray) -> BoolArray:
    """Hours that differ from what that weekday mostly is at that hour, between first and last."""
    days = np.flatnonzero(heard.any(axis=1))
    found = np.zeros_like(heard)
    if not len(days):
        return found
    begin, end = int(days[0]), int(days[-1]) + 1
    for weekday in range(_DAYS_PER_WEEK):
        those = np.arange(begin, end)[np.arange(begin, end) % _DAYS_PER_WEEK == weekday]
        if len(those):
            mostly = heard[those].mean(axis=0) > _MOSTLY
            found[those] = heard[those] != mostly
    return found


def _moved(hours: BoolArray, by_days: int) -> BoolArray:
    moved = np.zeros_like(hours)
    if by_days == 0:
        return hours
    if abs(by_days) >= len(hours):
        return moved
    if by_days > 0:
        moved[by_days:] = hours[:-by_days]
    else:
        moved[:by_days] = hours[-by_days:]
    return moved


def _calendar(
    name: str, heard: BoolArray, odd: BoolArray, shared: BoolArray, first: date
) -> Calendar:
    paths = {
        "usual": _cells(heard & ~odd),
        "extra": _cells(heard & odd & ~shared),
        "missing": _cells(~heard & odd & ~shared),
        "shared": _cells(shared),
    }
    return Calendar(
        name,
        len(heard) * _CELL,
        HOURS_PER_DAY * _CELL,
        {kind: path for kind, path in paths.items() if path},
        _month_ticks(first, len(heard), _CELL, 0),
        int(odd.sum()),
        int(shared.sum()),
    )


def _cells(marked: BoolArray) -> str:
    """Rectangles around the marked hours, those of a day on end together."""
    padded = np.zeros((len(marked), HOURS_PER_DAY + 2), dtype=np.int8)
    padded[:, 1:-1] = marked
    change = np.diff(padded, axis=1)
    starts, ends = np.argwhere(change == 1), np.argwhere(change == -1)
    return "".join(
        f"M{day * _CELL} {begin * _CELL}h{_CELL - 1}v{(end - begin) * _CELL}h-{_CELL - 1}z"
        for (day, begin), (_day, end) in zip(starts.tolist(), ends.tolist(), strict=True)
    )


def _month_ticks(first: date, days: int, scale: float, left: float) -> list[Tick]:
    """The first of each month; where days are few, also their beginning."""
    every = [first + timedelta(days=number) for number in range(days)]
    return [
        Tick(left + (day - first).days * scale, f"{day:%Y-%m}") for day in every if day.day == 1
    ] or [Tick(left, f"{first:%Y-%m-%d}")]


class DelayDay(NamedTuple):
    """How late a day's heartbeats came: within a minute, an hour, a day, three days, and later."""

    day: date
    numbers: tuple[int, ...]


class DelayCell(NamedTuple):
    """Of the strip."""

    x: int
    y: int
    shade: int


@dataclass(frozen=True, slots=True)
class DelayStrip:
    """A column for a day, a row for how late, the darker the more."""

    width: int
    height: int
    cell: int
    cells: Sequence[DelayCell]
    ticks: Sequence[Tick]
    total: int
    shares: Sequence[int]
    """Percent of all heartbeats, by how late."""


def delay_strip(days: Sequence[DelayDay], first: date, last: date) -> DelayStrip:
    """The delays of heartbeats on the days from first to last."""
    number = (last - first).days + 1
    cells = [
        DelayCell((each.day - first).days * _DELAY_CELL, row * _DELAY_CELL, _shade(part, each))
        for each in days
        for row, part in enumerate(each.numbers)
        if part
    ]
    sums = [sum(each.numbers[row] for each in days) for row in range(_DELAY_CLASSES)]
    total = sum(sums)
    return DelayStrip(
        number * _DELAY_CELL,
        _DELAY_CLASSES * _DELAY_CELL,
        _DELAY_CELL - 1,
        cells,
        [
            Tick(place * _DELAY_CELL, f"{first + timedelta(days=place):%m-%d}")
            for place in range(0, number, _DAYS_PER_WEEK)
        ],
        total,
        [round(100 * each / total) if total else 0 for each in sums],
    )


def _shade(part: int, day: DelayDay) -> int:
    share = part / sum(day.numbers)
    return sum(share > each for each in _SHADES)


class Life(NamedTuple):
    """When a device was heard in the hands of an enterprise."""

    name: str
    serial: str
    first: date
    last: date
    is_own: bool
    """Of the enterprise under review."""


class Bar(NamedTuple):
    """A device's line in the picture."""

    life: Life
    x: float
    y: int
    width: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """The lives of devices on one axis of days."""

    width: int
    height: int
    bar_height: int
    bars: Sequence[Bar]
    ticks: Sequence[Tick]


def bar_chart(lives: Iterable[Life]) -> BarChart | None:
    """Whose devices were heard from when until when: givers first, by their first day."""
    ordered = sorted(lives, key=lambda each: (each.is_own, each.first, each.serial))
    if not ordered:
        return None
    first = min(each.first for each in ordered) - timedelta(days=_MARGIN_DAYS)
    last = max(each.last for each in ordered) + timedelta(days=_MARGIN_DAYS)
    days = (last - first).days + 1
    scale = _BAR_ROOM / days
    return BarChart(
        AXIS_LEFT + _BAR_ROOM,
        len(ordered) * _BAR_ROW,
        _BAR_HEIGHT,
        [
            Bar(
                each,
                round(AXIS_LEFT + (each.first - first).days * scale, 1),
                place * _BAR_ROW + (_BAR_ROW - _BAR_HEIGHT) // 2,
                round(max(((each.last - each.first).days + 1) * scale, 2), 1),
            )
            for place, each in enumerate(ordered)
        ],
        _apart(_month_ticks(first, days, scale, AXIS_LEFT)),
    )


def _apart(ticks: Sequence[Tick]) -> list[Tick]:
    """As many as there is room for."""
    room = 60
    shown: list[Tick] = []
    for each in ticks:
        if not shown or each.x - shown[-1].x >= room:
            shown.append(each)
    return shown
