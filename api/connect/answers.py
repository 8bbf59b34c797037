"""The shapes of what is said to whoever connects equipment."""

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.web.rejection_details import RejectionDetail
from jieru.wire import DeviceStatus, PublisherKind, RejectionReason

__all__ = [
    "Arrival",
    "ArrivalList",
    "AuthorityAnswer",
    "BrokerAnswer",
    "BrokerArrival",
    "ConnectionAnswer",
    "HeartbeatArrival",
    "RejectionArrival",
]

_SHA256: Final = ":".join(["5A"] * 32)
_HEARTBEAT: Final[dict[str, JsonValue]] = {
    "id": "heartbeat-17-1780117171000",
    "at": "2026-05-30T04:59:31.204Z",
    "heartbeat": {
        "serial": "CNC-01",
        "ts": "2026-05-30T04:59:31Z",
        "delay_s": 0.204,
        "status": "running",
        "publisher": "device",
        "gateway": None,
    },
    "rejection": None,
    "broker": None,
}


class BrokerAnswer(BaseModel):
    """Where equipment reaches the broker."""

    host: str
    port: int
    is_tls: bool
    is_named: bool = Field(
        description="False: nobody said how equipment reaches it; this is our own way to it."
    )


class AuthorityAnswer(BaseModel):
    """A certificate that equipment shall trust, to be had at `/api/v1/connect/authority.pem`."""

    subject: str
    sha256: str = Field(description="Fingerprint of the certificate, in pairs of hex digits.")
    not_before: datetime
    not_after: datetime


class ConnectionAnswer(BaseModel):
    """What equipment must be told to publish its heartbeats."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "broker": {
                        "host": "mqtt.jieru.example.cn",
                        "port": 8883,
                        "is_tls": True,
                        "is_named": True,
                    },
                    "https_url": None,
                    "authority": [
                        {
                            "subject": "CN=Jieru",
                            "sha256": _SHA256,
                            "not_before": "2026-01-01T00:00:00Z",
                            "not_after": "2036-01-01T00:00:00Z",
                        }
                    ],
                    "kind": "device",
                    "username": "xielian/own/CNC-01",
                    "topic": "jieru/v1/xielian/own/CNC-01/heartbeat",
                    "qos": 1,
                    "has_credential": True,
                }
            ]
        }
    )

    broker: BrokerAnswer
    https_url: str | None = Field(description="Where heartbeats are taken over HTTPS; null: not.")
    authority: list[AuthorityAnswer] = Field(
        description="Empty: the broker's certificate is of an authority that everybody trusts."
    )
    kind: PublisherKind = Field(description="As whom it publishes.")
    username: str = Field(description="At the broker, and the client id there.")
    topic: str = Field(description="Of heartbeats; a cloud and a gateway name any device in it.")
    qos: Literal[1] = 1
    has_credential: bool = Field(description="Whether a valid credential was issued to it.")


class HeartbeatArrival(BaseModel):
    """A heartbeat that was taken."""

    serial: str = Field(description="Of the device.")
    ts: datetime = Field(description="When the device was heard, by its own clock.")
    delay_s: float = Field(description="From then until it was received; below 0: a fast clock.")
    status: DeviceStatus | None
    publisher: PublisherKind = Field(description="As whom it was published.")
    gateway: str | None = Field(description="The gateway's name; null for the other kinds.")


class RejectionArrival(BaseModel):
    """A message that was not taken."""

    reason: RejectionReason
    topic: str
    detail: RejectionDetail


class BrokerArrival(BaseModel):
    """What the broker told of connections, where it tells; of one kind in an hour all together."""

    kind: Literal["connected", "disconnected", "refused", "denied"] = Field(
        description="`refused`: it was not let in; `denied`: a message was dropped for its topic."
    )
    username: str = Field(description="As the client gave it; empty: the broker does not say.")
    number: int = Field(description="How often, in the hour.")
    said: str = Field(description="What happened, in the language of the request.")


class Arrival(BaseModel):
    """Something that came: one of the three is there, and the others are null."""

    model_config = ConfigDict(json_schema_extra={"examples": [_HEARTBEAT]})

    id: str = Field(description="The same wherever it is listed again.")
    at: datetime = Field(description="When it was received.")
    heartbeat: HeartbeatArrival | None = None
    rejection: RejectionArrival | None = None
    broker: BrokerArrival | None = None

    @property
    def version(self) -> tuple[str, int]:
        """What it is told apart by from what was told of it before."""
        return self.id, self.broker.number if self.broker else 1


class ArrivalList(BaseModel):
    """What came of late, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_HEARTBEAT]}]})

    items: list[Arrival]
