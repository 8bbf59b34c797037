"""What befalls many at once."""

from datetime import date

import numpy as np
import pytest

from simulators.evidence.surroundings import DISTRICTS, draw_surroundings, is_public_holiday


@pytest.mark.parametrize(
    ("day", "is_free"),
    [
        (date(2026, 1, 1), True),
        (date(2026, 2, 17), True),
        (date(2026, 6, 19), True),
        (date(2026, 10, 3), True),
        (date(2026, 10, 8), False),
        (date(2027, 2, 6), True),
        (date(2026, 7, 15), False),
    ],
)
def test_factories_are_free_to_close_on_public_holidays(day: date, is_free: bool) -> None:
    """Those of the sun and those of the moon."""
    assert is_public_holiday(day) is is_free


def test_a_district_goes_dark_as_a_whole_and_line_by_line() -> None:
    """Machines on one line share more dark hours than machines of one district."""
    around = draw_surroundings(date(2026, 1, 1), 365, seed=3)
    assert set(around.dark) == set(DISTRICTS)
    lines = np.array(around.dark["licheng"])
    whole = lines.all(axis=0)
    assert 0 < whole.sum() < lines.sum(axis=(1, 2)).min()
    assert lines.mean() < 0.02


def test_the_same_seed_gives_the_same_year() -> None:
    """And another seed another."""
    one, same, other = (draw_surroundings(date(2026, 1, 1), 90, seed) for seed in (1, 1, 2))
    assert np.array_equal(one.dark["xiuyu"], same.dark["xiuyu"])
    assert not np.array_equal(one.dark["xiuyu"], other.dark["xiuyu"])
