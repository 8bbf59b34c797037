"""The shapes of what is asked and answered about credentials of equipment."""

from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from api.web.paging import Page
from api.web.records import Body
from jieru.wire import PublisherKind

__all__ = ["Credential", "CredentialPage", "IssuedCredential", "NewCredential"]

_CREDENTIAL: Final[dict[str, JsonValue]] = {
    "id": 17,
    "username": "xielian/own/cnc-1",
    "platform": "xielian",
    "kind": "device",
    "gateway": None,
    "serial": "cnc-1",
    "topic": "jieru/v1/xielian/own/cnc-1/heartbeat",
    "created_at": "2026-03-02T08:15:00Z",
    "revoked_at": None,
}


class NewCredential(Body):
    """Whose credential shall be issued."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"platform": "xielian", "serial": "cnc-1"},
                {"platform": "xielian", "gateway": "licheng-1"},
                {"platform": "xielian"},
            ]
        }
    )

    platform: str = Field(description="The platform's code.", max_length=100)
    serial: str | None = Field(
        default=None,
        description="Of a device that publishes itself.",
        max_length=100,
    )
    gateway: str | None = Field(
        default=None,
        description="The name of a registered gateway; without it and without a serial the "
        "credential is the platform's cloud's.",
        max_length=100,
    )


class Credential(BaseModel):
    """A credential; its secret is kept nowhere."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CREDENTIAL]})

    id: int
    username: str = Field(description="Whom the equipment signs in as at the broker.")
    platform: str = Field(description="The platform's code.")
    kind: PublisherKind = Field(
        description="As whom it publishes: the platform's `cloud`, a `gateway`, or the `device` "
        "itself. A device's credential of earlier releases publishes as the `cloud`: it has a "
        "serial all the same."
    )
    gateway: str | None = Field(description="The gateway's name; null for the other kinds.")
    serial: str | None = Field(
        description="The one device that it may speak for; null: every device of the platform."
    )
    topic: str = Field(
        description="What it publishes on; `+` stands for the serial of any device of the platform."
    )
    created_at: AwareDatetime
    revoked_at: AwareDatetime | None


class CredentialPage(Page[Credential]):
    """One page of credentials, the newest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_CREDENTIAL], "next_cursor": None}]}
    )


class IssuedCredential(Credential):
    """A new credential with its secret, which is shown this once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_CREDENTIAL,
                    "secret": "h7Qm2vXw9LrT4bKc8NsZ1dYf6GpJ3aEu",
                    "example": "mosquitto_pub -h broker.example -p 1883 -u xielian/own/cnc-1 "
                    "-P h7Qm2vXw9LrT4bKc8NsZ1dYf6GpJ3aEu -q 1 "
                    "-t jieru/v1/xielian/own/cnc-1/heartbeat "
                    '-m "{\\"ts\\": $(date +%s)000, \\"status\\": \\"running\\"}"',
                }
            ]
        }
    )

    secret: str = Field(description="32 letters and digits: the password at the broker.")
    example: str = Field(description="A line for a shell that publishes a first heartbeat.")
