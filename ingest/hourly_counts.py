"""How many heartbeats and rejections of a batch belong to which platform and hour. Pure.

The platform is the one that the topic names; the hour is that of receipt.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ingest.decode import Heartbeat, Rejection
from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.wire import RejectionReason, parse_heartbeat_topic

__all__ = ["HeardHour", "RefusedHour", "heard_hours", "refused_hours"]

_TOPIC_PREFIX_LENGTH: Final = len("jieru/v1/")


class HeardHour(NamedTuple):
    """Heartbeats of one platform in one hour."""

    hour: int
    """Whole hours since the Unix epoch."""
    platform: str
    """Its code."""
    heartbeats: int
    late: int
    """Of these, those that came too late to count."""


class RefusedHour(NamedTuple):
    """Rejections of one platform in one hour for one reason."""

    hour: int
    platform: str
    """What stands in the topic for its code; empty where the topic breaks the contract."""
    reason: RejectionReason
    rejections: int


def heard_hours(heartbeats: Sequence[Heartbeat]) -> list[HeardHour]:
    """Count heartbeats, sorted by hour and platform."""
    # A heartbeat's topic keeps the contract, so the next slash ends the platform's code.
    topics = [heartbeat[7][0] for heartbeat in heartbeats]
    platforms = [
        topic[_TOPIC_PREFIX_LENGTH : topic.index("/", _TOPIC_PREFIX_LENGTH)] for topic in topics
    ]
    hours = [heartbeat[2] // MILLISECONDS_PER_HOUR for heartbeat in heartbeats]
    heard = Counter(zip(hours, platforms, strict=True))
    late = Counter(
        (hour, platform)
        for hour, platform, heartbeat in zip(hours, platforms, heartbeats, strict=True)
        if heartbeat[3]
    )
    return [HeardHour(*key, heard[key], late[key]) for key in sorted(heard)]


def refused_hours(rejections: Iterable[Rejection]) -> list[RefusedHour]:
    """Count rejections, sorted by hour, platform and reason."""
    counted: Counter[tuple[int, str, RejectionReason]] = Counter()
    for reason, message in rejections:
        address = parse_heartbeat_topic(message.topic)
        platform = address.platform if address else ""
        counted[message.received_ms // MILLISECONDS_PER_HOUR, platform, reason] += 1
    return [RefusedHour(*key, counted[key]) for key in sorted(counted)]
