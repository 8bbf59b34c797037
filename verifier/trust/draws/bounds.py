"""What a visited few say of all: sample sizes and bounds of the hypergeometric law, exact. Pure.

Visits are without replacement: of M enterprises, K of them invented, n are visited, and X of those
are invented with P(X = i) = C(K, i) C(M-K, n-i) / C(M, n). All is reckoned in whole numbers. The
list is drawn by strata in proportion, which the law of one simple draw describes closely and not to
the last digit (decision 0041).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import comb
from typing import Final

__all__ = [
    "MISSED_PERCENT",
    "SHARES_PERCENT",
    "SampleSizes",
    "assumed_cheats",
    "sample_size",
    "sample_sizes",
    "upper_bound",
]

MISSED_PERCENT: Final = 5
"""How often the bound may be wrong, and a sample see nothing: 95 % confidence."""
SHARES_PERCENT: Final = (2, 5, 10, 20)
"""Shares of invented enterprises for which sizes are shown before a draw."""


@dataclass(frozen=True, slots=True)
class SampleSizes:
    """How many of a list must be visited."""

    listed: int
    sizes: tuple[int, ...]
    """To see one invented enterprise with 95 %, by the shares of `SHARES_PERCENT`."""


def assumed_cheats(listed: int, share_percent: int) -> int:
    """How many of a list are invented at a share, to the nearest (a half up), at least one."""
    return max(1, (listed * share_percent + 50) // 100)


def sample_size(listed: int, cheats: int) -> int:
    """The fewest visits that see at least one invented enterprise with 95 %.

    Args:
        listed: how many there are, at least one.
        cheats: how many of them are invented, one to all.
    """
    return next(n for n in range(1, listed + 1) if _is_unlikely(listed, cheats, n, found=0))


def sample_sizes(lists: Iterable[int]) -> list[SampleSizes]:
    """The sizes for lists of so many enterprises."""
    return [
        SampleSizes(
            listed,
            tuple(sample_size(listed, assumed_cheats(listed, share)) for share in SHARES_PERCENT),
        )
        for listed in lists
    ]


def upper_bound(listed: int, *, visited: int, found: int) -> int:
    """The most invented enterprises that the visits do not exclude with 95 %.

    The largest K with P(X <= found) > 5 %: a list with more of them shows so few, or fewer, in at
    most one draw of twenty.

    Args:
        listed: how many there are.
        visited: how many of them were visited.
        found: how many of the visited were invented.
    """
    if not 0 <= found <= visited <= listed:
        raise ValueError("of all some are visited, and of the visited some are found")
    # The probability falls as K grows, so the last K before it is small is found by halving.
    low, high = found, listed - visited + found
    while low < high:
        middle = (low + high + 1) // 2
        if _is_unlikely(listed, middle, visited, found=found):
            high = middle - 1
        else:
            low = middle
    return low


def _is_unlikely(listed: int, cheats: int, visited: int, *, found: int) -> bool:
    """Whether so few are found in at most 5 % of all draws."""
    ways = sum(comb(cheats, i) * comb(listed - cheats, visited - i) for i in range(found + 1))
    return ways * 100 <= MISSED_PERCENT * comb(listed, visited)
