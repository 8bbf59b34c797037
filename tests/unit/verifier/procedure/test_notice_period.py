"""How long a public notice lasts."""

from datetime import date

import pytest

from jieru.errors import UserError
from verifier.procedure.notice_period import notice_end


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
    assert notice_end(published_on, working_days) == ends_on


def test_a_year_without_a_known_calendar_is_named() -> None:
    """The holidays of a year are decreed at the end of the one before."""
    with pytest.raises(UserError) as refused:
        notice_end(date(2100, 5, 6), 5)
    assert refused.value.values == {"year": 2100}
