"""Signals of what heartbeats say besides that a device was heard: counters, beats, values. Pure."""

from collections.abc import Iterator
from datetime import date

from verifier.trust.counters import Beginning, End, continuations
from verifier.trust.gathered import Gathered, Series, ToldByHeartbeats
from verifier.trust.handover import Spell, handovers
from verifier.trust.metrics import has_variety, is_count, memory, repetitions
from verifier.trust.signal import Kind, Signal
from verifier.trust.subject import signal_of_case
from verifier.trust.thresholds import Thresholds

__all__ = ["seen_in_heartbeats"]

_VALUES_MIN = 100
"""Measured values of which something is said."""


def seen_in_heartbeats(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    """Every signal of counters, beats and measured values."""
    yield from _counter_fell(gathered)
    yield from _counter_continued(gathered, thresholds)
    yield from _handed_over(gathered, thresholds)
    series = [each for each in gathered.series if _is_measured(each)]
    if gathered.series_on is not None:
        yield from _metrics_repeat(gathered, thresholds, series, gathered.series_on)
        yield from _metrics_without_memory(gathered, thresholds, series, gathered.series_on)


def _counter_fell(gathered: Gathered) -> Iterator[Signal]:
    by_case: dict[int, list[tuple[int, ToldByHeartbeats]]] = {}
    for member, told in sorted(gathered.told.items()):
        if told.falls:
            by_case.setdefault(int(gathered.fleet.case[member]), []).append((member, told))
    for case, found in by_case.items():
        first = min(told.fell_first_day for _member, told in found)
        last = max(told.fell_last_day for _member, told in found)
        yield signal_of_case(
            gathered,
            Kind.COUNTER_FELL,
            case,
            score=sum(told.falls for _member, told in found),
            threshold=1,
            span=(date.fromordinal(first), date.fromordinal(last)),
            devices=gathered.serials_of([member for member, _told in found]),
        )


def _counter_continued(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    ends, beginnings = [], []
    for member, told in sorted(gathered.told.items()):
        first_heard, last_heard = _life(gathered, member)
        if told.counter_last and last_heard <= told.counter_last[0] < gathered.as_of.toordinal():
            ends.append(End(member, *told.counter_last, told.counter_step))
        if told.counter_first and told.counter_first[0] <= first_heard:
            beginnings.append(Beginning(member, *told.counter_first))
    found: dict[tuple[int, int], list[tuple[End, Beginning]]] = {}
    for ended, begun in continuations(ends, beginnings, thresholds.counter_continued_days_max):
        giver = int(gathered.fleet.case[ended.device])
        receiver = int(gathered.fleet.case[begun.device])
        if _uscc(gathered, giver) != _uscc(gathered, receiver):
            found.setdefault((receiver, giver), []).append((ended, begun))
    for (receiver, giver), pairs in sorted(found.items()):
        gave = gathered.cases[giver]
        days = [begun.day for _ended, begun in pairs]
        devices = gathered.serials_of([begun.device for _ended, begun in pairs])
        yield signal_of_case(
            gathered,
            Kind.COUNTER_CONTINUED,
            receiver,
            score=len(devices),
            threshold=1,
            span=(date.fromordinal(min(days)), date.fromordinal(max(days))),
            devices=devices,
            detail={
                "platform": gave.platform.code,
                "uscc": gave.enterprise.uscc,
                "serials": list(gathered.serials_of([ended.device for ended, _begun in pairs])),
            },
        )


def _handed_over(gathered: Gathered, thresholds: Thresholds) -> Iterator[Signal]:
    enterprises = {
        uscc: number
        for number, uscc in enumerate(sorted({each.enterprise.uscc for each in gathered.cases}))
    }
    ended, begun = [], []
    for member, told in sorted(gathered.told.items()):
        enterprise = enterprises[_uscc(gathered, int(gathered.fleet.case[member]))]
        first, last = _life(gathered, member)
        if told.beat_last is not None and last < gathered.as_of.toordinal():
            ended.append(Spell(member, enterprise, first, last, *told.beat_last))
        if told.beat_first is not None and first > gathered.from_on.toordinal():
            begun.append(Spell(member, enterprise, first, last, *told.beat_first))
    found = handovers(
        ended,
        begun,
        within_days=thresholds.handed_over_within_days,
        devices_min=thresholds.handed_over_devices_min,
        stretch_days=gathered.fleet.stretch.days,
    )
    for each in found:
        giver = gathered.cases[int(gathered.fleet.case[each.stopped[0]])]
        last = max(_life(gathered, member)[0] for member in each.began)
        yield signal_of_case(
            gathered,
            Kind.HANDED_OVER,
            int(gathered.fleet.case[each.began[0]]),
            score=len(each.began),
            threshold=thresholds.handed_over_devices_min,
            span=(date.fromordinal(each.first_day), date.fromordinal(last)),
            devices=gathered.serials_of(each.began),
            detail={
                "platform": giver.platform.code,
                "uscc": giver.enterprise.uscc,
                "serials": list(gathered.serials_of(each.stopped)),
                "by_chance_percent": round(100 * each.by_chance),
            },
        )


def _metrics_repeat(
    gathered: Gathered, thresholds: Thresholds, series: list[Series], day: date
) -> Iterator[Signal]:
    """A recording that is played at one device again and again, or at several of any enterprise."""
    best: dict[int, tuple[float, set[int], set[int]]] = {}
    found = repetitions([each.values for each in series], thresholds.metrics_repeated_share_min)
    for each in found:
        one, other = series[each.one].member, series[each.other].member
        for member, with_member in ((one, other), (other, one)):
            case = int(gathered.fleet.case[member])
            share, members, others = best.get(case, (0.0, set(), set()))
            best[case] = max(share, each.share), members | {member}, others | {with_member}
    for case, (share, members, others) in sorted(best.items()):
        foreign = sorted(
            {
                _uscc(gathered, int(gathered.fleet.case[member]))
                for member in others
                if int(gathered.fleet.case[member]) != case
            }
        )
        yield signal_of_case(
            gathered,
            Kind.METRICS_REPEAT,
            case,
            score=share,
            threshold=thresholds.metrics_repeated_share_min,
            span=(day, day),
            devices=gathered.serials_of(sorted(members)),
            detail={"with": foreign},
        )


def _metrics_without_memory(
    gathered: Gathered, thresholds: Thresholds, series: list[Series], day: date
) -> Iterator[Signal]:
    """Devices none of whose measured values knows of the one before."""
    most: dict[int, float] = {}
    for each in series:
        most[each.member] = max(most.get(each.member, -1.0), memory(each.values))
    by_case: dict[int, list[int]] = {}
    for member, value in sorted(most.items()):
        if value < thresholds.metrics_memory_min:
            by_case.setdefault(int(gathered.fleet.case[member]), []).append(member)
    for case, members in sorted(by_case.items()):
        yield signal_of_case(
            gathered,
            Kind.METRICS_WITHOUT_MEMORY,
            case,
            score=min(most[member] for member in members),
            threshold=thresholds.metrics_memory_min,
            span=(day, day),
            devices=gathered.serials_of(members),
        )


def _is_measured(series: Series) -> bool:
    return has_variety(series.values, _VALUES_MIN) and not is_count(series.values)


def _life(gathered: Gathered, member: int) -> tuple[int, int]:
    """Ordinals of the first and the last day on which a member was heard."""
    fleet = gathered.fleet
    first = fleet.stretch.first_day + int(fleet.first[member])
    return first, max(first, fleet.stretch.first_day + int(fleet.end[member]) - 1)


def _uscc(gathered: Gathered, case: int) -> str:
    return gathered.cases[case].enterprise.uscc
