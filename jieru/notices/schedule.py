"""When a channel may speak: how often, and not in its quiet hours. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from jieru.calendar import SHANGHAI

__all__ = ["AT_ONCE_GAP", "Frequency", "Rhythm", "is_due"]

AT_ONCE_GAP: Final = timedelta(minutes=10)
"""Between two messages by one channel: what happens in between is told in one."""
_DIGEST_AT: Final = time(8, 30)
_WEEK_DAYS: Final = 7


class Frequency(StrEnum):
    """How often somebody wants to hear."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"
    """On Monday."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a channel speaks."""

    frequency: Frequency
    quiet_from: int | None = None
    """Hour of the civil day; with `quiet_to` before it, over midnight."""
    quiet_to: int | None = None

    def is_quiet(self, now: datetime) -> bool:
        """Whether nothing is sent at this moment."""
        if self.quiet_from is None or self.quiet_to is None:
            return False
        hour = now.astimezone(SHANGHAI).hour
        if self.quiet_from < self.quiet_to:
            return self.quiet_from <= hour < self.quiet_to
        return hour >= self.quiet_from or hour < self.quiet_to


def is_due(
    rhythm: Rhythm, *, composed_at: datetime | None, told_at: datetime, now: datetime
) -> bool:
    """Whether what waits is put together now.

    Args:
        rhythm: of the channel.
        composed_at: when its last message was put together; None: there was none.
        told_at: since when the oldest notice waits.
        now: the moment.
    """
    if rhythm.is_quiet(now):
        return False
    if rhythm.frequency is Frequency.AT_ONCE:
        return composed_at is None or abs(now - composed_at) >= AT_ONCE_GAP
    return told_at < _last_digest(rhythm.frequency, now)


def _last_digest(frequency: Frequency, now: datetime) -> datetime:
    """The last moment at which a digest of this kind was to be put together."""
    local = now.astimezone(SHANGHAI)
    digest = datetime.combine(local.date(), _DIGEST_AT, SHANGHAI)
    if digest > local:
        digest -= timedelta(days=1)
    if frequency is Frequency.WEEKLY:
        digest -= timedelta(days=digest.weekday() % _WEEK_DAYS)
    return digest
