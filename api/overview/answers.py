"""The shape of an overview, as OpenAPI documents it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from jieru.wire import RejectionReason
from registry.device_status import Liveness

__all__ = ["OverviewAnswer"]


class HourAnswer(BaseModel):
    """What was received in an hour."""

    hour: datetime = Field(description="When it began.")
    heartbeats: int
    late: int = Field(description="Of the heartbeats, those that came too late to count.")


class OverviewAnswer(BaseModel):
    """How things stand, on the operator's own platform or on all of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "at": "2026-11-25T08:20:11Z",
                    "enterprises": {"online": 16, "late": 1, "offline": 2, "never": 1},
                    "devices": {"online": 61, "late": 3, "offline": 9, "never": 2},
                    "heartbeats": 17563,
                    "hours": [{"hour": "2026-11-25T08:00:00Z", "heartbeats": 244, "late": 0}],
                    "rejections": {"unknown_device": 7, "malformed_payload": 1},
                }
            ]
        }
    )

    at: datetime = Field(description="The moment of which it speaks, a few seconds ago at most.")
    enterprises: dict[Liveness, int] = Field(
        description="Open connections by the best status of the enterprise's devices on that "
        "platform; `never` also where it has no device."
    )
    devices: dict[Liveness, int] = Field(description="Devices that are not ended, by status.")
    heartbeats: int = Field(description="Received in all of the hours.")
    hours: list[HourAnswer] = Field(
        description="The last 24 hours that have begun, the present one last."
    )
    rejections: dict[RejectionReason, int] = Field(
        description="Messages refused in these hours, by reason; an operator's are those whose "
        "topic names the own platform."
    )
