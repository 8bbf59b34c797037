"""The shapes of what is said of draws and visits, and of what may be said to them."""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from api.web.civil import CivilDate
from api.web.documents import KeptFile, NewFiles
from api.web.records import USCC, WHOLE_NUMBER, Body
from verifier.counting.count import EARLIEST_YEAR, LATEST_YEAR
from verifier.trust.draws.results import Found

__all__ = [
    "DrawAnswer",
    "DrawDetail",
    "DrawList",
    "Drawing",
    "NewVisit",
    "Publication",
    "VisitAnswer",
    "VisitList",
]

_SHA256: Final = "2ad07fa9a1a6dd61a32c6f0a5ed0cbb6ab53f0ba7b5a0d13d5b2d0c1d1e2f3a4"
_DRAW: Final[JsonDict] = {
    "id": 1,
    "year": 2026,
    "as_of": "2027-04-05",
    "digest": _SHA256,
    "listed": 60,
    "size": 38,
    "announced_source": "双色球第2027050期",
    "announced_on": "2027-05-09",
    "value_form": "00 00 00 00 00 00 + 00",
    "commitment": _SHA256,
    "published_at": "2027-05-06T01:00:00Z",
    "published_by": "lin",
    "public_value": None,
    "seed": None,
    "drawn_at": None,
    "drawn_by": None,
}
_VISIT: Final[JsonDict] = {
    "id": 7,
    "year": 2026,
    "draw_id": 1,
    "platform": "xielian",
    "uscc": "91350300MA2XN0T34K",
    "enterprise": "莆田某某鞋业有限公司",
    "visited_on": "2027-05-12",
    "first_visitor": "林晓",
    "second_visitor": "陈静",
    "found": "as_registered",
    "notes": "三台机床在产，铭牌已核对",
    "documents": [_SHA256],
    "files": [{"sha256": _SHA256, "name": "厂房.jpg"}],
    "case_id": None,
    "recorded_by": "lin",
    "recorded_at": "2027-05-12T09:00:00Z",
}
_WITHOUT_NUL: Final = r"^[^\x00]*$"

_Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_WITHOUT_NUL),
]
_Sealed = Annotated[str, StringConstraints(max_length=10_000, pattern=_WITHOUT_NUL)]
_Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_WITHOUT_NUL),
]
_Notes = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000, pattern=_WITHOUT_NUL),
]
_Code = Annotated[str, StringConstraints(max_length=100, pattern=_WITHOUT_NUL)]
_Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Digests = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        max_length=2_000,
        pattern=r"^([0-9a-f]{64}([\s,;，；]+[0-9a-f]{64})*)?$",
    ),
]
_YearOfCount = Annotated[int, Field(ge=EARLIEST_YEAR, le=LATEST_YEAR), WHOLE_NUMBER]
_Size = Annotated[int, Field(ge=1, le=100_000), WHOLE_NUMBER]
_CaseId = Annotated[int, Field(ge=1, le=2**31 - 1), WHOLE_NUMBER]


class DrawAnswer(BaseModel):
    """A published list, drawn or not."""

    model_config = ConfigDict(json_schema_extra={"examples": [_DRAW]})

    id: int
    year: int
    as_of: date = Field(description="Last day of the evidence by which they are listed.")
    digest: str = Field(description="SHA-256 of the list, byte by byte.")
    listed: int
    size: int = Field(description="How many are drawn.")
    announced_source: str = Field(description="Where the public value comes from.")
    announced_on: date = Field(description="When it comes to be.")
    value_form: str = Field(description="How it is spelled; each 0 stands for one digit.")
    commitment: str | None = Field(description="SHA-256 of what is sealed; null: nothing is.")
    published_at: datetime
    published_by: str
    public_value: str | None = Field(description="Null: it is not drawn yet.")
    seed: str | None
    drawn_at: datetime | None
    drawn_by: str | None


class DrawList(BaseModel):
    """All draws."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_DRAW]}]})

    items: list[DrawAnswer]


class DrawnAnswer(BaseModel):
    """An enterprise that was drawn."""

    platform: str
    uscc: str = USCC
    enterprise: str
    stratum: int
    ticket: str
    found: list[Found] = Field(description="By each visit so far.")


class StratumAnswer(BaseModel):
    """Those of a platform among whom one is as good as the other."""

    platform: str
    number: int
    publisher: str = Field(description="Who published most of their hours.")
    has_signals: bool
    listed: int


class ResultAnswer(BaseModel):
    """What the visits of a draw found so far."""

    draw: int
    drawn_on: date
    digest: str
    listed: int
    drawn: int
    visited: int
    as_registered: int
    differs: int
    not_found: int
    refused: int
    bound: int = Field(
        description="So many of the list may be invented, with 95 % confidence, once all who were "
        "drawn were visited."
    )


class DrawDetail(DrawAnswer):
    """One draw with all that belongs to it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_DRAW, "strata": [], "drawn": [], "result": None}],
        }
    )

    strata: list[StratumAnswer]
    drawn: list[DrawnAnswer]
    result: ResultAnswer | None


class Publication(Body):
    """A list to be published."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "year": 2026,
                    "size": 38,
                    "announced_source": "双色球第2027050期",
                    "announced_on": "2027-05-09",
                    "value_form": "00 00 00 00 00 00 + 00",
                    "commitment": _SHA256,
                }
            ]
        }
    )

    year: _YearOfCount = Field(description="Of the submitted count.")
    size: _Size = Field(description="How many are visited; all, where fewer are listed.")
    announced_source: _Text = Field(description="Where the public value will come from.")
    announced_on: CivilDate = Field(description="When it comes to be: after today.")
    value_form: _Text = Field(
        description="How it will be spelled, in visible ASCII characters: each digit stands for "
        "any, all else for itself."
    )
    commitment: _Digest | None = Field(
        default=None, description="SHA-256 of what is kept sealed until the draw."
    )


class Drawing(Body):
    """The values by which a published list is drawn."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"public_value": "03 07 12 18 25 31 + 09", "revealed": "9f2c..."}]
        }
    )

    public_value: _Text = Field(
        description="What the announced source said, spelled in the form that was published."
    )
    revealed: _Sealed | None = Field(
        default=None,
        description="The text that was sealed; with or without the end of its line.",
    )


class NewVisit(Body):
    """What two people found at an enterprise."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "year": 2026,
                    "platform": "xielian",
                    "uscc": "91350300MA2XN0T34K",
                    "visited_on": "2027-05-12",
                    "first_visitor": "林晓",
                    "second_visitor": "陈静",
                    "found": "as_registered",
                    "notes": "三台机床在产，铭牌已核对",
                    "documents": _SHA256,
                }
            ]
        }
    )

    year: _YearOfCount = Field(description="Of the count for which it is made.")
    platform: _Code
    uscc: _Code
    visited_on: CivilDate
    first_visitor: _Name
    second_visitor: _Name = Field(description="Another person than the first.")
    found: Found
    notes: _Notes = Field(description="What they saw.")
    documents: _Digests = Field(
        default="",
        description="SHA-256 of photographs and papers that are kept elsewhere, with spaces or "
        "commas between.",
    )
    files: NewFiles = Field(
        default=[], description="Photographs and papers to be kept here, five at most."
    )
    case_id: _CaseId | None = Field(
        default=None,
        description="The case that it belongs to; without one, what is amiss opens a case.",
    )


class VisitAnswer(BaseModel):
    """A visit on record."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VISIT]})

    id: int
    year: int
    draw_id: int | None = Field(
        description="The last draw that had drawn it by then; null: none had."
    )
    platform: str
    uscc: str = USCC
    enterprise: str
    visited_on: date
    first_visitor: str
    second_visitor: str
    found: Found
    notes: str
    documents: list[str] = Field(description="SHA-256 of photographs and papers.")
    files: list[KeptFile] = Field(description="Those of them that are kept here.")
    case_id: int | None
    recorded_by: str
    recorded_at: datetime


class VisitList(BaseModel):
    """All visits."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_VISIT]}]})

    items: list[VisitAnswer]
