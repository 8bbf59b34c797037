"""Over which days a case is measured, and its criteria as a reader sees them."""

from datetime import date, timedelta

from tests.unit.verifier.builders import (
    a_case,
    a_decision,
    a_window,
    active_days_of,
    policy_with,
)
from verifier.counting.determination import determinations
from verifier.counting.eligibility import Case
from verifier.counting.measures import CriterionRow, Period, criterion_rows, period_of_case
from verifier.counting.windows import Window
from verifier.policy import Policy

_POLICY = policy_with()
_NEW_YEAR = date(2026, 1, 1)
_AS_OF = date(2026, 12, 31)
_NUMERIC = [
    "active_hours_per_day_min",
    "active_devices_min",
    "window_days",
    "active_days_min",
    "longest_gap_days_max",
]


def _period(
    case: Case, marks: str, as_of: date = _AS_OF, policy: Policy = _POLICY
) -> tuple[Period, Window]:
    (found,) = determinations([case], 2026, policy)
    days = active_days_of(_NEW_YEAR, marks)
    return period_of_case(case, found, days, 2026, as_of, policy)


def test_a_connected_case_is_measured_over_its_window() -> None:
    """As it was found."""
    window = a_window(date(2026, 3, 2))
    assert _period(a_case(date(2026, 3, 2)), "") == (
        Period("window", window.first_day, window.last_day),
        window,
    )


def test_a_pending_case_is_measured_over_the_window_it_could_still_have() -> None:
    """Up to the day of the count; the gaps before, between and after its active days count."""
    possible = a_window(date(2026, 1, 3))
    case = a_case(None, possible_window=possible)
    as_of = date(2026, 1, 12)
    assert _period(case, "####..#.##", as_of) == (
        Period("possible", date(2026, 1, 3), as_of),
        Window(date(2026, 1, 3), as_of, 5, 2),
    )
    assert _period(case, "####..#...", as_of)[1].longest_gap_days == 5
    (_whole, measured) = _period(case, "#" * 200, _AS_OF)
    assert (measured.last_day, measured.active_days) == (possible.last_day, 90)
    assert measured.longest_gap_days == 0


def test_a_gap_at_the_beginning_is_as_long_as_its_days() -> None:
    """Not a day more or less."""
    case = a_case(None, possible_window=a_window(date(2026, 1, 1)))
    measured = _period(case, "...#######", date(2026, 1, 10))[1]
    assert (measured.active_days, measured.longest_gap_days) == (7, 3)


def test_a_case_that_is_not_effective_is_measured_over_its_best_attempt() -> None:
    """By its own rule, where it has a waiver."""
    marks = "#" * 40 + "." * 30 + "#" * 5
    (period, measured) = _period(a_case(None), marks)
    assert period == Period("attempt", date(2026, 1, 1), date(2026, 3, 31))
    assert measured.active_days == 45
    waived = a_case(None, decisions=(a_decision("waive", "window_days", 30),))
    (period, measured) = _period(waived, "." + "#" * 20)
    assert period == Period("attempt", date(2026, 1, 2), date(2026, 1, 31))


def test_an_attempt_of_the_year_is_sought_where_its_windows_may_start() -> None:
    """Under `window_end` the year's windows start until the beginning of October."""
    by_the_end = policy_with(count_year_of="window_end")
    marks = "." * 280 + "#" * 300
    later = date(2027, 6, 30)
    assert _period(a_case(None), marks, later)[0].first_day == date(2026, 10, 8)
    assert _period(a_case(None), marks, later, by_the_end)[0].kind == "year"


def test_an_excluded_case_is_not_measured_over_what_it_could_still_have() -> None:
    """It waits for nothing."""
    possible = a_window(date(2026, 12, 1))
    excluded = a_case(None, possible_window=possible, decisions=(a_decision("exclude"),))
    assert _period(excluded, "")[0].kind == "year"
    assert _period(a_case(None, possible_window=possible), "")[0].kind == "possible"


def test_a_case_without_any_attempt_is_measured_over_the_year() -> None:
    """From its first day to the day of the count: nothing was heard."""
    assert _period(a_case(None), "") == (
        Period("year", _NEW_YEAR, _AS_OF),
        Window(_NEW_YEAR, _AS_OF, 0, 365),
    )
    as_of = date(2026, 2, 9)
    assert _period(a_case(None), "", as_of)[0] == Period("year", _NEW_YEAR, as_of)


def _rows(case: Case, measured: Window, hours: int, devices: int) -> dict[str, CriterionRow]:
    (found,) = determinations([case], 2026, _POLICY)
    rows = criterion_rows(case, found, measured, hours, devices, _POLICY)
    assert [each.name for each in rows] == [
        found.criteria[0].name,
        *_NUMERIC,
        *(each.name for each in found.criteria[1:]),
    ]
    return {each.name: each for each in rows}


def _window_of(days: int, active: int, gap: int) -> Window:
    return Window(_NEW_YEAR, _NEW_YEAR + timedelta(days=days - 1), active, gap)


def test_numbers_stand_behind_the_window_with_what_is_required() -> None:
    """Each at its limit is met; with its clause and its basis, and no waiver."""
    rows = _rows(a_case(), _window_of(90, 60, 20), 4, 3)
    for name, value in zip(_NUMERIC, (4, 3, 90, 60, 20), strict=True):
        parameter = getattr(_POLICY, name)
        assert rows[name] == CriterionRow(
            name,
            is_met=True,
            measured=value,
            required=value,
            clause=parameter.clause,
            basis=parameter.basis,
            waiver_id=None,
        )


def test_numbers_beyond_their_limit_are_not_met() -> None:
    """Hours, devices and days are a least, the gap is a most."""
    rows = _rows(a_case(), _window_of(89, 59, 21), 3, 2)
    assert [rows[name].is_met for name in _NUMERIC] == [False] * 5
    rows = _rows(a_case(), _window_of(91, 61, 19), 5, 4)
    assert [rows[name].is_met for name in _NUMERIC] == [True] * 5


def test_a_waiver_is_named_where_it_sets_what_is_required() -> None:
    """And nowhere else; a hold is not a waiver."""
    decisions = (
        a_decision("hold", number=7),
        a_decision("waive", "active_devices_min", 1, number=8),
    )
    rows = _rows(a_case(decisions=decisions), _window_of(90, 60, 20), 4, 1)
    assert (rows["active_devices_min"].required, rows["active_devices_min"].is_met) == (1, True)
    assert {name: rows[name].waiver_id for name in _NUMERIC if rows[name].waiver_id} == {
        "active_devices_min": 8
    }
    assert rows["active_hours_per_day_min"].required == 4


def test_a_period_that_ends_before_it_begins_has_no_days() -> None:
    """Where the evidence ends before the year."""
    nothing = Window(_NEW_YEAR, _NEW_YEAR - timedelta(days=5), 0, 0)
    assert _rows(a_case(), nothing, 0, 0)["window_days"].measured == 0
