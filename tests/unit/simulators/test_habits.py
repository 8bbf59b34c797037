"""Which hours a factory works."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.habits import SPRING_FESTIVALS, Habit, SpringFestivalStop, hours_worked
from simulators.toml_table import Period

_MONDAY, _SUNDAY = date(2026, 3, 2), date(2026, 3, 8)


def _worked(habit: Habit, first: date, days: int = 1) -> list[tuple[date, int]]:
    return list(hours_worked(habit, Period(from_date=first, to_date=first + timedelta(days=days))))


def _days_worked(habit: Habit, first: date, days: int) -> set[date]:
    return {day for day, _ in _worked(habit, first, days)}


def test_a_single_shift_works_its_hours() -> None:
    """From its start for as long as it is."""
    habit = Habit(starts_at=(8,), hours_per_shift=5)
    assert _worked(habit, _MONDAY) == [(_MONDAY, hour) for hour in (8, 9, 10, 11, 12)]


def test_two_shifts_work_both() -> None:
    """Each from its own start."""
    habit = Habit(starts_at=(6, 14), hours_per_shift=2)
    assert [hour for _, hour in _worked(habit, _MONDAY)] == [6, 7, 14, 15]


def test_round_the_clock_is_every_hour() -> None:
    """Three shifts of eight hours leave none out."""
    habit = Habit(starts_at=(0, 8, 16), hours_per_shift=8)
    assert [hour for _, hour in _worked(habit, _MONDAY)] == list(range(24))


def test_a_night_shift_ends_on_the_next_civil_day() -> None:
    """Hours after midnight belong to the day they are on."""
    habit = Habit(starts_at=(22,), hours_per_shift=4)
    tuesday = _MONDAY + timedelta(days=1)
    assert _worked(habit, _MONDAY) == [(_MONDAY, 22), (_MONDAY, 23), (tuesday, 0), (tuesday, 1)]


def test_sundays_off_leaves_out_sundays_only() -> None:
    """Six days of a week are worked."""
    habit = Habit(starts_at=(8,), hours_per_shift=1, sundays_off=True)
    week = {_MONDAY + timedelta(days=number) for number in range(7)}
    assert _days_worked(habit, _MONDAY, 7) == week - {_SUNDAY}


def test_a_saturday_night_shift_runs_into_the_free_sunday() -> None:
    """What is off is the start of a shift."""
    habit = Habit(starts_at=(22,), hours_per_shift=4, sundays_off=True)
    saturday = _SUNDAY - timedelta(days=1)
    assert (_SUNDAY, 1) in _worked(habit, saturday, 2)
    assert (_SUNDAY, 22) not in _worked(habit, saturday, 2)


def test_the_spring_festival_stop_lasts_from_days_before_to_days_after() -> None:
    """The festival of 2026 is on 17 February; both ends of the stop are free."""
    stop = SpringFestivalStop(days_before=6, days_after=9)
    habit = Habit(starts_at=(8,), hours_per_shift=1, spring_festival_stop=stop)
    worked = _days_worked(habit, date(2026, 2, 1), 40)
    free = {date(2026, 2, 1) + timedelta(days=number) for number in range(40)} - worked
    assert (min(free), max(free), len(free)) == (date(2026, 2, 11), date(2026, 2, 26), 16)


def test_every_spring_festival_of_the_policy_is_known_and_plausible() -> None:
    """The first day of the first lunar month is from 21 January to 20 February."""
    assert set(range(2025, 2031)) <= set(SPRING_FESTIVALS)
    for year, day in SPRING_FESTIVALS.items():
        assert date(year, 1, 21) <= day <= date(year, 2, 20)


@pytest.mark.parametrize("starts_at", [(8, 10), (14, 6), (0, 20)])
def test_shifts_that_overlap_are_refused(starts_at: tuple[int, ...]) -> None:
    """Within a day, out of order, or over midnight."""
    with pytest.raises(ValueError, match="the shifts overlap"):
        Habit(starts_at=starts_at, hours_per_shift=5)


@given(
    start=st.integers(0, 23),
    length=st.integers(1, 24),
    sundays_off=st.booleans(),
    first=st.dates(date(2025, 1, 1), date(2029, 12, 1)),
)
def test_hours_come_in_order_and_never_twice(
    start: int, length: int, first: date, *, sundays_off: bool
) -> None:
    """Whatever the habit."""
    habit = Habit(starts_at=(start,), hours_per_shift=length, sundays_off=sundays_off)
    worked = _worked(habit, first, 15)
    assert worked == sorted(set(worked))
