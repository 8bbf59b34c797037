"""Topics that name nothing, and what was probably meant. Pure."""

import re
from typing import Final

from jieru.credentials.usernames import parse_username
from jieru.i18n import marked as _
from jieru.refusals.said import Detail, Refused, Remedy, Said, excerpt
from jieru.sources.topics import parse_source_topic
from jieru.sparkplug.topics import SPARKPLUG_PREFIX, parse_sparkplug_topic
from jieru.wire import PLATFORM_CODE, SERIAL, parse_heartbeat_topic

__all__ = [
    "bad_topic",
    "denied_topic",
    "unknown_device",
    "unknown_publisher",
    "unknown_source",
]

_LONGEST_NAME: Final = 64
_PARTS_OF_GATEWAY: Final = 7
_PARTS: Final = {5, 6, _PARTS_OF_GATEWAY}
_SPACE: Final = re.compile(r"\s")


def bad_topic(message: Refused) -> Detail:
    """A topic that the contract does not have."""
    topic = message.topic
    parts = topic.split("/")
    if topic.startswith(SPARKPLUG_PREFIX):
        return Detail(
            Said(
                _(
                    "The topic {topic} is not spBv1.0/(platform)/DDATA/(edge node)/(device), nor "
                    "that of another message of Sparkplug B that equipment sends."
                ),
                {"topic": excerpt(topic)},
            ),
            Said(
                _("A gateway's group is (platform).via, and its edge node has the gateway's name.")
            ),
        )
    if "in" in parts[3:] and "heartbeat" not in parts:
        return Detail(
            Said(
                _("The topic {topic} is not jieru/v1/(platform)/in/(source)."),
                {"topic": excerpt(topic)},
            )
        )
    fault = Said(
        _("The topic {topic} is not jieru/v1/(platform)/(serial)/heartbeat."),
        {"topic": excerpt(topic)},
    )
    cause = _cause(topic)
    return Detail(fault, cause)


def denied_topic(username: str, topic: str) -> Detail:
    """What is wrong with a topic on which the broker let a user not publish."""
    heartbeat, source = parse_heartbeat_topic(topic), parse_source_topic(topic)
    user = parse_username(username)
    if user is None or (heartbeat is None and source is None):
        return bad_topic(Refused(topic, b"", 0, 0))
    return Detail(
        Said(
            _("The topic {topic} is that of another publisher than {username}."),
            {"topic": excerpt(topic), "username": excerpt(username)},
        ),
        Said(
            _("With this credential publish on {topic}, or use the other's credential."),
            {"topic": user.topic("CNC-00059")},
        ),
    )


def _cause(topic: str) -> Said | None:  # noqa: PLR0911 - one return for each likeness
    parts = topic.split("/")
    if topic.startswith("/"):
        return Said(_("It begins with a slash: leave it out."))
    if topic.endswith("/"):
        return Said(_("It ends with a slash: leave it out."))
    if parts[:2] != ["jieru", "v1"]:
        return Said(_("It must begin with jieru/v1/."))
    if _lacks_serial(parts):
        return Said(_("The serial is missing before /heartbeat."))
    if parts[-1] != "heartbeat":
        return Said(
            _("It must end with /heartbeat; it ends with /{end}."), {"end": excerpt(parts[-1])}
        )
    if len(parts) not in _PARTS:
        return Said(_("It has {number} parts."), {"number": str(len(parts))})
    if not PLATFORM_CODE.fullmatch(parts[2]):
        return Said(_("{name} is not the code of a platform."), {"name": excerpt(parts[2])})
    if parts[3] == "own" and len(parts) == _PARTS_OF_GATEWAY:
        return Said(
            _("A device publishes for itself alone: leave out {name}."),
            {"name": excerpt(parts[5])},
        )
    return _cause_in_name(parts[-2])


def _lacks_serial(parts: list[str]) -> bool:
    match parts:
        case [_, _, _, "heartbeat"] | [_, _, _, "own" | "via", "heartbeat"]:
            return True
        case [_, _, _, "via", _, "heartbeat"]:
            return True
    return False


def _cause_in_name(name: str) -> Said | None:
    if SERIAL.fullmatch(name):
        return None
    if len(name) > _LONGEST_NAME:
        return Said(
            _("The serial has {number} characters; it may have 64."), {"number": str(len(name))}
        )
    if _SPACE.search(name):
        return Said(_("The serial {name} has a space."), {"name": excerpt(name)})
    return Said(
        _("The serial {name} has other characters than A-Z, a-z, 0-9, period, _ and -."),
        {"name": excerpt(name)},
    )


def unknown_device(message: Refused) -> Detail:
    """A device that the registry does not have."""
    named = parse_heartbeat_topic(message.topic)
    platform, serial = named.device if named else ("", message.topic)
    return Detail(
        Said(
            _("No device of {platform} has the serial {serial}."),
            {"platform": platform, "serial": serial},
        ),
        Said(_("It is not registered, or spelt otherwise: small and capital letters differ.")),
        Remedy.REGISTER_DEVICE,
    )


def unknown_publisher(message: Refused) -> Detail:
    """A gateway that the registry does not have."""
    named = parse_heartbeat_topic(message.topic)
    return Detail(
        Said(
            _("{platform} has no gateway of the name {name}."),
            {
                "platform": named.device.platform if named else "",
                "name": named.publisher.gateway if named else "",
            },
        ),
        Said(_("It is not registered, or spelt otherwise: small and capital letters differ.")),
        Remedy.REGISTER_GATEWAY,
    )


def unknown_source(message: Refused) -> Detail:
    """A message in another's format that the platform did not declare."""
    named = parse_source_topic(message.topic)
    sparkplug = parse_sparkplug_topic(message.topic)
    if sparkplug is not None:
        return Detail(
            Said(
                _("{platform} has not declared that it sends Sparkplug B."),
                {"platform": sparkplug.platform},
            ),
            Said(
                _(
                    "Declare the source sparkplug-b, then have the edge nodes send their births "
                    "again."
                )
            ),
            Remedy.DECLARE_SOURCE,
        )
    return Detail(
        Said(
            _("{platform} has declared no source of the name {name}."),
            {
                "platform": named.platform if named else "",
                "name": named.source if named else message.topic,
            },
        ),
        Said(_("It is not declared, it has ended, or it is spelt otherwise.")),
        Remedy.DECLARE_SOURCE,
    )
