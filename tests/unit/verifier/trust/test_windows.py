"""Whether the outcome of a case rests on days of before it was recorded."""

from datetime import date, timedelta
from typing import Final

import numpy as np
import pytest

from verifier.counting.eligibility import Case
from verifier.counting.registry import Connection, Enterprise, Platform
from verifier.counting.windows import ActiveDays, Window
from verifier.policy import load_policy
from verifier.trust.windows import rests_on_late_days

_POLICY: Final = load_policy("putian-2026")
_OF_BEFORE: Final = _POLICY.model_copy(update={"backdate_days_max": None})
_FIRST: Final = date(2026, 3, 1)


def _case(*, window: bool) -> Case:
    return Case(
        Platform("xielian", "xielian"),
        Enterprise("91350300MA", "鞋厂", "licheng"),
        (Connection(_FIRST),),
        window=Window(date(2026, 8, 1), date(2026, 10, 29), 70, 5) if window else None,
    )


def _days(*, until: int, every: int = 1) -> ActiveDays:
    active = np.zeros((1, 300), dtype=np.bool_)
    active[0, :until:every] = True
    return ActiveDays(_FIRST.toordinal(), active)


def _day(number: int) -> date:
    return _FIRST + timedelta(days=number)


@pytest.mark.parametrize(
    ("days", "recorded", "as_of", "rests"),
    [
        pytest.param(_days(until=95), 120, 130, True, id="gone when it was recorded"),
        pytest.param(_days(until=131), 120, 130, False, id="goes on, its own window is not over"),
        pytest.param(_days(until=150), 120, 260, True, id="went on for too few days"),
        pytest.param(_days(until=50), 120, 130, False, id="no window with these days either"),
        pytest.param(_days(until=95), 40, 130, False, id="recorded before there was enough"),
        pytest.param(
            _days(until=119, every=2), 120, 130, True, id="enough days in too long a time"
        ),
        pytest.param(_days(until=270, every=2), 60, 290, False, id="as little before as after"),
    ],
)
def test_an_outcome_rests_on_late_days_where_there_is_no_other_window(
    days: ActiveDays, recorded: int, as_of: int, *, rests: bool
) -> None:
    """A shell that was registered afterwards, and not whoever came late with the paper."""
    case = _case(window=False)
    assert rests_on_late_days(case, days, _day(recorded), _day(as_of), _POLICY) is rests


def test_whoever_has_a_window_by_itself_needs_no_late_days() -> None:
    """They may be left as they are."""
    case = _case(window=True)
    assert not rests_on_late_days(case, _days(until=290), _day(120), _day(280), _POLICY)


def test_under_a_policy_of_before_late_days_count_by_themselves() -> None:
    """So an outcome rests on them as soon as its window does."""
    case = _case(window=True)
    assert rests_on_late_days(case, _days(until=290), _day(120), _day(280), _OF_BEFORE)
    assert not rests_on_late_days(case, _days(until=290), _FIRST, _day(280), _OF_BEFORE)
