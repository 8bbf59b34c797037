"""What the broker told of connections, for programs."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.registry.broker.answers import BrokerEventPage, BrokerSessionPage
from api.registry.broker.queries import EventFilter, SessionFilter, list_events, list_sessions
from api.web.database import Database
from api.web.language import RequestedLanguage
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/broker", tags=["broker"], route_class=GatedRoute)


@router.get(
    "/sessions",
    summary="List who is connected to the broker",
    description=_(
        "By username: since when each is connected or not, and from where it came. An operator "
        "sees users of the own platform. Empty where no broker is followed."
    ),
    response_description=_("One page of sessions."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_sessions(
    caller: CurrentCaller,
    database: Database,
    page: RequestedPage,
    wanted: Annotated[SessionFilter, Depends()],
) -> BrokerSessionPage:
    """One page of sessions."""
    with database.snapshot() as connection:
        return list_sessions(connection, caller, wanted, page)


@router.get(
    "/events",
    summary="List what the broker refused and dropped",
    description=_(
        "By hour, the newest first: who connected and left, who was refused and why, on which "
        "topic messages were dropped and what is wrong with it. An operator sees the own "
        "platform's usernames; those of no platform are for administrators."
    ),
    response_description=_("One page of events."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_events(
    caller: CurrentCaller,
    database: Database,
    language: RequestedLanguage,
    page: RequestedPage,
    wanted: Annotated[EventFilter, Depends()],
) -> BrokerEventPage:
    """One page of events."""
    with database.snapshot() as connection:
        return list_events(connection, caller, wanted, page, language)
