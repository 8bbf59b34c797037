"""How many heartbeats and rejections of a batch belong to which platform and hour. Pure.

The platform is the one that the topic names; the hour is that of receipt. And how many of which
device were beyond its rate.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from ingest.decode import Heartbeat, Rejection
from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.sources.topics import parse_source_topic
from jieru.sparkplug.topics import parse_sparkplug_topic
from jieru.wire import PLATFORM_CODE, RejectionReason, parse_heartbeat_topic

__all__ = [
    "ExcessHour",
    "HeardHour",
    "RefusedHour",
    "excess_hours",
    "heard_hours",
    "refused_hours",
]

_TOPIC_PREFIX_LENGTH: Final = len("jieru/v1/")
_IN_TREE: Final = re.compile(rf"jieru/v1/({PLATFORM_CODE.pattern})/")


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
    """What stands in the topic for its code; empty where it is in no platform's tree."""
    reason: RejectionReason
    rejections: int


class ExcessHour(NamedTuple):
    """Heartbeats of one device in one hour that were beyond its rate."""

    device_id: int
    hour: int
    """Whole hours since the Unix epoch."""
    heartbeats: int


def heard_hours(heartbeats: Iterable[Heartbeat]) -> list[HeardHour]:
    """Count heartbeats, sorted by hour and platform."""
    counted: dict[tuple[int, str], list[int]] = {}
    # Those of one hour and platform mostly follow one another, so the key is looked up anew only
    # where a heartbeat does not belong to the last one.
    prefix, from_ms, to_ms = "", 0, 0
    counts = [0, 0]
    for heartbeat in heartbeats:
        received_ms, topic = heartbeat.received_ms, heartbeat.message.topic
        if not (from_ms <= received_ms < to_ms and topic.startswith(prefix)):
            # A heartbeat's topic keeps the contract, so the next slash ends the platform's code.
            prefix = topic[: topic.index("/", _TOPIC_PREFIX_LENGTH) + 1]
            hour = received_ms // MILLISECONDS_PER_HOUR
            from_ms = hour * MILLISECONDS_PER_HOUR
            to_ms = from_ms + MILLISECONDS_PER_HOUR
            counts = counted.setdefault((hour, prefix[_TOPIC_PREFIX_LENGTH:-1]), [0, 0])
        counts[0] += 1
        counts[1] += heartbeat.is_late
    return [HeardHour(*key, *counted[key]) for key in sorted(counted)]


def refused_hours(rejections: Iterable[Rejection]) -> list[RefusedHour]:
    """Count rejections, sorted by hour, platform and reason."""
    counted: Counter[tuple[int, str, RejectionReason]] = Counter()
    for rejection in rejections:
        platform = _platform_of(rejection.message.topic)
        hour = rejection.message.received_ms // MILLISECONDS_PER_HOUR
        counted[hour, platform, rejection.reason] += 1
    return [RefusedHour(*key, counted[key]) for key in sorted(counted)]


def _platform_of(topic: str) -> str:
    if heartbeat := parse_heartbeat_topic(topic):
        return heartbeat.device.platform
    if named := parse_source_topic(topic) or parse_sparkplug_topic(topic):
        return named.platform
    # Elsewhere in its tree the broker lets a platform's own users alone publish.
    in_tree = _IN_TREE.match(topic)
    return in_tree[1] if in_tree else ""


def excess_hours(heartbeats: Iterable[Heartbeat]) -> list[ExcessHour]:
    """Count heartbeats beyond their devices' rate, sorted by device and hour."""
    counted = Counter(
        (each.device_id, each.received_ms // MILLISECONDS_PER_HOUR) for each in heartbeats
    )
    return [ExcessHour(*key, counted[key]) for key in sorted(counted)]
