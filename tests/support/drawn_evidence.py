"""A drawn city as what signals are found in: the same values that are read from the database."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from simulators.evidence.city import DrawnCity
from simulators.evidence.machine import CLOUD, Machine, Period
from verifier.counting.eligibility import Case
from verifier.counting.registry import Connection, Enterprise, Platform
from verifier.counting.windows import ActiveDays, WindowRule, earliest_windows
from verifier.policy import Policy
from verifier.trust.fleet import Fleet, Stretch
from verifier.trust.gateways import Served
from verifier.trust.gathered import Beat, Gateway, Gathered, Series, ToldByHeartbeats
from verifier.trust.registration import Registration
from verifier.trust.seeing import find_signals
from verifier.trust.seen_in_heartbeats import seen_in_heartbeats
from verifier.trust.signal import Signal
from verifier.trust.stops import Stop
from verifier.trust.thresholds import thresholds_of

__all__ = ["gathered_of_city", "signals_of_city"]

_LIVE_WITHIN_MINUTES: Final = 60
_SECONDS_PER_HOUR: Final = 3_600
_MEASURED_HOURS: Final = np.isin(np.arange(24), (9, 10, 11))
"""Those of which a run reads measured values."""
_NIGHTS_EVERY_DAYS: Final = 20
"""Measured values are looked at each night, and here every twentieth, for time's sake."""
_OWN: Final = "own"

_Member = tuple[int, Machine, Period]
"""Place of its enterprise, the machine, and the days on which it is the enterprise's."""


def gathered_of_city(city: DrawnCity, policy: Policy) -> Gathered:
    """Everything but measured values, as a run of signals gathers it at the stretch's end.

    Evidence follows registration, as it does in a count.
    """
    members = list(_members(city))
    first_day, days = city.around.first_on.toordinal(), city.around.days
    serials = sorted({machine.serial for _case, machine, _period in members})
    ids = {serial: number for number, serial in enumerate(serials)}
    by_themselves = [_by_itself(city, member, policy) for member in members]
    active, if_accepted = (_active_days(city, each, policy) for each in (by_themselves, members))
    lives = [_heard_within(machine, period) for _case, machine, period in members]
    return Gathered(
        policy=policy,
        cases=_cases(city, active, policy),
        days=active,
        fleet=Fleet(
            stretch=Stretch(first_day, days),
            device=np.array([ids[machine.serial] for _case, machine, _period in members]),
            case=np.array([case for case, _machine, _period in members]),
            hours=_packed([_within(machine.hours, period) for _case, machine, period in members]),
            first=np.array([life.first for life in lives]),
            end=np.array([life.end for life in lives]),
        ),
        live_hours=_packed(
            [
                _within(machine.live(_LIVE_WITHIN_MINUTES), period)
                for _case, machine, period in members
            ]
        ),
        live_known=np.ones(days, dtype=np.bool_),
        serials=dict(enumerate(serials)),
        days_if_accepted=if_accepted,
        registrations=tuple(_registrations(city)),
        told={
            number: _told(city, machine, period)
            for number, (_case, machine, period) in enumerate(members)
        },
        stops=tuple(
            Stop(place, None, first_day + stop.first, first_day + stop.end - 1)
            for place, enterprise in enumerate(city.enterprises)
            for stop in enterprise.stops
        ),
        **_gateways(city),  # type: ignore[arg-type]
    )


def signals_of_city(city: DrawnCity, gathered: Gathered, policy: Policy) -> list[Signal]:
    """Every signal of a year: one look at all the evidence, and some nights at measured values."""
    assert policy.signals is not None
    found = find_signals(gathered, policy.signals)
    thresholds = thresholds_of(policy.signals)
    for day in range(_NIGHTS_EVERY_DAYS, city.around.days, _NIGHTS_EVERY_DAYS):
        of_night = replace(_with_series_of(gathered, city, day), told={})
        found += seen_in_heartbeats(of_night, thresholds)
    return found


def _with_series_of(gathered: Gathered, city: DrawnCity, day: int) -> Gathered:
    """The same with measured values of one day of the stretch."""
    series = []
    for number, (_case, machine, period) in enumerate(_members(city)):
        if machine.gauge is None or not period.first <= day < period.end:
            continue
        heard = machine.hours[day]
        an_hour = _SECONDS_PER_HOUR // machine.interval_s
        is_measured = np.repeat(heard & _MEASURED_HOURS, an_hour)
        place = np.flatnonzero(is_measured)
        if not len(place):
            continue
        values = machine.gauge.values(day, int(place[-1]) + 1)[place]
        series.append(Series(number, "value", values))
    return replace(gathered, series=tuple(series), series_on=_dated(city, day))


def _members(city: DrawnCity) -> Iterator[_Member]:
    for place, enterprise in enumerate(city.enterprises):
        end = city.around.days if enterprise.to_day is None else enterprise.to_day
        for machine in enterprise.machines:
            yield place, machine, machine.assigned or Period(enterprise.from_day, end)


def _by_itself(city: DrawnCity, member: _Member, policy: Policy) -> _Member:
    """The member with the days that count though nobody accepts what was recorded late."""
    case, machine, period = member
    assert policy.backdate_days_max is not None
    first = city.enterprises[case].recorded_day - policy.backdate_days_max.value
    return case, machine, Period(max(period.first, min(first, period.end)), period.end)


def _dated(city: DrawnCity, day: int) -> date:
    return city.around.first_on + timedelta(days=day)


def _within(hours: npt.NDArray[np.bool_], period: Period) -> npt.NDArray[np.bool_]:
    own = np.zeros_like(hours)
    chosen = slice(max(period.first, 0), period.end)
    own[chosen] = hours[chosen]
    return own


def _packed(hours: Sequence[npt.NDArray[np.bool_]]) -> npt.NDArray[np.uint8]:
    return np.packbits(np.array(hours).reshape(len(hours), -1), axis=1)


def _heard_within(machine: Machine, period: Period) -> Period:
    heard = np.flatnonzero(_within(machine.hours, period).any(axis=1))
    return Period(int(heard[0]), int(heard[-1]) + 1) if len(heard) else Period(0, 0)


def _active_days(city: DrawnCity, members: Sequence[_Member], policy: Policy) -> ActiveDays:
    devices = np.zeros((len(city.enterprises), city.around.days), dtype=np.int64)
    for case, machine, period in members:
        hours = _within(machine.hours, period).sum(axis=1)
        devices[case] += hours >= policy.active_hours_per_day_min.value
    return ActiveDays(city.around.first_on.toordinal(), devices >= policy.active_devices_min.value)


def _cases(city: DrawnCity, active: ActiveDays, policy: Policy) -> tuple[Case, ...]:
    rule = WindowRule(
        policy.window_days.value, policy.active_days_min.value, policy.longest_gap_days_max.value
    )
    windows = earliest_windows(active, rule, _dated(city, city.around.days - 1))
    return tuple(
        Case(
            Platform(enterprise.platform, enterprise.platform),
            Enterprise(enterprise.key, enterprise.key, enterprise.district),
            (Connection(_dated(city, enterprise.from_day)),),
            window=window,
        )
        for enterprise, window in zip(city.enterprises, windows, strict=True)
    )


def _registrations(city: DrawnCity) -> Iterator[Registration]:
    for place, enterprise in enumerate(city.enterprises):
        recorded = _dated(city, enterprise.recorded_day)
        yield Registration(place, None, _dated(city, enterprise.from_day), recorded)
        for machine in enterprise.machines:
            first = enterprise.from_day if machine.assigned is None else machine.assigned.first
            yield Registration(place, machine.serial, _dated(city, first), recorded)


def _told(city: DrawnCity, machine: Machine, period: Period) -> ToldByHeartbeats:
    beat = Beat(machine.interval_s, machine.second)
    first_day = city.around.first_on.toordinal()
    readings = [
        (first_day + hour // 24, counter, boot)
        for hour, counter, boot in machine.readings()
        if period.first <= hour // 24 < period.end
    ]
    fell = [
        after[0]
        for before, after in pairwise(readings)
        if after[1] < before[1] and after[2] == before[2]
    ]
    return ToldByHeartbeats(
        counter_first=readings[0][:2] if readings else None,
        counter_last=readings[-1][:2] if readings else None,
        counter_step=max((life.per_hour for life in machine.counters), default=0.0),
        falls=len(fell),
        fell_first_day=fell[0] if fell else 0,
        fell_last_day=fell[-1] if fell else 0,
        beat_first=beat,
        beat_last=beat,
    )


def _gateways(city: DrawnCity) -> dict[str, object]:
    """Gateways by number; those of honest parks have their site written down, shells' have none."""
    first_day = city.around.first_on.toordinal()
    numbers: dict[str, int] = {}
    served, gateways = [], {}
    for place, enterprise in enumerate(city.enterprises):
        for name in sorted({machine.publisher for machine in enterprise.machines}):
            if name in (CLOUD, _OWN):
                continue
            number = numbers.setdefault(name, len(numbers))
            site = None if enterprise.cheat else "园区"
            gateways[number] = Gateway(enterprise.platform, name, site)
            served.append(
                Served(
                    number,
                    place,
                    enterprise.district,
                    first_day + enterprise.from_day,
                    first_day + city.around.days - 1,
                    tuple(machine.serial for machine in enterprise.machines),
                )
            )
    return {"served": tuple(served), "gateways": gateways}
