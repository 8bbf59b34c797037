"""When a factory works: the civil hours of its shifts, day by day."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from jieru.i18n import gettext as _
from simulators.toml_table import Period, Table

__all__ = ["SPRING_FESTIVALS", "Habit", "SpringFestivalStop", "hours_worked"]

SPRING_FESTIVALS: Final = {
    2024: date(2024, 2, 10),
    2025: date(2025, 1, 29),
    2026: date(2026, 2, 17),
    2027: date(2027, 2, 6),
    2028: date(2028, 1, 26),
    2029: date(2029, 2, 13),
    2030: date(2030, 2, 3),
}
"""First day of the first lunar month (GB/T 33661-2017), by civil year."""

_SUNDAY: Final = 6
_HOURS_PER_DAY: Final = 24


class SpringFestivalStop(Table):
    """How long a factory rests around the first day of the Spring Festival."""

    days_before: int = Field(ge=0, le=20)
    days_after: int = Field(ge=0, le=30)


class Habit(Table):
    """How a factory works."""

    starts_at: tuple[Annotated[int, Field(ge=0, lt=_HOURS_PER_DAY)], ...] = Field(min_length=1)
    """Hours at which shifts start: one for a single shift, `[6, 14]` for two."""
    hours_per_shift: int = Field(ge=1, le=_HOURS_PER_DAY)
    """Of every shift; a shift may run past midnight."""
    hour_more_on: tuple[Annotated[int, Field(ge=0, le=_SUNDAY)], ...] = ()
    """Weekdays on which each shift lasts an hour more; Monday is 0."""
    sundays_off: bool = False
    """Whether no shift starts on a Sunday."""
    spring_festival_stop: SpringFestivalStop | None = None

    @model_validator(mode="after")
    def _shifts_do_not_overlap(self) -> Self:
        following = (*self.starts_at[1:], self.starts_at[0] + _HOURS_PER_DAY)
        longest = self.hours_per_shift + bool(self.hour_more_on)
        for start, next_start in zip(self.starts_at, following, strict=True):
            if start + longest > next_start:
                raise ValueError(_("the shifts overlap, or are not in order"))
        return self

    def hours_of_shift(self, day: date) -> int:
        """Of one that starts on this day."""
        return self.hours_per_shift + (day.weekday() in self.hour_more_on)

    def rests_on(self, day: date) -> bool:
        """Whether no shift starts on this day."""
        if self.sundays_off and day.weekday() == _SUNDAY:
            return True
        stop = self.spring_festival_stop
        if stop is None:
            return False
        days_into_festival = (day - SPRING_FESTIVALS[day.year]).days
        return -stop.days_before <= days_into_festival <= stop.days_after


def hours_worked(habit: Habit, period: Period) -> Iterator[tuple[date, int]]:
    """Civil days and hours, in order of time, of all shifts that start within a period.

    The last shift may run past midnight and so past the period's end.
    """
    for number in range((period.to_date - period.from_date).days):
        day = period.from_date + timedelta(days=number)
        if habit.rests_on(day):
            continue
        for start in habit.starts_at:
            for hour in range(start, start + habit.hours_of_shift(day)):
                days_on, civil_hour = divmod(hour, _HOURS_PER_DAY)
                yield day + timedelta(days=days_on), civil_hour
