"""Whose turn it is and when: the three ways in which load comes. Pure.

A turn's instant is what its heartbeat says (`ts`); where load is paced it is also when the
heartbeat is due. No two turns of one device have the same instant, for a device's heartbeat is
known by it.
"""

from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import NamedTuple

from jieru.errors import UserError

__all__ = ["Turn", "aligned_turns", "flat_out_turns", "paced_turns"]


class Turn(NamedTuple):
    """One heartbeat to be sent."""

    device: int
    """Its place among the devices."""
    seq: int
    ts_ms: int


def flat_out_turns(
    devices: Sequence[int], *, first_ms: int, spacing_ms: int, messages: int | None = None
) -> Iterator[Turn]:
    """Every device in turn, again and again, each time `spacing_ms` later; without end unless told.

    Within a round the devices lie spread over the spacing, as a fleet's heartbeats do.
    """
    size = len(devices)
    turns = (
        Turn(device, seq, first_ms + seq * spacing_ms + place * spacing_ms // size)
        for seq in count()
        for place, device in enumerate(devices)
    )
    return turns if messages is None else islice(turns, messages)


def paced_turns(
    devices: Sequence[int], *, first_ms: int, per_second: float, messages: int | None = None
) -> Iterator[Turn]:
    """Every device in turn, so many heartbeats a second, at even distances.

    Raises:
        UserError: a device would have to send twice within one millisecond.
    """
    if per_second > 1000 * len(devices):
        raise UserError(
            "{devices} devices cannot send {per_second} heartbeats a second, for a device sends "
            "at most one a millisecond; take more devices.",
            devices=len(devices),
            per_second=per_second,
        )
    size = len(devices)
    turns = (
        Turn(devices[number % size], number // size, first_ms + int(number * 1000 / per_second))
        for number in count()
    )
    return turns if messages is None else islice(turns, messages)


def aligned_turns(
    devices: Sequence[int],
    *,
    first_ms: int,
    every_ms: int,
    within_ms: int,
    messages: int | None = None,
) -> Iterator[Turn]:
    """All devices at once at every full `every_ms` of the clock, as real fleets send.

    Args:
        devices: who sends.
        first_ms: the first burst is at the first full interval not before this instant.
        every_ms: a minute or an hour, say: a divisor of the day.
        within_ms: over so long a burst is spread, for no two clocks are quite alike.
        messages: stop after so many; None: never.
    """
    size = len(devices)
    start_ms = -(-first_ms // every_ms) * every_ms
    turns = (
        Turn(device, seq, start_ms + seq * every_ms + place * within_ms // size)
        for seq in count()
        for place, device in enumerate(devices)
    )
    return turns if messages is None else islice(turns, messages)
