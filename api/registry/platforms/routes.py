"""Platforms for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from starlette.responses import StreamingResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.platforms.answers import NewPlatform, PlatformChange, PlatformPage, PlatformRecord
from api.registry.platforms.queries import (
    PLATFORMS,
    PlatformFilter,
    change_platform,
    create_platform,
    end_platform,
    reopen_platform,
)
from api.web.clock import Now
from api.web.csv_export import CSV_RESPONSE, respond_csv
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from api.web.records import CHANGE_PROBLEMS, CREATE_PROBLEMS, Ending
from api.web.revisions import IfMatch, announce_revision
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/platforms", tags=["platforms"], route_class=GatedRoute)

Code = Annotated[str, Path(description=_("The platform's code."))]


@router.get(
    "",
    summary="List platforms",
    description=_("By code. An operator sees the own platform only."),
    response_description=_("One page of platforms."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_platforms(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    page: RequestedPage,
    wanted: Annotated[PlatformFilter, Depends()],
) -> PlatformPage:
    """One page of platforms."""
    with database.reading() as connection:
        return PLATFORMS.page(connection, caller.platform_id, wanted, page, now)


@router.get(
    ".csv",
    summary="Export platforms",
    description=_("The same list as CSV, all pages of it, with the columns of the import file."),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses=CSV_RESPONSE | problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_platforms_csv(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    wanted: Annotated[PlatformFilter, Depends()],
) -> StreamingResponse:
    """All pages of the list as a CSV file."""
    return respond_csv(database, "platforms", PLATFORMS.export(caller.platform_id, wanted, now))


@router.post(
    "",
    status_code=201,
    summary="Register a platform",
    description=_("Only for those who may change platforms."),
    response_description=_("The platform; Location is its address."),
    responses=CREATE_PROBLEMS,
)
def post_platform(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    new: NewPlatform,
) -> PlatformRecord:
    """Register a platform."""
    with database.changing(caller.actor) as connection:
        record = create_platform(connection, caller, new, now=now)
    announce_revision(response, record, f"/api/v1/platforms/{record.code}")
    return record


@router.get(
    "/{code}",
    summary="Read a platform",
    description=_("With its level and its open connections of today."),
    response_description=_("The platform."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_platform(
    caller: CurrentCaller, database: Database, now: Now, response: Response, code: Code
) -> PlatformRecord:
    """One platform."""
    with database.reading() as connection:
        record = PLATFORMS.one(connection, caller.platform_id, now, code=code)
    announce_revision(response, record)
    return record


@router.patch(
    "/{code}",
    summary="Change a platform",
    description=_("Its name and the entity that runs it."),
    response_description=_("The platform as it is now."),
    responses=CHANGE_PROBLEMS,
)
def patch_platform(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    code: Code,
    change: PlatformChange,
    expected: IfMatch,
) -> PlatformRecord:
    """Change a platform."""
    with database.changing(caller.actor) as connection:
        record = change_platform(connection, caller, code, change, expected, now=now)
    announce_revision(response, record)
    return record


@router.post(
    "/{code}/end",
    summary="End a platform",
    description=_(
        "Its connections must have ended. All its credentials are revoked, unless the end "
        "lies ahead."
    ),
    response_description=_("The platform as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_platform_end(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    code: Code,
    ending: Ending,
    expected: IfMatch,
) -> PlatformRecord:
    """End a platform."""
    with database.changing(caller.actor) as connection:
        record = end_platform(connection, caller, code, ending.on, expected, now=now)
    announce_revision(response, record)
    return record


@router.post(
    "/{code}/reopen",
    summary="Reopen a platform",
    description=_(
        "Takes back an end that was recorded by mistake. Credentials that were revoked with it "
        "stay revoked: issue new ones."
    ),
    response_description=_("The platform as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_platform_reopening(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    code: Code,
    expected: IfMatch,
) -> PlatformRecord:
    """Take back the end of a platform."""
    with database.changing(caller.actor) as connection:
        record = reopen_platform(connection, caller, code, expected, now=now)
    announce_revision(response, record)
    return record
