"""Which days a run looks at."""

from datetime import date

import pytest

from verifier.trust.running import first_day_of_run


@pytest.mark.parametrize(
    ("as_of", "first"),
    [
        (date(2026, 12, 31), date(2026, 1, 1)),
        (date(2027, 4, 5), date(2026, 1, 1)),
        (date(2027, 6, 29), date(2026, 1, 1)),
        (date(2027, 8, 1), date(2026, 8, 2)),
    ],
    ids=["a year", "while it is counted", "in its last week", "twelve months"],
)
def test_a_run_begins_with_the_year_that_is_counted_or_twelve_months_earlier(
    as_of: date, first: date
) -> None:
    """Whichever is earlier."""
    assert first_day_of_run(as_of) == first
