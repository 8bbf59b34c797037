"""How long a public notice lasts."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.procedure.holidays import load_holidays
from verifier.procedure.notice_period import earliest_notice_end, notice_end

_HOLIDAYS = load_holidays()
_DAYS = st.dates(date(2018, 1, 1), date(2031, 12, 31))
_WORKING_DAYS = st.integers(1, 60)


def _days_after(published_on: date, last_day: date) -> list[date]:
    """Every day of a notice."""
    number = (last_day - published_on).days
    return [published_on + timedelta(days=each) for each in range(1, number + 1)]


@pytest.mark.parametrize(
    ("published_on", "working_days", "ends_on"),
    [
        # A Monday: the day itself does not count.
        (date(2026, 3, 2), 5, date(2026, 3, 9)),
        # A Friday, and a Saturday.
        (date(2026, 3, 6), 5, date(2026, 3, 13)),
        (date(2026, 3, 7), 1, date(2026, 3, 9)),
        # National Day 2026 lasts from 10-01 to 10-07; Saturday 10-10 is worked for it.
        (date(2026, 9, 30), 2, date(2026, 10, 9)),
        (date(2026, 9, 30), 3, date(2026, 10, 10)),
        # Leap day.
        (date(2024, 2, 28), 1, date(2024, 2, 29)),
    ],
)
def test_a_notice_counts_working_days_from_the_day_after(
    published_on: date, working_days: int, ends_on: date
) -> None:
    """Weekends and public holidays do not count, weekends that are worked do."""
    end = notice_end(published_on, working_days, _HOLIDAYS)
    assert (end.last_day, end.unknown_years) == (ends_on, ())
    assert earliest_notice_end(published_on, working_days, _HOLIDAYS) == ends_on


@pytest.mark.parametrize(
    ("published_on", "ends_on", "unknown_years"),
    [
        # Beyond what is known Monday to Friday count, also Labour Day.
        (date(2100, 4, 30), date(2100, 5, 7), (2100,)),
        # The last week of a year is known with the year after it.
        (date(2026, 12, 17), date(2026, 12, 24), ()),
        (date(2026, 12, 18), date(2026, 12, 25), (2027,)),
        (date(2019, 12, 26), date(2020, 1, 3), (2019,)),
    ],
)
def test_years_that_are_not_known_are_named_and_keep_nothing_from_ending(
    published_on: date, ends_on: date, unknown_years: tuple[int, ...]
) -> None:
    """The holidays of a year are announced at the end of the one before."""
    end = notice_end(published_on, 5, _HOLIDAYS)
    assert (end.last_day, end.unknown_years) == (ends_on, unknown_years)


@given(_DAYS, _WORKING_DAYS)
def test_a_notice_has_exactly_its_working_days_and_ends_on_one(
    published_on: date, working_days: int
) -> None:
    """Whatever is known of its years."""
    last_day = notice_end(published_on, working_days, _HOLIDAYS).last_day
    worked = [day for day in _days_after(published_on, last_day) if _HOLIDAYS.is_working_day(day)]
    assert len(worked) == working_days
    assert worked[-1] == last_day


@given(_DAYS, _WORKING_DAYS)
def test_a_notice_ends_earlier_only_where_a_year_is_not_known(
    published_on: date, working_days: int
) -> None:
    """And never in fewer days than it must have working days."""
    end = notice_end(published_on, working_days, _HOLIDAYS)
    earliest = earliest_notice_end(published_on, working_days, _HOLIDAYS)
    assert published_on + timedelta(days=working_days) <= earliest <= end.last_day
    if not end.unknown_years:
        assert earliest == end.last_day
