"""What somebody is told who registers what begins long before today."""

from datetime import date, timedelta

import pytest

from registry.backdating import evidence_from, late_warning

_TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("days_back", "counts_from"),
    [(-30, date(2026, 12, 23)), (0, _TODAY), (7, date(2026, 11, 16)), (8, date(2026, 11, 16))],
)
def test_evidence_counts_from_the_first_day_or_a_week_before_it_is_told(
    days_back: int, counts_from: date
) -> None:
    """Whichever is later."""
    assert evidence_from(_TODAY - timedelta(days=days_back), _TODAY, 7) == counts_from


def test_the_warning_says_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """How far back the day lies, and from when on evidence counts."""
    monkeypatch.setenv("JIERU_LANGUAGE", "en")
    warning = late_warning(date(2026, 3, 2), _TODAY, 7)
    assert str(warning).startswith(
        "2026-03-02 lies 266 days back. Evidence counts only from 2026-11-16 on;"
    )


@pytest.mark.parametrize(
    ("today", "days_max"), [(None, 7), (_TODAY, None), (date(2026, 3, 9), 7), (_TODAY, 266)]
)
def test_nobody_is_warned_of_what_costs_nothing(today: date | None, days_max: int | None) -> None:
    """In a simulation, under a policy of before the rule, and within its days."""
    assert late_warning(date(2026, 3, 2), today, days_max) is None
