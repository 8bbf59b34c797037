"""The shapes of what is said of rejections."""

from base64 import b64decode
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.rejection_details import RejectionDetail
from jieru.refusals.said import shown_bytes
from jieru.wire import RejectionReason

__all__ = [
    "RejectionAnswer",
    "RejectionGroup",
    "RejectionGroupPage",
    "RejectionPage",
]

_REJECTION: Final[JsonDict] = {
    "id": 93,
    "received_at": "2026-05-30T04:59:31.204Z",
    "reason": "malformed_payload",
    "topic": "jieru/v1/xielian/CNC-01/heartbeat",
    "payload_base64": "eyJ0cyI6ICJub3cifQ==",
    "payload_text": '{"ts": "now"}',
    "payload_bytes": 13,
    "detail": {
        "fault": 'ts must be an integer, milliseconds since 1970; it is "now".',
        "cause": None,
        "remedy": None,
        "path": None,
    },
}
_GROUP: Final[JsonDict] = {
    "topic": "jieru/v1/xielian/CNC-01/heartbeat",
    "reason": "malformed_payload",
    "number": 1440,
    "first_at": "2026-05-29T05:00:31.204Z",
    "last_at": "2026-05-30T04:59:31.204Z",
    "example": _REJECTION,
}


class RejectionAnswer(BaseModel):
    """A message that was not taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REJECTION]})

    id: int
    received_at: datetime
    reason: RejectionReason
    topic: str
    payload_base64: str = Field(
        description="Its first 4,096 bytes; of a row in another's format, the row."
    )
    payload_text: str | None = Field(description="The same as text; null where it is no UTF-8.")
    payload_bytes: int = Field(description="The whole length.")
    detail: RejectionDetail

    @property
    def shown(self) -> str:
        """The payload for people: binary ones in hexadecimal."""
        return shown_bytes(b64decode(self.payload_base64))


class RejectionPage(Page[RejectionAnswer]):
    """One page of rejections, newest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_REJECTION], "next_cursor": None}]}
    )


class RejectionGroup(BaseModel):
    """All rejections of one topic for one reason, of those that are kept."""

    model_config = ConfigDict(json_schema_extra={"examples": [_GROUP]})

    topic: str
    reason: RejectionReason
    number: int = Field(description="How many are kept; of many alike in an hour, the first are.")
    first_at: datetime
    last_at: datetime
    example: RejectionAnswer = Field(description="The last one.")


class RejectionGroupPage(Page[RejectionGroup]):
    """One page of groups, the one that was last added to first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_GROUP], "next_cursor": None}]}
    )
