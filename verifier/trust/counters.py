"""Counters that fall, or go on under another device. Pure.

A counter of kilowatt-hours, cycles or pieces stands in the machine and goes up; it begins again
only when the controller was changed or started anew, which `boot` tells. Of all that is sent it is
the hardest to make up for two machines at once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

__all__ = ["Continuation", "Fall", "Reading", "continuations", "falls"]


class Reading(NamedTuple):
    """What one heartbeat says of its counter."""

    at: datetime
    counter: float
    boot: int | None
    """A number by start of the controller; None: it sends none."""


class Fall(NamedTuple):
    """A counter that reads less than before, though nothing started anew."""

    at: datetime
    before: float
    after: float


class Continuation(NamedTuple):
    """A counter that goes on, within the step it makes, under another device."""

    device: int
    """The one that stopped."""
    successor: int
    at: datetime
    """Of the successor's first reading."""
    counter: float


def falls(readings: Iterable[Reading]) -> list[Fall]:
    """Every pair of readings on end with counter(t+1) < counter(t) and the same `boot`.

    Args:
        readings: of one device, in order of time. Without a `boot` no fall is excused: whoever
            sends a counter that starts anew is told to send it (docs/connect.md).
    """
    found = []
    before: Reading | None = None
    for each in readings:
        if before is not None and each.counter < before.counter and each.boot == before.boot:
            found.append(Fall(each.at, before.counter, each.counter))
        before = each
    return found


def continuations(
    ends: Sequence[tuple[int, Reading, float]],
    beginnings: Sequence[tuple[int, Reading]],
    within: timedelta,
) -> list[Continuation]:
    """Each counter that begins where another device's ended.

    0 <= counter(first of b) - counter(last of a) <= 2 * step(a), and b begins within some days
    after a ended. Counters that begin at zero tell nothing.

    Args:
        ends: devices that stopped, their last reading, and the step that their counter made at
            most from one reading to the next.
        beginnings: devices that began, and their first reading.
        within: how long after the end.
    """
    return [
        Continuation(device, successor, first.at, first.counter)
        for device, last, step in ends
        for successor, first in beginnings
        if successor != device
        and first.counter > 0
        and timedelta(0) < first.at - last.at <= within
        and 0 <= first.counter - last.counter <= 2 * step
    ]
