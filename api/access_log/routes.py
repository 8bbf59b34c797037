"""The access log for programs."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from api.access.gate import GatedRoute
from api.access_log.answers import AccessPage
from api.access_log.queries import AccessFilter, list_accesses, read_accesses
from api.web.csv_export import CSV_RESPONSE, respond_table
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.periods import Instant
from api.web.problems import Kind, problem_responses
from jieru.access_entries import AccessKind
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["access"], route_class=GatedRoute)

_COLUMNS: Final = ("number", "at", "kind", "actor", "origin", "record")


async def _wanted(
    kind: Annotated[AccessKind | None, Query(description=_("What happened."))] = None,
    actor: Annotated[
        str | None,
        Query(
            description=_("Who came or read, such as `user:chen`."),
            max_length=200,
            pattern=r"^[^\x00]*$",
        ),
    ] = None,
    since: Annotated[Instant | None, Query(description=_("At this moment or later."))] = None,
    until: Annotated[Instant | None, Query(description=_("Before this moment."))] = None,
) -> AccessFilter:
    """The filter of a request; what was left empty asks for nothing."""
    return AccessFilter(kind, actor or None, since, until)


WantedAccesses = Annotated[AccessFilter, Depends(_wanted)]


@router.get(
    "/access-entries",
    summary="The access log",
    description=_(
        "Sign-ins and failures, reads of what is personal or secret, and exports, the newest "
        "first: who, when, from where. Entries go after the time that the installation keeps them."
    ),
    response_description=_("One page of entries."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_accesses(database: Database, wanted: WantedAccesses, page: RequestedPage) -> AccessPage:
    """One page of entries."""
    with database.reading() as connection:
        return list_accesses(connection, wanted, page)


@router.get(
    "/access-entries.csv",
    summary="The access log as CSV",
    description=_("All entries that match the filter, as a file."),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses={
        **CSV_RESPONSE,
        **problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
    },
)
def get_accesses_csv(database: Database, wanted: WantedAccesses) -> StreamingResponse:
    """All entries that match."""
    chunks = (
        [[getattr(entry, column) for column in _COLUMNS] for entry in entries]
        for entries in read_accesses(database, wanted)
    )
    return respond_table("access-entries", _COLUMNS, chunks)
