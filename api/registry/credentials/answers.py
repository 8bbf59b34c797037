"""The shapes of what is asked and answered about credentials of equipment."""

from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from api.web.paging import Page
from api.web.records import Body

__all__ = ["Credential", "CredentialPage", "IssuedCredential", "NewCredential"]

_CREDENTIAL: Final[dict[str, JsonValue]] = {
    "id": 17,
    "username": "xielian/cnc-1",
    "platform": "xielian",
    "serial": "cnc-1",
    "created_at": "2026-03-02T08:15:00Z",
    "revoked_at": None,
}


class NewCredential(Body):
    """Whose credential shall be issued."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"platform": "xielian", "serial": "cnc-1"},
                {"platform": "xielian", "serial": None},
            ]
        }
    )

    platform: str = Field(description="The platform's code.", max_length=100)
    serial: str | None = Field(
        default=None,
        description="The device's serial; null: the platform's gateway.",
        max_length=100,
    )


class Credential(BaseModel):
    """A credential; its secret is kept nowhere."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CREDENTIAL]})

    id: int
    username: str = Field(description="Whom the equipment signs in as at the broker.")
    platform: str = Field(description="The platform's code.")
    serial: str | None = Field(description="The device's serial; null: the platform's gateway.")
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
                    "example": "mosquitto_pub -h broker.example -p 1883 -u xielian/cnc-1 "
                    "-P h7Qm2vXw9LrT4bKc8NsZ1dYf6GpJ3aEu -q 1 "
                    "-t jieru/v1/xielian/cnc-1/heartbeat "
                    '-m "{\\"ts\\": $(date +%s)000, \\"status\\": \\"running\\"}"',
                }
            ]
        }
    )

    secret: str = Field(description="32 letters and digits: the password at the broker.")
    example: str = Field(description="A line for a shell that publishes a first heartbeat.")
