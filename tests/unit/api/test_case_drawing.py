"""Drawings of a case's evidence."""

from datetime import date, timedelta

import numpy as np

from api.cases.drawing import DelayDay, Life, bar_chart, calendars, delay_strip

_MONDAY = date(2026, 3, 2)


def _weeks(weeks: int = 4) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Heard from 8 to 12 each day."""
    heard = np.zeros((weeks * 7, 24), dtype=np.bool_)
    heard[:, 8:12] = True
    return heard


def test_what_is_usual_is_no_exception() -> None:
    """A column for a day, one rectangle for hours on end."""
    (drawn,) = calendars(["甲厂"], [_weeks()], _MONDAY)
    assert (drawn.exceptions, drawn.shared) == (0, 0)
    assert set(drawn.paths) == {"usual"}
    assert drawn.paths["usual"].count("M") == 28
    assert drawn.paths["usual"].startswith("M0 40h7v20h-7z")


def test_hours_that_are_otherwise_are_told_apart() -> None:
    """Heard though usually not, and silent though usually heard."""
    heard = _weeks()
    heard[9, 20] = True
    heard[10, 9] = False
    (drawn,) = calendars(["甲厂"], [heard], _MONDAY)
    assert drawn.exceptions == 2
    assert drawn.paths["extra"] == "M72 100h7v5h-7z"
    assert drawn.paths["missing"] == "M80 45h7v5h-7z"


def test_an_exception_that_both_have_is_shared_also_some_days_apart() -> None:
    """The second one had it a week earlier."""
    one, other = _weeks(6), _weeks(6)
    one[17, 9] = False
    other[10, 9] = False
    other[20, 22] = True
    now = calendars(["甲厂", "乙厂"], [one, other], _MONDAY)
    assert [each.shared for each in now] == [0, 0]
    lagged = calendars(["甲厂", "乙厂"], [one, other], _MONDAY, lag_days=7)
    assert [each.shared for each in lagged] == [1, 1]
    assert lagged[0].paths["shared"] == "M136 45h7v5h-7z"
    assert lagged[1].paths["shared"] == "M80 45h7v5h-7z"


def test_an_enterprise_that_was_never_heard_is_drawn_empty() -> None:
    """Its calendar has no path."""
    (drawn,) = calendars(["甲厂"], [np.zeros((10, 24), dtype=np.bool_)], _MONDAY)
    assert (drawn.paths, drawn.exceptions) == ({}, 0)


def test_delays_are_darker_the_more_there_are() -> None:
    """With their shares in percent."""
    days = [
        DelayDay(_MONDAY, (90, 10, 0, 0, 0)),
        DelayDay(_MONDAY + timedelta(1), (0, 0, 0, 0, 100)),
    ]
    drawn = delay_strip(days, _MONDAY, _MONDAY + timedelta(days=13))
    assert [(each.x, each.y, each.shade) for each in drawn.cells] == [
        (0, 0, 4),
        (0, 18, 2),
        (18, 72, 4),
    ]
    assert (drawn.total, list(drawn.shares)) == (200, [45, 5, 0, 0, 50])


def test_machines_that_moved_stand_on_one_axis_givers_first() -> None:
    """Each from its first to its last day."""
    giver = Life("乙厂", "b-1", _MONDAY, _MONDAY + timedelta(days=60), is_own=False)
    own = Life(
        "甲厂", "a-1", _MONDAY + timedelta(days=63), _MONDAY + timedelta(days=90), is_own=True
    )
    drawn = bar_chart([own, giver])
    assert drawn is not None
    first, second = drawn.bars
    assert (first.life, second.life) == (giver, own)
    assert first.x + first.width < second.x
    assert bar_chart([]) is None
