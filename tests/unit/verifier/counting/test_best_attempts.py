"""The best attempt at a window: what a page shows where no window is effective."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.verifier.builders import active_days_of
from verifier.counting.windows import Window, WindowRule, best_attempts

_FIRST = date(2026, 3, 2)
_FOUR_DAYS = WindowRule(window_days=4, active_days_min=4, longest_gap_days_max=0)
_SIX_DAYS = WindowRule(window_days=6, active_days_min=6, longest_gap_days_max=0)
_LATER = date(2030, 1, 1)


def _day(column: int) -> date:
    return _FIRST + timedelta(days=column)


def _best(
    marks: str,
    *,
    starts: tuple[int, int] = (0, 30),
    as_of: date = _LATER,
    rule: WindowRule = _FOUR_DAYS,
) -> Window | None:
    days = active_days_of(_FIRST, marks)
    (attempt,) = best_attempts(days, rule, as_of, (_day(starts[0]), _day(starts[1])))
    return attempt


def _slowly(marks: str, *, starts: tuple[int, int], as_of: int) -> Window | None:
    """Every window that may be, one after the other."""
    length = _SIX_DAYS.window_days
    found: list[tuple[int, int, int]] = []
    for start in range(starts[0], starts[1] + 1):
        inside = "".join(
            marks[day] if 0 <= day < len(marks) else "." for day in range(start, start + length)
        )
        if inside[0] == "#" and start + length - 1 <= as_of:
            longest = max(len(gap) for gap in inside.split("#"))
            found.append((-inside.count("#"), longest, start))
    if not found:
        return None
    active, longest, start = min(found)
    return Window(_day(start), _day(start + length - 1), -active, longest)


def test_of_equal_attempts_the_shortest_gap_is_best_and_then_the_earliest() -> None:
    """Two active days of four: a gap of one beats a gap of two, wherever it stands."""
    assert _best("#..#.....#.#......#.#.") == Window(_day(9), _day(12), 2, 1)


def test_the_very_first_day_may_start_the_best_attempt() -> None:
    """By one active day only, though another one has a shorter gap."""
    marks = "###......#..#.."
    assert _best(marks, rule=_SIX_DAYS) == Window(_day(0), _day(5), 3, 3)


def test_an_attempt_may_start_on_the_last_day_of_those_asked_for_and_not_later() -> None:
    """Though its other days come after them."""
    assert _best("#.....####", starts=(0, 6)) == Window(_day(6), _day(9), 4, 0)
    assert _best("#......####", starts=(0, 6)) == Window(_day(0), _day(3), 1, 3)
    assert _best("#.......####", starts=(0, 6)) == Window(_day(0), _day(3), 1, 3)


def test_an_attempt_is_complete_on_the_day_of_the_count() -> None:
    """One that would end a day later is none yet."""
    assert _best("..####", as_of=_day(5)) == Window(_day(2), _day(5), 4, 0)
    assert _best("..####", as_of=_day(4)) is None


def test_where_no_window_fits_there_is_no_attempt() -> None:
    """Fewer days than a window is long, all of them active."""
    assert _best("###", starts=(0, 0), as_of=_day(2)) is None


@given(
    st.text("#.", min_size=1, max_size=24),
    st.integers(-3, 20),
    st.integers(0, 12),
    st.integers(0, 30),
)
def test_the_best_attempt_is_that_of_a_slow_search(
    marks: str, first: int, span: int, as_of: int
) -> None:
    """Whatever was active, whichever starts are asked for, whenever it is counted."""
    starts = (first, first + span)
    expected = _slowly(marks, starts=starts, as_of=as_of)
    assert _best(marks, starts=starts, as_of=_day(as_of), rule=_SIX_DAYS) == expected
