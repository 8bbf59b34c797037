"""Machines that leave one enterprise and begin at another, to the second. Pure.

Whoever moves a bank of machines on, when it has earned its enterprise, registers new serials; the
program that sends for them goes on in the beat it had.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["Handover", "Spell", "handovers"]


class Spell(NamedTuple):
    """One device in the hands of one enterprise."""

    device: int
    enterprise: int
    first_day: int
    """Ordinal of the first day on which it was heard."""
    last_day: int
    interval_s: int
    """The usual time between two heartbeats."""
    second: int
    """Of its interval, at which its heartbeats usually stand: time modulo `interval_s`."""


class Handover(NamedTuple):
    """Devices of one enterprise that begin as those of another end."""

    giver: int
    receiver: int
    stopped: tuple[int, ...]
    began: tuple[int, ...]
    """As many as `stopped`, in the same order."""
    first_day: int
    """Ordinal of the first day of the first that began."""


def handovers(spells: Iterable[Spell], *, within_days: int, devices_min: int) -> list[Handover]:
    """At least `devices_min` devices that begin within some days after as many of another stop.

    A device that begins is paired with one that stopped 1 to `within_days` days before it, under
    another enterprise, with the same interval and the same second of it; each is paired once, the
    nearest in time first.

    Args:
        spells: whatever began or ended in the time that is looked at.
        within_days: from the last day of the one to the first day of the other.
        devices_min: pairs of two enterprises that make a hand-over.
    """
    ending: dict[tuple[int, int], list[Spell]] = {}
    everything = sorted(spells)
    for each in everything:
        ending.setdefault((each.interval_s, each.second), []).append(each)
    pairs = sorted(
        (begun.first_day - ended.last_day, ended, begun)
        for begun in everything
        for ended in ending[begun.interval_s, begun.second]
        if ended.enterprise != begun.enterprise
        and 1 <= begun.first_day - ended.last_day <= within_days
    )
    return [
        Handover(
            giver,
            receiver,
            tuple(ended.device for ended, _begun in matched),
            tuple(begun.device for _ended, begun in matched),
            min(begun.first_day for _ended, begun in matched),
        )
        for (giver, receiver), matched in sorted(_matched(pairs).items())
        if len(matched) >= devices_min
    ]


def _matched(
    pairs: Sequence[tuple[int, Spell, Spell]],
) -> dict[tuple[int, int], list[tuple[Spell, Spell]]]:
    """By giver and receiver, pairs in which no spell comes twice."""
    given: set[Spell] = set()
    received: set[Spell] = set()
    matched: dict[tuple[int, int], list[tuple[Spell, Spell]]] = {}
    for _days, ended, begun in pairs:
        if ended not in given and begun not in received:
            given.add(ended)
            received.add(begun)
            matched.setdefault((ended.enterprise, begun.enterprise), []).append((ended, begun))
    return matched
