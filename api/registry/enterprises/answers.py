"""The shapes of what is said of enterprises, and of what may be said of one."""

from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import REVISION, USCC, Body, left_out
from registry.device_status import Liveness

__all__ = [
    "EnterpriseChange",
    "EnterpriseDetail",
    "EnterprisePage",
    "EnterpriseRecord",
    "NewEnterprise",
]

_ENTERPRISE: Final[JsonDict] = {
    "uscc": "91350300MA2XN0T34K",
    "name": "莆田市某某机械有限公司",
    "district": "licheng",
    "industry_code": "C3311",
    "ended_on": None,
    "kept_by": "xielian",
    "revision": 1,
}


class EnterpriseRecord(BaseModel):
    """A legal entity."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTERPRISE]})

    uscc: str = USCC
    name: str
    district: str = Field(description="A district of the policy, or `other`.")
    industry_code: str | None = Field(description="GB/T 4754.")
    ended_on: date | None = Field(
        description="The first day on which it is not an enterprise any more."
    )
    kept_by: str | None = Field(
        description="The platform whose operator registered it and may change it; null: the bureau."
    )
    revision: int = REVISION


class EnterpriseDetail(EnterpriseRecord):
    """A legal entity, and how its devices stand."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_ENTERPRISE,
                    "devices": {"online": 3, "late": 0, "offline": 1, "never": 0},
                }
            ]
        }
    )

    devices: dict[Liveness, int] = Field(
        description="How many of its devices stand how, of those that the caller may see."
    )


class EnterprisePage(Page[EnterpriseRecord]):
    """One page of enterprises, by code."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_ENTERPRISE], "next_cursor": None}]}
    )


class NewEnterprise(Body):
    """An enterprise to be registered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "uscc": "91350300MA2XN0T34K",
                    "name": "莆田市某某机械有限公司",
                    "district": "licheng",
                    "industry_code": "C3311",
                }
            ]
        }
    )

    uscc: str = USCC
    name: str
    district: str = Field(description="A district of the policy, or `other`.")
    industry_code: str | None = Field(
        default=None, description="GB/T 4754: the section's letter and up to four digits."
    )


class EnterpriseChange(Body):
    """What of an enterprise may change; a field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"district": "hanjiang"}]})

    name: str = left_out("")
    district: str = left_out("")
    industry_code: str | None = left_out()
