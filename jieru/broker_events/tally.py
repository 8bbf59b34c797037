"""Many events are few rows: counted by hour, and bounded for whoever makes them. Pure.

Anybody may try any name, so what strangers do is bounded for a platform as a whole, and takes no
room of those who have a credential.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final, NamedTuple

from jieru.broker_events.event import (
    ADDRESS_LIMIT,
    NAME_LIMIT,
    TOPIC_LIMIT,
    BrokerEvent,
    Detail,
    EventKind,
    legible,
)

__all__ = ["Budget", "Key", "Tally", "Told", "bounded"]

_MOST_KEYS: Final = 20_000
"""That wait to be written; beyond it names and topics are left out."""
_MOST_ENDS: Final = 4
_OF_A_USER: Final = 20
"""Rows of one user in an hour, but for one more of each kind."""
_OF_STRANGERS: Final = 100
"""The same of all names under a platform that nobody has, and of those under none."""


class Key(NamedTuple):
    """What one row is about."""

    hour: datetime
    kind: EventKind
    username: str
    address: str
    topic: str


class Told(NamedTuple):
    """What was told of it."""

    number: int
    first_at: datetime
    at: datetime
    client_id: str
    detail: Detail

    def with_more(self, other: "Told") -> "Told":
        """Both together."""
        last = max(self, other, key=lambda told: told.at)
        return Told(
            self.number + other.number,
            min(self.first_at, other.first_at),
            last.at,
            last.client_id,
            last.detail,
        )


class Tally:
    """Counts events until they are written."""

    def __init__(self) -> None:
        """Begin with none."""
        self.rows: dict[Key, Told] = {}
        self.sessions: dict[str, tuple[BrokerEvent, ...]] = {}
        """By username: its last connection, and what ended since; of old ones perhaps."""

    def add(self, event: BrokerEvent) -> None:
        """Count one."""
        username = legible(event.username, NAME_LIMIT)
        client_id = legible(event.client_id, NAME_LIMIT)
        address = legible(event.address, ADDRESS_LIMIT)
        hour = event.at.replace(minute=0, second=0, microsecond=0)
        key = Key(hour, event.kind, username, address, legible(event.topic, TOPIC_LIMIT))
        self._count(key, Told(1, event.at, event.at, client_id, event.detail))
        if event.kind in (EventKind.CONNECTED, EventKind.DISCONNECTED) and username:
            shown = event._replace(username=username, client_id=client_id, address=address)
            self._follow(username, (shown,))

    def add_earlier(self, other: "Tally") -> None:
        """Count all of another one, whose events came before these."""
        for key, told in other.rows.items():
            self._count(key, told)
        later, self.sessions = self.sessions, dict(other.sessions)
        for username, events in later.items():
            self._follow(username, events)

    def _follow(self, username: str, events: tuple[BrokerEvent, ...]) -> None:
        if events[0].kind == EventKind.DISCONNECTED:
            before = self.sessions.get(username, ())
            events = (*before[:1], *before[1:][-_MOST_ENDS:], *events)
        self.sessions[username] = events

    def _count(self, key: Key, told: Told) -> None:
        if key not in self.rows and len(self.rows) >= _MOST_KEYS:
            key = key._replace(username="", address="", topic="")
        old = self.rows.get(key)
        self.rows[key] = old.with_more(told) if old else told


class Budget(NamedTuple):
    """What of the hours in question is written already."""

    written: AbstractSet[Key]
    of_users: Mapping[tuple[datetime, str], int]
    """Rows, by hour and username."""
    of_strangers: Mapping[tuple[datetime, int | None], int]
    """Rows, by hour and platform."""


def bounded(
    rows: Iterable[tuple[Key, Told]],
    budget: Budget,
    *,
    users: AbstractSet[str],
    platforms: Mapping[str, int],
) -> dict[tuple[Key, int | None], Told]:
    """Rows and their platforms, within the bounds: beyond them address, topic and name go.

    Args:
        rows: as they were counted.
        budget: what is there.
        users: usernames that have or had a credential.
        platforms: ids by code.
    """
    of_users, of_strangers = dict(budget.of_users), dict(budget.of_strangers)
    kept: dict[tuple[Key, int | None], Told] = {}
    for key, told in rows:
        platform_id = platforms.get(key.username.partition("/")[0])
        within = key
        if key not in budget.written:
            if key.username in users:
                used = of_users.get((key.hour, key.username), 0)
                of_users[key.hour, key.username] = used + 1
                if used >= _OF_A_USER:
                    within = key._replace(address="", topic="")
            else:
                used = of_strangers.get((key.hour, platform_id), 0)
                of_strangers[key.hour, platform_id] = used + 1
                if used >= _OF_STRANGERS:
                    within = key._replace(username="", address="", topic="")
        old = kept.get((within, platform_id))
        kept[within, platform_id] = old.with_more(told) if old else told
    return kept
