"""The shapes of what is said of sources, and of what may be said of one."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import Body
from jieru.wire import RejectionReason

__all__ = [
    "NewSource",
    "ReadyMadeFormat",
    "ReadyMadeFormats",
    "SourcePage",
    "SourceRecord",
    "Trial",
    "TriedFault",
    "TriedRow",
    "TriedSample",
]

_FORMAT: Final[JsonDict] = {
    "format": "json",
    "rows": [
        {
            "each": "$.*[*]",
            "serial": ["key:1"],
            "ts": {"unit": "ms", "at": ["@.ts"]},
            "metrics": {"object": "@.values"},
        }
    ],
}
_SOURCE: Final[JsonDict] = {
    "platform": "xielian",
    "name": "thingsboard-gateway",
    "version": 1,
    "is_in_force": True,
    "format": _FORMAT,
    "sha256": "5f0c2d1d6bb2d9bb5e1f4a7a6d0f5a0fbd2f6f7ad7a7f3c8e2a4a40b0f3b1c9e",
    "topics": [
        "jieru/v1/xielian/in/thingsboard-gateway",
        "jieru/v1/xielian/via/{gateway}/in/thingsboard-gateway",
        "jieru/v1/xielian/own/{serial}/in/thingsboard-gateway",
    ],
    "declared_by": "user:lin",
    "declared_at": "2026-03-01T02:10:00Z",
    "ended_by": None,
    "ended_at": None,
}
_FORMAT_WORDS: Final = (
    "Where rows, serial, time, status and metrics stand; docs/connect.md describes the language."
)


class SourceRecord(BaseModel):
    """One version of a source."""

    model_config = ConfigDict(json_schema_extra={"examples": [_SOURCE]})

    platform: str = Field(description="The platform's code.")
    name: str = Field(description="Unique on the platform; part of its topics.")
    version: int = Field(description="From 1; what is declared again is the next.")
    is_in_force: bool = Field(
        description="Messages are read by it: it is the newest, and has not ended."
    )
    format: dict[str, Any] = Field(description=_FORMAT_WORDS)
    sha256: str = Field(description="Of the format in its canonical form.")
    topics: list[str] = Field(
        description="On which the platform's cloud, a gateway and a device publish; a source that "
        "reads the serial from the topic has it as one more part at the end."
    )
    declared_by: str
    declared_at: datetime
    ended_by: str | None
    ended_at: datetime | None


class SourcePage(Page[SourceRecord]):
    """One page of sources, by platform, name and version."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_SOURCE], "next_cursor": None}]}
    )


class NewSource(Body):
    """A source to be declared, or its next version."""

    as_they_come = frozenset({"format"})

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "platform": "xielian",
                    "name": "thingsboard-gateway",
                    "ready_made": "thingsboard-gateway",
                }
            ]
        }
    )

    platform: str = Field(description="The platform's code.")
    name: str = Field(
        description="2 to 32 of a-z, 0-9 and hyphens; not `in`, `own`, `via` or `heartbeat`."
    )
    ready_made: str | None = Field(
        default=None, description="The name of a format that comes with Jieru; or `format`."
    )
    format: dict[str, Any] | None = Field(default=None, description=_FORMAT_WORDS)


class ReadyMadeFormat(BaseModel):
    """A format of a well-known product."""

    name: str
    title: str = Field(description="In the language of the request.")
    cites: str = Field(description="Where its maker describes it.")
    format: dict[str, Any]


class ReadyMadeFormats(BaseModel):
    """All formats that come with Jieru."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "name": "thingsboard-gateway",
                            "title": "ThingsBoard gateway",
                            "cites": "ThingsBoard documentation, MQTT Gateway API reference: "
                            "telemetry upload API",
                            "format": _FORMAT,
                        }
                    ]
                }
            ]
        }
    )

    items: list[ReadyMadeFormat]


class Trial(Body):
    """A sample to be read by a format; nothing of it is kept."""

    as_they_come = frozenset({"format", "text", "base64", "hex"})

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ready_made": "thingsboard-gateway",
                    "text": '{"CNC-1": [{"ts": 1780117171000, "values": {"rpm": 1480}}]}',
                }
            ]
        }
    )

    ready_made: str | None = Field(
        default=None, description="The name of a format that comes with Jieru; or `format`."
    )
    format: dict[str, Any] | None = Field(default=None, description=_FORMAT_WORDS)
    text: str | None = Field(default=None, description="The message as text; or `base64`.")
    base64: str | None = Field(
        default=None,
        description="The message's bytes in Base64, such as of one that is compressed.",
    )
    hex: str | None = Field(
        default=None,
        description="The message's bytes in hexadecimal, with or without spaces; or `base64`.",
    )
    serial_of_topic: str | None = Field(
        default=None,
        description="The last part of its topic, for a source that reads it there; of Sparkplug B "
        "the device, or the edge node.",
    )
    birth_base64: str | None = Field(
        default=None,
        description="Of Sparkplug B: the birth that came before, which names what the message "
        "calls by a number, in Base64.",
    )


class TriedRow(BaseModel):
    """A row that would be a heartbeat, were its device registered and its time in the limits."""

    path: str = Field(description="Where in the message it stands.")
    serial: str
    ts: int | None = Field(description="Milliseconds since the Unix epoch.")
    seq: int | None
    status: str | None
    metrics: str | None = Field(description="A JSON object, as it came.")


class TriedFault(BaseModel):
    """A row that would be refused."""

    path: str = Field(description="Where in the message it stands; `$` is the whole.")
    reason: RejectionReason
    fault: str = Field(description="What is wrong, in the language of the request.")
    serial: str | None = Field(description="Whose it is, where that was read.")
    shown: str = Field(description="Its beginning.")


class TriedSample(BaseModel):
    """What a format reads in a sample."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "rows_number": 1,
                    "faults_number": 0,
                    "rows": [
                        {
                            "path": "$.CNC-1[0]",
                            "serial": "CNC-1",
                            "ts": 1780117171000,
                            "seq": None,
                            "status": None,
                            "metrics": '{"rpm": 1480}',
                        }
                    ],
                    "faults": [],
                }
            ]
        }
    )

    rows_number: int
    faults_number: int
    rows: list[TriedRow] = Field(description="The first hundred.")
    faults: list[TriedFault] = Field(description="The first hundred.")
    unknown_aliases: int = Field(
        default=0,
        description="Of Sparkplug B: metrics that are called by a number, and no birth names.",
    )
