"""Heavy work for programs: how far it is, and its end before the time."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from api.access.caller import CurrentCaller
from api.access.gate import GatedRoute
from api.web.bounds.bounds import Bounds
from api.web.problems import Kind, Problem, problem_responses
from api.web.services import service
from jieru.i18n import marked as _

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/heavy-work", tags=["heavy work"], route_class=GatedRoute)

_LARGEST_ID = 2**53 - 1
CurrentBounds = Annotated[Bounds, Depends(service(Bounds))]


class HeavyWorkAnswer(BaseModel):
    """One piece of heavy work."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "id": 17,
                    "kind": "GET /api/v1/counts/{year}",
                    "queued_at": "2026-12-01T10:00:00+08:00",
                    "started_at": "2026-12-01T10:00:01+08:00",
                    "ended_at": None,
                    "done": 0.4,
                    "before": None,
                }
            ]
        },
    )

    id: int
    kind: str = Field(description="Method and route.")
    queued_at: datetime
    started_at: datetime | None = Field(description="Null: it waits.")
    ended_at: datetime | None = Field(description="However it ended.")
    done: float | None = Field(description="The part that is done, where it tells one.")
    before: int | None = Field(description="How many wait before it, of whomever.")


class HeavyWorkPage(BaseModel):
    """Heavy work of the caller."""

    items: list[HeavyWorkAnswer]


@router.get(
    "",
    summary="Own heavy work",
    description=_(
        "Counts, reports, exports and imports of the caller that wait, run, or ended within the "
        "last ten minutes; of an operator, those of the platform."
    ),
    response_description=_("The newest first, 100 at most."),
    responses=problem_responses(Kind.DATABASE_AWAY),
)
def get_heavy_work(caller: CurrentCaller, bounds: CurrentBounds) -> HeavyWorkPage:
    """The caller's heavy work."""
    found = bounds.heavy.of_caller(caller.sender)
    return HeavyWorkPage(items=[HeavyWorkAnswer.model_validate(each) for each in found])


@router.post(
    "/{number}/cancel",
    status_code=202,
    response_class=Response,
    summary="Cancel heavy work",
    description=_(
        "Asks for its end, whichever process does it; the request that waits for it is answered "
        "with 409."
    ),
    response_description=_("It will end."),
    responses=problem_responses(Kind.NOT_FOUND, Kind.INVALID_REQUEST, Kind.DATABASE_AWAY),
)
def post_cancellation(
    caller: CurrentCaller,
    bounds: CurrentBounds,
    number: Annotated[int, Path(description=_("The work's number."), ge=1, le=_LARGEST_ID)],
) -> Response:
    """Ask for the end of the caller's work."""
    if not bounds.heavy.cancel(caller.sender, number):
        raise Problem(Kind.NOT_FOUND)
    return Response(status_code=202)
