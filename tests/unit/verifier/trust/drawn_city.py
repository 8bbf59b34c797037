"""A city of honest machines that is drawn: shifts, holidays, outages, breakdowns, missed hours."""

from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt

from verifier.trust.fleet import Fleet, Stretch

__all__ = ["FIRST_DAY", "drawn_hours", "fleet_of"]

FIRST_DAY: Final = date(2026, 1, 1)
_HOURS: Final = np.arange(24)


def drawn_hours(enterprises: int, devices: int, days: int, seed: int) -> npt.NDArray[np.bool_]:
    """Hours of so many devices of so many enterprises, shape (enterprises * devices, days, 24)."""
    random = np.random.default_rng(seed)
    weekday = (FIRST_DAY.toordinal() + np.arange(days)) % 7
    holiday = random.random(days) < 0.03
    outage = random.random((days, 24)) < 0.004
    hours = np.zeros((enterprises * devices, days, 24), dtype=np.bool_)
    for enterprise in range(enterprises):
        start, length = random.integers(6, 10), random.choice([8, 9, 10, 12, 16, 24])
        closed = np.isin(weekday, [0, 6][: random.integers(0, 3)])
        closed |= holiday & (random.random(days) < 0.9) | (random.random(days) < 0.03)
        late = (random.random(days) < 0.1) * random.integers(1, 3, days)
        longer = (random.random(days) < 0.12) * random.integers(1, 4, days)
        shift = (_HOURS - (start + late)[:, None]) % 24 < (length + longer - late)[:, None]
        for device in range(devices):
            broken = np.zeros(days, dtype=np.bool_)
            for first in random.integers(0, days, random.poisson(4)):
                broken[first : first + random.integers(1, 6)] = True
            heard = shift & ~(closed | broken)[:, None] & ~outage
            hours[enterprise * devices + device] = heard & (random.random((days, 24)) > 0.04)
    return hours


def fleet_of(hours: npt.NDArray[np.bool_], devices: int) -> Fleet:
    """As a fleet, with so many devices to a case."""
    heard: npt.NDArray[np.bool_] = hours.max(axis=2)
    first, days = heard.argmax(axis=1), hours.shape[1]
    return Fleet(
        Stretch(FIRST_DAY.toordinal(), days),
        np.arange(len(hours)),
        np.arange(len(hours)) // devices,
        np.packbits(hours.reshape(len(hours), days * 24), axis=1),
        first,
        np.where(heard.max(axis=1), days - heard[:, ::-1].argmax(axis=1), first),
    )
