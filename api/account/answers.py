"""The shapes of what is asked and answered about callers and API keys."""

from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.access.api_keys import KeyKind
from api.access.roles import Permission, Role
from api.access.scopes import NARROW, Scope
from api.web.text_gate import GatedTexts

__all__ = [
    "ApiKey",
    "ApiKeyList",
    "CallerAnswer",
    "EndedApiKey",
    "NewApiKey",
    "NewApiKeyAnswer",
    "RevokedApiKey",
]

_KEY_ID: Final = Field(description="Names the key; the part of its text that is no secret.")
_PLATFORM: Final = Field(
    description="Code of the only platform whose records an operator sees; null for other roles."
)
_KEY: Final[dict[str, JsonValue]] = {
    "key_id": "k3v9x0qa",
    "name": "协联数据同步",
    "role": "operator",
    "platform": "xielian",
    "kind": "program",
    "scopes": ["counts:read", "registry:read", "registry:write"],
    "created_by": "user:lin.operator",
    "parent": None,
    "created_at": "2026-03-02T08:15:00Z",
    "expires_at": "2027-03-01T16:00:00Z",
    "revoked_at": None,
    "last_used_at": "2026-03-02T09:01:12Z",
    "last_origin": "203.0.113.9",
}


class CallerAnswer(BaseModel):
    """Who is asking, and what they may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "actor": "user:lin.operator",
                    "display_name": "林运营",
                    "role": "operator",
                    "platform": "xielian",
                    "permissions": ["change_registry", "read_counts", "read_registry"],
                    "scopes": ["counts:read", "registry:read", "registry:write"],
                }
            ]
        }
    )

    actor: str = Field(description="As the audit names it: `user:NAME` or `key:ID`.")
    display_name: str
    role: Role
    platform: str | None = _PLATFORM
    permissions: list[Permission] = Field(
        description="What the role grants; of a key what its scopes name of that."
    )
    scopes: list[Scope] = Field(description="Of the key; of a person all that the role has.")


class NewApiKey(GatedTexts):
    """What is said of a key that shall be made."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "协联数据同步",
                    "role": "operator",
                    "platform": "xielian",
                    "scopes": ["counts:read", "registry:read", "registry:write"],
                    "expires_at": "2027-03-01T16:00:00Z",
                }
            ]
        },
    )

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] = (
        Field(description="What the key is for.")
    )
    role: Role = Field(description="What its holder may do. An operator grants only `operator`.")
    platform: str | None = Field(
        default=None, description="Code of an operator's platform; null for other roles."
    )
    scopes: Annotated[list[Scope], Field(min_length=1)] = Field(
        default=sorted(NARROW),
        description="What it may do of what its role may: reading counts and the registry unless "
        "more is named. A key gives no scope that it has not got itself.",
    )
    expires_at: AwareDatetime = Field(
        description="When it ends by itself, with its zone: at most 366 days from now, and not "
        "after the key that makes it."
    )


class ApiKey(BaseModel):
    """A key as it is kept: without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_KEY]})

    key_id: str = _KEY_ID
    name: str
    role: Role
    platform: str | None = _PLATFORM
    kind: KeyKind = Field(
        description="`personal`: stands for a person at the command line, and not here."
    )
    scopes: list[Scope] = Field(description="What it may do of what its role may.")
    created_by: str = Field(description="As the audit names them.")
    parent: str | None = Field(
        description="The key that made it, and with which it ends; null: no key did."
    )
    created_at: AwareDatetime
    expires_at: AwareDatetime
    revoked_at: AwareDatetime | None
    last_used_at: AwareDatetime | None = Field(description="To the minute; null: never.")
    last_origin: str | None = Field(description="The address from which it was used last.")


class ApiKeyList(BaseModel):
    """Keys, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_KEY]}]})

    items: list[ApiKey]


class EndedApiKey(BaseModel):
    """A key that ended with the one that made it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"key_id": "k3v9x0qa", "name": "协联数据同步"}]}
    )

    key_id: str = _KEY_ID
    name: str


class RevokedApiKey(ApiKey):
    """A key that was revoked, and what became of what it made."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _KEY
                | {
                    "revoked_at": "2026-03-02T09:02:00Z",
                    "ended": [{"key_id": "k3v9x0qa", "name": "协联数据同步"}],
                    "credentials": ["xielian/own/CNC-01"],
                    "credentials_revoked": False,
                }
            ]
        }
    )

    ended: list[EndedApiKey] = Field(
        description="The keys that ended by this, this one first; none if it had ended before."
    )
    credentials: list[str] = Field(
        description="Usernames of equipment whose open credentials one of its keys issued."
    )
    credentials_revoked: bool = Field(description="Whether these credentials were revoked too.")


class NewApiKeyAnswer(ApiKey):
    """A new key with its text, which is shown this once and kept nowhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _KEY
                | {
                    "last_used_at": None,
                    "last_origin": None,
                    "text": "jieru_k3v9x0qa_Zr0d4uC1yq9w2nQ8xJ5tVb7LhS3mKfE6aPgT0iUoYcX",
                }
            ]
        }
    )

    text: str = Field(description="To be sent as `Authorization: Bearer ...`.")
