"""The shapes of what is said of recognitions, and of what may be said of one."""

from datetime import date
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api.web.paging import Page
from api.web.records import REVISION, Body, DateText, left_out
from verifier.policy import Level

__all__ = ["NewRecognition", "RecognitionChange", "RecognitionPage", "RecognitionRecord"]

_RECOGNITION: Final[JsonDict] = {
    "id": 7,
    "platform": "xielian",
    "level": "municipal",
    "recognised_on": "2025-11-03",
    "revoked_on": None,
    "revision": 1,
}


class RecognitionRecord(BaseModel):
    """A platform's level, and since when."""

    model_config = ConfigDict(json_schema_extra={"examples": [_RECOGNITION]})

    id: int
    platform: str = Field(description="The platform's code.")
    level: Level
    recognised_on: date
    revoked_on: date | None = Field(description="The first day on which it holds no more.")
    revision: int = REVISION


class RecognitionPage(Page[RecognitionRecord]):
    """One page of recognitions, in the order of their registration."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [_RECOGNITION], "next_cursor": None}]}
    )


class NewRecognition(Body):
    """A recognition to be registered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"platform": "xielian", "level": "municipal", "recognised_on": "2025-11-03"}
            ]
        }
    )

    platform: str = Field(description="The platform's code.")
    level: Level
    recognised_on: DateText
    revoked_on: DateText | None = None


class RecognitionChange(Body):
    """What of a recognition may change; a field that is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"revoked_on": "2026-12-31"}]})

    revoked_on: DateText | None = left_out()
