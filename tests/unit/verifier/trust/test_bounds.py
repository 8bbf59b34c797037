"""Sample sizes and bounds, held against all draws there are."""

from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifier.trust.draws.bounds import (
    SHARES_PERCENT,
    assumed_cheats,
    sample_size,
    sample_sizes,
    upper_bound,
)


@pytest.mark.parametrize(
    ("listed", "share", "size"),
    [(60, 5, 38), (150, 5, 46), (300, 5, 54), (60, 10, 23), (150, 10, 26), (300, 10, 28)],
)
def test_so_many_visits_see_one_cheat_with_95_percent(listed: int, share: int, size: int) -> None:
    """The figures that were worked out before there was any code."""
    assert sample_size(listed, assumed_cheats(listed, share)) == size


def _chance_of_so_few(listed: int, cheats: int, visited: int, found: int) -> Fraction:
    """By looking at every draw; the first enterprises are invented."""
    draws = list(combinations(range(listed), visited))
    few = [each for each in draws if sum(one < cheats for one in each) <= found]
    return Fraction(len(few), len(draws))


@given(st.data())
def test_the_bound_is_the_largest_number_that_is_not_excluded(data: st.DataObject) -> None:
    """Of every number of cheats up to the bound so few are found in more than 5 % of draws."""
    listed = data.draw(st.integers(1, 9))
    visited = data.draw(st.integers(0, listed))
    found = data.draw(st.integers(0, visited))
    not_excluded = [
        cheats
        for cheats in range(found, listed - visited + found + 1)
        if _chance_of_so_few(listed, cheats, visited, found) > Fraction(5, 100)
    ]
    assert upper_bound(listed, visited=visited, found=found) == max(not_excluded)


@given(st.data())
def test_a_sample_of_that_size_and_no_smaller_sees_one(data: st.DataObject) -> None:
    """Held against every draw as well."""
    listed = data.draw(st.integers(1, 9))
    cheats = data.draw(st.integers(1, listed))
    size = sample_size(listed, cheats)
    assert _chance_of_so_few(listed, cheats, size, 0) <= Fraction(5, 100)
    if size > 1:
        assert _chance_of_so_few(listed, cheats, size - 1, 0) > Fraction(5, 100)


@pytest.mark.parametrize(
    ("listed", "visited", "found", "bound"),
    [(60, 38, 0, 2), (60, 60, 0, 0), (60, 60, 3, 3), (60, 0, 0, 60), (300, 54, 0, 14)],
)
def test_bounds_of_whole_cities(listed: int, visited: int, found: int, bound: int) -> None:
    """All visited: what was found; nobody: all. A size for K cheats excludes K of them."""
    assert upper_bound(listed, visited=visited, found=found) == bound


@pytest.mark.parametrize(("visited", "found"), [(11, 0), (2, 3), (2, -1)])
def test_visits_of_more_than_are_listed_are_a_mistake(visited: int, found: int) -> None:
    """And so are findings without a visit."""
    with pytest.raises(ValueError, match="of all some are visited"):
        upper_bound(10, visited=visited, found=found)


def test_a_table_says_for_each_list_what_is_to_be_visited() -> None:
    """More of a longer list, and fewer where more is assumed."""
    short, long = sample_sizes([60, 300])
    assert dict(zip(SHARES_PERCENT, short.sizes, strict=True))[5] == 38
    assert (short.listed, long.listed) == (60, 300)
    assert list(long.sizes) == sorted(long.sizes, reverse=True)
    assert sample_sizes([1])[0].sizes == (1,) * len(SHARES_PERCENT)
