"""The last heartbeat and status of each device, written at most once an interval per device.

Pure: the time is passed in.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Final

import msgspec

from ingest.decode import Heartbeat
from jieru.wire import DeviceStatus

__all__ = ["DeviceState", "DeviceStates"]

_MOST_AT_ONCE: Final = 1_000
"""So that the states of a whole city, all due at once, do not hold up its heartbeats."""


class DeviceState(msgspec.Struct, frozen=True, gc=False):
    """What the newest heartbeat of a device said."""

    device_id: int
    seen_ms: int
    status: DeviceStatus | None


class DeviceStates:
    """Holds what is newer than the database until its turn comes. Times are monotonic seconds."""

    def __init__(self, interval_s: float) -> None:
        """Write each device at most every `interval_s` seconds."""
        self._interval_s = interval_s
        self._newest: dict[int, tuple[int, DeviceStatus | None]] = {}
        self._written_at: dict[int, float] = {}
        self._due: set[int] = set()
        """Those never written by this process, and those whose interval was found to be over."""
        self._swept_at = float("-inf")

    def observe(self, heartbeats: Iterable[Heartbeat]) -> None:
        """Take note of heartbeats; the newer of two wins whatever their order."""
        newest = self._newest
        for heartbeat in heartbeats:
            device_id, ts_ms = heartbeat.device_id, heartbeat.ts_ms
            known = newest.get(device_id)
            if known is None:
                newest[device_id] = (ts_ms, heartbeat.status)
                if device_id not in self._written_at:
                    self._due.add(device_id)
            elif ts_ms > known[0]:
                newest[device_id] = (ts_ms, heartbeat.status)

    def due(self, now_s: float, *, everything: bool = False) -> list[DeviceState]:
        """What should be written now, sorted by device (so that two writers cannot deadlock).

        A thousand at most, unless everything is asked for. Looks through all devices at most
        once a second; between, only at those found due before and those never written.
        """
        if everything:
            ids: Iterable[int] = self._newest
        else:
            if now_s - self._swept_at >= 1:
                self._swept_at = now_s
                latest = now_s - self._interval_s
                written_at = self._written_at
                self._due.update(
                    key for key in self._newest if written_at.get(key, latest) <= latest
                )
            ids = islice(self._due, _MOST_AT_ONCE)
        newest = self._newest
        return [DeviceState(key, *newest[key]) for key in sorted(ids)]

    def remember(self, written: Iterable[DeviceState], now_s: float) -> None:
        """Note what a transaction has just committed."""
        for state in written:
            device_id = state.device_id
            self._written_at[device_id] = now_s
            self._due.discard(device_id)
            if self._newest.get(device_id, (0, None))[0] == state.seen_ms:
                del self._newest[device_id]
