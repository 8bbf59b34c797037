"""Ways to be paid for enterprises that were never served, each with what it must be found by.

One function for each; a variant is taken by turn, so that some cities show them all. Kinds of
signals are named as `jieru signals --json` prints them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

import numpy as np

from simulators.evidence.chance import happens
from simulators.evidence.factories import (
    draw_district,
    draw_factory,
    draw_machines,
    honest_enterprise,
)
from simulators.evidence.gauges import Gauge
from simulators.evidence.machine import (
    CLOUD,
    HOURS_PER_DAY,
    BoolArray,
    CounterLife,
    DrawnEnterprise,
    Machine,
    Period,
    only_between,
)
from simulators.evidence.surroundings import Surroundings

__all__ = ["CHEATS", "GIVER", "SEEN_IN_HOURS", "Cheat", "Stage", "numbered"]

GIVER: Final = "giver"
"""What the enterprise is called whose machines were moved on: they may really have stood there."""

_WINDOW_DAYS: Final = 90
_ACTIVE_DAYS: Final = 60
_LONGEST_GAP_DAYS: Final = 20
_REQUIRED_HOURS: Final = 4
_BANK: Final = 3
"""Machines that are required."""
_SUNDAY: Final = 6
_UPLOAD_EVERY_HOURS: Final = 71
_LAGS_DAYS: Final = (7, 14, 28)
_NOISY, _SCALED = 1, 2
"""Of the variants of a clone; the first is exact."""
_HEARD_AT_RANDOM: Final = 0.35
_WORKS_WELL: Final = 0.72
"""Share of days on which all machines of a bank work that is worth moving on."""
_WORKS_ENOUGH: Final = 0.67
"""Share of days on which a machine is heard that is worth copying: sixty of ninety."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a cheat has to work with."""

    chance: np.random.Generator
    around: Surroundings
    honest: Sequence[DrawnEnterprise]
    platform: str
    turn: int
    """Which variant is to be shown, from 0."""
    numbers: Iterator[int]

    def key(self, name: str) -> str:
        """A name for one more enterprise."""
        return f"{name}-{next(self.numbers):04d}"

    def start(self, *, lasts: int = 120, latest: int = 220) -> int:
        """A day of the stretch on which something begins that lasts so many days."""
        return int(self.chance.integers(5, max(min(latest, self.around.days - lasts), 6)))


@dataclass(frozen=True, slots=True)
class Cheat:
    """One way of cheating."""

    name: str
    play: Callable[[Stage], list[DrawnEnterprise]]
    found_by: frozenset[str]
    """At least one of these signals is there for each of its enterprises; none: nothing does it."""


def _enterprise(
    stage: Stage,
    name: str,
    machines: Sequence[Machine],
    first: int,
    *,
    recorded: int | None = None,
    originals: tuple[str, ...] = (),
) -> DrawnEnterprise:
    return DrawnEnterprise(
        key=stage.key(name),
        platform=stage.platform,
        district=draw_district(stage.chance),
        from_day=first,
        recorded_day=first if recorded is None else recorded,
        machines=tuple(machines),
        cheat=name,
        originals=originals,
    )


def _nothing(stage: Stage) -> BoolArray:
    return np.zeros((stage.around.days, HOURS_PER_DAY), dtype=np.bool_)


def _random_values(stage: Stage, share: float = 1.0) -> Gauge | None:
    """A program draws each value by itself; some send none."""
    if not happens(stage.chance, share):
        return None
    return Gauge(
        seed=int(stage.chance.integers(2**31)),
        level=float(stage.chance.uniform(20, 200)),
        swing=float(stage.chance.uniform(2, 20)),
        memory=0.0,
    )


def _made_up(
    stage: Stage,
    hours: Sequence[BoolArray],
    *,
    values: float,
    publisher: str = CLOUD,
    second: int = 0,
) -> list[Machine]:
    """Devices that a program sends for, with hours that it chose."""
    return [
        Machine(
            serial=stage.key("sn"),
            first_on=stage.around.first_on,
            hours=heard,
            delays=np.zeros(heard.shape, dtype=np.uint16),
            interval_s=60,
            second=second,
            publisher=publisher,
            gauge=gauge,
        )
        for heard, gauge in zip(
            hours, _each(len(hours), _random_values(stage, values), stage), strict=True
        )
    ]


def _each(several: int, first: Gauge | None, stage: Stage) -> list[Gauge | None]:
    """All devices of a program send values, or none does."""
    if first is None:
        return [None] * several
    return [first, *(_random_values(stage) for _device in range(several - 1))]


# --- Programs -------------------------------------------------------------------------------------


def _naive_script(stage: Stage) -> list[DrawnEnterprise]:
    """Eight to twelve on every day but Sunday, until the window is full; values drawn at random."""
    first = stage.start()
    hours = _nothing(stage)
    for day in range(first, min(first + _WINDOW_DAYS, stage.around.days)):
        hours[day, 8 : 8 + _REQUIRED_HOURS] = stage.around.weekday[day] != _SUNDAY
    machines = _made_up(stage, [hours.copy() for _device in range(_BANK)], values=1.0)
    return [_enterprise(stage, "naive-script", machines, first)]


def _least_hours(stage: Stage, first: int) -> list[BoolArray]:
    """Four hours a day at changing times, on little more than sixty days; then nothing any more."""
    chance = stage.chance
    days = np.sort(chance.permutation(74)[: _ACTIVE_DAYS + int(chance.integers(2, 6))])
    hours = [_nothing(stage) for _device in range(_BANK)]
    for day in (first + days[first + days < stage.around.days]).tolist():
        begun = int(chance.integers(7, 15))
        for each in hours:
            each[day, begun : begun + _REQUIRED_HOURS + happens(chance, 0.04)] = True
    return hours


def _minimum_effort(stage: Stage) -> list[DrawnEnterprise]:
    """What the rules take, and no more."""
    first = stage.start()
    machines = _made_up(stage, _least_hours(stage, first), values=0.4)
    return [_enterprise(stage, "minimum-effort", machines, first)]


def _backfill(stage: Stage) -> list[DrawnEnterprise]:
    """What the rules take, uploaded at once every three days."""
    first = stage.start()
    machines = _made_up(stage, _least_hours(stage, first), values=0.4)
    hour = np.arange(machines[0].hours.size)
    to_go = (_UPLOAD_EVERY_HOURS - hour % _UPLOAD_EVERY_HOURS) * 60
    delays = to_go.reshape(machines[0].hours.shape).astype(np.uint16)
    late = [replace(machine, delays=delays) for machine in machines]
    return [_enterprise(stage, "backfill", late, first)]


def _shift_like(stage: Stage, first: int, days: int) -> list[BoolArray]:
    """Hours drawn as a shift might have them, for each device by itself."""
    chance = stage.chance
    hours = [_nothing(stage) for _device in range(_BANK)]
    for day in range(first, min(first + days, stage.around.days)):
        if stage.around.weekday[day] == _SUNDAY or happens(chance, 0.04):
            continue
        for each in hours:
            begun = int(chance.integers(7, 10))
            each[day, begun : begun + int(chance.integers(5, 10))] = True
    return hours


def _stop_at_91(stage: Stage) -> list[DrawnEnterprise]:
    """A program with shifts that look like some, which ends with the window."""
    first = stage.start()
    machines = _made_up(stage, _shift_like(stage, first, _WINDOW_DAYS), values=0.9)
    return [_enterprise(stage, "stop-at-91", machines, first)]


def _invented_serials(stage: Stage) -> list[DrawnEnterprise]:
    """Hours at random, day and night, for as long as it lasts; two enterprises of one program."""
    found = []
    gateway = f"via/{stage.key('gw')}"
    for _enterprise_number in range(2):
        first = stage.start()
        hours = [
            stage.chance.random(_nothing(stage).shape) < _HEARD_AT_RANDOM
            for _device in range(_BANK)
        ]
        for each in hours:
            each[:first] = False
        machines = _made_up(stage, hours, values=0.7, publisher=gateway)
        found.append(_enterprise(stage, "invented-serials", machines, first))
    return found


def _gateway_sharing(stage: Stage) -> list[DrawnEnterprise]:
    """Four shells behind one gateway, each with shifts that look like some."""
    gateway = f"via/{stage.key('gw')}"
    found = []
    for _shell in range(4):
        first = stage.start()
        hours = _shift_like(stage, first, int(stage.chance.integers(92, 200)))
        machines = _made_up(stage, hours, values=0.7, publisher=gateway)
        found.append(_enterprise(stage, "gateway-sharing", machines, first))
    return found


def _december_rush(stage: Stage) -> list[DrawnEnterprise]:
    """Two shells in the year's last days, with what the rules take."""
    year_end = min(364, stage.around.days - 1)
    found = []
    for _shell in range(2):
        first = year_end - int(stage.chance.integers(1, 18))
        machines = _made_up(stage, _least_hours(stage, first), values=0.6)
        found.append(_enterprise(stage, "december-rush", machines, first))
    return found


# --- Other people's machines ----------------------------------------------------------------------


def _victim(stage: Stage, days: int) -> tuple[DrawnEnterprise, int]:
    """An honest enterprise that was heard long enough to earn by, and its first day."""
    spans = [(victim, _heard_together(victim)) for victim in stage.honest]
    fit = [
        (victim, span.first)
        for victim, span in spans
        if span.end - span.first >= days
        and np.mean(
            [machine.hours[span.first : span.end].any(axis=1).mean() for machine in victim.machines]
        )
        >= _WORKS_ENOUGH
    ]
    if not fit:
        victim, span = max(spans, key=lambda each: each[1].end - each[1].first)
        return victim, span.first
    return fit[int(stage.chance.integers(len(fit)))]


def _heard_together(enterprise: DrawnEnterprise) -> Period:
    lives = [life for machine in enterprise.machines if (life := machine.life()) is not None]
    if len(lives) < _BANK:
        return Period(0, 0)
    return Period(min(life.first for life in lives), min(life.end for life in lives))


def _copied(
    stage: Stage, machine: Machine, first: int, end: int, *, lag: int, flips: float
) -> Machine:
    """A machine shown again some days later under another serial."""
    chance = stage.chance
    hours = np.zeros_like(machine.hours)
    source = machine.hours[max(first - lag, 0) : end - lag]
    hours[end - len(source) : end] = source
    if flips:
        hours[first:end] ^= chance.random(hours[first:end].shape) < flips
    gauge = machine.gauge and replace(machine.gauge, lag_days=lag)
    return replace(
        machine,
        serial=stage.key("sn"),
        hours=hours,
        delays=np.zeros_like(machine.delays),
        publisher=CLOUD,
        counters=(),
        gauge=gauge,
    )


def _shown_again(stage: Stage, name: str, *, lag: int, flips: float) -> DrawnEnterprise:
    """Three machines of an honest enterprise, shown as those of another from some day on."""
    chance = stage.chance
    victim, begun = _victim(stage, 130 + lag)
    first = begun + lag + int(chance.integers(0, 25))
    lasts = 91 if happens(chance, 0.5) else int(chance.integers(100, 300))
    end = min(first + lasts, stage.around.days)
    chosen = chance.permutation(len(victim.machines))[:_BANK]
    machines = [
        _copied(stage, victim.machines[int(each)], first, end, lag=lag, flips=flips)
        for each in chosen
    ]
    return _enterprise(stage, name, machines, first, originals=(victim.key,))


def _with_gauges(enterprise: DrawnEnterprise, **changed: float) -> DrawnEnterprise:
    machines = tuple(
        replace(machine, gauge=machine.gauge and replace(machine.gauge, **changed))  # type: ignore[arg-type]
        for machine in enterprise.machines
    )
    return replace(enterprise, machines=machines)


def _clone(stage: Stage) -> list[DrawnEnterprise]:
    """A machine's messages sent twice: as they are, with noise, or with scaled values."""
    variant = stage.turn % 3
    cloned = _shown_again(stage, "clone", lag=0, flips=0.015 if variant == _NOISY else 0.0)
    if variant == _NOISY:
        cloned = _with_gauges(cloned, noise=0.1)
    return [_with_gauges(cloned, scale=1.13) if variant == _SCALED else cloned]


def _replay(stage: Stage) -> list[DrawnEnterprise]:
    """A recording of another's machines, played one, two or four weeks later, scaled or not."""
    replayed = _shown_again(stage, "replay", lag=_LAGS_DAYS[stage.turn % 3], flips=0.0)
    return [_with_gauges(replayed, scale=0.91) if stage.turn % 2 else replayed]


# --- One bank of machines for several enterprises -------------------------------------------------


def _bank(stage: Stage, *, counts: bool | None = None) -> list[Machine]:
    """Three machines of a real workshop, over the whole stretch."""
    around = stage.around
    while True:
        factory = draw_factory(stage.chance, around, draw_district(stage.chance))
        serials = [stage.key("sn") for _device in range(_BANK)]
        machines = draw_machines(stage.chance, around, factory, serials, CLOUD)
        # Whoever earns by a bank takes one that works.
        active = np.sum([machine.hours.any(axis=1) for machine in machines], axis=0) == _BANK
        if active.mean() < _WORKS_WELL or (counts and not machines[0].counters):
            continue
        if counts is False:
            return [replace(machine, counters=()) for machine in machines]
        return [
            replace(machine, counters=machine.counters[:1]) if machine.counters else machine
            for machine in machines
        ]


def _active(machines: Sequence[Machine], first: int) -> BoolArray:
    enough = [machine.hours[first:].sum(axis=1) >= _REQUIRED_HOURS for machine in machines]
    active: BoolArray = np.all(enough, axis=0)
    return active


def _has_earned(machines: Sequence[Machine], first: int, least_days: int) -> int:
    """The day after the one on which a bank has its active days, and some days have passed."""
    active = np.flatnonzero(_active(machines, first))
    if len(active) < _ACTIVE_DAYS:
        return len(machines[0].hours)
    return first + max(int(active[_ACTIVE_DAYS - 1]) + 1, least_days)


def _handed_on(
    stage: Stage, name: str, bank: Sequence[Machine], *, least_days: int, new_second: bool
) -> list[DrawnEnterprise]:
    """One bank under new serials at one enterprise after another; who had it first, gives it."""
    days = stage.around.days
    found: list[DrawnEnterprise] = []
    first = stage.start(lasts=290, latest=120)
    earlier: list[Period] = []
    for _turn in range(3):
        end = _has_earned(bank, first, least_days)
        if end >= days:
            break
        second = int(stage.chance.integers(bank[0].interval_s))
        machines = [
            replace(
                only_between(machine, first, end),
                serial=stage.key("sn"),
                second=second if new_second else machine.second,
                counters=_going_on(machine, earlier, first),
            )
            for machine in bank
        ]
        found.append(_enterprise(stage, name if found else GIVER, machines, first))
        # While they are moved they do not run.
        earlier.append(Period(first, end))
        first = end + int(stage.chance.integers(0, 5))
    return found


def _going_on(machine: Machine, earlier: Sequence[Period], first: int) -> tuple[CounterLife, ...]:
    """The counter as it stands after a machine's earlier spells."""
    if not machine.counters:
        return ()
    life = machine.counters[0]
    before = sum(int(machine.hours[spell.first : spell.end].sum()) for spell in earlier)
    start = life.start + life.per_hour * before
    return (replace(life, first_hour=first * HOURS_PER_DAY, start=start),)


def _moved_after_60(stage: Stage) -> list[DrawnEnterprise]:
    """Real machines, moved on as soon as sixty active days were seen and the gap may last."""
    bank = _bank(stage, counts=False)
    least_days = _WINDOW_DAYS - _LONGEST_GAP_DAYS
    return _handed_on(stage, "moved-60", bank, least_days=least_days, new_second=False)


def _moved_after_90(stage: Stage) -> list[DrawnEnterprise]:
    """Real machines, moved on when a window is over."""
    bank = _bank(stage, counts=False)
    return _handed_on(stage, "moved-90", bank, least_days=_WINDOW_DAYS, new_second=False)


def _counter_continued(stage: Stage) -> list[DrawnEnterprise]:
    """The same with new controllers, so that nothing but the counters goes on."""
    bank = _bank(stage, counts=True)
    return _handed_on(stage, "counter-continued", bank, least_days=_WINDOW_DAYS, new_second=True)


def _backdated_shells(stage: Stage) -> list[DrawnEnterprise]:
    """One bank split by day among shells that were registered long afterwards."""
    bank = _bank(stage)
    days = stage.around.days
    spans: list[Period] = []
    first = stage.start(lasts=290, latest=40)
    for _shell in range(3):
        end = _has_earned(bank, first, _WINDOW_DAYS)
        if end >= days:
            break
        spans.append(Period(first, end))
        first = end
    recorded = min(first + int(stage.chance.integers(5, 40)), days - 1)
    return [
        _enterprise(
            stage,
            "backdated-shells",
            [
                replace(
                    only_between(machine, *span),
                    assigned=span,
                    counters=_going_on(machine, spans[:place], span.first),
                )
                for machine in bank
            ],
            span.first,
            recorded=recorded,
        )
        for place, span in enumerate(spans)
    ]


def _careful_generator(stage: Stage) -> list[DrawnEnterprise]:
    """Evidence drawn as honest evidence is: whoever takes such pains is left to visits."""
    drawn = honest_enterprise(
        stage.chance,
        stage.around,
        stage.key("careful-generator"),
        stage.platform,
        CLOUD,
        draw_district(stage.chance),
    )
    return [replace(drawn, cheat="careful-generator", recorded_day=drawn.from_day)]


_SIGNALS_OF_PROGRAMS: Final = frozenset(
    {"required_hours", "silent_when_full", "metrics_without_memory"}
)

_ALL: Final = (
    Cheat("naive-script", _naive_script, _SIGNALS_OF_PROGRAMS),
    Cheat("minimum-effort", _minimum_effort, frozenset({"required_hours", "silent_when_full"})),
    Cheat("backfill", _backfill, frozenset({"not_live"})),
    Cheat("clone", _clone, frozenset({"rhythm_alike"})),
    Cheat("replay", _replay, frozenset({"rhythm_alike"})),
    Cheat("moved-60", _moved_after_60, frozenset({"handed_over", "silent_when_full"})),
    Cheat("moved-90", _moved_after_90, frozenset({"handed_over", "silent_when_full"})),
    Cheat("backdated-shells", _backdated_shells, frozenset({"recorded_late"})),
    Cheat("counter-continued", _counter_continued, frozenset({"counter_continued"})),
    Cheat("gateway-sharing", _gateway_sharing, frozenset({"gateway_shared"})),
    Cheat("december-rush", _december_rush, frozenset({"required_hours"})),
    Cheat("stop-at-91", _stop_at_91, frozenset({"silent_when_full"})),
    Cheat("invented-serials", _invented_serials, frozenset({"metrics_without_memory"})),
    Cheat("careful-generator", _careful_generator, frozenset()),
)
CHEATS: Final[Mapping[str, Cheat]] = {cheat.name: cheat for cheat in _ALL}
"""By name."""


SEEN_IN_HOURS: Final = frozenset(
    {
        "recorded_late",
        "counter_continued",
        "required_hours",
        "silent_when_full",
        "rhythm_alike",
        "handed_over",
    }
)
"""Signals that need neither many heartbeats an hour nor a time of arrival of their own."""


def numbered() -> Iterator[int]:
    """Numbers for names."""
    return count(1)
