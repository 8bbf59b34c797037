"""Enterprises for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from starlette.responses import StreamingResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.enterprises.answers import (
    EnterpriseChange,
    EnterpriseDetail,
    EnterprisePage,
    NewEnterprise,
)
from api.registry.enterprises.presence import read_enterprise_presence
from api.registry.enterprises.presence_answers import EnterprisePresenceAnswer
from api.registry.enterprises.queries import (
    ENTERPRISES,
    EnterpriseFilter,
    change_enterprise,
    create_enterprise,
    end_enterprise,
    read_enterprise,
    reopen_enterprise,
)
from api.web.clock import Now
from api.web.csv_export import CSV_RESPONSE, respond_csv
from api.web.database import Database
from api.web.filters import PlatformFilter
from api.web.paging import RequestedPage
from api.web.periods import FromDay, ToDay
from api.web.policy import Districts
from api.web.problems import Kind, problem_responses
from api.web.records import CHANGE_PROBLEMS, CREATE_PROBLEMS, Ending
from api.web.revisions import IfMatch, announce_revision
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/enterprises", tags=["enterprises"], route_class=GatedRoute)

Uscc = Annotated[str, Path(description=_("The enterprise's unified social credit code."))]


@router.get(
    "",
    summary="List enterprises",
    description=_(
        "By unified social credit code. An operator sees those that were ever connected to "
        "the own platform, and those that it keeps."
    ),
    response_description=_("One page of enterprises."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_enterprises(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    page: RequestedPage,
    wanted: Annotated[EnterpriseFilter, Depends()],
) -> EnterprisePage:
    """One page of enterprises."""
    with database.reading() as connection:
        return ENTERPRISES.page(connection, caller.platform_id, wanted, page, now)


@router.get(
    ".csv",
    summary="Export enterprises",
    description=_("The same list as CSV, all pages of it, with the columns of the import file."),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses=CSV_RESPONSE | problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_enterprises_csv(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    wanted: Annotated[EnterpriseFilter, Depends()],
) -> StreamingResponse:
    """All pages of the list as a CSV file."""
    return respond_csv(database, "enterprises", ENTERPRISES.export(caller.platform_id, wanted, now))


@router.post(
    "",
    status_code=201,
    summary="Register an enterprise",
    description=_("An operator's platform keeps what it registers, until the bureau changes it."),
    response_description=_("The enterprise; Location is its address."),
    responses=CREATE_PROBLEMS,
)
def post_enterprise(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    districts: Districts,
    response: Response,
    new: NewEnterprise,
) -> EnterpriseDetail:
    """Register an enterprise."""
    with database.changing(caller.actor) as connection:
        record = create_enterprise(connection, caller, new, districts=districts, now=now)
    announce_revision(response, record, f"/api/v1/enterprises/{record.uscc}")
    return record


@router.get(
    "/{uscc}",
    summary="Read an enterprise",
    description=_("With how its devices stand."),
    response_description=_("The enterprise."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_enterprise(
    caller: CurrentCaller, database: Database, now: Now, response: Response, uscc: Uscc
) -> EnterpriseDetail:
    """One enterprise."""
    with database.reading() as connection:
        record = read_enterprise(connection, caller, uscc, now=now)
    announce_revision(response, record)
    return record


@router.patch(
    "/{uscc}",
    summary="Change an enterprise",
    description=_(
        "Name, district and industry. An operator changes only what the own platform keeps."
    ),
    response_description=_("The enterprise as it is now."),
    responses=CHANGE_PROBLEMS,
)
def patch_enterprise(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    districts: Districts,
    response: Response,
    uscc: Uscc,
    change: EnterpriseChange,
    expected: IfMatch,
) -> EnterpriseDetail:
    """Change an enterprise."""
    with database.changing(caller.actor) as connection:
        record = change_enterprise(
            connection, caller, uscc, change, expected, districts=districts, now=now
        )
    announce_revision(response, record)
    return record


@router.post(
    "/{uscc}/end",
    summary="End an enterprise",
    description=_("Its connections and assignments must have ended."),
    response_description=_("The enterprise as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_enterprise_end(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    uscc: Uscc,
    ending: Ending,
    expected: IfMatch,
) -> EnterpriseDetail:
    """End an enterprise."""
    with database.changing(caller.actor) as connection:
        record = end_enterprise(connection, caller, uscc, ending.on, expected, now=now)
    announce_revision(response, record)
    return record


@router.post(
    "/{uscc}/reopen",
    summary="Reopen an enterprise",
    description=_(
        "Takes back an end that was recorded by mistake. The ends of its connections and "
        "assignments stay, until they are changed."
    ),
    response_description=_("The enterprise as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_enterprise_reopening(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    uscc: Uscc,
    expected: IfMatch,
) -> EnterpriseDetail:
    """Take back the end of an enterprise."""
    with database.changing(caller.actor) as connection:
        record = reopen_enterprise(connection, caller, uscc, expected, now=now)
    announce_revision(response, record)
    return record


@router.get(
    "/{uscc}/presence",
    summary="An enterprise's calendar over its devices",
    description=_(
        "For each civil day (Asia/Shanghai) how many of the devices assigned to it that day were "
        "heard in time, and the most hours of one; at most 366 days, by default the 90 that end "
        "today. What counts is the verifier's to say."
    ),
    response_description=_("The calendar."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_enterprise_presence(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    uscc: Uscc,
    platform: PlatformFilter = None,
    first: FromDay = None,
    last: ToDay = None,
) -> EnterprisePresenceAnswer:
    """An enterprise's calendar."""
    with database.reading() as connection:
        return read_enterprise_presence(connection, caller, uscc, platform, first, last, now=now)
