"""Connections for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from starlette.responses import JSONResponse, StreamingResponse

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.connection_requests.answers import ConnectionRequestRecord
from api.registry.connections.answers import (
    ConnectionChange,
    ConnectionPage,
    ConnectionRecord,
    NewConnection,
)
from api.registry.connections.queries import (
    CONNECTIONS,
    ConnectionFilter,
    change_connection,
    create_connection,
    end_connection,
)
from api.registry.late_answers import with_evidence_from
from api.web.clock import Now
from api.web.csv_export import CSV_RESPONSE, respond_csv
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.policy import CurrentRegistryRules
from api.web.problems import Kind, problem_responses
from api.web.records import CHANGE_PROBLEMS, CREATE_PROBLEMS, Ending
from api.web.revisions import IfMatch, announce_revision
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/connections", tags=["connections"], route_class=GatedRoute)

ConnectionId = Annotated[int, Path(description=_("The connection's id."))]


@router.get(
    "",
    summary="List connections",
    description=_(
        "In the order of their registration. An operator sees those of the own platform."
    ),
    response_description=_("One page of connections."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_connections(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    page: RequestedPage,
    wanted: Annotated[ConnectionFilter, Depends()],
) -> ConnectionPage:
    """One page of connections."""
    with database.reading() as connection:
        return CONNECTIONS.page(connection, caller.platform_id, wanted, page, now)


@router.get(
    ".csv",
    summary="Export connections",
    description=_("The same list as CSV, all pages of it, with the columns of the import file."),
    response_description=_("A CSV file."),
    response_class=StreamingResponse,
    responses=CSV_RESPONSE | problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_connections_csv(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    wanted: Annotated[ConnectionFilter, Depends()],
) -> StreamingResponse:
    """All pages of the list as a CSV file."""
    return respond_csv(database, "connections", CONNECTIONS.export(caller.platform_id, wanted, now))


@router.post(
    "",
    status_code=201,
    summary="Register a connection",
    description=_(
        "Connections of one platform and enterprise may not overlap. An operator names the "
        "enterprise by its code: one that another platform keeps or serves is requested (202), and "
        "nothing of it is told before the bureau has confirmed."
    ),
    response_description=_("The connection; Location is its address."),
    response_model=ConnectionRecord,
    responses={
        202: {
            "model": ConnectionRequestRecord,
            "description": _("The connection is requested; Location is the request's address."),
        },
        **CREATE_PROBLEMS,
    },
)
def post_connection(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    rules: CurrentRegistryRules,
    new: NewConnection,
) -> ConnectionRecord | Response:
    """Register a connection, or request it."""
    with database.changing(caller.actor) as connection:
        record = create_connection(connection, caller, new, now=now)
    if isinstance(record, ConnectionRequestRecord):
        return JSONResponse(
            record.model_dump(mode="json"),
            status_code=202,
            headers={"Location": f"/api/v1/connection-requests/{record.id}"},
        )
    announce_revision(response, record, f"/api/v1/connections/{record.id}")
    return with_evidence_from(record, rules)


@router.get(
    "/{connection_id}",
    summary="Read a connection",
    description=_("One platform that serves one enterprise."),
    response_description=_("The connection."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_connection(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    connection_id: ConnectionId,
) -> ConnectionRecord:
    """One connection."""
    with database.reading() as connection:
        record = CONNECTIONS.one(connection, caller.platform_id, now, id=connection_id)
    announce_revision(response, record)
    return record


@router.patch(
    "/{connection_id}",
    summary="Change a connection",
    description=_("Its contract, and its end."),
    response_description=_("The connection as it is now."),
    responses=CHANGE_PROBLEMS,
)
def patch_connection(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    connection_id: ConnectionId,
    rules: CurrentRegistryRules,
    change: ConnectionChange,
    expected: IfMatch,
) -> ConnectionRecord:
    """Change a connection."""
    with database.changing(caller.actor) as connection:
        record = change_connection(connection, caller, connection_id, change, expected, now=now)
    announce_revision(response, record)
    return with_evidence_from(record, rules)


@router.post(
    "/{connection_id}/end",
    summary="End a connection",
    description=_("The platform serves the enterprise no more from that day on."),
    response_description=_("The connection as it is now."),
    responses=CHANGE_PROBLEMS,
)
def post_connection_end(
    caller: CurrentCaller,
    database: Database,
    now: Now,
    response: Response,
    connection_id: ConnectionId,
    rules: CurrentRegistryRules,
    ending: Ending,
    expected: IfMatch,
) -> ConnectionRecord:
    """End a connection."""
    with database.changing(caller.actor) as connection:
        record = end_connection(connection, caller, connection_id, ending.on, expected, now=now)
    announce_revision(response, record)
    return with_evidence_from(record, rules)
