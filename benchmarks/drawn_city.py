"""A city of honest machines that is drawn, large: shifts, holidays, outages, breakdowns, misses.

As the tests draw theirs, but a few hundred enterprises at a time, so that a year of 100,000
machines needs its 110 MB and no more.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

__all__ = ["draw_packed"]

_AT_ONCE: Final = 200
_HOURS: Final = np.arange(24)

Bools = npt.NDArray[np.bool_]


def draw_packed(
    enterprises: int, devices: int, days: int, *, first_day: int, seed: int
) -> npt.NDArray[np.uint8]:
    """Hours of so many devices of so many enterprises, shape (enterprises * devices, days * 3).

    Args:
        enterprises: how many.
        devices: of each.
        days: from the first on.
        first_day: its ordinal.
        seed: of the random numbers.
    """
    random = np.random.default_rng(seed)
    weekday = (first_day + np.arange(days)) % 7
    holiday = random.random(days) < 0.03
    outage = random.random((days, 24)) < 0.004
    packed = np.zeros((enterprises * devices, days * 3), dtype=np.uint8)
    for start in range(0, enterprises, _AT_ONCE):
        several = min(_AT_ONCE, enterprises - start)
        shift = _shifts(random, several, weekday, holiday)
        heard = np.repeat(shift, devices, axis=0)
        heard &= ~_broken(random, several * devices, days)[:, :, None] & ~outage
        heard &= random.random(heard.shape, dtype=np.float32) > 0.04
        block = slice(start * devices, (start + several) * devices)
        packed[block] = np.packbits(heard.reshape(len(heard), days * 24), axis=1)
    return packed


def _shifts(
    random: np.random.Generator, enterprises: int, weekday: npt.NDArray[np.int64], holiday: Bools
) -> Bools:
    """When each enterprise works, shape (enterprises, days, 24)."""
    shape = (enterprises, len(weekday))
    begin = random.integers(6, 10, enterprises)[:, None]
    length = random.choice([8, 9, 10, 12, 16, 24], enterprises)[:, None]
    rests = random.integers(0, 3, enterprises)[:, None]
    closed = (weekday == 0) & (rests >= 1) | (weekday == 6) & (rests >= 2)
    closed |= holiday & (random.random(shape) < 0.9) | (random.random(shape) < 0.03)
    late = (random.random(shape) < 0.1) * random.integers(1, 3, shape)
    longer = (random.random(shape) < 0.12) * random.integers(1, 4, shape)
    since = (_HOURS - (begin + late)[:, :, None]) % 24
    working: Bools = since < (length + longer - late)[:, :, None]
    working &= ~closed[:, :, None]
    return working


def _broken(random: np.random.Generator, devices: int, days: int) -> Bools:
    """On which days each device is under repair, shape (devices, days)."""
    change = np.zeros((devices, days + 8), dtype=np.int32)
    several = random.poisson(4, devices)
    device = np.repeat(np.arange(devices), several)
    first = random.integers(0, days, len(device))
    np.add.at(change, (device, first), 1)
    np.add.at(change, (device, first + random.integers(1, 6, len(device))), -1)
    broken: Bools = np.cumsum(change, axis=1)[:, :days] > 0
    return broken
