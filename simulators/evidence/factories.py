"""Honest factories: shifts that waver, feast days, seasons, breakdowns, bad lines and wrong clocks.

Nothing here is made so that a signal passes it by: what honest operators do that looks odd is in it
at the share at which one would expect it, late registrations, trials of three months, gateways that
upload every two hours and counters that were changed without a word among them.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from simulators.evidence.chance import happens, one_of
from simulators.evidence.gauges import Gauge
from simulators.evidence.machine import (
    CLOUD,
    HOURS_PER_DAY,
    BoolArray,
    CounterLife,
    DrawnEnterprise,
    IntArray,
    Machine,
    Period,
)
from simulators.evidence.surroundings import DISTRICTS, Surroundings

__all__ = ["Factory", "draw_district", "draw_factory", "draw_machines", "honest_enterprise"]

_MINUTES: Final = 60
_FULL_DAY_MINUTES: Final = HOURS_PER_DAY * _MINUTES
_SUNDAY, _SATURDAY = 6, 5
_LONGEST_DELAY_MINUTES: Final = 60_000

_SHIFTS: Final = (
    # Share of factories, hours of a working day from and to; 24: the controller is always on.
    (0.45, 8, 10),
    (0.15, 11, 13),
    (0.15, 15, 17),
    (0.10, 23, 24),
    (0.10, 24, 24),
    (0.05, 5, 6),
)
_RESTS: Final = ((0.50, (_SUNDAY,)), (0.12, (_SATURDAY, _SUNDAY)), (0.38, ()))
_TRIED: Final = 0.02
"""Of the days of a declared stop, those on which a machine is tried."""
_STAYS: Final = (("trial", 0.02), ("leaves", 0.06), ("stays", 0.92))
_RECORDED: Final = (("forgotten", 0.01), ("late", 0.05), ("in time", 0.94))
_INTERVALS_S: Final = ((0.55, 60), (0.15, 30), (0.20, 300), (0.10, 600))


@dataclass(frozen=True, slots=True)
class Factory:
    """How one enterprise works, whoever its machines report to."""

    always_on: bool
    start_minute: int
    """Of the day, at which its shift starts."""
    length_minutes: int
    wavers_minutes: float
    """Standard deviation of when a shift starts and ends."""
    rests: tuple[int, ...]
    """Weekdays."""
    alternate_rest: bool
    """Only every other week."""
    closes_on_holidays: float
    """Share of public holidays."""
    festival_stop: tuple[int, int]
    """Days before and after the first of the Spring Festival."""
    closes_by_chance: float
    overtime: float
    low_seasons: tuple[Period, ...]
    low_share: float
    """Of days, in a low season, on which it stands still."""
    feeder: BoolArray
    """Hours without power."""
    utilisation: float
    """Share of working days on which a machine is needed."""
    breakdowns_a_year: float
    missed: float
    """Share of hours of which nothing arrives."""


def _chosen(chance: np.random.Generator, table: tuple[tuple[float, object], ...]) -> int:
    return int(chance.choice(len(table), p=[row[0] for row in table]))


def draw_factory(chance: np.random.Generator, around: Surroundings, district: str) -> Factory:
    """How an honest factory of a district works."""
    _share, shortest, longest = _SHIFTS[
        int(chance.choice(len(_SHIFTS), p=[row[0] for row in _SHIFTS]))
    ]
    always_on = shortest == HOURS_PER_DAY
    is_seasonal = happens(chance, 0.25)
    seasons = []
    if is_seasonal:
        for year in range(-1, around.days // 365 + 1):
            begun = year * 365 + int(chance.integers(100, 300))
            seasons.append(Period(begun, begun + int(chance.integers(25, 75))))
    return Factory(
        always_on=always_on,
        start_minute=int(chance.integers(6 * _MINUTES, 9 * _MINUTES + 1)),
        length_minutes=int(chance.integers(shortest * _MINUTES, longest * _MINUTES + 1)),
        wavers_minutes=float(chance.uniform(3, 25)),
        rests=_RESTS[_chosen(chance, _RESTS)][1],
        alternate_rest=happens(chance, 0.2),
        closes_on_holidays=float(chance.uniform(0.2, 0.98)),
        festival_stop=(int(chance.integers(2, 12)), int(chance.integers(6, 17))),
        closes_by_chance=float(chance.uniform(0.0, 0.04)),
        overtime=float(chance.uniform(0.0, 0.25)),
        low_seasons=tuple(seasons),
        low_share=float(chance.uniform(0.3, 1.0)),
        feeder=around.dark[district][int(chance.integers(len(around.dark[district])))],
        utilisation=float(chance.uniform(0.75, 0.99)),
        breakdowns_a_year=float(chance.uniform(1, 6)),
        missed=float(chance.choice([0.0, 0.005, 0.02, 0.05])),
    )


def work(chance: np.random.Generator, around: Surroundings, factory: Factory) -> BoolArray:
    """On which days the factory works at all, shape (days,)."""
    days = around.days
    rests = np.isin(around.weekday, factory.rests)
    if factory.alternate_rest:
        rests &= (np.arange(days) // 7) % 2 == 0
    closed = rests | (around.holiday & (chance.random(days) < factory.closes_on_holidays))
    before, after = factory.festival_stop
    closed |= (around.festival >= -before) & (around.festival <= after)
    closed |= chance.random(days) < factory.closes_by_chance
    for season in factory.low_seasons:
        low = np.zeros(days, dtype=np.bool_)
        low[max(season.first, 0) : max(season.end, 0)] = True
        closed |= low & (chance.random(days) < factory.low_share)
    works: BoolArray = ~closed
    return works


def _hours_between(days: int, begun: IntArray, ended: IntArray, works: BoolArray) -> BoolArray:
    """Hours touched by a shift of each working day; minutes of the day, which may pass midnight."""
    edges = np.zeros(days * HOURS_PER_DAY + 2 * HOURS_PER_DAY, dtype=np.int64)
    day = np.flatnonzero(works)
    np.add.at(edges, day * HOURS_PER_DAY + begun[day] // _MINUTES, 1)
    np.add.at(edges, day * HOURS_PER_DAY - (-ended[day] // _MINUTES), -1)
    hours: BoolArray = (edges.cumsum() > 0)[: days * HOURS_PER_DAY]
    return hours.reshape(days, HOURS_PER_DAY)


def machine_hours(
    chance: np.random.Generator,
    around: Surroundings,
    factory: Factory,
    works: BoolArray,
    shift: tuple[IntArray, IntArray],
) -> BoolArray:
    """In which hours one machine of a factory is heard, shape (days, 24)."""
    days = around.days
    if factory.always_on:
        hours = np.ones((days, HOURS_PER_DAY), dtype=np.bool_)
    else:
        needed = works & (chance.random(days) < factory.utilisation)
        begun = np.maximum(shift[0] + chance.integers(-6, 7, days), 0)
        hours = _hours_between(days, begun, shift[1] + chance.integers(-10, 11, days), needed)
    for begun_day in chance.integers(
        0, days, chance.poisson(factory.breakdowns_a_year * days / 365)
    ):
        begun_hour = int(begun_day) * HOURS_PER_DAY + int(chance.integers(HOURS_PER_DAY))
        hours.reshape(-1)[begun_hour : begun_hour + int(chance.exponential(30)) + 1] = False
    hours &= ~factory.feeder
    hours &= chance.random(hours.shape) >= factory.missed
    return hours


def shift_of(
    chance: np.random.Generator, around: Surroundings, factory: Factory
) -> tuple[IntArray, IntArray]:
    """Minutes of each day at which the factory's shift starts and ends."""
    days = around.days
    begun = factory.start_minute + chance.normal(0, factory.wavers_minutes, days)
    longer = (chance.random(days) < factory.overtime) * chance.integers(60, 240, days)
    ended = (
        factory.start_minute
        + factory.length_minutes
        + chance.normal(0, factory.wavers_minutes, days)
        + longer
    )
    begun = np.clip(begun, 0, _FULL_DAY_MINUTES - 1)
    ended = np.clip(ended, begun + 30, begun + _FULL_DAY_MINUTES)
    return begun.astype(np.int64), ended.astype(np.int64)


def _delays(
    chance: np.random.Generator, around: Surroundings, hours: list[BoolArray]
) -> npt.NDArray[np.uint16]:
    """Minutes by which an enterprise's line is late; hours that it loses fall out of `hours`."""
    delays = chance.integers(0, 2, (around.days, HOURS_PER_DAY)).astype(np.int64)
    if happens(chance, 0.02):  # its gateway uploads every two hours
        delays += np.where(np.arange(HOURS_PER_DAY) % 2 == 0, 61, 1)
    stores = happens(chance, 0.6)
    flat = delays.reshape(-1)
    a_year = chance.choice([1, 4, 12], p=[0.6, 0.3, 0.1])
    for begun in chance.integers(0, flat.size, chance.poisson(a_year * around.days / 365)):
        end = min(int(begun) + 1 + int(chance.exponential(14)), flat.size)
        if stores:
            flat[begun:end] = (end - np.arange(begun, end)) * _MINUTES
        else:
            for each in hours:
                each.reshape(-1)[begun:end] = False
    return delays.clip(0, _LONGEST_DELAY_MINUTES).astype(np.uint16)


def _counters(
    chance: np.random.Generator, days: int, *, tells_boot: bool
) -> tuple[CounterLife, ...]:
    """A counter, begun anew where its controller was started or changed."""
    per_hour = round(float(chance.uniform(2, 60)), 2)
    boot = int(chance.integers(1, 2**31)) if tells_boot else None
    lives = [CounterLife(0, round(float(chance.uniform(0, 90_000)), 1), per_hour, boot)]
    # Meters keep their reading over a power cut. A changed one begins at zero, some at each start.
    a_year = float(chance.choice([0.03, 6.0], p=[0.9, 0.1])) if tells_boot else 0.02
    times = np.sort(chance.integers(0, days * HOURS_PER_DAY, chance.poisson(a_year * days / 365)))
    for hour in times.tolist():
        boot = int(chance.integers(1, 2**31)) if tells_boot else None
        lives.append(CounterLife(int(hour), 0.0, per_hour, boot))
    return tuple(lives)


def _gauge(chance: np.random.Generator) -> Gauge:
    """What the machines of one factory measure, and how finely."""
    # Pieces and switching power know little of the beat before; temperatures and currents much.
    is_forgetful = happens(chance, 0.06)
    return Gauge(
        seed=0,
        level=float(chance.uniform(20, 200)),
        swing=float(chance.uniform(2, 20)),
        memory=float(chance.uniform(0.1, 0.4) if is_forgetful else chance.uniform(0.45, 0.95)),
        digits=int(chance.choice([0, 1, 2], p=[0.1, 0.6, 0.3])),
    )


def _gauge_like(chance: np.random.Generator, gauge: Gauge) -> Gauge:
    """Of one more machine of the factory."""
    memory = float(np.clip(gauge.memory + chance.normal(0, 0.05), 0.05, 0.97))
    level = gauge.level * float(chance.uniform(0.9, 1.1))
    return replace(gauge, seed=int(chance.integers(2**31)), level=level, memory=memory)


def draw_machines(
    chance: np.random.Generator,
    around: Surroundings,
    factory: Factory,
    serials: list[str],
    publisher: str,
) -> tuple[Machine, ...]:
    """The machines of one factory over the whole stretch."""
    works, shift = work(chance, around, factory), shift_of(chance, around, factory)
    hours = [machine_hours(chance, around, factory, works, shift) for _serial in serials]
    delays = _delays(chance, around, hours)
    interval_s = _INTERVALS_S[_chosen(chance, _INTERVALS_S)][1]
    # Whoever polls does so at the full minute, or all of a gateway's at one second.
    polled = publisher == CLOUD or happens(chance, 0.5)
    second = 0 if publisher == CLOUD else int(chance.integers(interval_s))
    counts, tells_boot = happens(chance, 0.4), happens(chance, 0.85)
    gauge = _gauge(chance) if happens(chance, 0.6) else None
    machines = []
    for serial, heard in zip(serials, hours, strict=True):
        late = int(chance.integers(20, 300)) if happens(chance, 0.01) else 0
        machines.append(
            Machine(
                serial=serial,
                first_on=around.first_on,
                hours=heard,
                delays=delays + np.uint16(late),
                interval_s=interval_s,
                second=second if polled else int(chance.integers(interval_s)),
                publisher=publisher,
                counters=_counters(chance, around.days, tells_boot=tells_boot) if counts else (),
                gauge=_gauge_like(chance, gauge) if gauge else None,
            )
        )
    return tuple(machines)


def draw_district(chance: np.random.Generator) -> str:
    """Where an enterprise lies."""
    return str(chance.choice(DISTRICTS, p=[0.24, 0.16, 0.22, 0.14, 0.18, 0.02, 0.04]))


def declared_stops(
    chance: np.random.Generator, factory: Factory, hours: list[BoolArray]
) -> tuple[Period, ...]:
    """Low seasons that were declared to stand still.

    An honest enterprise tries a machine for an hour or two, and some begin again before they said.
    """
    if not happens(chance, 0.3):
        return ()
    stops = []
    for season in factory.low_seasons:
        first, end = max(season.first, 0), min(season.end, len(hours[0]))
        if first >= end:
            continue
        stops.append(Period(first, end))
        begins_early = happens(chance, 0.15)
        still = slice(first, end - int(chance.integers(2, 8)) if begins_early else end)
        for each in hours:
            each[still] = False
        for day in np.flatnonzero(chance.random(end - first) < _TRIED) + first:
            hour = int(chance.integers(8, 17))
            hours[0][day, hour : hour + int(chance.integers(1, 3))] = True
    return tuple(stops)


def honest_enterprise(
    chance: np.random.Generator,
    around: Surroundings,
    key: str,
    platform: str,
    publisher: str,
    district: str,
    *,
    devices_max: int = 9,
) -> DrawnEnterprise:
    """An enterprise that is what it says, from when it was connected until it leaves."""
    factory = draw_factory(chance, around, district)
    devices = min(3 + int(chance.poisson(1.5)), devices_max)
    serials = [f"{key}-{number}" for number in range(1, devices + 1)]
    machines = draw_machines(chance, around, factory, serials, publisher)
    stops = declared_stops(chance, factory, [machine.hours for machine in machines])
    from_day = int(chance.integers(0, max(min(320, around.days - 135), 1)))
    to_day = _leaves_on(chance, from_day, around.days)
    for machine in machines:
        begun = from_day + int(chance.integers(0, 4))
        machine.hours[:begun] = False
        if to_day is not None:
            machine.hours[to_day:] = False
    return DrawnEnterprise(
        key=key,
        platform=platform,
        district=district,
        from_day=from_day,
        recorded_day=from_day + _recorded_after(chance),
        machines=machines,
        to_day=to_day,
        stops=tuple(stop for stop in stops if stop.end > from_day),
    )


def _leaves_on(chance: np.random.Generator, from_day: int, days: int) -> int | None:
    kind = one_of(chance, _STAYS)
    if kind == "stays":
        return None
    # A trial of three months, or whoever closed, moved or was dissatisfied.
    after = chance.integers(86, 100) if kind == "trial" else chance.integers(30, 365)
    day = from_day + int(after)
    return day if day < days else None


def _recorded_after(chance: np.random.Generator) -> int:
    kind = one_of(chance, _RECORDED)
    if kind == "forgotten":
        return 30 + int(chance.exponential(25))
    if kind == "late":
        return int(chance.integers(8, 30))
    return int(chance.integers(-10, 6))
