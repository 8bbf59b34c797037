"""The shapes of what is said of connections, and of what may be said of one."""

from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import REVISION, USCC, Body, DateText, left_out
from registry.confirmations import Standing

__all__ = ["ConnectionChange", "ConnectionPage", "ConnectionRecord", "NewConnection"]

_CONNECTION: Final[JsonDict] = {
    "id": 17,
    "platform": "xielian",
    "uscc": "91350300MA2XN0T34K",
    "enterprise_name": "莆田市某某机械有限公司",
    "contract_no": "HT-2026-017",
    "signed_on": "2026-02-20",
    "from_date": "2026-03-01",
    "to_date": None,
    "recorded_on": "2026-02-26",
    "extended_from": None,
    "extended_on": None,
    "evidence_from": "2026-03-01",
    "revision": 1,
    "confirmation": "asked",
    "confirmation_since": "2026-03-02T02:14:09Z",
}


class ConnectionRecord(BaseModel):
    """An enterprise served by a platform."""

    model_config = ConfigDict(json_schema_extra={"examples": [_CONNECTION]})

    id: int
    platform: str = Field(description="The platform's code.")
    uscc: str = USCC
    enterprise_name: str
    contract_no: str | None
    signed_on: date | None
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
    confirmation: Standing = Field(
        description="What the enterprise itself says of it, asked under an address that no "
        "operator knows."
    )
    confirmation_since: datetime | None = Field(description="Since when; null: nobody was asked.")


class ConnectionPage(Page[ConnectionRecord]):
    """One page of connections, in the order of their registration."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_CONNECTION], "next_cursor": None}]}
    )


class NewConnection(Body):
    """A connection to be registered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "platform": "xielian",
                    "uscc": "91350300MA2XN0T34K",
                    "contract_no": "HT-2026-017",
                    "signed_on": "2026-02-20",
                    "from_date": "2026-03-01",
                }
            ]
        }
    )

    platform: str = Field(description="The platform's code.")
    uscc: str = USCC
    contract_no: str | None = None
    signed_on: DateText | None = None
    from_date: DateText
    to_date: DateText | None = Field(default=None, description="Exclusive; null: still open.")


class ConnectionChange(Body):
    """What of a connection may change; a field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"contract_no": "HT-2026-018"}]})

    contract_no: str | None = left_out()
    signed_on: DateText | None = left_out()
    to_date: DateText | None = left_out()
