"""Which hours of which device are already in `presence`, so that each costs one upsert.

Only a memory of what the database has: forgetting costs a repeated upsert, which changes nothing;
so an hour is remembered after its commit, and everything is forgotten when the memory is full.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from ingest.decode import Heartbeat
from jieru.calendar import MILLISECONDS_PER_HOUR, civil_hour_of

__all__ = ["DurableHours", "PresenceBit"]

_LIMIT: Final = 400_000
"""Device-months held at most: some 100 MB."""


class PresenceBit(NamedTuple):
    """One hour in which a device was heard; sorts by the key of its row."""

    device_id: int
    month: date
    bit: int
    is_late: bool


class DurableHours:
    """Device-months as integers with one bit an hour, on time and late apart."""

    def __init__(self, limit: int = _LIMIT) -> None:
        """Hold at most `limit` device-months."""
        self._limit = limit
        self._months: dict[tuple[int, date, bool], int] = {}
        self._last_hour: dict[int, int] = {}
        """Per device the last hour remembered as on time: answers nearly every heartbeat."""

    def missing(self, heartbeats: Iterable[Heartbeat]) -> list[PresenceBit]:
        """The hours of these heartbeats that are not known to be stored, sorted, each once."""
        found: set[PresenceBit] = set()
        last_hour = self._last_hour
        for heartbeat in heartbeats:
            device_id, ts_ms, is_late = heartbeat[0], heartbeat[1], heartbeat[3]
            if not is_late and last_hour.get(device_id) == ts_ms // MILLISECONDS_PER_HOUR:
                continue
            month, bit = civil_hour_of(ts_ms)
            if not self._months.get((device_id, month, is_late), 0) >> bit & 1:
                found.add(PresenceBit(device_id, month, bit, is_late))
        return sorted(found)

    def remember(self, bits: Iterable[PresenceBit], heartbeats: Iterable[Heartbeat]) -> None:
        """Note what a transaction has just committed."""
        if len(self._months) >= self._limit:
            self._months.clear()
            self._last_hour.clear()
        months = self._months
        for device_id, month, bit, is_late in bits:
            key = (device_id, month, is_late)
            months[key] = months.get(key, 0) | 1 << bit
        last_hour = self._last_hour
        for heartbeat in heartbeats:
            if not heartbeat[3]:
                last_hour[heartbeat[0]] = heartbeat[1] // MILLISECONDS_PER_HOUR
