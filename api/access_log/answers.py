"""The shapes of the access log's answers, as OpenAPI documents them."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api.web.paging import Page
from jieru.access_entries import AccessKind

__all__ = ["AccessEntry", "AccessPage"]

_ENTRY: Final[dict[str, Any]] = {
    "number": 815,
    "at": "2026-11-25T08:20:11.123456Z",
    "kind": "export",
    "actor": "user:chen",
    "origin": "203.0.113.7",
    "record": "/api/v1/devices.csv?platform=xielian",
}


class AccessEntry(BaseModel):
    """One access."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTRY]})

    number: int = Field(description="Grows with each entry; there may be gaps.")
    at: datetime
    kind: AccessKind = Field(description="What happened.")
    actor: str | None = Field(
        description="`user:NAME`, `key:ID` or `command:NAME`; null: nobody who is known here."
    )
    origin: str = Field(description="From where: an IP address, or `command line`.")
    record: str = Field(description="The address of what was read or taken away; empty: nothing.")


class AccessPage(Page[AccessEntry]):
    """One page of the access log, the newest entry first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_ENTRY], "next_cursor": None}]}
    )
