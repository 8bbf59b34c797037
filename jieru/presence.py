"""How presence is laid out: one row of `bit(744)` per device and civil month. Pure."""

from typing import Final

import numpy as np
import numpy.typing as npt

from jieru.calendar import HOURS_PER_DAY

__all__ = [
    "BITS_PER_MONTH",
    "BYTES_PER_MONTH",
    "DAYS_PER_ROW",
    "active_hours_by_day",
]

DAYS_PER_ROW: Final = 31
BITS_PER_MONTH: Final = DAYS_PER_ROW * HOURS_PER_DAY
BYTES_PER_MONTH: Final = BITS_PER_MONTH // 8


def active_hours_by_day(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Count the set bits of each day.

    Args:
        rows: shape (n, 93): the bytes of `bit(744)` as PostgreSQL sends them, first bit first.

    Returns:
        Shape (n, 31): hours heard, 0 to 24, on day 1 to 31 of the row's month.
    """
    by_byte = np.bitwise_count(rows)
    # Three bytes to a day, as three long additions: a sum over so short an axis takes ten times
    # as long.
    return by_byte[:, 0::3] + by_byte[:, 1::3] + by_byte[:, 2::3]
