"""Until when an answer is due."""

from datetime import date

from verifier.procedure.holidays import load_holidays
from verifier.trust.cases.due_dates import days_left, due_date

_HOLIDAYS = load_holidays()


def test_weekends_and_holidays_are_no_days_for_an_answer() -> None:
    """Asked on the last day of September, ten working days end after the National Day."""
    asked = date(2026, 9, 28)
    due = due_date(asked, 10, _HOLIDAYS)
    between = [date.fromordinal(day) for day in range(asked.toordinal() + 1, due.toordinal() + 1)]
    assert sum(map(_HOLIDAYS.is_working_day, between)) == 10
    assert due > date(2026, 10, 12)
    assert due_date(date(2026, 6, 1), 5, _HOLIDAYS) == date(2026, 6, 8)


def test_days_that_are_left_are_counted_to_both_sides() -> None:
    """What is late is told by how many working days."""
    monday = date(2026, 6, 1)
    assert days_left(monday, date(2026, 6, 8), _HOLIDAYS) == 5
    assert days_left(monday, monday, _HOLIDAYS) == 0
    assert days_left(date(2026, 6, 8), monday, _HOLIDAYS) == -5
