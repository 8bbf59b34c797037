"""Until when those who are asked in a case answer, in Chinese working days. Pure."""

from datetime import date

from verifier.procedure.holidays import Holidays
from verifier.procedure.notice_period import notice_end

__all__ = ["days_left", "due_date"]


def due_date(asked_on: date, working_days: int, holidays: Holidays) -> date:
    """The last day for an answer, counted from the day after the question."""
    return notice_end(asked_on, working_days, holidays).last_day


def days_left(today: date, due_on: date, holidays: Holidays) -> int:
    """Working days after today until a day, inclusive; negative: so many working days too late."""
    step = 1 if due_on >= today else -1
    first, last = min(today, due_on), max(today, due_on)
    number = sum(
        holidays.is_working_day(date.fromordinal(day))
        for day in range(first.toordinal() + 1, last.toordinal() + 1)
    )
    return step * number
