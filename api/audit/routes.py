"""The audit for programs."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.audit.answers import AuditPage, RecordKind
from api.audit.queries import AuditFilter, list_entries, read_entries
from api.web.csv_export import CSV_RESPONSE, respond_table
from api.web.database import Database
from api.web.filters import PlatformFilter
from api.web.paging import RequestedPage
from api.web.periods import Instant
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["WantedEntries", "router"]

router = APIRouter(prefix="/api/v1", tags=["audit"], route_class=GatedRoute)

_COLUMNS: Final = (
    "number",
    "changed_at",
    "actor",
    "origin",
    "action",
    "record_kind",
    "record_id",
    "platform",
    "before",
    "after",
    "hash",
)


async def _wanted(
    actor: Annotated[
        str | None,
        Query(
            description=_("Who changed something, such as `user:chen`."),
            max_length=200,
            pattern=r"^[^\x00]*$",
        ),
    ] = None,
    record_kind: Annotated[
        RecordKind | None, Query(description=_("What kind of record was changed."))
    ] = None,
    record_id: Annotated[
        int | None, Query(description=_("The record's number."), ge=1, le=2**63 - 1)
    ] = None,
    platform: PlatformFilter = None,
    since: Annotated[
        Instant | None, Query(description=_("Changed at this moment or later."))
    ] = None,
    until: Annotated[Instant | None, Query(description=_("Changed before this moment."))] = (None),
) -> AuditFilter:
    """The filter of a request; what was left empty asks for nothing."""
    return AuditFilter(actor or None, record_kind, record_id, platform or None, since, until)


WantedEntries = Annotated[AuditFilter, Depends(_wanted)]


@router.get(
    "/audit-entries",
    summary="The audit",
    description=_(
        "Every change of a record, the newest first: who, when, from where, before and after. An "
        "operator sees those of the own platform."
    ),
    response_description=_("One page of entries."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_entries(
    caller: CurrentCaller, database: Database, wanted: WantedEntries, page: RequestedPage
) -> AuditPage:
    """One page of entries."""
    with database.reading() as connection:
        return list_entries(connection, caller, wanted, page)


@router.get(
    "/audit-entries.csv",
    summary="The audit as CSV",
    description=_("All entries that match the filter, as a file."),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses={
        **CSV_RESPONSE,
        **problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
    },
)
def get_entries_csv(
    caller: CurrentCaller, database: Database, wanted: WantedEntries
) -> StreamingResponse:
    """All entries that match."""
    chunks = (
        [[getattr(entry, column) for column in _COLUMNS] for entry in entries]
        for entries in read_entries(database, caller, wanted)
    )
    return respond_table("audit-entries", _COLUMNS, chunks)
