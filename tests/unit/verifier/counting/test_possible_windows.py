"""Until when an enterprise may still be counted for a year."""

from datetime import date, timedelta

import pytest

from tests.unit.verifier.builders import (
    DeviceLife,
    a_case,
    evidence_of,
    policy_with,
    presence_of,
)
from verifier.counting.eligibility import Case, possible_starts
from verifier.counting.evaluation import cases_with_windows
from verifier.counting.windows import WindowRule
from verifier.policy import Policy

_RULE = WindowRule(window_days=90, active_days_min=60, longest_gap_days_max=20)
_START = policy_with(active_devices_min=1)
_END = policy_with(active_devices_min=1, count_year_of="window_end")


def _case(policy: Policy, year: int, first: date, as_of: date) -> Case:
    """One device, heard every day from `first` on."""
    case = a_case(None)
    heard = {first + timedelta(day): range(8, 12) for day in range(200)}
    device = DeviceLife("alpha", heard, [(case.enterprise.uscc, date(2025, 1, 1), None)])
    (found,) = cases_with_windows(
        evidence_of([case], [device]), presence_of([device]), year, as_of, policy
    )
    return found


@pytest.mark.parametrize(
    ("policy", "starts"),
    [
        (_START, (date(2027, 1, 1), date(2027, 12, 31))),
        (_END, (date(2026, 10, 4), date(2027, 10, 3))),
    ],
)
def test_a_window_of_a_year_may_start_on_the_days_by_which_it_counts(
    policy: Policy, starts: tuple[date, date]
) -> None:
    """The year of its first or of its last day."""
    assert possible_starts(2027, _RULE, policy) == starts


def test_under_window_end_a_window_begun_last_year_is_possible() -> None:
    """It is the earliest, so it says until when to wait."""
    case = _case(_END, 2027, date(2026, 12, 1), as_of=date(2026, 12, 31))
    assert case.possible_window is not None
    assert case.possible_window.last_day == date(2027, 2, 28)


def test_a_window_is_possible_until_the_day_before_it_is_complete() -> None:
    """Of the last day of the year on which one may start."""
    last_start, last_day = date(2026, 12, 31), date(2027, 3, 30)
    before = _case(_START, 2026, last_start, as_of=last_day - timedelta(1))
    assert before.possible_window is not None
    assert before.possible_window.last_day == last_day
    complete = _case(_START, 2026, last_start, as_of=last_day)
    assert (complete.window is not None, complete.possible_window) == (True, None)


def test_a_day_too_late_is_no_possibility_for_the_year() -> None:
    """It began in the next one."""
    late = _case(_START, 2026, date(2027, 1, 1), as_of=date(2027, 1, 31))
    assert (late.window, late.possible_window) == (None, None)
