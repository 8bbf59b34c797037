"""What one machine leaves behind, whether it is there or made up."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from simulators.evidence.gauges import Gauge

__all__ = [
    "CLOUD",
    "HOURS_PER_DAY",
    "BoolArray",
    "CounterLife",
    "DrawnEnterprise",
    "IntArray",
    "Machine",
    "Period",
    "only_between",
]

HOURS_PER_DAY: Final = 24
CLOUD: Final = ""
"""The publisher that needs no name: the platform itself."""

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


class Period(NamedTuple):
    """Days of the stretch, `end` exclusive."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class CounterLife:
    """A counter from one start of its controller to the next."""

    first_hour: int
    """Of the stretch, from which on it counts."""
    start: float
    per_hour: float
    """What it counts in an hour in which the machine is heard."""
    boot: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """One device in the hands of one enterprise, from the stretch's first day to its last."""

    serial: str
    first_on: date
    """First day of the stretch."""
    hours: BoolArray
    """Shape (days, 24): heard."""
    delays: npt.NDArray[np.uint16]
    """Shape (days, 24): minutes from an hour's heartbeats to their arrival."""
    interval_s: int
    second: int
    """Of its interval, at which its heartbeats stand."""
    publisher: str = CLOUD
    """`via/NAME`, `own`, or the cloud."""
    counters: tuple[CounterLife, ...] = ()
    """In order; none: it has no counter."""
    gauge: Gauge | None = None
    """None: it sends no measured values."""
    assigned: Period | None = None
    """Where it is the enterprise's for a part of the connection only."""

    def life(self) -> Period | None:
        """From the first day on which it is heard to the day after the last."""
        days = np.flatnonzero(self.hours.any(axis=1))
        return Period(int(days[0]), int(days[-1]) + 1) if len(days) else None

    def heard_hours(self) -> list[int]:
        """Of the stretch, in order."""
        heard: list[int] = np.flatnonzero(self.hours).tolist()
        return heard

    def live(self, within_minutes: int) -> BoolArray:
        """In which hours it was heard while they passed, shape (days, 24)."""
        live: BoolArray = self.hours & (self.delays <= within_minutes)
        return live

    def readings(self) -> list[tuple[int, float, int | None]]:
        """Hour of the stretch, counter and boot, at each hour in which it is heard."""
        if not self.counters:
            return []
        heard = np.flatnonzero(self.hours)
        found: list[tuple[int, float, int | None]] = []
        ends = [life.first_hour for life in self.counters[1:]] + [self.hours.size]
        for life, end in zip(self.counters, ends, strict=True):
            own = heard[(heard >= life.first_hour) & (heard < end)].tolist()
            found += [
                (hour, round(life.start + life.per_hour * (number + 1), 2), life.boot)
                for number, hour in enumerate(own)
            ]
        return found


@dataclass(frozen=True, slots=True)
class DrawnEnterprise:
    """One enterprise on one platform, as its evidence has it."""

    key: str
    platform: str
    district: str
    from_day: int
    """Of the stretch: first day of its connection."""
    recorded_day: int
    """On which the server was told of it."""
    machines: tuple[Machine, ...]
    to_day: int | None = None
    """The day after its last; None: it is still connected."""
    stops: tuple[Period, ...] = ()
    """Declared and confirmed: the enterprise stands still."""
    cheat: str | None = None
    """What it is; None: honest."""
    originals: tuple[str, ...] = ()
    """Keys of the enterprises whose evidence it shows again."""


def only_between(machine: Machine, first: int, end: int) -> Machine:
    """The machine with nothing heard outside some days."""
    hours = np.zeros_like(machine.hours)
    hours[max(first, 0) : end] = machine.hours[max(first, 0) : end]
    return replace(machine, hours=hours)
