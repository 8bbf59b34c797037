"""Who abuses the console and what crashes when: a schedule made from a seed. Pure."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["ABUSES", "CRASHES", "FULL_DISKS", "LULL_S", "Event", "Kind", "Schedule", "schedule_of"]

LULL_S: Final = 4.0
"""For so long the crowd is alone first: what it is compared with."""


class Kind(StrEnum):
    """Everything that happens to the console besides the crowd."""

    HELD_AUDIT_HEAD = "held_audit_head"
    DRAFTS = "drafts"
    COUNTS_AS_OF = "counts_as_of"
    SINGLE_PDFS = "single_pdfs"
    REPORTS = "reports"
    COMPARISONS = "comparisons"
    LARGE_IMPORT = "large_import"
    HOSTILE_WORKBOOKS = "hostile_workbooks"
    DEAF_READERS = "deaf_readers"
    CONNECTIONS_OF_ONE_KEY = "connections_of_one_key"
    SLOW_HEADS = "slow_heads"
    SLOW_BODIES = "slow_bodies"
    IDLE_CONNECTIONS = "idle_connections"
    SIGN_IN_STORM = "sign_in_storm"
    OIDC_STARTS = "oidc_starts"
    SIGNALS = "signals"
    KILL_SERVE = "kill_serve"
    TERMINATE_SERVE = "terminate_serve"
    KILL_BACKEND = "kill_backend"
    RESTART_DATABASE = "restart_database"
    FULL_TEMPORARY = "full_temporary"
    FULL_DOCUMENTS = "full_documents"


FULL_DISKS: Final = (Kind.FULL_TEMPORARY, Kind.FULL_DOCUMENTS)
CRASHES: Final = (
    Kind.KILL_SERVE,
    Kind.TERMINATE_SERVE,
    Kind.KILL_BACKEND,
    Kind.RESTART_DATABASE,
    *FULL_DISKS,
)
"""What breaks the parts themselves."""
ABUSES: Final = tuple(kind for kind in Kind if kind not in CRASHES)
"""What one caller does who thinks of nobody else."""

_STRIKES_THE_SAME: Final = (
    {Kind.KILL_SERVE, Kind.TERMINATE_SERVE},
    {Kind.KILL_BACKEND, Kind.RESTART_DATABASE},
)
"""Of these a schedule has one at most, so that none ends another."""

_TWO_SERVES_SHARE: Final = 0.35
_CRASHES_OF_A_SCHEDULE: Final = (0, 1, 1, 2)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens, and is over by itself."""

    kind: Kind
    at_s: float
    """Seconds after the lull."""
    for_s: float

    def __str__(self) -> str:
        return f"at {self.at_s:.2f} for {self.for_s:.2f}: {self.kind}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One run: how many `serve` share the database, two abuses that overlap, and crashes."""

    seed: int
    """Of the crowd as well."""
    serves: int
    events: tuple[Event, ...]

    def __str__(self) -> str:
        return "\n".join([f"seed {self.seed}: {self.serves} serve", *map(str, self.events)])

    @property
    def kinds(self) -> frozenset[Kind]:
        """What happens."""
        return frozenset(event.kind for event in self.events)

    @property
    def lasts_s(self) -> float:
        """From the end of the lull until everything is over."""
        return max((event.at_s + event.for_s for event in self.events), default=0.0)


def schedule_of(seed: int) -> Schedule:
    """The schedule of a seed: always the same one."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    serves = 2 if chance.random() < _TWO_SERVES_SHARE else 1
    first, second = chance.sample(ABUSES, 2)
    at_s = chance.uniform(0.0, 1.0)
    events = [
        _event(first, at_s, chance.uniform(5.0, 8.0)),
        _event(second, at_s + chance.uniform(0.5, 2.0), chance.uniform(4.0, 7.0)),
    ]
    crashes = chance.sample(CRASHES, chance.choice(_CRASHES_OF_A_SCHEDULE))
    if set(crashes) in _STRIKES_THE_SAME:
        del crashes[1:]
    # In the midst of both abuses.
    events += [_event(kind, chance.uniform(2.5, 5.0), chance.uniform(1.0, 3.0)) for kind in crashes]
    return Schedule(seed, serves, tuple(sorted(events, key=lambda event: event.at_s)))


def _event(kind: Kind, at_s: float, for_s: float) -> Event:
    return Event(kind, round(at_s, 2), round(for_s, 2))
