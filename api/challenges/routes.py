"""Challenges for programs of the bureau and of auditors."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.challenges.answers import ChallengePage, ChallengeRecord, NewChallenge
from api.challenges.queries import ChallengeSource, issue_challenge, list_challenges
from api.web.clock import Now
from api.web.database import Database
from api.web.paging import RequestedPage
from api.web.problems import Kind, problem_responses
from api.web.services import service
from jieru.i18n import marked as _

__all__ = ["OfConnection", "Source", "router"]

router = APIRouter(prefix="/api/v1/challenges", tags=["challenges"], route_class=GatedRoute)

Source = Annotated[ChallengeSource, Depends(service(ChallengeSource))]
OfConnection = Annotated[
    int | None,
    Query(ge=1, le=2_147_483_647, description=_("Of this connection only; by default of all.")),
]


@router.get(
    "",
    summary="List challenges",
    description=_("In the order in which they were issued. Operators see none."),
    response_description=_("One page of challenges."),
    responses=problem_responses(Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def get_challenges(
    database: Database, page: RequestedPage, connection_id: OfConnection = None
) -> ChallengePage:
    """One page of challenges."""
    with database.reading() as connection:
        return list_challenges(connection, connection_id, page)


@router.post(
    "",
    status_code=201,
    summary="Challenge an enterprise",
    description=_(
        "Its contact is asked by mail to let one machine stand still for ten minutes within the "
        "hour; in working hours only."
    ),
    response_description=_("The challenge."),
    responses=problem_responses(
        Kind.CONFLICT, Kind.TOO_LARGE, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY
    ),
)
def post_challenge(
    caller: CurrentCaller, database: Database, now: Now, source: Source, new: NewChallenge
) -> ChallengeRecord:
    """Issue a challenge."""
    with database.changing(caller.actor) as connection:
        return issue_challenge(connection, caller, new.connection_id, source, now=now)
