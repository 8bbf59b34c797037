"""Signals that the hours of devices give: effort, liveness, rhythm, stops. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from verifier.counting.eligibility import waived, window_rule
from verifier.trust.effort import (
    quiet_days,
    required_hours,
    shares_not_live,
    silence_when_full,
)
from verifier.trust.gathered import Gathered
from verifier.trust.interruptions import find_interrupted_alike
from verifier.trust.precedence import came_later
from verifier.trust.rhythm import RhythmRules, find_alike
from verifier.trust.signal import Detail, Kind, Signal
from verifier.trust.stops import heard_while_stopped
from verifier.trust.subject import signal_of_case
from verifier.trust.thresholds import Thresholds

__all__ = ["seen_in_presence"]


def seen_in_presence(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    """Every signal of presence."""
    yield from _required_hours(gathered, thresholds)
    yield from _silent_when_full(gathered, thresholds)
    yield from _not_live(gathered, thresholds)
    yield from _heard_while_stopped(gathered)
    yield from _rhythm_alike(gathered, thresholds)


def _required_hours(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    found = required_hours(gathered.fleet, gathered.active_hours_min())
    for case in np.flatnonzero(found.share >= thresholds.required_hours_share_min).tolist():
        yield signal_of_case(
            gathered,
            Kind.REQUIRED_HOURS,
            case,
            score=float(found.share[case]),
            threshold=thresholds.required_hours_share_min,
            span=(_day(gathered, int(found.first[case])), _day(gathered, int(found.last[case]))),
        )


def _silent_when_full(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    quiet = quiet_days(gathered.days)
    as_of, from_on = gathered.as_of.toordinal(), gathered.from_on.toordinal()
    for number, case in enumerate(gathered.cases):
        if case.window is None:
            continue
        first = case.window.first_day.toordinal()
        active = gathered.days.rows(np.array([number])).between(first, as_of)[0]
        rested = np.zeros(len(active), dtype=np.bool_)
        start = first - gathered.days.first_day
        known = quiet[start : start + len(active)]
        rested[: len(known)] = known
        rule = window_rule(waived(gathered.policy, case.decisions))
        silence = silence_when_full(active, rested, rule)
        if silence is None or silence.days < thresholds.silent_days_min:
            continue
        begin = first + silence.first
        if begin + silence.length <= from_on:
            continue
        yield signal_of_case(
            gathered,
            Kind.SILENT_WHEN_FULL,
            number,
            score=silence.days,
            threshold=thresholds.silent_days_min,
            span=(date.fromordinal(begin), date.fromordinal(begin + silence.length - 1)),
            detail={"window_from": case.window.first_day.isoformat()},
        )


def _not_live(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    stretch = gathered.fleet.stretch
    first = np.zeros(len(gathered.cases), dtype=np.int64)
    last = np.full(len(gathered.cases), stretch.days - 1, dtype=np.int64)
    for number, case in enumerate(gathered.cases):
        if case.window is not None:
            begin = case.window.first_day.toordinal() - stretch.first_day
            end = case.window.last_day.toordinal() - stretch.first_day
            if begin >= 0 and end < stretch.days:
                first[number], last[number] = begin, end
    shares = shares_not_live(gathered.fleet, gathered.live_hours, gathered.live_known, first, last)
    for number in np.flatnonzero(shares >= thresholds.not_live_share_min).tolist():
        yield signal_of_case(
            gathered,
            Kind.NOT_LIVE,
            number,
            score=float(shares[number]),
            threshold=thresholds.not_live_share_min,
            span=(_day(gathered, int(first[number])), _day(gathered, int(last[number]))),
        )


def _heard_while_stopped(gathered: Gathered) -> Iterator[Signal]:
    found = heard_while_stopped(gathered.fleet, gathered.stops, gathered.active_hours_min())
    for each in found:
        yield signal_of_case(
            gathered,
            Kind.HEARD_WHILE_STOPPED,
            each.case,
            score=each.days,
            threshold=1,
            span=(date.fromordinal(each.first_day), date.fromordinal(each.last_day)),
            devices=tuple(sorted(gathered.serials[device] for device in each.devices)),
        )


@dataclass(slots=True)
class _Pair:
    """All likenesses of the machines of two cases at one lag, looked at from one side."""

    score: float = 0.0
    members: set[int] = field(default_factory=set)
    others: set[int] = field(default_factory=set)
    first_day: int = 0
    last_day: int = 0

    def add(self, *, member: int, other: int, score: float, first_day: int, days: int) -> None:
        is_first = not self.members
        self.members.add(member)
        self.others.add(other)
        self.score = max(self.score, score)
        self.first_day = first_day if is_first else min(self.first_day, first_day)
        self.last_day = max(self.last_day, first_day + days - 1)


def _rhythm_alike(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    """Both of two cases have the signal, and each says which of them came later.

    The one that came first may be the victim of the other, who copied it. Machines that are always
    on have no rhythm, and are looked at for their interruptions.
    """
    fleet = gathered.fleet
    rules = RhythmRules(thresholds.rhythm_likeness_min, thresholds.rhythm_common_days_min)
    pairs: dict[tuple[int, int, int], _Pair] = {}
    for each in (*find_alike(fleet, rules), *find_interrupted_alike(fleet, rules)):
        mine, theirs = int(fleet.case[each.member]), int(fleet.case[each.other])
        if gathered.cases[mine].enterprise.uscc == gathered.cases[theirs].enterprise.uscc:
            continue  # one enterprise on two platforms shows its own machines on both
        pairs.setdefault((mine, theirs, each.lag_days), _Pair()).add(
            member=each.member,
            other=each.other,
            score=each.score,
            first_day=each.first_day,
            days=each.days,
        )
        pairs.setdefault((theirs, mine, -each.lag_days), _Pair()).add(
            member=each.other,
            other=each.member,
            score=each.score,
            first_day=each.first_day - each.lag_days,
            days=each.days,
        )
    best: dict[tuple[int, int], tuple[float, int, int]] = {}
    for (mine, theirs, lag), pair in pairs.items():
        rank = (pair.score, -abs(lag), lag)
        best[mine, theirs] = max(best.get((mine, theirs), rank), rank)
    for (mine, theirs), (_score, _size, lag) in best.items():
        yield _alike(gathered, thresholds, mine, theirs, lag, pairs[mine, theirs, lag])


def _alike(
    gathered: Gathered, thresholds: Thresholds, mine: int, theirs: int, lag: int, pair: _Pair
) -> Signal:
    other = gathered.cases[theirs]
    detail: Detail = {
        "platform": other.platform.code,
        "uscc": other.enterprise.uscc,
        "serials": list(gathered.serials_of(sorted(pair.others))),
        "lag_days": lag,
        "came_later": _came_later(gathered, lag, pair),
    }
    return signal_of_case(
        gathered,
        Kind.RHYTHM_ALIKE,
        mine,
        score=pair.score,
        threshold=thresholds.rhythm_likeness_min,
        span=(date.fromordinal(pair.first_day), date.fromordinal(pair.last_day)),
        devices=gathered.serials_of(sorted(pair.members)),
        detail=detail,
    )


def _came_later(gathered: Gathered, lag: int, pair: _Pair) -> str:
    """Who showed these machines after the other: by lag, else by who was at work first."""
    if lag:
        return "self" if lag > 0 else "other"
    return came_later(gathered.fleet, sorted(pair.members), sorted(pair.others), pair.first_day)


def _day(gathered: Gathered, number: int) -> date:
    return date.fromordinal(gathered.fleet.stretch.first_day + number)
