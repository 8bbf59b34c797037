"""The calendar of an enterprise's page: how many of its devices were heard each day. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from api.registry.enterprises.presence_answers import EnterprisePresenceDayAnswer

__all__ = ["CalendarDay", "CalendarWeek", "calendar_weeks"]

_DAYS_OF_WEEK: Final = 7


class CalendarDay(NamedTuple):
    """A day and the share of the devices that was heard."""

    day: date
    assigned: int
    heard: int

    @property
    def tone(self) -> str:
        """A class of the style sheet: all that there were, some, none, or nothing to hear."""
        if self.assigned == 0:
            return "outside"
        if self.heard == 0:
            return "idle"
        return "many" if self.heard == self.assigned else "some"


class CalendarWeek(NamedTuple):
    """Seven days from a Monday on; None stands for a day that was not asked for."""

    monday: date
    days: list[CalendarDay | None]


def calendar_weeks(days: Sequence[EnterprisePresenceDayAnswer]) -> list[CalendarWeek]:
    """The weeks that hold these days, which follow one another."""
    if not days:
        return []
    by_day = {each.day: each for each in days}
    first_monday = days[0].day - timedelta(days=days[0].day.weekday())
    weeks = (days[-1].day - first_monday).days // _DAYS_OF_WEEK + 1
    mondays = [first_monday + timedelta(days=_DAYS_OF_WEEK * week) for week in range(weeks)]
    return [
        CalendarWeek(
            monday,
            [
                _calendar_day(by_day.get(monday + timedelta(days=place)))
                for place in range(_DAYS_OF_WEEK)
            ],
        )
        for monday in mondays
    ]


def _calendar_day(each: EnterprisePresenceDayAnswer | None) -> CalendarDay | None:
    return CalendarDay(each.day, each.devices_assigned, each.devices_heard) if each else None
