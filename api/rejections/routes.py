"""Rejections for programs."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.responses import StreamingResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.rejections.answers import RejectionGroupPage, RejectionPage
from api.rejections.queries import (
    RejectionFilter,
    group_rejections,
    list_rejections,
    read_rejections,
)
from api.web.clock import Now
from api.web.csv_export import CSV_RESPONSE, respond_table
from api.web.database import Database
from api.web.language import RequestedLanguage
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["router"]

_COLUMNS: Final = (
    "received_at",
    "reason",
    "topic",
    "fault",
    "cause",
    "payload",
    "payload_bytes",
    "path",
)

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
    language: RequestedLanguage,
) -> RejectionPage:
    """One page of rejections."""
    with database.reading() as connection:
        return list_rejections(connection, caller, wanted, page, language)


@router.get(
    "/groups",
    summary="List rejections by topic and reason",
    description=_(
        "What was not taken, a row for each topic and reason with its last message: by default of "
        "the last seven days, at most of 31."
    ),
    response_description=_("One page of groups."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_groups(
    caller: CurrentCaller,
    database: Database,
    page: RequestedPage,
    wanted: Annotated[RejectionFilter, Depends()],
    language: RequestedLanguage,
    now: Now,
) -> RejectionGroupPage:
    """One page of groups."""
    with database.reading() as connection:
        return group_rejections(connection, caller, wanted, page, language, now=now)


@router.get(
    ".csv",
    summary="Export rejections",
    description=_("The same list as CSV, all pages of it."),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses=CSV_RESPONSE | problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def export_rejections(
    caller: CurrentCaller,
    database: Database,
    wanted: Annotated[RejectionFilter, Depends()],
    language: RequestedLanguage,
) -> StreamingResponse:
    """All rejections that match."""
    rows = (
        [
            [
                each.received_at.isoformat(),
                each.reason.value,
                each.topic,
                each.detail.fault,
                each.detail.cause,
                each.payload_text if each.payload_text is not None else each.payload_base64,
                each.payload_bytes,
                each.detail.path,
            ]
            for each in rejections
        ]
        for rejections in read_rejections(database, caller, wanted, language)
    )
    return respond_table("rejections", _COLUMNS, rows)
