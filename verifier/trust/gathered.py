"""All that signals are found in, as plain values of one moment. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from verifier.counting.activity import IntArray
from verifier.counting.eligibility import Case, waived
from verifier.counting.windows import ActiveDays
from verifier.policy import Policy
from verifier.trust.fleet import Fleet
from verifier.trust.gateways import Served
from verifier.trust.registration import Registration
from verifier.trust.stops import Stop

__all__ = ["Beat", "Gateway", "Gathered", "InventedHours", "Series", "ToldByHeartbeats"]


class Beat(NamedTuple):
    """When the heartbeats of a device come."""

    interval_s: int
    second: int
    """Of the interval."""


class ToldByHeartbeats(NamedTuple):
    """What heartbeats of one device in the hands of one case told besides presence."""

    counter_first: tuple[int, float] | None
    """Ordinal of a day and what the counter read first on it."""
    counter_last: tuple[int, float] | None
    counter_step: float
    """The largest from one reading to the next."""
    falls: int
    """How often the counter fell without a new start."""
    fell_first_day: int
    """Ordinal; 0 where it never fell."""
    fell_last_day: int
    beat_first: Beat | None
    """Of the first day of which one is known."""
    beat_last: Beat | None


class Gateway(NamedTuple):
    """A gateway as it is registered."""

    platform: str
    name: str
    site: str | None


class InventedHours(NamedTuple):
    """Hours that count, of one device in the hands of one case, without a heartbeat behind them."""

    case: int
    serial: str
    hours: int
    from_on: date
    to_on: date


class Series(NamedTuple):
    """Measured values of one device and one name, in order of time."""

    member: int
    name: str
    values: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Cases, the hours of their devices, and what else is known of them."""

    policy: Policy
    cases: tuple[Case, ...]
    """With their windows."""
    days: ActiveDays
    """One row per case; evidence follows registration."""
    fleet: Fleet
    live_hours: npt.NDArray[np.uint8]
    """Beside `fleet.hours`."""
    live_known: npt.NDArray[np.bool_]
    """Shape (days,): of which days of the stretch it is known which hours were live."""
    serials: Mapping[int, str]
    """By id of the device."""
    days_if_accepted: ActiveDays | None = None
    """As `days`, were all that was recorded late accepted; None where nothing was."""
    registrations: tuple[Registration, ...] = ()
    told: Mapping[int, ToldByHeartbeats] = field(default_factory=dict)
    """By member of the fleet."""
    invented: tuple[InventedHours, ...] = ()
    served: tuple[Served, ...] = ()
    gateways: Mapping[int, Gateway] = field(default_factory=dict)
    stops: tuple[Stop, ...] = ()
    series: tuple[Series, ...] = ()
    series_on: date | None = None
    """The day they are of."""

    @property
    def from_on(self) -> date:
        """The first day that is looked at."""
        return date.fromordinal(self.fleet.stretch.first_day)

    @property
    def as_of(self) -> date:
        """The last one."""
        return date.fromordinal(self.fleet.stretch.first_day + self.fleet.stretch.days - 1)

    def active_hours_min(self) -> IntArray:
        """Of each case the hours that make a day, waivers honoured."""
        return np.array(
            [
                waived(self.policy, case.decisions)["active_hours_per_day_min"]
                for case in self.cases
            ],
            dtype=np.int64,
        )

    def serials_of(self, members: IntArray | tuple[int, ...] | list[int]) -> tuple[str, ...]:
        """Serials of some members of the fleet, in order, each once."""
        devices = {int(self.fleet.device[member]) for member in members}
        return tuple(sorted(self.serials[device] for device in devices))
