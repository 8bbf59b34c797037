"""The shapes of what is said of opening stocks, and of what may be said to them."""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.web.civil import CivilDate
from api.web.records import Body

__all__ = ["Acceptance", "OpeningStockAnswer", "OpeningStockList", "Withdrawal"]

_LONGEST: Final = 2_000
_WITHOUT_NUL: Final = r"^[^\x00]*$"

_Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=_LONGEST, pattern=_WITHOUT_NUL
    ),
]
_Remark = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=_LONGEST, pattern=_WITHOUT_NUL)
]
_Code = Annotated[str, StringConstraints(max_length=100, pattern=_WITHOUT_NUL)]

_STOCK: Final[JsonDict] = {
    "id": 1,
    "platform": None,
    "stood_on": "2026-12-01",
    "reason": "市工信局第12次办公会纪要",
    "attachment": "莆工信〔2026〕88号",
    "decided_by": "zheng",
    "decided_at": "2026-12-02T01:00:00Z",
    "needs_second": True,
    "confirmed_by": None,
    "confirmed_at": None,
    "withdrawn_reason": None,
    "withdrawn_by": None,
    "withdrawn_at": None,
    "waits": True,
}


class OpeningStockAnswer(BaseModel):
    """What was recorded by a day is accepted as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STOCK]})

    id: int
    platform: str | None = Field(description="Null: of all platforms.")
    stood_on: date = Field(
        description="What was recorded later, or after the decision, is not accepted by it."
    )
    reason: str
    attachment: str | None = Field(description="Where the document behind it is kept.")
    decided_by: str
    decided_at: datetime
    needs_second: bool
    confirmed_by: str | None
    confirmed_at: datetime | None
    withdrawn_reason: str | None
    withdrawn_by: str | None
    withdrawn_at: datetime | None
    waits: bool = Field(description="For a second person; it has no effect before.")


class OpeningStockList(BaseModel):
    """All opening stocks."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_STOCK]}]})

    items: list[OpeningStockAnswer]


class Acceptance(Body):
    """What is accepted, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "stood_on": "2026-12-01",
                    "reason": "市工信局第12次办公会纪要",
                    "attachment": "莆工信〔2026〕88号",
                }
            ]
        }
    )

    stood_on: CivilDate = Field(description="The last day of recording that is accepted.")
    platform: _Code | None = Field(default=None, description="Of this platform only.")
    reason: _Text
    attachment: _Remark | None = Field(
        default=None, description="Where the document behind it is kept."
    )


class Withdrawal(Body):
    """Why an opening stock is withdrawn."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "登记日期有误"}]})

    reason: _Text
