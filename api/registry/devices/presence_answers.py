"""The shape of a device's calendar in answers: day by day what was heard. Pure."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PresenceAnswer", "PresenceDayAnswer"]


class PresenceDayAnswer(BaseModel):
    """The hours of one civil day (Asia/Shanghai), a character each, from 00 to 23."""

    day: date
    hours: str = Field(description="`1`: heard in that hour; `0`: not.", pattern="^[01]{24}$")
    late_hours: str = Field(
        description="`1`: heard too late to count; `0`: not.", pattern="^[01]{24}$"
    )


class PresenceAnswer(BaseModel):
    """A device's calendar of hours."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "days": [
                        {
                            "day": "2026-05-30",
                            "hours": "000000001111100000000000",
                            "late_hours": "000000000000010000000000",
                        }
                    ]
                }
            ]
        }
    )

    days: list[PresenceDayAnswer] = Field(description="Every day that was asked for.")
