"""The overview for programs."""

from dataclasses import asdict

from fastapi import APIRouter

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.overview.answers import OverviewAnswer
from api.overview.source import CurrentOverviews
from api.web.problems import Kind, problem_responses
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/overview", tags=["overview"], route_class=GatedRoute)


@router.get(
    "",
    summary="Overview",
    description=_(
        "Enterprises and devices by status, heartbeats of the last 24 hours and rejections by "
        "reason: an operator's own platform, or all of them."
    ),
    response_description=_("How things stand."),
    responses=problem_responses(Kind.DATABASE_AWAY),
)
def get_overview(caller: CurrentCaller, source: CurrentOverviews) -> OverviewAnswer:
    """How things stand."""
    overview = source.overview(caller)
    hours = [hour._asdict() for hour in overview.hours]
    return OverviewAnswer(**asdict(overview) | {"hours": hours, "heartbeats": overview.heartbeats})
