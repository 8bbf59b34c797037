"""Counts for programs."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.counts.answers import CountAnswer, ExplanationAnswer
from api.counts.source import CurrentCounts
from api.web.civil import OptionalCivilDate
from api.web.database import Database
from api.web.language import language_of
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _
from jieru.i18n import translations

__all__ = ["AsOf", "CurrentCounts", "PlatformCode", "Uscc", "Year", "router"]

router = APIRouter(prefix="/api/v1/counts", tags=["counts"], route_class=GatedRoute)

Year = Annotated[int, Path(description=_("The year of the count, from 2020 on."))]
PlatformCode = Annotated[str, Path(description=_("The platform's code."))]
Uscc = Annotated[str, Path(description=_("The enterprise's unified social credit code."))]
AsOf = Annotated[
    OptionalCivilDate,
    Query(description=_("The last day whose evidence is used; by default yesterday.")),
]


@router.get(
    "/{year}",
    summary="The count of a year",
    description=_(
        "Every platform's award in a year, and every enterprise's outcome with its reasons. "
        "A draft, computed from the evidence of this moment."
    ),
    response_description=_("The count."),
    response_model=CountAnswer,
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_count(
    caller: CurrentCaller,
    request: Request,
    source: CurrentCounts,
    year: Year,
    as_of: AsOf = None,
    platform: Annotated[
        str | None, Query(description=_("A platform's code: list only this one."))
    ] = None,
) -> dict[str, object]:
    """The count of a year, at most a few seconds old."""
    count = source.count(caller, year, as_of, platform).count
    translate = translations(language_of(request)).gettext
    # The count speaks the language of this process, an answer that of its reader.
    notices = [
        {"code": each.code, "message": translate(each.message).format(**each.values)}
        for each in count.notices
    ]
    return count.to_json_object() | {"notices": notices}


@router.get(
    "/{year}/{platform}/{uscc}",
    summary="Why one enterprise has its outcome",
    description=_(
        "Each criterion measured against what is required, the devices, "
        "and the calendar of active days."
    ),
    response_description=_("The explanation."),
    response_model=ExplanationAnswer,
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_explanation(
    caller: CurrentCaller,
    database: Database,
    source: CurrentCounts,
    year: Year,
    platform: PlatformCode,
    uscc: Uscc,
    as_of: AsOf = None,
) -> dict[str, object]:
    """Why one enterprise has its outcome."""
    with database.snapshot() as connection:
        found = source.explain(connection, caller, year, platform, uscc, as_of)
    return found.to_json_object()
