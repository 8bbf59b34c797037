"""The shapes of what is said of declarations, and of what may be said in one."""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.web.civil import CivilDate
from api.web.paging import Page
from api.web.records import USCC, Body
from registry.declarations import DeclarationKind

__all__ = ["Confirmation", "DeclarationPage", "DeclarationRecord", "NewDeclarationBody"]

_LONGEST: Final = 1_000
_WITHOUT_NUL: Final = r"^[^\x00]*$"

_Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=_LONGEST, pattern=_WITHOUT_NUL
    ),
]
_Code = Annotated[str, StringConstraints(max_length=100, pattern=_WITHOUT_NUL)]

_DECLARATION: Final[JsonDict] = {
    "id": 3,
    "platform": "xielian",
    "uscc": "91350300MA2XN0T34K",
    "enterprise_name": "莆田市某某机械有限公司",
    "serial": None,
    "kind": "stop",
    "from_date": "2026-12-24",
    "to_date": "2027-01-03",
    "reason": "年末停产检修",
    "declared_by": "user:chen",
    "declared_at": "2026-12-20T02:14:09Z",
    "confirmed_by": None,
    "confirmed_at": None,
    "confirmation": None,
}


class DeclarationRecord(BaseModel):
    """A stop or a repair that an operator declared."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DECLARATION]})

    id: int
    platform: str
    uscc: str = USCC
    enterprise_name: str
    serial: str | None = Field(description="Null: all that the enterprise has on the platform.")
    kind: DeclarationKind
    from_date: date
    to_date: date = Field(description="The last day, inclusive.")
    reason: str | None
    declared_by: str
    declared_at: datetime
    confirmed_by: str | None = Field(description="Who recorded that the enterprise confirmed it.")
    confirmed_at: datetime | None
    confirmation: str | None = Field(description="How the enterprise confirmed it.")


class DeclarationPage(Page[DeclarationRecord]):
    """One page of declarations, in the order in which they came."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_DECLARATION], "next_cursor": None}]}
    )


class NewDeclarationBody(Body):
    """What an operator declares of an enterprise on the own platform."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "uscc": "91350300MA2XN0T34K",
                    "kind": "stop",
                    "from_date": "2026-12-24",
                    "to_date": "2027-01-03",
                    "reason": "年末停产检修",
                }
            ]
        }
    )

    uscc: _Code = USCC
    serial: _Code | None = Field(
        default=None, description="Of one device; by default all that the enterprise has."
    )
    kind: DeclarationKind
    from_date: CivilDate = Field(description="Yesterday at the earliest.")
    to_date: CivilDate = Field(description="The last day, inclusive.")
    reason: _Text


class Confirmation(Body):
    """How an enterprise confirmed a declaration."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"confirmation": "电话核实，企业负责人王某确认"}]}
    )

    confirmation: _Text
