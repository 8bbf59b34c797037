"""Which hours of which device, by whom, are already in `presence`: each costs one upsert. Pure.

Only a memory of what the database has: forgetting costs a repeated upsert, which changes nothing;
so an hour is remembered after its commit, and everything is forgotten when the memory is full.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from enum import IntEnum
from typing import Final

import msgspec

from ingest.decode import Heartbeat
from jieru.calendar import MILLISECONDS_PER_HOUR, civil_hour_of, hours_since_epoch
from jieru.publishers import CLOUD_ID

__all__ = ["Age", "DurableHours", "PresenceBit"]

_LIMIT: Final = 400_000
"""Device-months held at most: some 100 MB."""


class Age(IntEnum):
    """How old a heartbeat was when it arrived. What is live is in time, too."""

    LIVE = 0
    IN_TIME = 1
    LATE = 2


# Found faster than a member of the class is.
_LIVE: Final = Age.LIVE
_IN_TIME: Final = Age.IN_TIME
_LATE: Final = Age.LATE


class PresenceBit(msgspec.Struct, frozen=True, gc=False):
    """One hour in which a device was heard."""

    device_id: int
    publisher_id: int
    month: date
    bit: int
    age: Age


class DurableHours:
    """Device-months as integers with one bit an hour, for each age apart."""

    def __init__(self, limit: int = _LIMIT) -> None:
        """Hold at most `limit` device-months."""
        self._limit = limit
        self._months: dict[tuple[int, int, date, Age], int] = {}
        self._last_live: defaultdict[int, dict[int, int]] = defaultdict(dict)
        """By publisher and device an hour known to be durable as live, the last one: answers nearly
        every heartbeat."""
        self._last_in_time: defaultdict[int, dict[int, int]] = defaultdict(dict)
        """The same of hours that need not be live."""

    def missing(self, heartbeats: Iterable[Heartbeat]) -> list[PresenceBit]:
        """The hours of these heartbeats that are not known to be stored, each once for each age.

        An hour that is stored as live is stored as in time, too. In order of device, hour and
        publisher.
        """
        bits: list[PresenceBit] = []
        months = self._months
        for device_id, hour, publisher_id, age in sorted(self._not_last(heartbeats)):
            month, bit = civil_hour_of(hour * MILLISECONDS_PER_HOUR)
            durable = months.get((device_id, publisher_id, month, age), 0)
            if age is _IN_TIME:
                durable |= months.get((device_id, publisher_id, month, _LIVE), 0)
            if not durable >> bit & 1:
                bits.append(PresenceBit(device_id, publisher_id, month, bit, age))
            elif age is not _LATE:
                last = self._last_live if age is _LIVE else self._last_in_time
                last[publisher_id][device_id] = hour
        return bits

    def _not_last(self, heartbeats: Iterable[Heartbeat]) -> set[tuple[int, int, int, Age]]:
        """Device, hour, publisher and age of those that are not of the last hour that is known."""
        found: set[tuple[int, int, int, Age]] = set()
        publisher_id = CLOUD_ID
        last_live, last_in_time = self._last_live[CLOUD_ID], self._last_in_time[CLOUD_ID]
        for heartbeat in heartbeats:
            if heartbeat.publisher_id != publisher_id:
                publisher_id = heartbeat.publisher_id
                last_live = self._last_live[publisher_id]
                last_in_time = self._last_in_time[publisher_id]
            device_id, is_late = heartbeat.device_id, heartbeat.is_late
            hour = heartbeat.ts_ms // MILLISECONDS_PER_HOUR
            if is_late or last_live.get(device_id) != hour:
                if is_late:
                    found.add((device_id, hour, publisher_id, _LATE))
                elif heartbeat.is_live:
                    found.add((device_id, hour, publisher_id, _LIVE))
                elif last_in_time.get(device_id) != hour:
                    found.add((device_id, hour, publisher_id, _IN_TIME))
        return found

    def first_of_missing(self, heartbeats: Iterable[Heartbeat]) -> list[Heartbeat]:
        """Of these heartbeats one for each hour that is not known to be stored."""
        heartbeats = list(heartbeats)
        missing = set(self.missing(heartbeats))
        if not missing:
            return []
        first: list[Heartbeat] = []
        for each in heartbeats:
            month, bit = civil_hour_of(each.ts_ms)
            hour = PresenceBit(each.device_id, each.publisher_id, month, bit, _age_of(each))
            if hour in missing:
                missing.remove(hour)
                first.append(each)
        return first

    def remember(self, bits: Iterable[PresenceBit]) -> None:
        """Note what a transaction has just committed."""
        if len(self._months) >= self._limit:
            self._months.clear()
            self._last_live.clear()
            self._last_in_time.clear()
        months = self._months
        for bit in bits:
            key = (bit.device_id, bit.publisher_id, bit.month, bit.age)
            months[key] = months.get(key, 0) | 1 << bit.bit
            if bit.age is not _LATE:
                last = self._last_live if bit.age is _LIVE else self._last_in_time
                last[bit.publisher_id][bit.device_id] = hours_since_epoch(bit.month, bit.bit)


def _age_of(heartbeat: Heartbeat) -> Age:
    if heartbeat.is_late:
        return _LATE
    return _LIVE if heartbeat.is_live else _IN_TIME
