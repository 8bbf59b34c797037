"""The shape of an enterprise's calendar in answers: day by day what was heard. Pure."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["EnterprisePresenceAnswer", "EnterprisePresenceDayAnswer"]


class EnterprisePresenceDayAnswer(BaseModel):
    """How an enterprise's devices were heard on one civil day (Asia/Shanghai)."""

    day: date
    devices_assigned: int
    devices_heard: int = Field(description="Of those assigned, in time, in one hour at least.")
    longest_hours: int = Field(description="The most hours in which one of them was heard.")


class EnterprisePresenceAnswer(BaseModel):
    """An enterprise's calendar: what was heard, not what counts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "days": [
                        {
                            "day": "2026-05-30",
                            "devices_assigned": 4,
                            "devices_heard": 3,
                            "longest_hours": 5,
                        }
                    ]
                }
            ]
        }
    )

    days: list[EnterprisePresenceDayAnswer] = Field(description="Every day that was asked for.")
