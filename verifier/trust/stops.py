"""Machines that are heard while their enterprise is declared stopped. Pure.

Who declares a stop says that nothing runs. A script that makes heartbeats is not told.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from jieru.presence import active_hours_by_day
from verifier.counting.activity import IntArray
from verifier.trust.fleet import BYTES_PER_DAY, Fleet

__all__ = ["HeardWhileStopped", "Stop", "heard_while_stopped"]


class Stop(NamedTuple):
    """A stop that was declared."""

    case: int
    device: int | None
    """None: of the whole enterprise."""
    first_day: int
    """Ordinal."""
    last_day: int
    """Inclusive."""


class HeardWhileStopped(NamedTuple):
    """Devices of a case that ran while they were declared stopped."""

    case: int
    days: int
    """Days on which at least one did."""
    devices: tuple[int, ...]
    first_day: int
    last_day: int


def heard_while_stopped(
    fleet: Fleet, stops: Iterable[Stop], active_hours_min: IntArray
) -> list[HeardWhileStopped]:
    """Each declared stop with days on which a device was active.

    days = |{d : first < d < last, a stopped device was heard for at least h hours on d}|. The first
    and the last day of a stop are left out: machines run until noon, and begin at noon.

    Args:
        fleet: by case.
        stops: declarations of the kind `stop`; those of repair are none, for machines under repair
            are switched on and off.
        active_hours_min: h of each case.
    """
    found = []
    for stop in sorted(stops, key=lambda each: (each.case, each.first_day, each.device or 0)):
        members = np.arange(*np.searchsorted(fleet.case, (stop.case, stop.case + 1)).tolist())
        if stop.device is not None:
            members = members[fleet.device[members] == stop.device]
        first = max(stop.first_day + 1 - fleet.stretch.first_day, 0)
        end = min(stop.last_day - fleet.stretch.first_day, fleet.stretch.days)
        if not len(members) or first >= end:
            continue
        hours = fleet.hours[members, first * BYTES_PER_DAY : end * BYTES_PER_DAY]
        is_active = active_hours_by_day(hours) >= active_hours_min[stop.case]
        days = np.flatnonzero(is_active.any(axis=0))
        if len(days):
            day = fleet.stretch.first_day + first + days
            devices = fleet.device[members[is_active.any(axis=1)]]
            found.append(
                HeardWhileStopped(
                    stop.case,
                    len(days),
                    tuple(sorted(set(devices.tolist()))),
                    int(day[0]),
                    int(day[-1]),
                )
            )
    return found
