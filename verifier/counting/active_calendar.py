"""The calendar of a case: a mark for each day, month by month. Pure."""

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

import numpy as np

from jieru.calendar import days_in_month, months_between
from verifier.counting.measures import Period
from verifier.counting.registry import Connection
from verifier.counting.windows import ActiveDays

__all__ = ["CalendarMonth", "calendar_of"]

_ACTIVE: Final = ord("#")
_INACTIVE: Final = ord(".")
_NOT_CONNECTED: Final = ord("-")


class CalendarMonth(NamedTuple):
    """One month of the calendar: a mark for each day that has evidence."""

    month: date
    days: str
    """`#` active, `.` inactive, `-` not connected; days after `as_of` have no mark."""


def calendar_of(
    connections: Iterable[Connection], days: ActiveDays, period: Period, year: int, as_of: date
) -> tuple[CalendarMonth, ...]:
    """The months of the year and of the period, as far as there is evidence.

    Args:
        connections: of the case.
        days: of this case alone, one row.
        period: over which the case was measured.
        year: of the count.
        as_of: the last day of evidence.
    """
    first = min(period.first_day, date(year, 1, 1))
    last = min(max(period.last_day, date(year, 12, 31)), as_of)
    months = months_between(first, last) if first <= last else []
    if not months:
        return ()
    start = months[0].toordinal()
    end = months[-1].toordinal() + days_in_month(months[-1])
    stop = min(end, as_of.toordinal() + 1)
    marks = np.full(stop - start, _NOT_CONNECTED, dtype=np.uint8)
    for each in connections:
        until = each.to_date.toordinal() if each.to_date else stop
        marks[max(each.from_date.toordinal() - start, 0) : max(until - start, 0)] = _INACTIVE
    marks[days.between(start, stop - 1)[0]] = _ACTIVE
    text = marks.tobytes().decode("ascii")
    places = [month.toordinal() - start for month in months]
    return tuple(
        CalendarMonth(month, text[place : place + days_in_month(month)])
        for month, place in zip(months, places, strict=True)
    )
