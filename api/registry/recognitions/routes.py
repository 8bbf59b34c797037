"""Recognitions for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from starlette.responses import StreamingResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.recognitions.answers import (
    NewRecognition,
    RecognitionChange,
    RecognitionPage,
    RecognitionRecord,
)
from api.registry.recognitions.queries import (
    RECOGNITIONS,
    RecognitionFilter,
    change_recognition,
    create_recognition,
    end_recognition,
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

router = APIRouter(prefix="/api/v1/recognitions", tags=["recognitions"], route_class=GatedRoute)

RecognitionId = Annotated[int, Path(description=_("The recognition's id."))]


@router.get(
    "",
    summary="List recognitions",
    description=_(
        "In the order of their registration. An operator sees those of the own platform."
    ),
    response_description=_("One page of recognitions."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_recognitions(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    page: RequestedPage,
    wanted: Annotated[RecognitionFilter, Depends()],
) -> RecognitionPage:
    """One page of recognitions."""
    with database.reading() as connection:
        return RECOGNITIONS.page(connection, caller.platform_id, wanted, page, now)


@router.get(
    ".csv",
    summary="Export recognitions",
    description=_("The same list as CSV, all pages of it, with the columns of the import file."),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses=CSV_RESPONSE | problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_recognitions_csv(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    wanted: Annotated[RecognitionFilter, Depends()],
) -> StreamingResponse:
    """All pages of the list as a CSV file."""
    return respond_csv(
        database, "recognitions", RECOGNITIONS.export(caller.platform_id, wanted, now)
    )


@router.post(
    "",
    status_code=201,
    summary="Register a recognition",
    description=_("Only for those who may change platforms."),
    response_description=_("The recognition; Location is its address."),
    responses=CREATE_PROBLEMS,
)
def post_recognition(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    new: NewRecognition,
) -> RecognitionRecord:
    """Register a recognition."""
    with database.changing(caller.actor) as connection:
        record = create_recognition(connection, caller, new, now=now)
    announce_revision(response, record, f"/api/v1/recognitions/{record.id}")
    return record


@router.get(
    "/{recognition_id}",
    summary="Read a recognition",
    description=_("One level of one platform."),
    response_description=_("The recognition."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_recognition(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    recognition_id: RecognitionId,
) -> RecognitionRecord:
    """One recognition."""
    with database.reading() as connection:
        record = RECOGNITIONS.one(connection, caller.platform_id, now, id=recognition_id)
    announce_revision(response, record)
    return record


@router.patch(
    "/{recognition_id}",
    summary="Change a recognition",
    description=_("The day on which it is revoked."),
    response_description=_("The recognition as it is now."),
    responses=CHANGE_PROBLEMS,
)
def patch_recognition(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    recognition_id: RecognitionId,
    change: RecognitionChange,
    expected: IfMatch,
) -> RecognitionRecord:
    """Change a recognition."""
    with database.changing(caller.actor) as connection:
        record = change_recognition(connection, caller, recognition_id, change, expected, now=now)
    announce_revision(response, record)
    return record


@router.post(
    "/{recognition_id}/end",
    summary="End a recognition",
    description=_("It is revoked from that day on."),
    response_description=_("The recognition as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_recognition_end(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    recognition_id: RecognitionId,
    ending: Ending,
    expected: IfMatch,
) -> RecognitionRecord:
    """End a recognition."""
    with database.changing(caller.actor) as connection:
        record = end_recognition(connection, caller, recognition_id, ending.on, expected, now=now)
    announce_revision(response, record)
    return record
