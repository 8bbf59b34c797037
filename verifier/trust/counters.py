"""Counters that fall, or go on under another device. Pure.

A counter of kilowatt-hours, cycles or pieces stands in the machine and goes up; it begins again
only when the controller was changed or started anew, which `boot` tells. Of all that is sent it is
the hardest to make up for two machines at once.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

__all__ = ["Beginning", "Continuation", "End", "Fall", "Reading", "continuations", "falls"]


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


class End(NamedTuple):
    """A counter as it read when its device was heard for the last time."""

    device: int
    day: int
    """Ordinal."""
    counter: float
    step: float
    """The largest from one reading to the next that it ever made."""


class Beginning(NamedTuple):
    """A counter as it read when its device was heard for the first time."""

    device: int
    day: int
    """Ordinal."""
    counter: float


class Continuation(NamedTuple):
    """A counter that goes on, within the step it makes, under another device."""

    ended: End
    begun: Beginning


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
    ends: Iterable[End], beginnings: Iterable[Beginning], within_days: int
) -> list[Continuation]:
    """Each counter that begins where another device's ended.

    0 <= counter(first of b) - counter(last of a) <= 2 * step(a), and b begins on the day on which a
    ended or within some days after it. Counters that begin at zero tell nothing, nor do those that
    never moved.

    Args:
        ends: devices that stopped.
        beginnings: devices that began.
        within_days: how long after the end.
    """
    sorted_beginnings = sorted(
        (each for each in beginnings if each.counter > 0), key=attrgetter("counter", "device")
    )
    counters = [each.counter for each in sorted_beginnings]
    return [
        Continuation(ended, begun)
        for ended in ends
        if ended.step > 0
        for begun in sorted_beginnings[
            bisect_left(counters, ended.counter) : bisect_right(
                counters, ended.counter + 2 * ended.step
            )
        ]
        if begun.device != ended.device and 0 <= begun.day - ended.day <= within_days
    ]
