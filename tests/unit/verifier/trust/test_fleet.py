"""Presence put side by side."""

from datetime import date

import numpy as np
import pytest

from verifier.counting.activity import END_OF_TIME, Assignments, PresenceRows
from verifier.trust.fleet import Fleet, Stretch, gather_fleet, heard_hours

_MARCH, _APRIL = 2026 * 12 + 2, 2026 * 12 + 3


def _day(month: int, day: int) -> int:
    return date(2026, month, day).toordinal()


def _row(*hours: tuple[int, int]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Bits of a month: (day, hour)."""
    bits = np.zeros(744, dtype=np.uint8)
    for day, hour in hours:
        bits[(day - 1) * 24 + hour] = 1
    return np.packbits(bits)


def _presence(*rows: tuple[int, int, list[tuple[int, int]]]) -> PresenceRows:
    return PresenceRows(
        np.array([device for device, _month, _hours in rows]),
        np.array([month for _device, month, _hours in rows]),
        np.stack([_row(*hours) for _device, _month, hours in rows]),
    )


def _assigned(*rows: tuple[int, int, int, int]) -> Assignments:
    device, case, first, end = (np.array(column) for column in zip(*rows, strict=True))
    return Assignments(device, case, first, end)


def _heard(fleet: Fleet, member: int) -> list[tuple[int, int]]:
    """Day of the stretch and hour."""
    found = np.argwhere(heard_hours(fleet, slice(member, member + 1))[0])
    return [(int(day), int(hour)) for day, hour in found]


def test_months_follow_one_another() -> None:
    """The thirty-first of March stands before the first of April."""
    fleet = gather_fleet(
        [_presence((7, _APRIL, [(1, 0)]), (7, _MARCH, [(31, 23)]))],
        _assigned((7, 0, 1, END_OF_TIME)),
        Stretch(_day(3, 1), 61),
    )
    assert _heard(fleet, 0) == [(30, 23), (31, 0)]
    assert (fleet.first[0], fleet.end[0]) == (30, 32)


def test_a_device_that_changed_hands_is_with_each_while_it_was() -> None:
    """Members are in order of case, whatever the order of devices."""
    fleet = gather_fleet(
        [_presence((7, _MARCH, [(9, 8), (10, 8), (11, 8)]), (8, _MARCH, [(3, 5)]))],
        _assigned((7, 2, 1, _day(3, 11)), (7, 0, _day(3, 11), END_OF_TIME), (8, 1, 1, END_OF_TIME)),
        Stretch(_day(3, 1), 31),
    )
    assert fleet.case.tolist() == [0, 1, 2]
    assert fleet.device.tolist() == [7, 8, 7]
    assert [_heard(fleet, each) for each in range(3)] == [[(10, 8)], [(2, 5)], [(8, 8), (9, 8)]]


def test_days_beyond_the_stretch_fall_away() -> None:
    """Before it and after it, in the months that it cuts."""
    fleet = gather_fleet(
        [_presence((7, _MARCH, [(15, 1), (16, 2)]), (7, _APRIL, [(2, 3), (3, 4)]))],
        _assigned((7, 0, 1, END_OF_TIME)),
        Stretch(_day(3, 16), 18),
    )
    assert _heard(fleet, 0) == [(0, 2), (17, 3)]


def test_a_device_that_was_never_heard_is_there_for_no_day() -> None:
    """And one that belongs to nobody is no member."""
    fleet = gather_fleet(
        [_presence((9, _MARCH, [(1, 1)]))],
        _assigned((7, 0, 1, END_OF_TIME)),
        Stretch(_day(3, 1), 31),
    )
    assert len(fleet) == 1
    assert fleet.first[0] == fleet.end[0]


@pytest.mark.parametrize("month", [_MARCH - 1, _APRIL + 1])
def test_a_month_outside_the_stretch_changes_nothing(month: int) -> None:
    """Readers may give whole years."""
    fleet = gather_fleet(
        [_presence((7, month, [(1, 1)]))],
        _assigned((7, 0, 1, END_OF_TIME)),
        Stretch(_day(3, 1), 61),
    )
    assert not fleet.hours.any()
