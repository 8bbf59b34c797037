"""Effective windows: what starts one, when it is complete, which comes first, what is possible."""

from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.verifier.builders import active_days_of
from tests.unit.verifier.counting.naive import naive_window
from verifier.counting.windows import (
    ActiveDays,
    Window,
    WindowRule,
    best_attempts,
    earliest_windows,
    possible_windows,
)

_FIRST = date(2026, 3, 2)
_DEFAULTS = WindowRule(window_days=90, active_days_min=60, longest_gap_days_max=20)
_WEEK = WindowRule(window_days=7, active_days_min=4, longest_gap_days_max=2)


def _earliest(marks: str, rule: WindowRule, as_of: date = date(2030, 1, 1)) -> Window | None:
    (window,) = earliest_windows(active_days_of(_FIRST, marks), rule, as_of)
    return window


def _days_without_sundays(first: date, last: date) -> str:
    days = (last - first).days + 1
    return "".join("." if (first + timedelta(day)).weekday() == 6 else "#" for day in range(days))


def test_the_worked_example_of_the_design() -> None:
    """Every day but Sundays from 2026-03-02: 78 active days, longest gap 1, until 2026-05-30."""
    marks = _days_without_sundays(_FIRST, date(2026, 6, 30))
    expected = Window(date(2026, 3, 2), date(2026, 5, 30), 78, 1)
    assert _earliest(marks, _DEFAULTS, date(2026, 5, 30)) == expected


def test_a_window_is_incomplete_until_its_last_day() -> None:
    """One day earlier there is none yet, but one is possible."""
    days = active_days_of(_FIRST, _days_without_sundays(_FIRST, date(2026, 6, 30)))
    as_of = date(2026, 5, 29)
    year = (date(2026, 1, 1), date(2026, 12, 31))
    assert earliest_windows(days, _DEFAULTS, as_of) == [None]
    (possible,) = possible_windows(days, _DEFAULTS, as_of, year)
    assert possible is not None
    assert (possible.first_day, possible.last_day) == (_FIRST, date(2026, 5, 30))


def test_a_window_starts_on_an_active_day() -> None:
    """An inactive day before is no part of it."""
    assert _earliest("..####.#.", _WEEK) == Window(
        _FIRST + timedelta(2), _FIRST + timedelta(8), 5, 1
    )


def test_the_inactive_days_at_the_end_are_a_gap_too() -> None:
    """Four days and then three of silence, where two are allowed."""
    assert _earliest("####...", _WEEK) is None
    assert _earliest("#.###..", _WEEK) == Window(_FIRST, _FIRST + timedelta(6), 4, 2)


def test_a_gap_counts_only_inside_the_window() -> None:
    """Silence that begins in the window and lasts beyond it counts as long as it is inside."""
    assert _earliest("#####........", _WEEK) == Window(_FIRST, _FIRST + timedelta(6), 5, 2)


def test_one_active_day_too_few_is_not_enough() -> None:
    """Three of four."""
    assert _earliest("#.#.#..", _WEEK) is None


def test_an_abandoned_trial_starts_no_window() -> None:
    """The window starts where the service really began."""
    marks = "##" + "." * 30 + "#" * 7
    window = _earliest(marks, _WEEK)
    assert window is not None
    assert window.first_day == _FIRST + timedelta(32)


def test_the_earliest_of_several_windows_is_taken() -> None:
    """An enterprise that left and came back was connected already."""
    marks = "#" * 7 + "." * 100 + "#" * 7
    window = _earliest(marks, _WEEK)
    assert window is not None
    assert window.first_day == _FIRST


def test_days_past_the_evidence_are_inactive() -> None:
    """A window may end after the last heartbeat, if its gap allows."""
    rule = WindowRule(window_days=5, active_days_min=3, longest_gap_days_max=2)
    assert _earliest("###", rule) == Window(_FIRST, _FIRST + timedelta(4), 3, 2)
    assert _earliest("###", rule, as_of=_FIRST + timedelta(3)) is None


def test_evidence_after_as_of_is_not_used() -> None:
    """A window that would need it does not exist yet."""
    assert _earliest("#######", _WEEK, as_of=_FIRST + timedelta(5)) is None


def test_a_window_may_span_a_leap_day_and_a_new_year() -> None:
    """Days are days."""
    first = date(2027, 12, 20)
    rule = WindowRule(window_days=90, active_days_min=90, longest_gap_days_max=0)
    days = active_days_of(first, "#" * 90)
    assert earliest_windows(days, rule, date(2028, 3, 18)) == [
        Window(first, date(2028, 3, 18), 90, 0)
    ]


def test_nobody_and_nothing_heard_give_no_window() -> None:
    """Empty arrays are no error."""
    nobody = ActiveDays(1, np.zeros((0, 0), dtype=np.bool_))
    nothing = ActiveDays(1, np.zeros((2, 0), dtype=np.bool_))
    as_of, year = date(2026, 12, 31), (date(2026, 1, 1), date(2026, 12, 31))
    assert earliest_windows(nobody, _DEFAULTS, as_of) == []
    assert earliest_windows(nothing, _DEFAULTS, as_of) == [None, None]
    assert best_attempts(nothing, _DEFAULTS, as_of, year) == [None, None]
    assert possible_windows(nothing, _DEFAULTS, as_of, year) == [None, None]


def test_a_possible_window_may_start_after_as_of() -> None:
    """Who was never heard may still begin tomorrow, as long as that is in the year."""
    nothing = active_days_of(_FIRST, "")
    year = (date(2026, 1, 1), date(2026, 12, 31))
    (tomorrow,) = possible_windows(nothing, _DEFAULTS, date(2026, 12, 30), year)
    assert tomorrow is not None
    assert tomorrow.first_day == date(2026, 12, 31)
    assert possible_windows(nothing, _DEFAULTS, date(2026, 12, 31), year) == [None]


def test_the_best_attempt_holds_the_most_active_days() -> None:
    """Of two attempts that fail, the better one; of equals the one with the shorter gap."""
    rule = WindowRule(window_days=7, active_days_min=7, longest_gap_days_max=0)
    days = active_days_of(_FIRST, "##" + "." * 10 + "####..#" + "." * 10 + "###.##." + "." * 9)
    year = (date(2026, 1, 1), date(2026, 12, 31))
    (attempt,) = best_attempts(days, rule, date(2026, 12, 31), year)
    assert attempt == Window(_FIRST + timedelta(29), _FIRST + timedelta(35), 5, 1)


def test_rows_are_independent_however_many_there_are() -> None:
    """More rows than are looked at at a time."""
    row = "##." * 10
    many = np.repeat(active_days_of(_FIRST, row).active, 2_500, axis=0)
    many[1_700] = False
    windows = earliest_windows(ActiveDays(_FIRST.toordinal(), many), _WEEK, date(2030, 1, 1))
    assert windows[1_700] is None
    assert {window for index, window in enumerate(windows) if index != 1_700} == {
        Window(_FIRST, _FIRST + timedelta(6), 5, 1)
    }


@settings(max_examples=400, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.sampled_from("####..."), max_size=60).map("".join), min_size=1, max_size=4
    ),
    window_days=st.integers(1, 40),
    fewer=st.integers(0, 39),
    gap=st.integers(0, 45),
    as_of=st.integers(-3, 110),
    starts=st.tuples(st.integers(-20, 80), st.integers(0, 60)),
)
def test_windows_agree_with_a_day_by_day_model(
    rows: list[str], window_days: int, fewer: int, gap: int, as_of: int, starts: tuple[int, int]
) -> None:
    """The earliest complete one, and the earliest possible one, of every row."""
    rule = WindowRule(window_days, max(1, window_days - fewer), gap)
    columns = max(map(len, rows))
    days = ActiveDays(
        _FIRST.toordinal(),
        np.array([[mark == "#" for mark in row.ljust(columns, ".")] for row in rows]).reshape(
            len(rows), columns
        ),
    )
    last = _FIRST + timedelta(as_of)
    span = (_FIRST + timedelta(starts[0]), _FIRST + timedelta(sum(starts)))
    earliest, possible = [], []
    for row in rows:
        active = {_FIRST + timedelta(day) for day, mark in enumerate(row) if mark == "#"}
        known = {day for day in active if day <= last}
        complete = [
            window
            for day in sorted(known)
            if (window := naive_window(day, known, rule)) and window.last_day <= last
        ]
        earliest.append(Window(*complete[0]) if complete else None)
        hoped_for = known | {last + timedelta(day) for day in range(1, 400)}
        possible.append(
            next(
                (
                    Window(*window)
                    for day in sorted(hoped_for)
                    if span[0] <= day <= span[1] and (window := naive_window(day, hoped_for, rule))
                ),
                None,
            )
        )
    assert earliest_windows(days, rule, last) == earliest
    assert possible_windows(days, rule, last, span) == possible
