"""What the broker told, as the API answers it."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from jieru.broker_events.event import Detail, EventKind

__all__ = [
    "BrokerEventAnswer",
    "BrokerEventPage",
    "BrokerSessionAnswer",
    "BrokerSessionPage",
    "LastEvent",
]

_SESSION: Final[JsonDict] = {
    "username": "xielian/own/CNC-00059",
    "platform": "xielian",
    "is_connected": True,
    "since": "2026-05-30T04:59:31Z",
    "address": "203.0.113.7",
    "last_event": "connected",
}
_EVENT: Final[JsonDict] = {
    "id": 4711,
    "kind": "denied",
    "username": "xielian/own/CNC-00059",
    "platform": "xielian",
    "is_user": True,
    "client_id": "xielian/own/CNC-00059",
    "address": "203.0.113.7",
    "topic": "jieru/v1/xielian/own/CNC-00059/beats",
    "detail": "",
    "number": 12,
    "first_at": "2026-05-30T04:00:31Z",
    "at": "2026-05-30T04:59:31Z",
    "fault": "The topic jieru/v1/xielian/own/CNC-00059/beats is not "
    "jieru/v1/(platform)/(serial)/heartbeat.",
    "cause": "It must end with /heartbeat; it ends with /beats.",
}


class LastEvent(StrEnum):
    """What a session was last known by."""

    CONNECTED = "connected"
    LEFT = "left"
    LOST = "lost"
    TAKEN_OVER = "taken_over"
    REVOKED = "revoked"
    BROKER_ENDED = "broker_ended"
    PROTOCOL = "protocol"


class BrokerSessionAnswer(BaseModel):
    """One user whom the broker let in at least once."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SESSION]})

    username: str
    platform: str | None = Field(description="Whose user it is; null: no platform's.")
    is_connected: bool
    since: datetime = Field(description="When it connected, or when its connection ended.")
    address: str = Field(description="From where it connected last.")
    last_event: LastEvent = Field(description="`connected`, or how the connection ended.")


class BrokerEventAnswer(BaseModel):
    """What the broker told in one hour of one user, address and topic."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EVENT]})

    id: int
    kind: EventKind = Field(
        description="`refused`: it was not let in. `denied`: its message was dropped."
    )
    username: str = Field(description="Empty: several, or the broker does not say.")
    platform: str | None = Field(description="Whose username it is; null: no platform's.")
    is_user: bool = Field(description="Whether a credential of this name was ever issued.")
    client_id: str = Field(description="Of the last one.")
    address: str = Field(description="Empty: the broker does not say, or not for certain.")
    topic: str = Field(description="On which a message was dropped.")
    detail: Detail = Field(description="How a connection ended, or why it was refused.")
    number: int = Field(description="How often, in this hour.")
    first_at: datetime
    at: datetime = Field(description="The last time.")
    fault: str | None = Field(description="What is wrong, in the language of the request.")
    cause: str | None = Field(description="How it is mended, where that is known.")


class BrokerSessionPage(BaseModel):
    """Sessions, by username."""

    items: list[BrokerSessionAnswer]
    next_cursor: str | None = Field(description="Give it back for the next page; null: no more.")


class BrokerEventPage(BaseModel):
    """Events, the newest first."""

    items: list[BrokerEventAnswer]
    next_cursor: str | None = Field(description="Give it back for the next page; null: no more.")
