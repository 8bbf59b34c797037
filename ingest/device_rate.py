"""How many heartbeats of one device are kept, however many it sends. Pure: the time is passed in.

A device has an account. When a minute is over, account = min(burst, max(0, account + sent - rate)):
it grows by what the device sent beyond its rate, and shrinks by what it might have sent and did
not. Within a minute the device's first rate + burst - account heartbeats are kept; the rest are
beyond its rate. So no more than burst + minutes * rate are kept of any stretch of minutes; a flood
that goes on is kept at the rate, and one that ended takes nothing from a device that keeps to it.

What this costs is counting, at the speed of C. Only devices that exceeded the rate have an account,
and only while one has is any heartbeat looked at by itself. Who exceeds it within a minute is
looked for now and then only, so a device without an account may be kept for some more: a thousand,
or twice the devices heard in the minute. A process that starts anew knows no accounts: that costs
rows.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ingest.decode import Heartbeat

__all__ = ["DeviceRate"]

_MINUTE_S: Final = 60.0
_LEAST_BETWEEN_LOOKS: Final = 1_000
"""Heartbeats; a look goes through all devices of the minute, so there must be some to each."""


class DeviceRate:
    """Tells the heartbeats that are beyond their devices' rate. Times are monotonic seconds."""

    def __init__(self, *, per_minute: int, burst: int) -> None:
        """Allow each device so many a minute for ever, and a burst now and then; 0: no limit."""
        self._per_minute = per_minute
        self._burst = burst
        self._minute_ends_s = float("-inf")
        self._sent: Counter[int] = Counter()
        """By device, in the minute that runs."""
        self._accounts: dict[int, int] = {}
        self._unseen = 0
        """Heartbeats since the last look for devices that need an account."""

    @property
    def devices_remembered(self) -> int:
        """Those that need to be: they exceeded the rate, and have not made up for it."""
        return len(self._accounts)

    def divide(
        self, heartbeats: Sequence[Heartbeat], now_s: float
    ) -> tuple[Sequence[Heartbeat], Sequence[Heartbeat]]:
        """Count heartbeats once, and tell those within their devices' rate from those beyond it."""
        if not self._per_minute:
            return heartbeats, ()
        self._end_minutes(now_s)
        self._sent.update([heartbeat.device_id for heartbeat in heartbeats])
        self._unseen += len(heartbeats)
        if self._unseen >= max(_LEAST_BETWEEN_LOOKS, 2 * len(self._sent)):
            self._look(self._per_minute + self._burst)
        if not self._accounts:
            return heartbeats, ()
        left = self._left(heartbeats)
        return _divided(heartbeats, left) if left else (heartbeats, ())

    def _end_minutes(self, now_s: float) -> None:
        if now_s < self._minute_ends_s:
            return
        minutes = 1
        if self._sent or self._accounts:
            minutes += int((now_s - self._minute_ends_s) // _MINUTE_S)
        self._minute_ends_s = now_s + _MINUTE_S
        self._look(self._per_minute)
        sent = self._sent
        self._accounts = {
            device_id: account
            for device_id, before in self._accounts.items()
            if (account := self._account_after(before, sent[device_id], minutes)) > 0
            or sent[device_id] > self._per_minute
        }
        self._sent = Counter()

    def _account_after(self, account: int, sent: int, minutes: int) -> int:
        """At the end of a minute in which so many were sent, and of silent ones after it."""
        account = min(self._burst, max(0, account + sent - self._per_minute))
        return max(0, account - (minutes - 1) * self._per_minute)

    def _look(self, most: int) -> None:
        """Open an account for each device that sent more than so many in this minute."""
        self._unseen = 0
        if max(self._sent.values(), default=0) <= most:
            return
        for device_id, sent in self._sent.items():
            if sent > most:
                self._accounts.setdefault(device_id, 0)

    def _left(self, heartbeats: Sequence[Heartbeat]) -> dict[int, int]:
        """Of each device that sent too many by now, how many of these heartbeats are kept."""
        accounts = self._accounts
        watched = (
            accounts.keys()
            if len(accounts) <= len(heartbeats)
            else {each.device_id for each in heartbeats} & accounts.keys()
        )
        allowed = self._per_minute + self._burst
        over = {each for each in watched if self._sent[each] > allowed - accounts[each]}
        if not over:
            return {}
        here = Counter(each.device_id for each in heartbeats if each.device_id in over)
        return {
            device_id: max(0, allowed - accounts[device_id] - (self._sent[device_id] - count))
            for device_id, count in here.items()
        }


def _divided(
    heartbeats: Sequence[Heartbeat], left: dict[int, int]
) -> tuple[Sequence[Heartbeat], Sequence[Heartbeat]]:
    """The first so many of each device that is named, with all of the others; and the rest."""
    within: list[Heartbeat] = []
    beyond: list[Heartbeat] = []
    for heartbeat in heartbeats:
        more = left.get(heartbeat.device_id)
        if more is None:
            within.append(heartbeat)
        elif more:
            left[heartbeat.device_id] = more - 1
            within.append(heartbeat)
        else:
            beyond.append(heartbeat)
    return within, beyond
