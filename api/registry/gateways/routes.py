"""Gateways for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.gateways.answers import GatewayChange, GatewayPage, GatewayRecord, NewGateway
from api.registry.gateways.queries import (
    GatewayFilter,
    change_gateway,
    create_gateway,
    list_gateways,
    read_gateway,
)
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from api.web.records import CHANGE_PROBLEMS, CREATE_PROBLEMS
from api.web.revisions import IfMatch, announce_revision
from jieru.i18n import marked as _
from registry.gateways import GatewayAddress

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/gateways", tags=["gateways"], route_class=GatedRoute)

Platform = Annotated[str, Path(description=_("The platform's code."))]
Name = Annotated[str, Path(description=_("The gateway's name on the platform."))]


@router.get(
    "",
    summary="List gateways",
    description=_("By platform and name. An operator sees those of the own platform."),
    response_description=_("One page of gateways."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_gateways(
    caller: CurrentCaller,
    database: Database,
    page: RequestedPage,
    wanted: Annotated[GatewayFilter, Depends()],
) -> GatewayPage:
    """One page of gateways."""
    with database.snapshot() as connection:
        return list_gateways(connection, caller, wanted, page)


@router.post(
    "",
    status_code=201,
    summary="Register a gateway",
    description=_(
        "One for each site where devices reach the broker through a gateway. It publishes once it "
        "has a credential."
    ),
    response_description=_("The gateway; Location is its address."),
    responses=CREATE_PROBLEMS,
)
def post_gateway(
    caller: CurrentCaller, database: Database, response: Response, new: NewGateway
) -> GatewayRecord:
    """Register a gateway."""
    with database.changing(caller.actor) as connection:
        record = create_gateway(connection, caller, new)
    announce_revision(response, record, f"/api/v1/gateways/{record.platform}/{record.name}")
    return record


@router.get(
    "/{platform}/{name}",
    summary="Read a gateway",
    description=_("With its credential, if it has one that is open."),
    response_description=_("The gateway."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_gateway(
    caller: CurrentCaller, database: Database, response: Response, platform: Platform, name: Name
) -> GatewayRecord:
    """One gateway."""
    with database.reading() as connection:
        record = read_gateway(connection, caller, GatewayAddress(platform, name))
    announce_revision(response, record)
    return record


@router.patch(
    "/{platform}/{name}",
    summary="Change a gateway",
    description=_(
        "Where it stands. Its name is for good, since heartbeats name it; a gateway ends when its "
        "credential is revoked."
    ),
    response_description=_("The gateway as it is now."),
    responses=CHANGE_PROBLEMS,
)
def patch_gateway(
    caller: CurrentCaller,
    database: Database,
    response: Response,
    platform: Platform,
    name: Name,
    change: GatewayChange,
    expected: IfMatch,
) -> GatewayRecord:
    """Change a gateway."""
    address = GatewayAddress(platform, name)
    with database.changing(caller.actor) as connection:
        record = change_gateway(connection, caller, address, change, expected)
    announce_revision(response, record)
    return record
