"""Machines that leave one enterprise and begin at another, to the second. Pure.

Whoever moves a bank of machines on, when it has earned its enterprise, registers new serials; the
program that sends for them goes on in the beat it had.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

__all__ = ["Handover", "Spell", "handovers"]


_NEAREST: Final = 60
"""Spells with which one that begins is paired: where a crowd stops in one beat, it says nothing."""


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
    by_chance: float
    """How many other enterprises one expects to have stopped in this beat in the days before."""


def handovers(
    ended: Iterable[Spell],
    begun: Iterable[Spell],
    *,
    within_days: int,
    devices_min: int,
    stretch_days: int,
) -> list[Handover]:
    """At least `devices_min` devices that begin within some days after as many of another stop.

    A device that begins is paired with one that stopped 1 to `within_days` days before it, under
    another enterprise, with the same interval and the same second of it; of two enterprises each is
    paired once, the nearest in time first. Of a crowd the sixty that stopped last are looked at.

    Many machines beat at the full minute, and some of them always stop as others begin. So each
    hand-over says how common its beat is: e = (m + 1/2) w / s, where m other enterprises stopped in
    its rarest beat on any of the s days of the stretch, and w is `within_days`.

    Args:
        ended: what stopped, with the beat that it had last.
        begun: what began, with the beat that it had first.
        within_days: from the last day of the one to the first day of the other.
        devices_min: pairs of two enterprises that make a hand-over.
        stretch_days: of which everything that ended and began is given.
    """
    ending: dict[tuple[int, int], list[Spell]] = {}
    stopped: dict[tuple[int, int], set[int]] = {}
    for each in sorted(ended):
        ending.setdefault(_beat(each), []).append(each)
        stopped.setdefault(_beat(each), set()).add(each.enterprise)
    for stopped_alike in ending.values():
        stopped_alike.sort(key=_last_day)
    pairs = sorted(
        (later.first_day - earlier.last_day, earlier, later)
        for later in begun
        for earlier in _nearest(ending.get(_beat(later), ()), later, within_days)
    )
    return [
        Handover(
            giver,
            receiver,
            tuple(earlier.device for earlier, _later in matched),
            tuple(later.device for _earlier, later in matched),
            min(later.first_day for _earlier, later in matched),
            (
                min(len(stopped[_beat(later)] - {giver, receiver}) for _earlier, later in matched)
                + 0.5
            )
            * within_days
            / stretch_days,
        )
        for (giver, receiver), matched in sorted(_matched(pairs).items())
        if len(matched) >= devices_min
    ]


def _nearest(ended: Sequence[Spell], later: Spell, within_days: int) -> Iterator[Spell]:
    """Those of other enterprises that stopped last before it began, sixty at most.

    Args:
        ended: in order of the last day.
        later: what began.
        within_days: so long before at most.
    """
    first = bisect_left(ended, later.first_day - within_days, key=_last_day)
    end = bisect_left(ended, later.first_day, key=_last_day)
    others = (
        ended[place]
        for place in range(end - 1, first - 1, -1)
        if ended[place].enterprise != later.enterprise
    )
    return islice(others, _NEAREST)


def _last_day(spell: Spell) -> int:
    return spell.last_day


def _beat(spell: Spell) -> tuple[int, int]:
    return spell.interval_s, spell.second


def _matched(
    pairs: Sequence[tuple[int, Spell, Spell]],
) -> dict[tuple[int, int], list[tuple[Spell, Spell]]]:
    """By giver and receiver, pairs in which no spell comes twice.

    A spell may stand in the pairs of several enterprises: many devices beat at the full minute, and
    whoever stopped nearest in time need not be the giver.
    """
    matched: dict[tuple[int, int], list[tuple[Spell, Spell]]] = {}
    taken: dict[tuple[int, int], set[Spell]] = {}
    for _days, earlier, later in pairs:
        of_both = (earlier.enterprise, later.enterprise)
        spells = taken.setdefault(of_both, set())
        if earlier not in spells and later not in spells:
            spells |= {earlier, later}
            matched.setdefault(of_both, []).append((earlier, later))
    return matched
