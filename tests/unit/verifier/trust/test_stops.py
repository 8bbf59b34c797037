"""Machines that run while they are declared stopped."""

from datetime import date

import numpy as np

from verifier.trust.fleet import Fleet, Stretch
from verifier.trust.stops import HeardWhileStopped, Stop, heard_while_stopped

_FIRST = date(2026, 3, 1).toordinal()
_HOURS = np.array([4, 4, 4])


def _fleet(hours_by_day: list[list[int]], case: list[int]) -> Fleet:
    count = np.array(hours_by_day)
    heard = np.arange(24) < count[:, :, None]
    devices, days = count.shape
    return Fleet(
        Stretch(_FIRST, days),
        np.arange(10, 10 + devices),
        np.array(case),
        np.packbits(heard.reshape(devices, -1), axis=1),
        np.zeros(devices, dtype=np.int64),
        np.full(devices, days),
    )


def _stop(case: int, first: int, last: int, device: int | None = None) -> Stop:
    return Stop(case, device, _FIRST + first, _FIRST + last)


def test_a_machine_that_stands_still_is_well() -> None:
    """On its first and its last day it may run; a fan that runs for an hour is no work."""
    fleet = _fleet([[8] * 5 + [8, 0, 1, 3, 0, 8] + [8] * 4], [0])
    assert heard_while_stopped(fleet, [_stop(0, 5, 10)], _HOURS) == []


def test_one_that_runs_all_the_same_is_found() -> None:
    """With the days and the devices; others of the enterprise stand still."""
    fleet = _fleet([[0] * 30, [0] * 7 + [8] * 3 + [0] * 20, [8] * 30], [0, 0, 2])
    assert heard_while_stopped(fleet, [_stop(0, 5, 20)], _HOURS) == [
        HeardWhileStopped(0, 3, (11,), _FIRST + 7, _FIRST + 9)
    ]


def test_a_stop_of_one_device_is_of_no_other() -> None:
    """Nor is one of an enterprise without devices, or beyond the days that are looked at."""
    fleet = _fleet([[8] * 30, [0] * 30], [0, 0])
    assert heard_while_stopped(fleet, [_stop(0, 5, 20, device=11)], _HOURS) == []
    assert len(heard_while_stopped(fleet, [_stop(0, 5, 20, device=10)], _HOURS)) == 1
    assert heard_while_stopped(fleet, [_stop(1, 5, 20)], _HOURS) == []
    assert heard_while_stopped(fleet, [_stop(0, -20, -5), _stop(0, 40, 50)], _HOURS) == []
    assert heard_while_stopped(fleet, [_stop(0, -9, 50)], _HOURS)[0].days == 30
