"""The shapes of what is said of challenges, and of what may be asked."""

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import WHOLE_NUMBER, Body

__all__ = ["ChallengePage", "ChallengeRecord", "NewChallenge"]

_CHALLENGE: Final[JsonDict] = {
    "id": 4,
    "connection_id": 17,
    "platform": "xielian",
    "uscc": "91350300MA2XN0T34K",
    "enterprise_name": "莆田市某某机械有限公司",
    "serial": "CNC-001",
    "issued_by": "user:chen",
    "issued_at": "2026-03-02T02:14:09Z",
    "ends_at": "2026-03-02T03:14:09Z",
    "acknowledged_at": "2026-03-02T02:20:00Z",
    "result": "seen",
    "ground": "gap",
    "judged_at": "2026-03-02T04:15:00Z",
}


class ChallengeRecord(BaseModel):
    """A contact was asked to let a machine stand still."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CHALLENGE]})

    id: int
    connection_id: int
    platform: str
    uscc: str
    enterprise_name: str
    serial: str = Field(description="Of the machine.")
    issued_by: str
    issued_at: datetime
    ends_at: datetime
    acknowledged_at: datetime | None = Field(description="When the contact said that it came.")
    result: Literal["seen", "missed", "unanswered", "not_judged"] | None = Field(
        description="Null: not judged yet."
    )
    ground: str | None
    judged_at: datetime | None


class ChallengePage(Page[ChallengeRecord]):
    """One page of challenges, in the order in which they were issued."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_CHALLENGE], "next_cursor": None}]}
    )


class NewChallenge(Body):
    """Whom to challenge."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"connection_id": 17}]})

    connection_id: Annotated[int, WHOLE_NUMBER] = Field(ge=1, le=2_147_483_647)
