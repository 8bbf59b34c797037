"""What breaks when: a schedule as data, made from a seed, written as text. Pure."""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

__all__ = [
    "FIRST_HOSTILE_SEED",
    "HOSTILE",
    "LONGEST_S",
    "Fault",
    "Kind",
    "Schedule",
    "Target",
    "read_schedule",
    "schedule_of",
]

FIRST_HOSTILE_SEED: Final = 1_000
"""From this seed on a schedule has hostile clients too; those before it are what they ever were."""

LONGEST_S: Final = 30.0
"""No fault that lasts is longer."""


class Target(StrEnum):
    """What a fault strikes; a schedule strikes none twice, so that one ends no other's fault."""

    INGESTER = "ingester"
    DATABASE = "database"
    BROKER = "broker"
    DATABASE_LINK = "database link"
    BROKER_LINK = "broker link"
    SESSIONS = "sessions"
    CLOCK = "clock"
    REGISTRY = "registry"
    LOAD = "load"
    NAMES = "names at the broker"
    PAYLOADS = "payloads"
    CONNECTIONS = "connections"
    HISTORY = "history"


class Kind(StrEnum):
    """Everything that can be broken."""

    KILL_INGESTER = "kill_ingester"
    SUSPEND_INGESTER = "suspend_ingester"
    KILL_BACKEND = "kill_backend"
    KILL_DATABASE = "kill_database"
    SUSPEND_DATABASE = "suspend_database"
    DATA_DISK_FULL = "data_disk_full"
    LOG_DISK_FULL = "log_disk_full"
    KILL_BROKER = "kill_broker"
    RESTART_BROKER = "restart_broker"
    SUSPEND_BROKER = "suspend_broker"
    CUT_DATABASE_LINK = "cut_database_link"
    STALL_DATABASE_LINK = "stall_database_link"
    DELAY_DATABASE_LINK = "delay_database_link"
    HALF_OPEN_DATABASE_LINK = "half_open_database_link"
    DROP_MID_STATEMENT = "drop_mid_statement"
    DROP_AFTER_COMMIT = "drop_after_commit"
    CUT_BROKER_LINK = "cut_broker_link"
    STALL_BROKER_LINK = "stall_broker_link"
    DELAY_BROKER_LINK = "delay_broker_link"
    HALF_OPEN_BROKER_LINK = "half_open_broker_link"
    DROP_MID_PACKET = "drop_mid_packet"
    STATEMENT_TIMEOUT = "statement_timeout"
    DEADLOCK = "deadlock"
    SERIALIZATION = "serialization"
    CLOCK_JUMP = "clock_jump"
    REGISTRY_CHANGE = "registry_change"
    REJECTION_FLOOD = "rejection_flood"
    HOSTILE_NAMES = "hostile_names"
    HOSTILE_MESSAGES = "hostile_messages"
    HOSTILE_CONNECTIONS = "hostile_connections"
    HOSTILE_BACKLOG = "hostile_backlog"

    @property
    def target(self) -> Target:
        """What it strikes."""
        return _TARGETS[self]


_TARGETS: Final = {
    Kind.KILL_INGESTER: Target.INGESTER,
    Kind.SUSPEND_INGESTER: Target.INGESTER,
    Kind.KILL_BACKEND: Target.DATABASE,
    Kind.KILL_DATABASE: Target.DATABASE,
    Kind.SUSPEND_DATABASE: Target.DATABASE,
    Kind.DATA_DISK_FULL: Target.DATABASE,
    Kind.LOG_DISK_FULL: Target.DATABASE,
    Kind.KILL_BROKER: Target.BROKER,
    Kind.RESTART_BROKER: Target.BROKER,
    Kind.SUSPEND_BROKER: Target.BROKER,
    Kind.CUT_DATABASE_LINK: Target.DATABASE_LINK,
    Kind.STALL_DATABASE_LINK: Target.DATABASE_LINK,
    Kind.DELAY_DATABASE_LINK: Target.DATABASE_LINK,
    Kind.HALF_OPEN_DATABASE_LINK: Target.DATABASE_LINK,
    Kind.DROP_MID_STATEMENT: Target.DATABASE_LINK,
    Kind.DROP_AFTER_COMMIT: Target.DATABASE_LINK,
    Kind.CUT_BROKER_LINK: Target.BROKER_LINK,
    Kind.STALL_BROKER_LINK: Target.BROKER_LINK,
    Kind.DELAY_BROKER_LINK: Target.BROKER_LINK,
    Kind.HALF_OPEN_BROKER_LINK: Target.BROKER_LINK,
    Kind.DROP_MID_PACKET: Target.BROKER_LINK,
    Kind.STATEMENT_TIMEOUT: Target.SESSIONS,
    Kind.DEADLOCK: Target.SESSIONS,
    Kind.SERIALIZATION: Target.SESSIONS,
    Kind.CLOCK_JUMP: Target.CLOCK,
    Kind.REGISTRY_CHANGE: Target.REGISTRY,
    Kind.REJECTION_FLOOD: Target.LOAD,
    Kind.HOSTILE_NAMES: Target.NAMES,
    Kind.HOSTILE_MESSAGES: Target.PAYLOADS,
    Kind.HOSTILE_CONNECTIONS: Target.CONNECTIONS,
    Kind.HOSTILE_BACKLOG: Target.HISTORY,
}

HOSTILE: Final = (
    Kind.HOSTILE_NAMES,
    Kind.HOSTILE_MESSAGES,
    Kind.HOSTILE_CONNECTIONS,
    Kind.HOSTILE_BACKLOG,
)
"""What a client of another platform does with a credential of its own."""

_LASTING: Final = (
    Kind.SUSPEND_INGESTER,
    Kind.SUSPEND_DATABASE,
    Kind.SUSPEND_BROKER,
    Kind.STALL_DATABASE_LINK,
    Kind.STALL_BROKER_LINK,
)
"""These are sometimes long enough for whoever waits to give up."""
_MOMENTS: Final = (
    Kind.KILL_BACKEND,
    Kind.HALF_OPEN_DATABASE_LINK,
    Kind.HALF_OPEN_BROKER_LINK,
    Kind.REGISTRY_CHANGE,
    Kind.REJECTION_FLOOD,
    Kind.HOSTILE_BACKLOG,
)
"""These are over as soon as they have happened."""
_FORGETS_GROUPS: Final = (Kind.KILL_BROKER, Kind.RESTART_BROKER)
"""Mosquitto keeps no shared subscription over a restart (docs/decisions/0008)."""
_DIRECTIONS: Final = ("both", "to_server", "to_client")
_DETAILS: Final[dict[Kind, Sequence[str]]] = {
    Kind.STALL_DATABASE_LINK: _DIRECTIONS,
    Kind.STALL_BROKER_LINK: _DIRECTIONS,
    Kind.DELAY_DATABASE_LINK: ("50ms", "300ms", "1500ms"),
    Kind.DELAY_BROKER_LINK: ("50ms", "300ms", "1500ms"),
    Kind.DROP_MID_STATEMENT: ("1b", "400b", "9000b", "40000b"),
    Kind.DROP_MID_PACKET: ("1b", "400b", "9000b", "40000b"),
    Kind.CLOCK_JUMP: ("300s", "-300s", "345600s", "-7200s"),
    Kind.HOSTILE_NAMES: ("clean", "persistent"),
    Kind.HOSTILE_MESSAGES: ("nul", "malformed", "too_large", "beyond_packets"),
    Kind.HOSTILE_CONNECTIONS: ("reconnecting", "half_open", "many"),
    Kind.HOSTILE_BACKLOG: ("60d", "150d", "300d"),
}
_MOST_FAULTS: Final = 4
_LONG_SHARE: Final = 0.15


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that breaks, and heals by itself."""

    kind: Kind
    at_s: float
    """Seconds after the load began."""
    for_s: float
    """Seconds until it is healed; 0 for what is over as soon as it has happened."""
    detail: str = ""

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"at {self.at_s:.2f} for {self.for_s:.2f}: {self.kind}{detail}"

    @property
    def amount(self) -> int:
        """The number in its detail."""
        return int(self.detail.rstrip("bmsd"))


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run: which ingesters, and what breaks; as text one line each."""

    seed: int
    """Of the load, and of what came by chance before anything was shrunken."""
    protocol: Literal["5", "3.1.1"]
    ingesters: int
    group: str
    """Of their shared subscription; empty: each receives everything."""
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        group = f" in group {self.group}" if self.group else ""
        head = f"seed {self.seed}: {self.ingesters} of MQTT {self.protocol}{group}"
        return "\n".join([head, *map(str, self.faults)])

    @property
    def kinds(self) -> frozenset[Kind]:
        """What breaks."""
        return frozenset(fault.kind for fault in self.faults)

    def with_faults(self, faults: Iterable[Fault]) -> "Schedule":
        """The same run with other faults."""
        return replace(self, faults=tuple(faults))


def schedule_of(seed: int) -> Schedule:
    """The schedule of a seed: always the same one."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    protocol: Literal["5", "3.1.1"] = "3.1.1" if chance.random() < 0.2 else "5"
    ingesters = 1 if chance.random() < 0.7 else 2
    group = "jieru" if ingesters == 2 and protocol == "5" and chance.random() < 0.7 else ""
    kinds = [
        kind for kind in Kind if kind not in HOSTILE and not (group and kind in _FORGETS_GROUPS)
    ]
    chance.shuffle(kinds)
    is_hostile = seed >= FIRST_HOSTILE_SEED
    # With none besides, what a hostile client does alone is seen.
    count = chance.choice(range(_MOST_FAULTS) if is_hostile else range(1, _MOST_FAULTS + 1))
    faults: list[Fault] = []
    for kind in kinds:
        if len(faults) < count and kind.target not in {fault.kind.target for fault in faults}:
            faults.append(_fault(kind, chance))
    if is_hostile:
        faults += [_fault(kind, chance) for kind in chance.sample(HOSTILE, chance.choice((1, 2)))]
    return Schedule(
        seed, protocol, ingesters, group, tuple(sorted(faults, key=lambda each: each.at_s))
    )


def _fault(kind: Kind, chance: random.Random) -> Fault:
    at_s = round(chance.uniform(0.5, 5.0), 2)
    for_s = round(chance.uniform(0.3, 6.0), 2)
    if kind in _LASTING and chance.random() < _LONG_SHARE:
        for_s = LONGEST_S
    if kind in _MOMENTS:
        for_s = 0.0
    return Fault(kind, at_s, for_s, chance.choice(_DETAILS.get(kind, [""])))


_HEAD: Final = re.compile(r"seed (\d+): (\d+) of MQTT (\S+?)(?: in group (\S+))?")
_LINE: Final = re.compile(r"at ([\d.]+) for ([\d.]+): (\w+)(?: \((\S+)\))?")


def read_schedule(text: str) -> Schedule:
    """The schedule that was written as this text.

    Raises:
        ValueError: it is none.
    """
    head, *lines = filter(None, map(str.strip, text.splitlines()))
    found = _HEAD.fullmatch(head)
    if found is None or found[3] not in {"5", "3.1.1"}:
        raise ValueError(f"this does not begin a schedule: {head}")
    faults = []
    for line in lines:
        each = _LINE.fullmatch(line)
        if each is None:
            raise ValueError(f"this is no fault: {line}")
        faults.append(Fault(Kind(each[3]), float(each[1]), float(each[2]), each[4] or ""))
    return Schedule(
        int(found[1]),
        "5" if found[3] == "5" else "3.1.1",
        int(found[2]),
        found[4] or "",
        tuple(faults),
    )
