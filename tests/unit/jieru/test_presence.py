"""The layout of presence."""

from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from jieru.calendar import bit_index
from jieru.presence import BITS_PER_MONTH, BYTES_PER_MONTH, active_hours_by_day


@given(st.sets(st.integers(0, BITS_PER_MONTH - 1)))
def test_hours_are_counted_on_their_day(bits: set[int]) -> None:
    """Against a plain count; bit 0 is the first of the first byte, as PostgreSQL sends it."""
    row = bytearray(BYTES_PER_MONTH)
    for bit in bits:
        row[bit // 8] |= 0x80 >> bit % 8
    hours = active_hours_by_day(np.frombuffer(bytes(row), np.uint8).reshape(1, BYTES_PER_MONTH))
    assert hours.shape == (1, 31)
    assert hours[0].tolist() == [sum(bit // 24 == day for bit in bits) for day in range(31)]


def test_the_last_hour_of_the_month_is_bit_743() -> None:
    """And the first is bit 0."""
    assert bit_index(date(2026, 1, 1), 0) == 0
    assert bit_index(date(2026, 1, 31), 23) == 743
