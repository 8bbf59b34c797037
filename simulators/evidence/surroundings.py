"""What befalls many enterprises at once: public holidays, power cuts by district and line, storms.

Honest factories are alike in this, so signals must weigh it as little.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np

from simulators.evidence.machine import HOURS_PER_DAY, BoolArray, IntArray
from simulators.habits import SPRING_FESTIVALS

__all__ = ["DISTRICTS", "Surroundings", "draw_surroundings", "is_public_holiday"]

DISTRICTS: Final = (
    "licheng",
    "chengxiang",
    "hanjiang",
    "xiuyu",
    "xianyou",
    "meizhou",
    "beian",
)
_FEEDERS: Final = 8
"""Lines of a district that are cut one by one."""
_DISTRICT_CUTS_A_YEAR: Final = 3
_FEEDER_CUTS_A_YEAR: Final = 9
_STORMS_A_YEAR: Final = 2
_FIXED: Final = frozenset(
    {(1, 1), (1, 2), (1, 3), (4, 4), (4, 5), (4, 6)}
    | {(5, day) for day in range(1, 6)}
    | {(10, day) for day in range(1, 8)}
)
"""New Year, Qingming, Labour Day, National Day, as the State Council lays them in most years."""
_STORMY_MONTHS: Final = (7, 8, 9)
_SPRING_FESTIVAL_DAYS: Final = range(-1, 7)
_DRAGON_BOAT_AFTER_DAYS: Final = (122, 123, 124)
_MID_AUTUMN_AFTER_DAYS: Final = (220, 221, 222)
"""After the first day of the Spring Festival, in a year without a leap month before it."""


def is_public_holiday(day: date) -> bool:
    """Whether factories are free to close; near enough for a simulation, not for a deadline."""
    if (day.month, day.day) in _FIXED:
        return True
    after = (day - SPRING_FESTIVALS[day.year]).days
    return after in _SPRING_FESTIVAL_DAYS or after in (
        *_DRAGON_BOAT_AFTER_DAYS,
        *_MID_AUTUMN_AFTER_DAYS,
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The days of a stretch, and what happens in them to whole districts."""

    first_on: date
    days: int
    weekday: IntArray
    """Shape (days,): 0 is Monday."""
    holiday: BoolArray
    """Shape (days,)."""
    festival: IntArray
    """Shape (days,): days since the first of the Spring Festival of that year."""
    dark: Mapping[str, tuple[BoolArray, ...]]
    """By district, for each of its feeders, the hours without power; shape (days, 24)."""


def draw_surroundings(first_on: date, days: int, seed: int) -> Surroundings:
    """The same for the same seed."""
    chance = np.random.default_rng([seed, 1])
    dates = [first_on + timedelta(days=number) for number in range(days)]
    years = days / 365
    storm = np.zeros((days, HOURS_PER_DAY), dtype=np.bool_)
    season = [number for number, day in enumerate(dates) if day.month in _STORMY_MONTHS]
    for _time in range(chance.poisson(_STORMS_A_YEAR * years) if season else 0):
        begun = int(chance.choice(season)) * HOURS_PER_DAY + int(chance.integers(24))
        storm.reshape(-1)[begun : begun + int(chance.integers(12, 40))] = True
    dark = {}
    for district in DISTRICTS:
        whole = storm | _cuts(chance, days, _DISTRICT_CUTS_A_YEAR * years)
        dark[district] = tuple(
            whole | _cuts(chance, days, _FEEDER_CUTS_A_YEAR * years) for _feeder in range(_FEEDERS)
        )
    return Surroundings(
        first_on=first_on,
        days=days,
        weekday=np.array([day.weekday() for day in dates]),
        holiday=np.array([is_public_holiday(day) for day in dates]),
        festival=np.array([(day - SPRING_FESTIVALS[day.year]).days for day in dates]),
        dark=dark,
    )


def _cuts(chance: np.random.Generator, days: int, expected: float) -> BoolArray:
    hours = np.zeros(days * HOURS_PER_DAY, dtype=np.bool_)
    for begun in chance.integers(0, len(hours), chance.poisson(expected)):
        hours[begun : begun + chance.integers(1, 9)] = True
    return hours.reshape(days, HOURS_PER_DAY)
