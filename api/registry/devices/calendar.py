"""The calendar of hours of a device's page. Pure."""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from api.registry.devices.presence_answers import PresenceDayAnswer
from jieru.calendar import days_in_month, months_between

__all__ = ["CalendarRow", "MonthChoice", "calendar_rows", "days_shown", "month_choice"]

_ON_TIME: Final = "heard"
_LATE: Final = "late"
_SILENT: Final = "silent"


class CalendarRow(NamedTuple):
    """One day: what was heard in each of its 24 hours."""

    day: date
    hours: list[str]
    """`heard`, `late` (heard, but too late to count) or `silent`."""
    heard: int
    """Hours that count."""


class MonthChoice(NamedTuple):
    """The months before and after the one that is shown, as `YYYY-MM`."""

    shown: str
    before: str
    after: str | None
    """None: it lies ahead."""


def calendar_rows(days: Sequence[PresenceDayAnswer]) -> list[CalendarRow]:
    """A row for each day."""
    return [
        CalendarRow(
            each.day,
            [_heard(*hour) for hour in zip(each.hours, each.late_hours, strict=True)],
            each.hours.count("1"),
        )
        for each in days
    ]


def _heard(in_time: str, late: str) -> str:
    if in_time == "1":
        return _ON_TIME
    return _LATE if late == "1" else _SILENT


def days_shown(month: date, today: date) -> tuple[date, date]:
    """The first and the last day of a month; of the present one, those that have begun."""
    last = month.replace(day=days_in_month(month))
    return month, min(last, today) if today >= month else last


def month_choice(shown: date, today: date) -> MonthChoice:
    """Where the calendar leads on to."""
    year, month = divmod(shown.year * 12 + shown.month - 2, 12)
    before = date(year, month + 1, 1)
    later = months_between(shown, today)[1:2]
    return MonthChoice(f"{shown:%Y-%m}", f"{before:%Y-%m}", f"{later[0]:%Y-%m}" if later else None)
