"""The shapes of what is said of gateways, and of what may be said of one."""

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import REVISION, Body, left_out

__all__ = [
    "GatewayChange",
    "GatewayCredential",
    "GatewayPage",
    "GatewayRecord",
    "NewGateway",
]

_GATEWAY: Final[JsonDict] = {
    "platform": "xielian",
    "name": "licheng-1",
    "site": "荔城区某某机械有限公司一号车间",
    "created_at": "2026-03-01T02:10:00Z",
    "credential": {
        "id": 17,
        "username": "xielian/via/licheng-1",
        "created_at": "2026-03-01T02:12:00Z",
    },
    "topic": "jieru/v1/xielian/via/licheng-1/+/heartbeat",
    "revision": 1,
}


class GatewayCredential(BaseModel):
    """The credential that a gateway publishes with."""

    id: int
    username: str = Field(description="Whom the gateway signs in as at the broker.")
    created_at: datetime


class GatewayRecord(BaseModel):
    """A gateway of a platform."""

    model_config = ConfigDict(json_schema_extra={"examples": [_GATEWAY]})

    platform: str = Field(description="The platform's code.")
    name: str = Field(description="Unique on the platform; part of the gateway's topics.")
    site: str | None = Field(description="Where it stands.")
    created_at: datetime
    credential: GatewayCredential | None = Field(
        description="Null: it has none that is open, and so publishes nothing."
    )
    topic: str = Field(
        description="What it publishes on; `+` stands for the serial of any device of the platform."
    )
    revision: int = REVISION


class GatewayPage(Page[GatewayRecord]):
    """One page of gateways, by platform and name."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_GATEWAY], "next_cursor": None}]}
    )


class NewGateway(Body):
    """A gateway to be registered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "platform": "xielian",
                    "name": "licheng-1",
                    "site": "荔城区某某机械有限公司一号车间",
                }
            ]
        }
    )

    platform: str = Field(description="The platform's code.")
    name: str = Field(
        description="1 to 64 letters, digits, dots, underscores and hyphens; not `own` or `via`."
    )
    site: str | None = Field(default=None, description="Where it stands.")


class GatewayChange(Body):
    """What of a gateway may change; a field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"site": "荔城区二号车间"}]})

    site: str | None = left_out()
