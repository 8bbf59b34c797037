"""The shapes of what is said of rejections."""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from jieru.wire import RejectionReason

__all__ = ["RejectionAnswer", "RejectionPage"]

_REJECTION: Final[JsonDict] = {
    "id": 93,
    "received_at": "2026-05-30T04:59:31.204Z",
    "reason": "malformed_payload",
    "topic": "jieru/v1/xielian/CNC-01/heartbeat",
    "payload_base64": "eyJ0cyI6ICJub3cifQ==",
    "payload_text": '{"ts": "now"}',
    "payload_bytes": 13,
}


class RejectionAnswer(BaseModel):
    """A message that was not taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REJECTION]})

    id: int
    received_at: datetime
    reason: RejectionReason
    topic: str
    payload_base64: str = Field(description="Its first 4,096 bytes.")
    payload_text: str | None = Field(description="The same as text; null where it is no UTF-8.")
    payload_bytes: int = Field(description="The whole length.")


class RejectionPage(Page[RejectionAnswer]):
    """One page of rejections, newest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_REJECTION], "next_cursor": None}]}
    )
