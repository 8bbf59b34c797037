"""Draws and visits, for programs that read, and for people's sessions that take steps."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.draws.answers import (
    DrawDetail,
    Drawing,
    DrawList,
    NewVisit,
    Publication,
    VisitAnswer,
    VisitList,
)
from api.draws.files import files_of_visits
from api.draws.queries import answer_of_visit, draw_detail, list_of_draws, list_of_visits
from api.draws.steps import CurrentDrawer, find_draw, find_visit
from api.web.csv_export import CSV_RESPONSE
from api.web.database import Database
from api.web.documents import (
    DOCUMENT_RESPONSES,
    CurrentStore,
    Sha256,
    document_answer,
    files_of,
)
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _
from verifier.counting.count import EARLIEST_YEAR, LATEST_YEAR
from verifier.procedure.names import checked_name
from verifier.trust.draws.records import Draw

__all__ = ["list_response", "router"]

router = APIRouter(prefix="/api/v1", tags=["procedure"], route_class=GatedRoute)

_DrawId = Annotated[int, Path(description=_("The draw's number."))]
_VisitId = Annotated[int, Path(description=_("The visit's number."))]
_OfYear = Annotated[
    int | None,
    Query(description=_("Of this year only."), ge=EARLIEST_YEAR, le=LATEST_YEAR),
]
_READ: Final = problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY)
_STEP: Final = problem_responses(
    Kind.NOT_FOUND, Kind.CONFLICT, Kind.TOO_LARGE, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
)


@router.get(
    "/draws",
    summary="List the draws",
    description=_("Lists that were published for a draw, the latest first."),
    response_description=_("The draws."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_draws(database: Database, year: _OfYear = None) -> DrawList:
    """Every draw."""
    with database.reading() as connection:
        return list_of_draws(connection, year)


@router.post(
    "/draws",
    status_code=201,
    summary="Publish a list to be drawn",
    description=_(
        "Of the enterprises that a submitted count would pay for, with the value of a later day by "
        "which it will be drawn. Only a person's session may."
    ),
    response_description=_("The draw, whose digest is to be made public now."),
    responses=_STEP,
)
def post_publication(
    drawer: CurrentDrawer, database: Database, publication: Publication
) -> DrawDetail:
    """Publish a list."""
    draw = drawer.publish(publication)
    with database.snapshot() as connection:
        return draw_detail(connection, draw.id)


@router.get(
    "/draws/{draw_id}",
    summary="Read a draw",
    description=_("With its strata, whom it drew, and what visits found there so far."),
    response_description=_("The draw."),
    responses=_READ,
)
def get_draw(database: Database, draw_id: _DrawId) -> DrawDetail:
    """One draw."""
    with database.snapshot() as connection:
        return draw_detail(connection, draw_id)


@router.get(
    "/draws/{draw_id}/list.csv",
    summary="The list of a draw",
    description=_("Byte by byte as it was published: its SHA-256 is the draw's digest."),
    response_description=_("A CSV file."),
    response_class=Response,
    responses={**CSV_RESPONSE, **_READ},
)
def get_list(database: Database, draw_id: _DrawId) -> Response:
    """The list."""
    with database.reading() as connection:
        return list_response(find_draw(connection, draw_id))


@router.post(
    "/draws/{draw_id}/draw",
    summary="Draw a published list",
    description=_(
        "Once, on the announced day or later, with the public value and what was sealed. Only a "
        "person's session may."
    ),
    response_description=_("The draw, with whom it drew."),
    responses=_STEP,
)
def post_drawing(
    drawer: CurrentDrawer, database: Database, draw_id: _DrawId, drawing: Drawing
) -> DrawDetail:
    """Draw."""
    drawer.draw(draw_id, drawing)
    with database.snapshot() as connection:
        return draw_detail(connection, draw_id)


@router.get(
    "/visits",
    summary="List the visits",
    description=_("What people found at enterprises, drawn or not, in the order of recording."),
    response_description=_("The visits."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_visits(database: Database, year: _OfYear = None) -> VisitList:
    """Every visit."""
    with database.reading() as connection:
        return list_of_visits(connection, year)


@router.post(
    "/visits",
    status_code=201,
    summary="Record a visit",
    description=_(
        "What two people found, for good; `differs` and `not_found` open a case. Only a person's "
        "session may."
    ),
    response_description=_("The visit, with the case that it opened."),
    responses=_STEP,
)
def post_visit(drawer: CurrentDrawer, database: Database, new: NewVisit) -> VisitAnswer:
    """Record a visit."""
    recorded = drawer.record_visit(new, files_of(new.files))
    with database.reading() as connection:
        return answer_of_visit(connection, recorded)


@router.get(
    "/visits/{visit_id}/documents/{sha256}",
    summary="Take a file of a visit",
    description=_(
        "As it was handed in, for whoever did; a photograph comes to others without its position."
    ),
    response_class=Response,
    response_description=_("The file."),
    responses={
        **DOCUMENT_RESPONSES,
        **problem_responses(
            Kind.NOT_FOUND, Kind.CONFLICT, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
        ),
    },
)
def get_document_of_visit(
    caller: CurrentCaller,
    database: Database,
    store: CurrentStore,
    visit_id: _VisitId,
    sha256: Sha256,
) -> Response:
    """One file."""
    with database.reading() as connection:
        visit = find_visit(connection, visit_id)
        files = files_of_visits(connection, [visit])[visit.id]
    documents = ((each.uploaded_by, each.file.model_dump()) for each in files)
    return document_answer(store, documents, sha256, reader=checked_name(caller.actor.name))


def list_response(draw: Draw) -> Response:
    """A list as a file to be kept, byte by byte as it was published."""
    name = f"list-{draw.year}-{draw.id}.csv"
    return Response(
        draw.content,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
