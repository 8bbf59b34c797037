"""One thing that a broker told, and how foreign text becomes legible. Pure.

Usernames, client ids and topics are whatever a stranger sent: of any length, with any character
that the broker lets through.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

__all__ = [
    "ADDRESS_LIMIT",
    "NAME_LIMIT",
    "TOPIC_LIMIT",
    "BrokerEvent",
    "Detail",
    "EventKind",
    "legible",
]

NAME_LIMIT: Final = 128
"""Characters of a username or a client id; a platform, a gateway and a slash take 101."""
TOPIC_LIMIT: Final = 300
ADDRESS_LIMIT: Final = 64
_CUT: Final = "…"


class EventKind(StrEnum):
    """What happened."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    REFUSED = "refused"
    """It was not let in."""
    DENIED = "denied"
    """A message was dropped, for its topic is not allowed."""


class Detail(StrEnum):
    """What more is known of it."""

    UNKNOWN = ""
    LEFT = "left"
    """It said goodbye."""
    LOST = "lost"
    """The connection broke, or nothing was heard for too long."""
    TAKEN_OVER = "taken_over"
    REVOKED = "revoked"
    """Its credential is open no longer."""
    BROKER_ENDED = "broker_ended"
    PROTOCOL = "protocol"
    """It did not keep to MQTT, or sent too much at once."""
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - no secret
    UNKNOWN_USER = "unknown_user"


class BrokerEvent(NamedTuple):
    """One thing that a broker told."""

    at: datetime
    kind: EventKind
    username: str
    """Empty: the broker does not say."""
    client_id: str = ""
    address: str = ""
    """Of the client, without its port; empty: the broker does not say, or not for certain."""
    port: int | None = None
    topic: str = ""
    detail: Detail = Detail.UNKNOWN


def legible(text: str, limit: int) -> str:
    """Foreign text in one line, without anything that steers a terminal or turns the direction."""
    begun = text[: limit + 1]
    shown = "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in begun)
    return shown if len(shown) <= limit else shown[: limit - 1] + _CUT
