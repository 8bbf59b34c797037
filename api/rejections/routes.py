"""Rejections for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.rejections.answers import RejectionPage
from api.rejections.queries import RejectionFilter, list_rejections
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/rejections", tags=["rejections"], route_class=GatedRoute)


@router.get(
    "",
    summary="List rejections",
    description=_(
        "Messages that were not taken, newest first. An operator sees those on topics of the own "
        "platform, jieru/v1/{code}/..."
    ),
    response_description=_("One page of rejections."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_rejections(
    caller: CurrentCaller,
    database: Database,
    page: RequestedPage,
    wanted: Annotated[RejectionFilter, Depends()],
) -> RejectionPage:
    """One page of rejections."""
    with database.reading() as connection:
        return list_rejections(connection, caller, wanted, page)
