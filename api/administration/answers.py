"""The shapes of the administration's answers, as OpenAPI documents them."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.access.roles import Role
from doctor.check import Area, State

__all__ = [
    "Account",
    "AccountList",
    "CheckAnswer",
    "Examination",
    "Process",
    "ProcessList",
]

_CHECK: Final[dict[str, Any]] = {
    "name": "checkpoints",
    "area": "record",
    "title": "Checkpoints",
    "state": "green",
    "finding": "Number 341 of 2026-11-25 03:10, signed by 2 of 2 witnesses.",
    "advice": None,
}
_PROCESS: Final[dict[str, Any]] = {
    "kind": "ingest",
    "name": "jieru-ingest-1",
    "host": "jieru-a",
    "version": "0.3.0",
    "policy": "putian-2026",
    "started_at": "2026-11-25T08:20:11Z",
    "settings": {"JIERU_INGEST_GROUP": "city", "JIERU_GRAFANA_TOKEN": "***"},
}
_ACCOUNT: Final[dict[str, Any]] = {
    "name": "chen",
    "display_name": "陈静",
    "role": "verifier",
    "platform": None,
    "has_password": True,
    "has_second_step": True,
    "created_at": "2026-03-02T01:00:00Z",
    "disabled_at": None,
    "last_signed_in_at": "2026-11-25T00:58:03Z",
    "open_sessions": 1,
}


class CheckAnswer(BaseModel):
    """One part of the installation, and how it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHECK]})

    name: str = Field(description="The same as `jieru doctor --json` gives; never changes.")
    area: Area
    title: str = Field(description="In the language of the request, as the sentences are.")
    state: State = Field(description="`unused`: it is not set up here.")
    finding: str
    advice: str | None = Field(description="What to do; null: nothing.")


class Examination(BaseModel):
    """How the installation is, as the process sees it that answers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"examined_at": "2026-11-25T08:20:11Z", "checks": [_CHECK]}]
        }
    )

    examined_at: datetime
    checks: list[CheckAnswer]


class Process(BaseModel):
    """What one process said of itself at its last start."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROCESS]})

    kind: str = Field(description="Of its command.")
    name: str = Field(description="Of an ingester; else empty.")
    host: str
    version: str
    policy: str
    started_at: datetime
    settings: dict[str, str] = Field(
        description="Secrets are `***` where they are set, addresses are without their users."
    )


class ProcessList(BaseModel):
    """All processes that said what they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_PROCESS]}]})

    items: list[Process]


class Account(BaseModel):
    """An account of a person."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ACCOUNT]})

    name: str
    display_name: str
    role: Role
    platform: str | None = Field(description="Of an operator; else null.")
    has_password: bool
    has_second_step: bool
    created_at: datetime
    disabled_at: datetime | None
    last_signed_in_at: datetime | None
    open_sessions: int


class AccountList(BaseModel):
    """All accounts, by name, disabled ones too."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_ACCOUNT]}]})

    items: list[Account]
