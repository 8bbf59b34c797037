"""The last heartbeat and status of each device, written at most once an interval per device."""

from collections.abc import Iterable
from typing import NamedTuple

from ingest.decode import Heartbeat
from jieru.wire import DeviceStatus

__all__ = ["DeviceState", "DeviceStates"]


class DeviceState(NamedTuple):
    """What the newest heartbeat of a device said; sorts by device."""

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
        self._unwritten: set[int] = set()
        """Devices never written by this process: they are due at once."""
        self._swept_at = float("-inf")

    def observe(self, heartbeats: Iterable[Heartbeat]) -> None:
        """Take note of heartbeats; the newer of two wins whatever their order."""
        newest = self._newest
        for heartbeat in heartbeats:
            device_id, ts_ms = heartbeat[0], heartbeat[1]
            known = newest.get(device_id)
            if known is None:
                newest[device_id] = (ts_ms, heartbeat[5])
                if device_id not in self._written_at:
                    self._unwritten.add(device_id)
            elif ts_ms > known[0]:
                newest[device_id] = (ts_ms, heartbeat[5])

    def due(self, now_s: float, *, everything: bool = False) -> list[DeviceState]:
        """What should be written now, sorted by device (so that two writers cannot deadlock).

        Looks through all devices at most once a second; between, only at those never written.
        """
        if everything:
            ids: Iterable[int] = self._newest
        elif now_s - self._swept_at < 1:
            ids = self._unwritten
        else:
            self._swept_at = now_s
            latest = now_s - self._interval_s
            ids = [key for key in self._newest if self._written_at.get(key, latest) <= latest]
        return sorted(DeviceState(key, *self._newest[key]) for key in ids)

    def remember(self, written: Iterable[DeviceState], now_s: float) -> None:
        """Note what a transaction has just committed."""
        for device_id, seen_ms, _status in written:
            self._written_at[device_id] = now_s
            self._unwritten.discard(device_id)
            if self._newest.get(device_id, (0, None))[0] == seen_ms:
                del self._newest[device_id]
