"""Which devices exceed their rate, told in few lines however many they are. Pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from ingest.decode import Heartbeat
from jieru.calendar import MILLISECONDS_PER_HOUR

__all__ = ["ExcessNews", "OverRate"]

_PAUSE_S: Final = 60.0
_TOPICS: Final = 5


class OverRate(NamedTuple):
    """Devices of which nothing was said in this hour yet."""

    devices: int
    topics: list[str]
    """Of some of them, each as it was published on."""


class ExcessNews:
    """Names each device once an hour, and all new ones together once a minute."""

    def __init__(self) -> None:
        """Nobody was named yet."""
        self._hour = 0
        self._named: set[int] = set()
        self._waiting: dict[int, str] = {}
        self._next_s = float("-inf")

    def note(self, excess: Iterable[Heartbeat]) -> None:
        """Take note of heartbeats beyond their devices' rate."""
        for heartbeat in excess:
            hour = heartbeat.received_ms // MILLISECONDS_PER_HOUR
            if hour > self._hour:
                self._hour = hour
                self._named.clear()
            if heartbeat.device_id not in self._named:
                self._named.add(heartbeat.device_id)
                self._waiting[heartbeat.device_id] = heartbeat.message.topic

    def look(self, now_s: float) -> OverRate | None:
        """What is to be said now; `now_s` is in monotonic seconds."""
        if not self._waiting or now_s < self._next_s:
            return None
        self._next_s = now_s + _PAUSE_S
        waiting, self._waiting = self._waiting, {}
        return OverRate(len(waiting), [*waiting.values()][:_TOPICS])
