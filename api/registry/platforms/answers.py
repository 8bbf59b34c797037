"""The shapes of what is said of platforms, and of what may be said of one."""

from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import REVISION, Body, left_out
from verifier.policy import Level

__all__ = ["NewPlatform", "PlatformChange", "PlatformPage", "PlatformRecord"]

_PLATFORM: Final[JsonDict] = {
    "code": "xielian",
    "name": "协联工业互联网平台",
    "operator_uscc": "91350300MA2XN0T34K",
    "ended_on": None,
    "level": "municipal",
    "connections": 12,
    "revision": 1,
}


class PlatformRecord(BaseModel):
    """An industrial-internet platform."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PLATFORM]})

    code: str = Field(description="Part of every topic of its devices.")
    name: str
    operator_uscc: str | None = Field(description="The legal entity that runs it.")
    ended_on: date | None = Field(description="The first day on which it is no platform any more.")
    level: Level | None = Field(description="The highest level that it is recognised at today.")
    connections: int = Field(description="How many of its connections are open today.")
    revision: int = REVISION


class PlatformPage(Page[PlatformRecord]):
    """One page of platforms, by code."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_PLATFORM], "next_cursor": None}]}
    )


class NewPlatform(Body):
    """A platform to be registered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "xielian",
                    "name": "协联工业互联网平台",
                    "operator_uscc": "91350300MA2XN0T34K",
                }
            ]
        }
    )

    code: str = Field(description="2 to 32 lower-case letters, digits and hyphens.")
    name: str
    operator_uscc: str | None = None


class PlatformChange(Body):
    """What of a platform may change; a field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "协联工业互联网平台"}]})

    name: str = left_out("")
    operator_uscc: str | None = left_out()
