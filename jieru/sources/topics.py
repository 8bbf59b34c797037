"""The topics of messages in others' formats, and who alone may publish on each. Pure.

Three words are no names of sources, and one no last part, so that the two patterns by which a
broker lets a credential publish here, and those of heartbeats, never meet on one topic.
"""

import re
from typing import Final, NamedTuple

from jieru.wire import (
    CLOUD,
    ITSELF,
    PLATFORM_CODE,
    SERIAL,
    DeviceAddress,
    Publisher,
    PublisherKind,
    heartbeat_topic,
    parse_heartbeat_topic,
)

__all__ = ["SOURCE_NAME", "SOURCE_TOPIC_FILTERS", "SourceTopic", "parse_source_topic"]

SOURCE_NAME: Final = re.compile(r"(?!(?:in|own|via|heartbeat)(?:/|\Z))[a-z0-9-]{2,32}")
SOURCE_TOPIC_FILTERS: Final = (
    "jieru/v1/+/in/+",
    "jieru/v1/+/in/+/+",
    "jieru/v1/+/own/+/in/+",
    "jieru/v1/+/own/+/in/+/+",
    "jieru/v1/+/via/+/in/+",
    "jieru/v1/+/via/+/in/+/+",
)
"""Of every kind of publisher, with a serial at the end and without; no topic matches two."""

_TOPIC: Final = re.compile(
    rf"jieru/v1/(?P<platform>{PLATFORM_CODE.pattern})/"
    rf"(?:own/(?P<own>{SERIAL.pattern})/|via/(?P<gateway>{SERIAL.pattern})/)?"
    rf"in/(?P<source>{SOURCE_NAME.pattern})(?:/(?!heartbeat\Z)(?P<serial>{SERIAL.pattern}))?"
)


class SourceTopic(NamedTuple):
    """What the topic of a message in another's format says."""

    platform: str
    source: str
    publisher: Publisher
    own_serial: str | None
    """Of the device that publishes itself: it speaks for no other."""
    serial: str | None
    """The last part, for a source that reads the serial there."""

    def heartbeat_topic(self, serial: str) -> str:
        """The topic on which the same publisher would send a device's heartbeat."""
        return heartbeat_topic(DeviceAddress(self.platform, serial), self.publisher)


def parse_source_topic(topic: str) -> SourceTopic | None:
    """What a source's topic names; None: it breaks the contract, or is that of a heartbeat."""
    match = _TOPIC.fullmatch(topic)
    if match is None or parse_heartbeat_topic(topic) is not None:
        return None
    publisher = CLOUD
    if match["own"]:
        publisher = ITSELF
    elif match["gateway"]:
        publisher = Publisher(PublisherKind.GATEWAY, match["gateway"])
    return SourceTopic(match["platform"], match["source"], publisher, match["own"], match["serial"])
