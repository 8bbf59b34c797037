"""Which hours of which device, by whom, are already in `presence`: each costs one upsert. Pure.

Only a memory of what the database has: forgetting costs a repeated upsert, which changes nothing;
so an hour is remembered after its commit, and everything is forgotten when the memory is full.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from ingest.decode import Heartbeat
from jieru.calendar import MILLISECONDS_PER_HOUR, civil_hour_of, hours_since_epoch
from jieru.publishers import CLOUD_ID

__all__ = ["DurableHours", "PresenceBit"]

_LIMIT: Final = 400_000
"""Device-months held at most: some 100 MB."""


class PresenceBit(msgspec.Struct, frozen=True, gc=False):
    """One hour in which a device was heard."""

    device_id: int
    publisher_id: int
    month: date
    bit: int
    is_late: bool


class DurableHours:
    """Device-months as integers with one bit an hour, on time and late apart."""

    def __init__(self, limit: int = _LIMIT) -> None:
        """Hold at most `limit` device-months."""
        self._limit = limit
        self._months: dict[tuple[int, int, date, bool], int] = {}
        self._last_hours: defaultdict[int, dict[int, int]] = defaultdict(dict)
        """By publisher and device an hour known to be durable, the last one: answers nearly every
        heartbeat."""

    def missing(self, heartbeats: Iterable[Heartbeat]) -> list[PresenceBit]:
        """The hours of these heartbeats that are not known to be stored, each once.

        In order of device, hour and publisher.
        """
        found: set[tuple[int, int, int, bool]] = set()
        publisher_id, last_hour = CLOUD_ID, self._last_hours[CLOUD_ID]
        for heartbeat in heartbeats:
            if heartbeat.publisher_id != publisher_id:
                publisher_id = heartbeat.publisher_id
                last_hour = self._last_hours[publisher_id]
            device_id, is_late = heartbeat.device_id, heartbeat.is_late
            hour = heartbeat.ts_ms // MILLISECONDS_PER_HOUR
            if is_late or last_hour.get(device_id) != hour:
                found.add((device_id, hour, publisher_id, is_late))
        bits: list[PresenceBit] = []
        months = self._months
        for device_id, hour, publisher_id, is_late in sorted(found):
            month, bit = civil_hour_of(hour * MILLISECONDS_PER_HOUR)
            if not months.get((device_id, publisher_id, month, is_late), 0) >> bit & 1:
                bits.append(PresenceBit(device_id, publisher_id, month, bit, is_late))
            elif not is_late:
                self._last_hours[publisher_id][device_id] = hour
        return bits

    def first_of_missing(self, heartbeats: Iterable[Heartbeat]) -> list[Heartbeat]:
        """Of these heartbeats one for each hour that is not known to be stored."""
        heartbeats = list(heartbeats)
        missing = set(self.missing(heartbeats))
        if not missing:
            return []
        first: list[Heartbeat] = []
        for each in heartbeats:
            month, bit = civil_hour_of(each.ts_ms)
            hour = PresenceBit(each.device_id, each.publisher_id, month, bit, each.is_late)
            if hour in missing:
                missing.remove(hour)
                first.append(each)
        return first

    def remember(self, bits: Iterable[PresenceBit]) -> None:
        """Note what a transaction has just committed."""
        if len(self._months) >= self._limit:
            self._months.clear()
            self._last_hours.clear()
        months = self._months
        for bit in bits:
            key = (bit.device_id, bit.publisher_id, bit.month, bit.is_late)
            months[key] = months.get(key, 0) | 1 << bit.bit
            if not bit.is_late:
                hour = hours_since_epoch(bit.month, bit.bit)
                self._last_hours[bit.publisher_id][bit.device_id] = hour
