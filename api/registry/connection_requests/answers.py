"""The shapes of what is said of connection requests, and of what may be said to one."""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import USCC, Body
from registry.connection_requests import RequestStatus

__all__ = ["ConnectionRequestPage", "ConnectionRequestRecord", "RequestDecision"]

_REQUEST: Final[JsonDict] = {
    "id": 5,
    "platform": "xielian",
    "uscc": "91350300MA2XN0T34K",
    "enterprise_name": None,
    "contract_no": "HT-2026-017",
    "signed_on": "2026-02-20",
    "from_date": "2026-03-01",
    "to_date": None,
    "requested_by": "user:chen",
    "requested_at": "2026-02-25T02:14:09Z",
    "status": "open",
    "decided_by": None,
    "decided_at": None,
    "reason": None,
    "confirmation": None,
    "connection_id": None,
}
_LONGEST_REASON: Final = 1_000


class ConnectionRequestRecord(BaseModel):
    """A connection that an operator asked for."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REQUEST]})

    id: int
    platform: str = Field(description="The code of the platform that asks.")
    uscc: str = USCC
    enterprise_name: str | None = Field(
        description="Null for an operator, who reads nothing of the enterprise by a request."
    )
    contract_no: str | None
    signed_on: date | None
    from_date: date
    to_date: date | None = Field(description="Exclusive; null: open.")
    requested_by: str = Field(description="`user:NAME` or `key:ID`.")
    requested_at: datetime
    status: RequestStatus = Field(
        description="`open`: nobody has decided; `confirmed`: it is a connection; `refused`: by "
        "the bureau; `withdrawn`: by the operator."
    )
    decided_by: str | None = Field(description="Who confirmed, refused or withdrew it.")
    decided_at: datetime | None
    reason: str | None = Field(description="Why it was confirmed or refused.")
    confirmation: str | None = Field(
        description="Whose word confirmed it: `bureau` or `enterprise`."
    )
    connection_id: int | None = Field(description="Of the connection that it became.")


class ConnectionRequestPage(Page[ConnectionRequestRecord]):
    """One page of connection requests, in the order in which they came."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_REQUEST], "next_cursor": None}]}
    )


class RequestDecision(Body):
    """Why a request is confirmed or refused."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "已核对接入合同原件"}]})

    reason: Annotated[str, StringConstraints(max_length=_LONGEST_REASON)] = Field(
        description="On what the decision rests; the operator reads it."
    )
