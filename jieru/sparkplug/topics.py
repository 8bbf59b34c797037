"""Topics of Sparkplug B, and who alone may publish on each. Pure.

The group says who published: `{platform}` is the platform's cloud, whatever its edge nodes are
called, and `{platform}.via` a gateway, whose edge node bears its name. No platform's code has a
period, so neither can write what counts as the other's.
"""

import re
from enum import StrEnum
from typing import Final, NamedTuple

from jieru.wire import (
    CLOUD,
    PLATFORM_CODE,
    SERIAL,
    DeviceAddress,
    Publisher,
    PublisherKind,
    heartbeat_topic,
)

__all__ = [
    "SPARKPLUG_PREFIX",
    "SPARKPLUG_SOURCE",
    "SPARKPLUG_TOPIC_FILTERS",
    "MessageKind",
    "SparkplugTopic",
    "gateway_topics",
    "parse_sparkplug_topic",
]

SPARKPLUG_PREFIX: Final = "spBv1.0/"
SPARKPLUG_SOURCE: Final = "sparkplug-b"
"""The one name under which a platform declares how its Sparkplug is read: topics name none."""
_OF_GATEWAYS: Final = ".via"


class MessageKind(StrEnum):
    """Which of Sparkplug's messages it is."""

    NBIRTH = "NBIRTH"
    NDATA = "NDATA"
    NDEATH = "NDEATH"
    DBIRTH = "DBIRTH"
    DDATA = "DDATA"
    DDEATH = "DDEATH"

    @property
    def is_birth(self) -> bool:
        """Whether it gives aliases their names."""
        return self in {MessageKind.NBIRTH, MessageKind.DBIRTH}

    @property
    def is_death(self) -> bool:
        """Whether it says that something is away: no sign of life, so no heartbeat."""
        return self in {MessageKind.NDEATH, MessageKind.DDEATH}

    @property
    def is_of_device(self) -> bool:
        """Whether its topic ends in a device."""
        return self.startswith("D")


SPARKPLUG_TOPIC_FILTERS: Final = tuple(
    f"{SPARKPLUG_PREFIX}+/{kind}/+{'/+' if kind.is_of_device else ''}" for kind in MessageKind
)
"""All that equipment may publish; no topic matches two."""

# A name that is also a kind of message would let a device's credential of an earlier release,
# `{platform}/DDATA`, reach by the pattern of `spBv1.0/%u/NDATA/+` what is the cloud's alone.
_KINDS: Final = "|".join((*MessageKind, "NCMD", "DCMD", "STATE"))
_NAME: Final = rf"(?!(?:{_KINDS})(?:/|\Z))[^/+#\x00]{{1,128}}"
_TOPIC: Final = re.compile(
    rf"{re.escape(SPARKPLUG_PREFIX)}(?P<platform>{PLATFORM_CODE.pattern})"
    rf"(?P<via>{re.escape(_OF_GATEWAYS)})?/"
    rf"(?:(?P<node_kind>NBIRTH|NDATA|NDEATH)/(?P<node>{_NAME})"
    rf"|(?P<device_kind>DBIRTH|DDATA|DDEATH)/(?P<edge>{_NAME})/(?P<device>{_NAME}))"
)


class SparkplugTopic(NamedTuple):
    """What the topic of one message says, which the broker has held against the credential."""

    platform: str
    publisher: Publisher
    kind: MessageKind
    edge: str
    """The edge node; of a gateway's group, the gateway's own name."""
    device: str | None
    """None: the message is of the edge node itself."""

    @property
    def name(self) -> str:
        """What whatever the message is of is called there."""
        return self.device or self.edge

    @property
    def birth_topic(self) -> str:
        """Where the message comes that gives its aliases their names."""
        group = self.platform + (_OF_GATEWAYS if self.publisher.gateway else "")
        if self.device is None:
            return f"{SPARKPLUG_PREFIX}{group}/{MessageKind.NBIRTH}/{self.edge}"
        return f"{SPARKPLUG_PREFIX}{group}/{MessageKind.DBIRTH}/{self.edge}/{self.device}"

    def heartbeat_topic(self, serial: str) -> str:
        """The topic on which the same publisher would send a device's heartbeat."""
        return heartbeat_topic(DeviceAddress(self.platform, serial), self.publisher)


def parse_sparkplug_topic(topic: str) -> SparkplugTopic | None:
    """What a topic names; None: it is none of Sparkplug's on which equipment publishes."""
    match = _TOPIC.fullmatch(topic)
    if match is None:
        return None
    edge = match["node"] or match["edge"]
    publisher = CLOUD
    if match["via"]:
        if not SERIAL.fullmatch(edge):
            return None
        publisher = Publisher(PublisherKind.GATEWAY, edge)
    kind = MessageKind(match["node_kind"] or match["device_kind"])
    return SparkplugTopic(match["platform"], publisher, kind, edge, match["device"])


def gateway_topics(platform: str, gateway: str) -> tuple[str, ...]:
    """The filters of all on which a gateway publishes."""
    return tuple(
        f"{SPARKPLUG_PREFIX}{platform}{_OF_GATEWAYS}/{kind}/{gateway}"
        f"{'/+' if kind.is_of_device else ''}"
        for kind in MessageKind
    )
