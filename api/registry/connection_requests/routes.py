"""Connection requests for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.connection_requests.answers import (
    ConnectionRequestPage,
    ConnectionRequestRecord,
    RequestDecision,
)
from api.registry.connection_requests.queries import (
    ConnectionRequestFilter,
    confirm_request,
    list_requests,
    read_request,
    refuse_request,
    withdraw_request,
)
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(
    prefix="/api/v1/connection-requests", tags=["connections"], route_class=GatedRoute
)

RequestId = Annotated[int, Path(description=_("The request's id."))]

_DECIDING_PROBLEMS = problem_responses(
    Kind.NOT_FOUND, Kind.CONFLICT, Kind.TOO_LARGE, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
)


@router.get(
    "",
    summary="List connection requests",
    description=_(
        "In the order in which they came. An operator sees those of the own platform, and nothing "
        "of the enterprises that they name."
    ),
    response_description=_("One page of connection requests."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_requests(
    caller: CurrentCaller,
    database: Database,
    page: RequestedPage,
    wanted: Annotated[ConnectionRequestFilter, Depends()],
) -> ConnectionRequestPage:
    """One page of requests."""
    with database.reading() as connection:
        return list_requests(connection, caller, wanted, page)


@router.get(
    "/{request_id}",
    summary="Read a connection request",
    description=_("What was asked, and what became of it."),
    response_description=_("The request."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_request(
    caller: CurrentCaller, database: Database, request_id: RequestId
) -> ConnectionRequestRecord:
    """One request."""
    with database.reading() as connection:
        return read_request(connection, caller, request_id)


@router.post(
    "/{request_id}/withdraw",
    summary="Withdraw a connection request",
    description=_("Takes back what nobody has decided; for the operator who asked."),
    response_description=_("The request as it is now."),
    responses=_DECIDING_PROBLEMS,
)
def post_withdrawal(
    caller: CurrentCaller, database: Database, request_id: RequestId
) -> ConnectionRequestRecord:
    """Withdraw a request."""
    with database.changing(caller.actor) as connection:
        return withdraw_request(connection, caller, request_id)


@router.post(
    "/{request_id}/confirm",
    summary="Confirm a connection request",
    description=_(
        "The request becomes a connection, under the rules of every connection; from then on the "
        "operator reads the enterprise. For the bureau."
    ),
    response_description=_("The request as it is now, with the connection's id."),
    responses=_DECIDING_PROBLEMS,
)
def post_confirmation(
    caller: CurrentCaller, database: Database, request_id: RequestId, decision: RequestDecision
) -> ConnectionRequestRecord:
    """Confirm a request."""
    with database.changing(caller.actor) as connection:
        return confirm_request(connection, caller, request_id, decision.reason)


@router.post(
    "/{request_id}/refuse",
    summary="Refuse a connection request",
    description=_("The operator reads the reason, and nothing of the enterprise. For the bureau."),
    response_description=_("The request as it is now."),
    responses=_DECIDING_PROBLEMS,
)
def post_refusal(
    caller: CurrentCaller, database: Database, request_id: RequestId, decision: RequestDecision
) -> ConnectionRequestRecord:
    """Refuse a request."""
    with database.changing(caller.actor) as connection:
        return refuse_request(connection, caller, request_id, decision.reason)
