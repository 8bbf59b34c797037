"""How much the broker holds back for this ingester, estimated without asking the broker. Pure.

A broker that keeps messages for a client drops new ones when its queue is full, and acknowledges
them all the same. No version of MQTT lets a client ask how long its queue is; so it is worked out
from what the ingester knows: how many heartbeats arrive in a second, and how many it has stored.

Times are Unix seconds by this machine's clock. The rate of arrival is taken per second of the
devices' clocks, so that an ingester that catches up, and receives a day within minutes, is not
deceived; only how fast those clocks run matters, not whether they are right.
"""

import math
from dataclasses import dataclass
from typing import Final

__all__ = ["BrokerQueue", "QueueAlarm", "QueueLimit"]

_MEMORY_S: Final = 600.0
"""The rate of arrival is that of the last ten minutes or so."""
_PACE_MEMORY_S: Final = 5.0
_PAYLOAD_MEMORY: Final = 10_000
"""Messages over which the mean length of a payload is taken."""
_LONGEST_TICK_S: Final = 60.0
"""A clock that was set forward is no hour of arrivals."""
_FRESH_S: Final = 30.0
"""Whoever stores heartbeats younger than this has caught up."""
_CATCHING_UP: Final = 1.5
"""So much faster than they arrive, heartbeats are received only from a queue."""
_LEVELS: Final = (0.5, 0.75, 0.9)
_RELIEVED: Final = 0.25
_PATIENCE: Final = 3
"""Looks at which a level must be reached before it is news."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """What the broker holds for one client at most; 0: no such limit."""

    messages: int
    payload_bytes: int


class BrokerQueue:
    """An estimate of the broker's queue, kept up by `commit` at each batch and `tick` every second.

    The queue grows by what arrives and shrinks by what is stored. It is known to be empty when
    the ingester stores fresh heartbeats, or when it receives no faster than heartbeats arrive
    although it could hold more: a broker that had some would send them.
    """

    def __init__(self, limit: QueueLimit, *, window: int) -> None:
        """Know nothing yet.

        Args:
            limit: what the broker holds for this ingester.
            window: messages held unacknowledged at most.
        """
        self._limit = limit
        self._window = window
        self._waiting = 0.0
        self._held = 0
        self._up_to_ms: int | None = None
        self._messages = 0.0
        self._seconds = 0.0
        self._payload_bytes = 0.0
        self._committed = 0
        self._pace = 0.0
        self._is_idle = False
        self._is_seeded = False
        self._ticked_at_s: float | None = None

    @property
    def messages(self) -> float:
        """Messages in the broker's queue, estimated; what this ingester holds is not in it."""
        return max(0.0, self._waiting - self._held)

    @property
    def arrivals_per_s(self) -> float:
        """Messages that arrive in a second; 0 until that is known."""
        return self._messages / self._seconds if self._seconds >= 1 else 0.0

    @property
    def share(self) -> float:
        """Of the limit, how much is used; past 1 messages are dropped."""
        capacity = self._capacity
        return self.messages / capacity if math.isfinite(capacity) else 0.0

    @property
    def seconds_left(self) -> float:
        """For how long the database may be away from now on before messages are dropped."""
        room = max(0.0, self._capacity - self.messages)
        arrivals = self.arrivals_per_s
        return room / arrivals if arrivals else math.inf

    @property
    def _capacity(self) -> float:
        by_count = self._limit.messages or math.inf
        if not self._limit.payload_bytes or not self._payload_bytes:
            return by_count
        return min(by_count, self._limit.payload_bytes / self._payload_bytes)

    def commit(self, messages: int, *, median_ms: int | None, payload_bytes: float) -> None:
        """Take note of a batch that is stored.

        Args:
            messages: how many it has, the refused ones included.
            median_ms: when the devices sent it, by the median heartbeat; None: it has none.
            payload_bytes: their mean length.
        """
        self._committed += messages
        weight = min(1.0, messages / _PAYLOAD_MEMORY) if self._payload_bytes else 1.0
        self._payload_bytes += weight * (payload_bytes - self._payload_bytes)
        if median_ms is None:
            return
        if self._up_to_ms is None:
            self._up_to_ms = median_ms
        # A gateway that sends yesterday's heartbeats does not set the clock back.
        advance_s = max(0, median_ms - self._up_to_ms) / 1000
        self._up_to_ms += round(advance_s * 1000)
        kept = math.exp(-advance_s / _MEMORY_S)
        self._seconds = self._seconds * kept + advance_s
        self._messages = self._messages * kept + (messages if self._seconds else 0)

    def tick(
        self,
        now_s: float,
        *,
        unacknowledged: int,
        is_connected: bool,
        window: int | None = None,
    ) -> None:
        """Let the time pass until now; called about once a second.

        Args:
            now_s: the time.
            unacknowledged: messages that the ingester holds.
            is_connected: whether the broker is there.
            window: messages held unacknowledged at most, where the broker's limit is the smaller.
        """
        last_s, self._ticked_at_s = self._ticked_at_s, now_s
        elapsed_s = 0.0 if last_s is None else min(max(0.0, now_s - last_s), _LONGEST_TICK_S)
        committed, self._committed = self._committed, 0
        if elapsed_s:
            weight = 1 - math.exp(-elapsed_s / _PACE_MEMORY_S)
            self._pace += weight * (committed / elapsed_s - self._pace)
        self._held = unacknowledged
        self._waiting += self.arrivals_per_s * elapsed_s - committed
        behind_s = 0.0 if self._up_to_ms is None else now_s - self._up_to_ms / 1000
        if not self._is_seeded and self.arrivals_per_s:
            # What the broker kept while this ingester was away.
            self._is_seeded = True
            self._waiting = self.arrivals_per_s * behind_s
        # Twice, for a broker that was just found again has not sent yet what it kept.
        was_idle, self._is_idle = self._is_idle, is_connected and not unacknowledged
        is_storing = is_connected and committed > 0
        has_room = unacknowledged * 2 < min(self._window, window or self._window)
        is_keeping_up = has_room and self._pace <= _CATCHING_UP * self.arrivals_per_s
        if (was_idle and self._is_idle) or (is_storing and (behind_s <= _FRESH_S or is_keeping_up)):
            self._waiting = 0.0
        self._waiting = max(0.0, self._waiting)


class QueueAlarm:
    """Tells when the queue reaches one level after the other, and when it is empty enough again."""

    def __init__(self) -> None:
        """Begin with all quiet."""
        self._level = 0
        self._looks = 0

    def look(self, share: float) -> bool | None:
        """What is new about the share of the queue that is used.

        Returns:
            True when a level is reached that was not before, False when all is well again after
            that, None when there is no news.
        """
        level = sum(share >= each for each in _LEVELS)
        if level > self._level:
            self._looks += 1
            if self._looks < _PATIENCE:
                return None
            self._level, self._looks = level, 0
            return True
        self._looks = 0
        if self._level and share < _RELIEVED:
            self._level = 0
            return False
        return None
