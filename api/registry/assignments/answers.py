"""The shapes of what is said of assignments, and of what may be said of one."""

from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import REVISION, USCC, Body, DateText, left_out

__all__ = ["AssignmentChange", "AssignmentPage", "AssignmentRecord", "NewAssignment"]

_ASSIGNMENT: Final[JsonDict] = {
    "id": 4711,
    "platform": "xielian",
    "serial": "CNC-01",
    "uscc": "91350300MA2XN0T34K",
    "enterprise_name": "莆田市某某机械有限公司",
    "from_date": "2026-03-01",
    "to_date": None,
    "recorded_on": "2026-02-26",
    "extended_from": None,
    "extended_on": None,
    "evidence_from": "2026-03-01",
    "revision": 1,
}


class AssignmentRecord(BaseModel):
    """A device that stands for an enterprise."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ASSIGNMENT]})

    id: int
    platform: str = Field(description="The platform's code.")
    serial: str = Field(description="The device's serial on the platform.")
    uscc: str = USCC
    enterprise_name: str
    from_date: date
    to_date: date | None = Field(description="Exclusive; null: still open.")
    recorded_on: date = Field(
        description="The civil day on which the server was told of `from_date`."
    )
    extended_from: date | None = Field(
        description="Its end until the server was told that it goes on after all; null: it was "
        "never over before."
    )
    extended_on: date | None = Field(
        description="The civil day on which the server was told that it goes on."
    )
    evidence_from: date | None = Field(
        default=None,
        description="Of a new or changed one: from which day on its evidence counts by itself or, "
        "where it was over and goes on, the evidence of the days from `extended_from` on. What was "
        "heard before counts only after a decision of two people of the bureau.",
    )
    revision: int = REVISION


class AssignmentPage(Page[AssignmentRecord]):
    """One page of assignments, in the order of their registration."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_ASSIGNMENT], "next_cursor": None}]}
    )


class NewAssignment(Body):
    """An assignment to be registered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "platform": "xielian",
                    "serial": "CNC-01",
                    "uscc": "91350300MA2XN0T34K",
                    "from_date": "2026-03-01",
                }
            ]
        }
    )

    platform: str = Field(description="The platform's code.")
    serial: str = Field(description="The device's serial on the platform.")
    uscc: str = USCC
    from_date: DateText
    to_date: DateText | None = Field(default=None, description="Exclusive; null: still open.")


class AssignmentChange(Body):
    """What of an assignment may change: its end.

    Its enterprise never does, for evidence hangs on it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_date": "2026-12-31"}]})

    to_date: DateText | None = left_out()
