"""Machines that are always on, and stand still at the same hours in two enterprises. Pure.

A controller that is never switched off has no rhythm to depart from, so `rhythm` says nothing of
it. What it has are interruptions: a breakdown, an hour that was lost. Most of these are the line's
or the gateway's, and befall all machines of an enterprise, or of a street, in the same hours. What
tells is an interruption *of its own*: hours in which a machine was silent and no other machine of
its enterprise was silent in just the same ones. A copy of the machines has all of these to the
hour; two honest machines have one in common at times, and hardly two.

For two enterprises and a lag of whole weeks, over the days on which two machines are both there:

- each machine is paired with the one that has most of its own interruptions at the same hours;
- n = interruptions of their own that pairs have in common, at least two;
- J = n / (a + b - n), where a and b are all own interruptions of the paired machines.

Hours at which many enterprises have a machine standing still say nothing, and are left out. Further
machines belong to the bank where all their interruptions, their own and the line's, are the same.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Final

import numpy as np
import numpy.typing as npt

from jieru.calendar import HOURS_PER_DAY
from verifier.counting.activity import IntArray
from verifier.trust.fleet import Fleet, heard_hours
from verifier.trust.rhythm import Likeness, RhythmRules

__all__ = ["find_interrupted_alike"]

_ALWAYS_ON: Final = 0.85
"""Share of the hours of its life in which such a machine is heard."""
_LONGEST_HOURS: Final = 7 * HOURS_PER_DAY
"""A longer silence is being away, as in `rhythm`."""
_IN_COMMON_MIN: Final = 2
_CASES_MAX: Final = 8
"""Enterprises with an interruption at the same hours, from which on it is nobody's own."""
_MEMBERS_AT_ONCE: Final = 1_000
_PER_HOUR: Final = 256


_Spans = dict[int, IntArray]
"""By member, in order: hours of silence, as `start * 256 + length`, from the stretch's first."""
_PairsOfMachines = Mapping[tuple[int, int], int]
"""How many interruptions of their own two machines have in common."""


def find_interrupted_alike(fleet: Fleet, rules: RhythmRules) -> list[Likeness]:
    """Pairs of machines of different cases that are always on and were interrupted alike.

    Each machine of a bank comes with the one of the other case that it is like, and with the
    likeness of the whole bank.

    Args:
        fleet: by case.
        rules: from when on two are alike, as for rhythms.
    """
    interrupted = _interruptions(fleet, _always_on(fleet, rules.common_days_min))
    own = _own(fleet, interrupted)
    holders = _holders(own)
    return sorted(
        likeness
        for lag in rules.lags_days
        for pairs in _in_common(fleet, holders, lag).values()
        for likeness in _bank(fleet, interrupted, own, lag, pairs, rules)
    )


def _always_on(fleet: Fleet, days_min: int) -> IntArray:
    """Members that are heard in nearly all hours between their first and their last."""
    chosen: list[IntArray] = []
    for start in range(0, len(fleet), _MEMBERS_AT_ONCE):
        block = slice(start, start + _MEMBERS_AT_ONCE)
        heard = np.bitwise_count(fleet.hours[block]).sum(axis=1, dtype=np.int64)
        days = fleet.end[block] - fleet.first[block]
        is_on = (days >= days_min) & (heard >= _ALWAYS_ON * HOURS_PER_DAY * days)
        chosen.append(start + np.flatnonzero(is_on))
    return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)


def _interruptions(fleet: Fleet, members: IntArray) -> _Spans:
    found: _Spans = {}
    for start in range(0, len(members), _MEMBERS_AT_ONCE):
        block = members[start : start + _MEMBERS_AT_ONCE]
        heard = heard_hours(fleet, block).reshape(len(block), -1)
        for member, hours in zip(block.tolist(), heard, strict=True):
            found[member] = _silences(hours)
    return found


def _silences(heard: npt.NDArray[np.bool_]) -> IntArray:
    """Runs of silent hours between two that were heard."""
    hours = np.flatnonzero(heard)
    lengths = np.diff(hours) - 1
    gaps = np.flatnonzero((lengths > 0) & (lengths < _LONGEST_HOURS))
    spans: IntArray = (hours[gaps] + 1) * _PER_HOUR + lengths[gaps]
    return spans


def _own(fleet: Fleet, interrupted: _Spans) -> _Spans:
    """Interruptions that no other machine of the case has at the same hours, nor many others."""
    by_case: dict[int, list[int]] = defaultdict(list)
    for member in interrupted:
        by_case[int(fleet.case[member])].append(member)
    lonely: _Spans = {}
    of_cases = []
    for members in by_case.values():
        spans, times = _counted([interrupted[member] for member in members])
        of_cases.append(spans)
        # Where there is one machine, nobody can tell its own interruptions from the line's.
        if len(members) > 1:
            for member in members:
                lonely[member] = _without(interrupted[member], spans[times > 1])
    spans, cases = _counted(of_cases)
    common = spans[cases > _CASES_MAX]
    return {member: _without(spans, common) for member, spans in lonely.items()}


def _counted(several: Sequence[IntArray]) -> tuple[IntArray, IntArray]:
    empty = np.zeros(0, dtype=np.int64)
    spans, times = np.unique(np.concatenate([empty, *several]), return_counts=True)
    return spans, times


def _without(spans: IntArray, others: IntArray) -> IntArray:
    kept: IntArray = spans[~np.isin(spans, others, assume_unique=True)]
    return kept


def _holders(own: _Spans) -> dict[int, list[int]]:
    """Members by each interruption."""
    holders: dict[int, list[int]] = defaultdict(list)
    for member, spans in own.items():
        for span in spans.tolist():
            holders[span].append(member)
    return holders


def _in_common(
    fleet: Fleet, holders: Mapping[int, list[int]], lag: int
) -> dict[tuple[int, int], Counter[tuple[int, int]]]:
    """By pair of cases, the first `lag` days later: how many each pair of machines has in common.

    Only pairs of cases with enough of them.
    """
    found: dict[tuple[int, int], Counter[tuple[int, int]]] = defaultdict(Counter)
    for span, later in holders.items():
        for other in holders.get(span - _shift(lag), ()):
            for member in later:
                cases = int(fleet.case[member]), int(fleet.case[other])
                # Without a lag a pair is the same either way round.
                if cases[0] < cases[1] or (lag and cases[0] != cases[1]):
                    found[cases][member, other] += 1
    return {cases: pairs for cases, pairs in found.items() if sum(pairs.values()) >= _IN_COMMON_MIN}


def _shift(days: int) -> int:
    return days * HOURS_PER_DAY * _PER_HOUR


def _bank(
    fleet: Fleet,
    interrupted: _Spans,
    own: _Spans,
    lag: int,
    pairs: _PairsOfMachines,
    rules: RhythmRules,
) -> Iterator[Likeness]:
    """The machines of two cases that are alike, if they are."""
    matched = _matched(pairs)
    in_common = sum(pairs[pair] for pair in matched)
    both = sum(
        len(each) for pair in matched for each in _while_both_are_there(fleet, own, lag, *pair)
    )
    score = in_common / max(both - in_common, 1)
    if in_common < _IN_COMMON_MIN or score < rules.likeness_min:
        return
    for member, other in [*matched, *_the_same(fleet, interrupted, lag, matched)]:
        first, end = _common_days(fleet, lag, member, other)
        if end - first >= rules.common_days_min:
            day = fleet.stretch.first_day + first
            yield Likeness(member, other, lag, round(score, 4), day, end - first)


def _matched(pairs: _PairsOfMachines) -> list[tuple[int, int]]:
    """Each machine with one other at most, those with most in common first."""
    matched: list[tuple[int, int]] = []
    taken: set[int] = set()
    for member, other in sorted(pairs, key=lambda pair: (-pairs[pair], pair)):
        if not {member, other} & taken:
            taken |= {member, other}
            matched.append((member, other))
    return matched


def _the_same(
    fleet: Fleet, interrupted: _Spans, lag: int, matched: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Further machines of the same two cases all of whose interruptions are the same."""
    cases = tuple(int(fleet.case[member]) for member in matched[0])
    taken = {member for pair in matched for member in pair}
    mine, theirs = (
        [each for each in interrupted if fleet.case[each] == case and each not in taken]
        for case in cases
    )
    alike: dict[tuple[int, int], int] = {}
    for pair in product(mine, theirs):
        own, foreign = _while_both_are_there(fleet, interrupted, lag, *pair)
        if len(own) and np.array_equal(own, foreign):
            alike[pair] = len(own)
    return _matched(alike)


def _common_days(fleet: Fleet, lag: int, member: int, other: int) -> tuple[int, int]:
    """Days on which both are there, counted as the member has them; `end` exclusive."""
    first = max(int(fleet.first[member]), int(fleet.first[other]) + lag)
    return first, max(first, min(int(fleet.end[member]), int(fleet.end[other]) + lag))


def _while_both_are_there(
    fleet: Fleet, spans: _Spans, lag: int, member: int, other: int
) -> tuple[IntArray, IntArray]:
    """Interruptions of two machines that begin while both are there, as the member has them."""
    edges = [_shift(day) for day in _common_days(fleet, lag, member, other)]
    mine, theirs = (
        several[slice(*np.searchsorted(several, edges))]
        for several in (spans[member], spans[other] + _shift(lag))
    )
    return mine, theirs
