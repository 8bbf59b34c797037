"""Which rejections are kept whole: a sample of each hour, for a flood teaches nothing new. Pure.

All are counted by hour, platform and reason, for ever. Kept whole they cost some 1.3 kB each: one
gateway of a thousand badly set devices would be 1.9 GB a day.
"""

from collections import Counter
from collections.abc import Iterable

from ingest.decode import Rejection
from jieru.calendar import MILLISECONDS_PER_HOUR
from jieru.sparkplug.topics import parse_sparkplug_topic

__all__ = ["RejectionSample"]


class RejectionSample:
    """Counts what was kept in the hour that runs."""

    def __init__(self, *, per_topic: int, per_platform: int) -> None:
        """Keep so many of each topic and reason in an hour, and so many of a platform; 0: all."""
        self._per_topic = per_topic
        self._per_platform = per_platform
        self._hour = 0
        self._topics: Counter[tuple[str, str]] = Counter()
        self._platforms: Counter[str] = Counter()

    def of(self, rejections: Iterable[Rejection]) -> list[Rejection]:
        """Those that are to be kept, in their order; asked once of each."""
        return [each for each in rejections if self._keeps(each)]

    def _keeps(self, rejection: Rejection) -> bool:
        message = rejection.message
        hour = message.received_ms // MILLISECONDS_PER_HOUR
        if hour != self._hour:
            self._hour = hour
            self._topics.clear()
            self._platforms.clear()
        platform = _platform_of(message.topic)
        if self._per_platform and self._platforms[platform] >= self._per_platform:
            return False
        key = (message.topic, rejection.reason.value)
        if self._per_topic and self._topics[key] >= self._per_topic:
            return False
        self._platforms[platform] += 1
        self._topics[key] += 1
        return True


def _platform_of(topic: str) -> str:
    """Whose topic it is, by the place where the code stands; empty where there is none."""
    sparkplug = parse_sparkplug_topic(topic)
    if sparkplug is not None:
        return sparkplug.platform
    parts = topic.split("/", 3)
    return parts[2] if len(parts) > 2 else ""  # noqa: PLR2004 - jieru/v1/{platform}
